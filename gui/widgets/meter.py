"""A bar that shows how much of something is used; more than all of it is drawn in the colour of errors."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui.desk import Desk

HEIGHT = 8  # pixels


class Meter(QWidget):
    """`show_share(0.4)` fills 40 %. The words beside it say the same; the bar is for a glance."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.share = 0.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        desk.theme.changed.connect(self.update)

    def show_share(self, share: float) -> None:
        self.share = share
        self.setAccessibleDescription(f"{share:.0%}")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(120, HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        whole = QRectF(0, 0, self.width(), HEIGHT)
        painter.setBrush(self._desk.theme.color("raised"))
        painter.drawRoundedRect(whole, HEIGHT / 2, HEIGHT / 2)
        if self.share <= 0:
            return
        painter.setBrush(self._desk.theme.color("error" if self.share > 1 else "accent"))
        whole.setWidth(max(HEIGHT, self.width() * min(1.0, self.share)))
        painter.drawRoundedRect(whole, HEIGHT / 2, HEIGHT / 2)
