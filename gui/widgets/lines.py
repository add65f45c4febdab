"""Editors for text: one line, and one text a line."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLineEdit, QPlainTextEdit, QWidget

from gui.fields import Field, Value
from gui.widgets.editor import ROOM, mark_wrong, room_for, show_in_line
from gui.widgets.text import LIMIT, shortened
from gui.written import literal, meant, same, written

WIDTH = 18  # characters of rates and amounts
PARAGRAPH = "\u2029"  # what Qt puts between the lines of a text


class LineBox(QLineEdit):
    """One line of text, or of rates and amounts written as text. Empty: not set."""

    edited = Signal(object)

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._field = field
        self._value: Value = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMaxLength(ROOM)
        if field.kind == "amount" or (field.kind == "rates" and field.single):
            self.setFixedWidth(room_for(self, WIDTH) + 28)
        self.textEdited.connect(self._on_typed)

    def value(self) -> Value:
        return self._value

    def set_value(self, value: Value) -> None:
        if not same(meant(self._field, self.text()), value):
            show_in_line(self, written(self._field, value), editable=_is_line(value))
        self._value = value

    def set_error(self, wrong: bool) -> None:
        mark_wrong(self, wrong)

    def set_words(self, label: str, empty: str) -> None:
        self.setAccessibleName(label)
        self.setPlaceholderText(empty)

    def _on_typed(self, text: str) -> None:
        self._value = meant(self._field, text)
        self.edited.emit(self._value)


class LinesBox(QPlainTextEdit):
    """A list of texts, one a line. Empty lines are not part of it."""

    edited = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._value: Value = None
        self._filling = False
        self.setTabChangesFocus(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFixedHeight(self.fontMetrics().lineSpacing() * 5 + 16)
        self.textChanged.connect(self._on_text)

    def value(self) -> Value:
        return self._value

    def set_value(self, value: Value) -> None:
        if not same(self._meant(), value or None):
            lines = value if isinstance(value, list) else [] if value is None else [literal(value)]
            texts = [line if isinstance(line, str) else literal(line) for line in lines]
            long = any(len(text) > LIMIT or "\n" in text for text in texts)
            self._filling = True
            self.setPlainText("\n".join(shortened(text) for text in texts) if long else "\n".join(texts))
            self._filling = False
            self.setReadOnly(long)
        self._value = value

    def set_error(self, wrong: bool) -> None:
        mark_wrong(self, wrong)

    def set_words(self, label: str, empty: str) -> None:
        self.setAccessibleName(label)
        self.setPlaceholderText(empty)

    def _meant(self) -> Value:
        # toPlainText would turn hard spaces into plain ones
        lines = self.document().toRawText().split(PARAGRAPH)
        kept: list[Value] = [line for line in lines if line.strip()]
        return kept or None

    def _on_text(self) -> None:
        value = self._meant()
        if not self._filling and not same(value, self._value or None):
            self._value = value
            self.edited.emit(value)


def _is_line(value: Value) -> bool:
    """A text with line breaks would lose them in one line; it can be replaced, but not edited."""
    return not (isinstance(value, str) and any(mark in value for mark in "\r\n\u2028\u2029"))
