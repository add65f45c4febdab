"""The row that offers to fetch a base model which is only a name on the hub."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from gui.desk import Desk
from gui.fetch import is_hub_name
from gui.theme import GAP, SMALL
from gui.widgets.text import PlainLabel

BASE = "model.base"


class FetchBar(QWidget):
    """A slim row that appears while the base model is a name on the hub and no such file is there."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._missing = ""
        self.words, self.button = PlainLabel(wrap=True), QPushButton()
        row = QHBoxLayout(self)
        row.setContentsMargins(GAP, SMALL, GAP, SMALL)
        row.setSpacing(GAP)
        row.addWidget(self.words, 1)
        row.addWidget(self.button)
        self.button.clicked.connect(self._on_clicked)
        desk.service.checked.connect(self._on_checked)
        desk.document.edited.connect(self._on_edited)
        desk.document.opened.connect(self._on_opened)
        desk.language.changed.connect(self.retranslate)
        desk.theme.changed.connect(self._draw)
        self._draw()
        self.retranslate()
        self.hide()
        if desk.service.latest is not None:
            self._on_checked(desk.service.latest)

    def retranslate(self) -> None:
        self.words.setText(self.tr("This is a name on the hub; nothing is downloaded until you ask."))
        self.button.setText(self.tr("Look it up ..."))
        self.button.setAccessibleName(self.tr("Look up the base model on the hub"))

    def _draw(self) -> None:
        self.button.setIcon(self._desk.theme.icon("download"))

    def _on_checked(self, answer: dict[str, Any]) -> None:
        """The check looked for the file; the window does not."""
        base = self._desk.document.value(BASE)
        faults = (answer.get("report") or answer).get("faults") or []
        is_missing = any(fault["key"] == BASE and fault["code"] == "base-model" for fault in faults)
        self._missing = str(base) if is_missing and is_hub_name(base) else ""
        self.setVisible(bool(self._missing))

    def _on_opened(self) -> None:
        self._on_edited("")

    def _on_edited(self, key: str) -> None:
        if key in ("", BASE) and str(self._desk.document.value(BASE)) != self._missing:
            self.hide()

    def _on_clicked(self) -> None:
        from gui.fetch_dialog import FetchDialog

        dialog = FetchDialog(self._desk, self._missing, self.window())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()
