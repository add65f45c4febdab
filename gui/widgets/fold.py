"""A heading that opens and closes what stands below it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from gui.desk import Desk
from gui.theme import SMALL


class Fold(QWidget):
    """Closed at first. The heading is a button: Tab reaches it, Space opens it."""

    opened = Signal(bool)

    def __init__(self, desk: Desk, body: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk, self.body = desk, body
        self.heading = QPushButton()
        self.heading.setProperty("role", "link")
        self.heading.setCheckable(True)
        self.heading.toggled.connect(self._on_toggled)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SMALL)
        layout.addWidget(self.heading, alignment=Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(body)
        body.hide()
        desk.theme.changed.connect(self._draw)
        self._draw()

    def set_title(self, text: str) -> None:
        self.heading.setText(text.replace("&", "&&"))
        self.heading.setAccessibleName(text)

    def set_open(self, is_open: bool) -> None:
        self.heading.setChecked(is_open)

    @property
    def is_open(self) -> bool:
        return self.heading.isChecked()

    def _on_toggled(self, is_open: bool) -> None:
        self.body.setVisible(is_open)
        self._draw()
        self.opened.emit(is_open)

    def _draw(self) -> None:
        self.heading.setIcon(self._desk.theme.icon("chevron-down" if self.is_open else "chevron-right", "muted"))
