"""Mine and theirs side by side, line by line, when another program wrote the open preset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFontDatabase, QSyntaxHighlighter, QTextCharFormat, QTextDocument
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPlainTextEdit, QPushButton, QVBoxLayout

from gui.background import later
from gui.differences import Differences, Line, differences
from gui.theme import GAP, WIDE, Theme
from gui.widgets.text import PlainLabel, shortened

if TYPE_CHECKING:
    from gui.desk import Desk

COLOURS = {"-": "error", "+": "success", "\u22ef": "muted"}  # by the sign a line begins with
_BREAKS = str.maketrans({"\u2028": "\u240a", "\u2029": "\u240a", "\r": "\u240d", "\t": "    "})


class _Colours(QSyntaxHighlighter):
    """Colours each line by its sign."""

    def __init__(self, document: QTextDocument, theme: Theme) -> None:
        super().__init__(document)
        self._theme = theme

    def highlightBlock(self, text: str) -> None:
        if token := COLOURS.get(text[:1]):
            look = QTextCharFormat()
            look.setForeground(self._theme.color(token))
            self.setFormat(0, len(text), look)


class CompareDialog(QDialog):
    """Shows what differs; the decision is the receiver's."""

    mine_chosen = Signal()
    theirs_chosen = Signal()

    def __init__(self, desk: Desk, mine: str, theirs: str) -> None:
        super().__init__()
        self._desk = desk
        self._found: Differences | None = None
        self._same = mine == theirs
        self.heading, self.legend, self.counts = (
            PlainLabel(role="heading"),
            PlainLabel(wrap=True),
            PlainLabel(wrap=True),
        )
        self.view = QPlainTextEdit()
        self.view.setReadOnly(True)
        self.view.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.view.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.view.setTabChangesFocus(True)
        self.view.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._colours = _Colours(self.view.document(), desk.theme)
        self.mine, self.theirs, self.cancel = QPushButton(), QPushButton(), QPushButton()
        self.mine.clicked.connect(self._on_mine)
        self.theirs.clicked.connect(self._on_theirs)
        self.cancel.clicked.connect(self.reject)
        self.cancel.setDefault(True)  # Enter decides nothing
        self._lay_out()
        desk.language.changed.connect(self.retranslate)
        desk.theme.changed.connect(self._colours.rehighlight)
        self.retranslate()
        later(lambda: differences(mine, theirs), self._on_compared, owner=self)

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(GAP)
        buttons.addWidget(self.counts, 1)
        for button in (self.mine, self.theirs, self.cancel):
            buttons.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(WIDE, WIDE, WIDE, WIDE)
        column.setSpacing(GAP)
        column.addWidget(self.heading)
        column.addWidget(self.legend)
        column.addWidget(self.view, 1)
        column.addLayout(buttons)
        self.resize(920, 560)

    def retranslate(self) -> None:
        self.setWindowTitle(self.tr("Compare"))
        self.heading.setText(self.tr("This window and the file on the disk"))
        self.legend.setText(self.tr("Lines with - stand in this window only, lines with + in the file only."))
        self.view.setAccessibleName(self.tr("Lines that differ"))
        self.mine.setText(self.tr("Keep mine"))
        self.mine.setToolTip(self.tr("The next save writes over the file."))
        self.theirs.setText(self.tr("Take theirs"))
        self.theirs.setToolTip(self.tr("The file replaces the text in this window; undo brings it back."))
        self.cancel.setText(self.tr("Cancel"))
        for button in (self.mine, self.theirs, self.cancel):
            button.setAccessibleName(button.text())
        self._show()

    def _show(self) -> None:
        found = self._found
        if found is None:
            self.counts.setText(self.tr("Comparing ..."))
            return
        self.view.setPlainText("\n".join(map(self._written, found.lines)))
        if found.lines:
            said = self.tr("Lines only here: {mine}; only in the file: {theirs}").format(
                mine=found.mine, theirs=found.theirs
            )
        elif self._same:
            said = self.tr("Both are the same.")
        else:
            said = self.tr("They differ in line ends or an invisible mark at the start only.")
        if found.hidden:
            said = f"{said}. " + self.tr("Lines not shown: {count}").format(count=found.hidden)
        self.counts.setText(said)

    def _written(self, line: Line) -> str:
        if line.sign == "gap":
            return "\u22ef " + self.tr("equal lines: {count}").format(count=line.count)
        return f"{line.sign} {shortened(line.text).translate(_BREAKS)}"

    def _on_compared(self, found: Differences) -> None:
        self._found = found
        self._show()

    def _on_mine(self) -> None:
        self.accept()
        self.mine_chosen.emit()

    def _on_theirs(self) -> None:
        self.accept()
        self.theirs_chosen.emit()
