"""Boxes for numbers. They hold what was typed, as it was typed; the arrows know what a sensible step is."""

from __future__ import annotations

from PySide6.QtCore import QLocale, Qt, Signal
from PySide6.QtGui import QValidator, QWheelEvent
from PySide6.QtWidgets import QAbstractSpinBox, QWidget

from gui.fields import Field, Value
from gui.theme import SMALL
from gui.widgets.editor import ROOM, mark_wrong, room_for, show_in_line
from gui.written import meant, same, stepped, written

WIDTH = 18  # characters


class NumberBox(QAbstractSpinBox):
    """A whole number, a number, or a rate (1e-4; arrows x2 and /2). A number out of range is kept, never moved."""

    edited = Signal(object)

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._field = field
        self._value: Value = None
        self.setLocale(QLocale(QLocale.Language.C))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccelerated(True)
        self.lineEdit().setMaxLength(ROOM)
        self.lineEdit().setTextMargins(SMALL, 0, 0, 0)
        self.lineEdit().textEdited.connect(self._on_typed)
        self.setFixedWidth(room_for(self, WIDTH) + 28)

    def value(self) -> Value:
        return self._value

    def set_value(self, value: Value) -> None:
        if not same(meant(self._field, self.text()), value):
            show_in_line(self.lineEdit(), written(self._field, value))
        self._value = value

    def set_error(self, wrong: bool) -> None:
        mark_wrong(self, wrong)

    def set_words(self, label: str, empty: str) -> None:
        self.setAccessibleName(label)
        self.lineEdit().setAccessibleName(label)
        self.lineEdit().setPlaceholderText(empty)

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:  # type: ignore[override]
        return QValidator.State.Acceptable, text, position

    def stepEnabled(self) -> QAbstractSpinBox.StepEnabledFlag:
        if self.lineEdit().isReadOnly():
            return QAbstractSpinBox.StepEnabledFlag.StepNone
        return QAbstractSpinBox.StepEnabledFlag.StepUpEnabled | QAbstractSpinBox.StepEnabledFlag.StepDownEnabled

    def stepBy(self, steps: int) -> None:
        value = stepped(self._field, meant(self._field, self.text()), steps)
        if not same(value, self._value) or not self.text():
            self.lineEdit().setText(written(self._field, value))
            self.lineEdit().selectAll()
            self._take(value)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def _on_typed(self, text: str) -> None:
        self._take(meant(self._field, text))

    def _take(self, value: Value) -> None:
        self._value = value
        self.edited.emit(value)
