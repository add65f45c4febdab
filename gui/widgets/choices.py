"""Editors for what is chosen: a list of words, a free text with suggestions, a check box."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QWidget

from gui.desk import Desk
from gui.fields import Field, Value
from gui.widgets.editor import ROOM, mark_wrong, show_in_line
from gui.widgets.text import shortened
from gui.written import literal, meant, same, written

SHOWN = 60  # characters of a foreign value


class ChoiceBox(QComboBox):
    """One of the schema's words. A value that is none of them is an entry of its own until another is chosen."""

    edited = Signal(object)

    def __init__(self, desk: Desk, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk, self._field = desk, field
        self._known: list[Value] = [None] if field.nullable else []
        self._known += field.choices
        self._value: Value = field.default
        self._empty = ""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.activated.connect(self._on_chosen)
        desk.theme.changed.connect(self._fill)

    def value(self) -> Value:
        return self._value

    def set_value(self, value: Value) -> None:
        if self.count() and same(value, self._value):
            return
        self._value = value
        self._fill()

    def set_error(self, wrong: bool) -> None:
        mark_wrong(self, wrong)

    def set_words(self, label: str, empty: str) -> None:
        self.setAccessibleName(label)
        self._empty = empty
        self._fill()

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def _fill(self) -> None:
        self.clear()
        for value in self._known:
            self.addItem(self._shown(value))
        at = next((n for n, known in enumerate(self._known) if same(known, self._value)), None)
        if at is None:
            at = self.count()
            if self._value is None:  # required, and not there
                self.addItem("")
            else:
                icon = self._desk.theme.icon("warning", "warning")
                self.addItem(icon, shortened(written(self._field, self._value), SHOWN))
        self.setCurrentIndex(at)

    def _shown(self, value: Value) -> str:
        if value is None:
            return self._empty or self.tr("not set")
        word = literal(value) if isinstance(value, bool) else str(value)
        shown = self._desk.language.texts.choice(self._field.option.key, word)
        if isinstance(value, bool) and shown == word:
            return self.tr("on") if value else self.tr("off")
        return shown

    def _on_chosen(self, index: int) -> None:
        if index < len(self._known) and not same(self._known[index], self._value):
            self._value = self._known[index]
            self.edited.emit(self._value)


class SuggestBox(QComboBox):
    """A free text with suggestions below it."""

    edited = Signal(object)

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._field = field
        self._value: Value = None
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.addItems(list(field.suggestions))
        self.setCurrentIndex(-1)
        self.setEditable(True)
        self._line = cast(QLineEdit, self.lineEdit())
        self.setCompleter(None)  # type: ignore[arg-type]  # it would finish words that were meant to end there
        self._line.setMaxLength(ROOM)
        self._line.textEdited.connect(self._on_text)
        self.textActivated.connect(self._on_text)

    def value(self) -> Value:
        return self._value

    def set_value(self, value: Value) -> None:
        if not same(meant(self._field, self.currentText()), value):
            show_in_line(self._line, written(self._field, value))
        self._value = value

    def set_error(self, wrong: bool) -> None:
        mark_wrong(self, wrong)

    def set_words(self, label: str, empty: str) -> None:
        self.setAccessibleName(label)
        self._line.setAccessibleName(label)
        self._line.setPlaceholderText(empty)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def _on_text(self, text: str) -> None:
        value = meant(self._field, text)
        if not same(value, self._value):
            self._value = value
            self.edited.emit(value)


class SwitchBox(QCheckBox):
    """On or off; where nothing may be set, a third state that says what holds then."""

    edited = Signal(object)

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._field = field
        self._value: Value = None
        self._empty = ""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setTristate(field.nullable)
        self.clicked.connect(self._on_clicked)

    def value(self) -> Value:
        return self._value

    def set_value(self, value: Value) -> None:
        self._value = value
        if isinstance(value, bool):
            self.setTristate(self._field.nullable)
            self.setCheckState(Qt.CheckState.Checked if value else Qt.CheckState.Unchecked)
        else:
            self.setCheckState(Qt.CheckState.PartiallyChecked)
        self._say()

    def set_error(self, wrong: bool) -> None:
        mark_wrong(self, wrong)

    def set_words(self, label: str, empty: str) -> None:
        self.setAccessibleName(label)
        self._empty = empty
        self._say()

    def _say(self) -> None:
        if isinstance(self._value, bool):
            text = self.tr("on") if self._value else self.tr("off")
        else:
            text = self._empty if self._value is None else shortened(literal(self._value), SHOWN)
        self.setText(text.replace("&", "&&"))

    def _on_clicked(self) -> None:
        state = self.checkState()
        self.setTristate(self._field.nullable)
        self._value = None if state == Qt.CheckState.PartiallyChecked else state == Qt.CheckState.Checked
        self._say()
        self.edited.emit(self._value)
