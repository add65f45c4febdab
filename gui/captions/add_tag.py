"""The line by which tags are added, and the place where they go."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QSpinBox, QVBoxLayout, QWidget

from gui.captions.chips import ChipsView
from gui.captions.chosen import Chosen
from gui.captions.completer import TagLine
from gui.captions.desk import CaptionDesk
from gui.captions.tag_actions import TagActions
from gui.theme import SMALL
from gui.widgets.quiet import QuietComboBox
from gui.widgets.text import PlainLabel, plain_tooltip

PLACES = ("end", "start", "number", "behind")
MOST = 999


class AddTag(QWidget):
    """ "behind" is behind the chip that is chosen, in one caption; with no chip chosen it is the end."""

    def __init__(
        self, desk: CaptionDesk, actions: TagActions, chosen: Chosen, chips: ChipsView, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._desk, self._actions, self._chips = desk, actions, chips
        self.line = TagLine(desk, self, lambda: chosen.tags.tags)
        self.label, self.place, self.number = PlainLabel(role="muted"), QuietComboBox(), QSpinBox()
        for place in PLACES:
            self.place.addItem("", place)
        self.number.setRange(1, MOST)
        self.number.setValue(2)
        row = QHBoxLayout()
        row.setSpacing(SMALL)
        row.addWidget(self.label)
        row.addWidget(self.place)
        row.addWidget(self.number)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SMALL)
        column.addWidget(self.line)
        column.addLayout(row)
        self.line.tag_entered.connect(self._add)
        self.place.currentIndexChanged.connect(lambda _: self._show_number())
        desk.desk.language.changed.connect(self.retranslate)
        desk.keys.changed.connect(lambda _: self.retranslate())
        self._show_number()
        self.retranslate()

    def take_keyboard(self) -> None:
        self.line.setFocus()
        self.line.selectAll()

    def at(self) -> int | None:
        """Where tags go, as `AddTags` takes it."""
        place = self.place.currentData()
        if place == "start":
            return 0
        if place == "number":
            return self.number.value() - 1
        rows = self._chips.chosen_rows()
        return rows[-1] + 1 if place == "behind" and rows and not self._chips.is_of_many else None

    def _add(self, text: str) -> None:
        self.line.clear()
        self._actions.add(text, self.at())

    def _show_number(self) -> None:
        self.number.setVisible(self.place.currentData() == "number")

    def retranslate(self) -> None:
        keys = self._desk.keys
        self.line.setPlaceholderText(self.tr("Add a tag"))
        self.line.setAccessibleName(self.tr("Add a tag"))
        tip = self.tr("Enter adds what is typed, {first} the first suggestion. {add} comes here from anywhere.")
        self.line.setToolTip(plain_tooltip(tip.format(first=keys.shown("first_suggestion"), add=keys.shown("add_tag"))))
        self.label.setText(self.tr("Put it"))
        names = (self.tr("at the end"), self.tr("at the start"), self.tr("at place"), self.tr("behind the chosen tag"))
        for row, name in enumerate(names):
            self.place.setItemText(row, name)
        self.place.setAccessibleName(self.tr("Where the tag goes"))
        self.number.setAccessibleName(self.tr("Place of the tag, from 1"))
