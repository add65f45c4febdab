"""Width and height, with the usual sizes at hand."""

from __future__ import annotations

import re
from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QMenu, QToolButton, QWidget

from gui.desk import Desk
from gui.fields import Field, Value
from gui.theme import SMALL
from gui.widgets.numbers import NumberBox
from gui.widgets.text import PlainLabel
from gui.written import same

USUAL = (512, 768, 1024)
STEP = 64  # SD's latents times the UNet's three halvings


class ResolutionBox(QWidget):
    """Two numbers. "1:1" keeps them equal."""

    edited = Signal(object)

    def __init__(self, desk: Desk, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._value: Value = None
        side = replace(field, kind="int", default=USUAL[0], minimum=STEP, maximum=16384.0)
        self.width_box, self.height_box = NumberBox(side), NumberBox(side)
        self.square = QToolButton()
        self.square.setText("1:1")
        self.square.setCheckable(True)
        self.sizes = QToolButton()
        self.sizes.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.sizes)
        for size in USUAL:
            menu.addAction(f"{size} × {size}").setData(size)
        menu.triggered.connect(lambda action: self._take([action.data(), action.data()], show=True))
        self.sizes.setMenu(menu)
        self._hint = PlainLabel(role="hint")
        self._hint.hide()
        self._lay_out()
        self._desk = desk
        desk.theme.changed.connect(self._draw)
        self._draw()
        self._connect()

    def value(self) -> Value:
        return self._value

    def set_value(self, value: Value) -> None:
        if not same(value, self._value):
            width, height = _sides(value)
            self.width_box.set_value(width)
            self.height_box.set_value(height)
            self.square.setChecked(same(width, height))
        self._value = value
        self._advise()

    def set_error(self, wrong: bool) -> None:
        self.width_box.set_error(wrong)
        self.height_box.set_error(wrong)

    def set_words(self, label: str, empty: str) -> None:
        self.width_box.set_words(self.tr("{label}: width").format(label=label), empty)
        self.height_box.set_words(self.tr("{label}: height").format(label=label), empty)
        self.square.setAccessibleName(self.tr("Square: both sides are equal"))
        self.square.setToolTip(self.square.accessibleName())
        self.sizes.setAccessibleName(self.tr("Usual sizes"))
        self.sizes.setToolTip(self.sizes.accessibleName())
        self._hint.setText(self.tr("Multiples of {step} train best.").format(step=STEP))

    def _lay_out(self) -> None:
        times = PlainLabel("×", "muted")
        row = QGridLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setHorizontalSpacing(SMALL)
        row.setVerticalSpacing(SMALL)
        for column, widget in enumerate((self.width_box, times, self.height_box, self.square, self.sizes)):
            row.addWidget(widget, 0, column)
        row.setColumnStretch(5, 1)
        row.addWidget(self._hint, 1, 0, 1, 6)
        for box in (self.width_box, self.height_box):
            box.setFixedWidth(box.width() // 2 + 24)
        self.setFocusProxy(self.width_box)
        for control in (self.square, self.sizes):
            control.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def _connect(self) -> None:
        self.width_box.edited.connect(lambda side: self._on_side(side, self.height_box))
        self.height_box.edited.connect(lambda side: self._on_side(side, self.width_box))
        self.square.clicked.connect(self._on_square)

    def _draw(self) -> None:
        self.sizes.setIcon(self._desk.theme.icon("chevron-down", "muted"))

    def _on_side(self, side: Value, other: NumberBox) -> None:
        if self.square.isChecked():
            other.set_value(side)
        self._take([self.width_box.value(), self.height_box.value()])

    def _on_square(self, wanted: bool) -> None:
        if wanted and self.width_box.value() is not None:
            self._take([self.width_box.value(), self.width_box.value()], show=True)

    def _take(self, sides: list[Value], show: bool = False) -> None:
        given: list[Value] = [side for side in sides if side is not None]
        value: Value = given or None
        if show:
            self.set_value(value)
        self._value = value
        self._advise()
        self.edited.emit(value)

    def _advise(self) -> None:
        sides = [side for side in _sides(self._value) if isinstance(side, int)]
        self._hint.setVisible(any(side % STEP for side in sides))


def _sides(value: Value) -> tuple[Value, Value]:
    """What the two boxes show: 512, "512x768" and [512, 768] are all understood by the schema."""
    if isinstance(value, str) and (found := re.fullmatch(r"\s*(\d{1,6})\s*[x,]\s*(\d{1,6})\s*", value.lower())):
        return int(found[1]), int(found[2])
    if isinstance(value, list):
        first, second, *_ = (*value, None, None)
        return first, second
    return (value, value) if not isinstance(value, str) else (value, None)
