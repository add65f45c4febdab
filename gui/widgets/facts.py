"""A small list of facts: a name, and what it is."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QWidget

from gui.theme import GAP, SMALL
from gui.widgets.text import PlainLabel, plain_tooltip

SHOWN = 40  # rows; what is beyond is counted by the caller
LONGEST = 30  # characters of a value; the whole of a longer one is its tooltip


class Facts(QWidget):
    """Two columns. Labels are kept and used again, so that new numbers do not make the page flicker."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._labels: list[tuple[PlainLabel, PlainLabel]] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(GAP)
        self._grid.setVerticalSpacing(SMALL // 2)
        self._grid.setColumnStretch(0, 1)

    def show_rows(self, rows: Sequence[tuple[str, str]], notes: Sequence[str] = ()) -> None:
        """(name, value) pairs; `notes` are their tooltips."""
        rows = rows[:SHOWN]
        while len(self._labels) < len(rows):
            self._labels.append(self._new_pair())
        for number, (name_label, value_label) in enumerate(self._labels):
            is_used = number < len(rows)
            if is_used:
                name, value = rows[number]
                name_label.setText(name)
                value_label.setText(_middle(value))
                note = notes[number] if number < len(notes) else value if len(value) > LONGEST else ""
                tip = plain_tooltip(note)
                name_label.setToolTip(tip)
                value_label.setToolTip(tip)
            name_label.setVisible(is_used)
            value_label.setVisible(is_used)

    def rows(self) -> list[tuple[str, str]]:
        """What is shown."""
        return [(name.text(), value.text()) for name, value in self._labels if not name.isHidden()]

    def _new_pair(self) -> tuple[PlainLabel, PlainLabel]:
        row = len(self._labels)
        name, value = PlainLabel(role="muted", wrap=True), PlainLabel()
        value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
        name.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self._grid.addWidget(name, row, 0)
        self._grid.addWidget(value, row, 1)
        return name, value


def _middle(value: str) -> str:
    """'a_long_name...000042.safetensors': the end of a file's name says more than its middle."""
    half = LONGEST // 2
    return value if len(value) <= LONGEST else f"{value[:half]}...{value[-half:]}"
