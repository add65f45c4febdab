"""Which parts of the model are trained, how fast, and where their learning rates come from."""

from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from gui.amounts import rate, whole
from gui.desk import Desk
from gui.theme import GAP, SMALL
from gui.widgets.text import PlainLabel

SHOWN = 8


class PartsCard(QFrame):
    """One block for each part: trained or not, its size, and a link to the option of its learning rate."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._desk = desk
        self._report: dict[str, Any] = {}
        self._heading = PlainLabel(role="heading")
        self.nothing = PlainLabel(role="muted", wrap=True)
        self.blocks: list[PartBlock] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(GAP + SMALL, GAP, GAP + SMALL, GAP)
        self._column.setSpacing(SMALL)
        self._column.addWidget(self._heading)
        self._column.addWidget(self.nothing)
        desk.language.changed.connect(self.retranslate)
        self.retranslate()

    def show_report(self, report: dict[str, Any]) -> None:
        self._report = report
        parts = (report.get("parts") or [])[:SHOWN]
        while len(self.blocks) < len(parts):
            block = PartBlock(self._desk)
            self.blocks.append(block)
            self._column.addWidget(block)
        for number, block in enumerate(self.blocks):
            block.setVisible(number < len(parts))
            if number < len(parts):
                block.show_part(parts[number])
        self.nothing.setVisible(not parts)

    def retranslate(self) -> None:
        self._heading.setText(self.tr("What is trained"))
        self.nothing.setText(self.tr("Shown as soon as the preset can be read."))


class PartBlock(QWidget):
    """One part of the model."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._part: dict[str, Any] = {}
        self._icon = QLabel()
        self.name = PlainLabel(wrap=True)
        self.amount = PlainLabel(role="muted", wrap=True)
        self.link = QPushButton()
        self.link.setProperty("role", "link")
        self.link.clicked.connect(self._on_clicked)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, SMALL, 0, 0)
        grid.setHorizontalSpacing(GAP)
        grid.setVerticalSpacing(0)
        grid.setColumnStretch(1, 1)
        grid.addWidget(self._icon, 0, 0)
        grid.addWidget(self.name, 0, 1)
        grid.addWidget(self.amount, 1, 1)
        grid.addWidget(self.link, 2, 1)
        desk.language.changed.connect(self.retranslate)
        desk.theme.changed.connect(self._draw)

    def show_part(self, part: dict[str, Any]) -> None:
        self._part = part
        self.retranslate()
        self._draw()

    def retranslate(self) -> None:
        if not self._part:
            return
        is_trained = self._part["trained"]
        state = self.tr("trained") if is_trained else self.tr("not trained")
        self.name.setText(self.tr("{part}: {state}").format(part=self._name(), state=state))
        self.amount.setText(self._size_text() if is_trained else "")
        self.amount.setVisible(is_trained)
        label = self._desk.language.texts.label_of(self._part["rate_from"])
        if is_trained:
            text = self.tr("{label}: {rate}").format(label=label, rate=rate(self._part["learning_rate"]))
        else:
            text = label
        self.link.setText(text.replace("&", "&&"))
        self.link.setAccessibleName(self.tr("Go to the field {label}").format(label=label))

    def _name(self) -> str:
        names = {
            "unet": self.tr("UNet"),
            "text_encoder": self.tr("Text encoder"),
            "text_encoder_2": self.tr("Text encoder 2"),
        }
        return names.get(self._part["part"], self._part["part"])

    def _size_text(self) -> str:
        layers, parameters = self._part["layers"], self._part["parameters"]
        if layers is None or parameters is None:
            return self.tr("size unknown: the model's file cannot be read")
        return self.tr("{layers} layers, {numbers} numbers").format(layers=whole(layers), numbers=whole(parameters))

    def _draw(self) -> None:
        name, token = ("ok", "success") if self._part.get("trained") else ("clear", "muted")
        self._icon.setPixmap(self._desk.theme.icon(name, token).pixmap(16, 16))

    def _on_clicked(self) -> None:
        self._desk.wishes.field_requested.emit(self._part["rate_from"])
