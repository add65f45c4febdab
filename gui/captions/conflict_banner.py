"""Captions that were edited here while another program changed their file: both texts, and the three ways out."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from dataset_tools.session import Choice, Conflict
from gui.amounts import whole
from gui.captions.desk import CaptionDesk
from gui.theme import GAP, SMALL
from gui.widgets.text import PlainLabel, plain_tooltip, shortened

TEXT_LINES = 4


class ConflictBanner(QFrame):
    """Hidden while there is no conflict. One at a time; the person may settle all that remain the same way."""

    def __init__(self, desk: CaptionDesk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._number = -1
        self.setProperty("role", "banner-error")
        self._icon = QLabel()
        self.title = PlainLabel(wrap=True)
        self.labels = [PlainLabel(role="muted") for _ in range(2)]
        self.mine, self.theirs = QPlainTextEdit(), QPlainTextEdit()
        self.buttons: dict[Choice, QPushButton] = {
            "mine": QPushButton(),
            "theirs": QPushButton(),
            "merge": QPushButton(),
        }
        self.show_picture = QPushButton()
        self._lay_out()
        for choice, button in self.buttons.items():
            button.clicked.connect(lambda _=False, choice=choice: self._desk.resolve(self._number, choice))
        self.show_picture.clicked.connect(lambda: desk.select([self._number]))
        desk.conflicts_changed.connect(self._show)
        desk.desk.language.changed.connect(self.retranslate)
        desk.desk.theme.changed.connect(self._draw)
        self.retranslate()
        self._draw()
        self._show()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        head.addWidget(self.title, 1)
        head.addWidget(self.show_picture, 0, Qt.AlignmentFlag.AlignTop)
        grid = QGridLayout()
        grid.setHorizontalSpacing(GAP)
        grid.setVerticalSpacing(SMALL)
        mono = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        for column, (label, text, choice) in enumerate(
            ((self.labels[0], self.mine, self.buttons["mine"]), (self.labels[1], self.theirs, self.buttons["theirs"]))
        ):
            text.setReadOnly(True)
            text.setFont(mono)
            text.setTabChangesFocus(True)
            text.setFixedHeight(text.fontMetrics().lineSpacing() * TEXT_LINES + 2 * GAP)
            label.setBuddy(text)
            grid.addWidget(label, 0, column)
            grid.addWidget(text, 1, column)
            grid.addWidget(choice, 2, column)
            grid.setColumnStretch(column, 1)
        whole_ = QVBoxLayout(self)
        whole_.setContentsMargins(GAP, GAP, GAP, GAP)
        whole_.addLayout(head)
        whole_.addLayout(grid)
        whole_.addWidget(self.buttons["merge"])

    def retranslate(self) -> None:
        self.labels[0].setText(self.tr("Written here"))
        self.labels[1].setText(self.tr("In the file now"))
        self.mine.setAccessibleName(self.labels[0].text())
        self.theirs.setAccessibleName(self.labels[1].text())
        self.buttons["mine"].setText(self.tr("Keep mine"))
        self.buttons["theirs"].setText(self.tr("Take theirs"))
        self.buttons["merge"].setText(self.tr("Join both"))
        self.show_picture.setText(self.tr("Show the picture"))
        self._show()

    def _show(self) -> None:
        conflicts = self._desk.conflicts
        self.setVisible(bool(conflicts))
        if not conflicts:
            self._number = -1
            return
        if self._number not in conflicts:
            self._number = next(iter(conflicts))
        self._fill(conflicts[self._number], len(conflicts))

    def _fill(self, conflict: Conflict, count: int) -> None:
        picture = self._desk.picture(self._number)
        name = shortened(picture.name, 200) if picture is not None else ""
        said = self.tr("The caption of {name} was edited here while another program changed its file.")
        more = self.tr("{count} more wait.").format(count=whole(count - 1)) if count > 1 else ""
        self.title.setText(" ".join(filter(None, [said.format(name=name), more])))
        self.setAccessibleName(self.title.text()[:200])
        for text, value in ((self.mine, conflict.mine), (self.theirs, conflict.theirs)):
            text.setPlainText(shortened(value) if value is not None else self.tr("(no caption file)"))
        merge = self.buttons["merge"]
        merge.setEnabled(conflict.merged is not None)
        merge.setToolTip(
            plain_tooltip(conflict.merged)
            if conflict.merged is not None
            else self.tr("Both changed the same place; choose one of them.")
        )

    def _draw(self) -> None:
        self._icon.setPixmap(self._desk.desk.theme.icon("warning", "error").pixmap(20, 20))
        self.show_picture.setIcon(self._desk.desk.theme.icon("jump"))
