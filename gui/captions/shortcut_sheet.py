"""The keys of the captions page: all of them at a glance, and each can be another."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QHBoxLayout,
    QKeySequenceEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from gui.captions.desk import CaptionDesk
from gui.captions.keys import DEFAULTS
from gui.theme import GAP, SMALL, WIDE
from gui.widgets.text import PlainLabel

COLUMNS = 2
ASKED = ("first_suggestion",)  # keys that a widget asks for by itself


class ShortcutSheet(QDialog):
    """A key is taken when it is typed; one that another action has moves here, and that is said."""

    def __init__(self, desk: CaptionDesk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._desk, self._filling = desk, False
        self.lines: dict[str, QKeySequenceEdit] = {}
        self.said, self.reset = PlainLabel(role="hint", wrap=True), QPushButton()
        self._lay_out()
        self.setWindowTitle(self.tr("Keys of the captions page"))
        self.reset.setText(self.tr("As at first"))
        self.reset.clicked.connect(lambda: desk.keys.reset())
        desk.keys.changed.connect(self._show)
        for name in self.lines:
            self._show(name)

    def _lay_out(self) -> None:
        bound = [*self._desk.keys.names, *ASKED]
        names = [name for name in DEFAULTS if name in bound]
        grid = QGridLayout()
        grid.setHorizontalSpacing(GAP)
        grid.setVerticalSpacing(SMALL)
        lines = -(-len(names) // COLUMNS)
        for place, name in enumerate(names):
            column, row = divmod(place, max(1, lines))
            label, line = PlainLabel(self._desk.keys.label(name)), QKeySequenceEdit()
            line.setClearButtonEnabled(True)
            line.setMaximumSequenceLength(1)
            line.setFixedWidth(150)
            line.setAccessibleName(label.text())
            label.setBuddy(line)
            line.editingFinished.connect(lambda name=name: self._take(name))
            grid.addWidget(label, row, 2 * column)
            grid.addWidget(line, row, 2 * column + 1)
            self.lines[name] = line
        for column in range(COLUMNS):
            grid.setColumnStretch(2 * column, 1)
        inside = QWidget()
        inside.setProperty("role", "page")
        inside.setLayout(grid)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(inside)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        foot = QHBoxLayout()
        foot.addWidget(self.reset)
        foot.addWidget(self.said, 1)
        foot.addWidget(buttons)
        column_ = QVBoxLayout(self)
        column_.setContentsMargins(WIDE, WIDE, WIDE, WIDE)
        column_.setSpacing(GAP)
        column_.addWidget(area, 1)
        column_.addLayout(foot)
        self.resize(860, 560)

    def _take(self, name: str) -> None:
        """What was typed becomes the first key of an action; further ones stay."""
        keys, typed = self._desk.keys, self.lines[name].keySequence()
        key, now = typed.toString(QKeySequence.SequenceFormat.PortableText), keys.of(name)
        if self._filling or key == (now[0] if now else ""):
            return
        taken = keys.taken_by(key, but=name) if key else ""
        if taken == "window":
            self.said.setText(self.tr("{key} belongs to the window.").format(key=_native(typed)))
            self._show(name)
            return
        keys.set(name, [key, *now[1:]] if key else [])
        said = self.tr("{key} was taken from: {action}")
        self.said.setText(said.format(key=_native(typed), action=keys.label(taken)) if taken else "")

    def _show(self, name: str) -> None:
        if (line := self.lines.get(name)) is not None:
            self._filling = True
            keys = self._desk.keys.of(name)
            line.setKeySequence(QKeySequence(keys[0] if keys else ""))
            self._filling = False


def _native(key: QKeySequence) -> str:
    return key.toString(QKeySequence.SequenceFormat.NativeText)
