"""What every editor of a form row can do, whatever its kind."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import SignalInstance
from PySide6.QtWidgets import QLineEdit, QWidget

from gui.fields import Value
from gui.widgets.text import LIMIT, shortened

ROOM = 2**24  # characters a line edit may hold; Qt's own limit of 32,767 would cut a value silently


class Editor(Protocol):
    """A widget that shows one value. `edited` carries the new value, and only of a person's own changes."""

    edited: SignalInstance

    def value(self) -> Value: ...

    def set_value(self, value: Value) -> None: ...

    def set_error(self, wrong: bool) -> None: ...

    def set_words(self, label: str, empty: str) -> None:
        """The name that a screen reader says, and what it means when nothing is set."""


def room_for(widget: QWidget, characters: int) -> int:
    """Pixels that so many letters need. (A font's average width is of no use: fonts for Chinese have a large one.)"""
    return widget.fontMetrics().horizontalAdvance("n" * characters)


def mark_wrong(widget: QWidget, wrong: bool) -> None:
    """The theme's red border."""
    state = "error" if wrong else ""
    if (widget.property("state") or "") != state:
        widget.setProperty("state", state)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def show_in_line(line: QLineEdit, text: str, editable: bool = True) -> None:
    """Put a text into a line edit. One too long for the screen is shown in part and cannot be edited there."""
    fits = len(text) <= LIMIT
    line.setReadOnly(not (fits and editable))
    line.setText(text if fits else shortened(text))
    line.setCursorPosition(0)
