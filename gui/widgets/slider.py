"""Before and after in one place: the left picture up to the handle, the right one from there on."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QAbstractSlider, QWidget

from gui.desk import Desk
from gui.theme import GAP, SMALL

STEPS = 1000  # the handle's places
GRIP = 12


class BeforeAfter(QAbstractSlider):
    """A slider like any other: arrows, Page Up and Down, Home and End, the mouse. The pictures fill the room."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._images: list[QImage | None] = [None, None]
        self._labels = ["", ""]
        self.setOrientation(Qt.Orientation.Horizontal)
        self.setRange(0, STEPS)
        self.setSingleStep(STEPS // 50)
        self.setPageStep(STEPS // 10)
        self.setValue(STEPS // 2)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.SplitHCursor)
        self.setMinimumSize(QSize(240, 200))
        self.valueChanged.connect(lambda _: self.update())
        desk.theme.changed.connect(self.update)

    def set_side(self, side: int, image: QImage | None, label: str) -> None:
        """`side` 0 is left, 1 is right. Without a picture its label is all that is shown."""
        self._images[side], self._labels[side] = image, label
        self.update()

    def picture_rect(self) -> QRect:
        """Where the pictures are: as large as fits, in their own proportions."""
        room = self.rect().adjusted(3, 3, -3, -3)
        image = next((image for image in reversed(self._images) if image is not None), None)
        size = image.size().scaled(room.size(), Qt.AspectRatioMode.KeepAspectRatio) if image else room.size()
        place = QRect(QPoint(0, 0), size)
        place.moveCenter(room.center())
        return place

    def handle(self) -> int:
        """The x of the dividing line."""
        place = self.picture_rect()
        return place.left() + round(place.width() * self.value() / STEPS)

    # Qt's side

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._go_to(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._go_to(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()

    def _go_to(self, event: QMouseEvent) -> None:
        place = self.picture_rect()
        self.setValue(round((event.position().x() - place.left()) / max(place.width(), 1) * STEPS))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, place, handle = self._desk.theme, self.picture_rect(), self.handle()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        left = QRect(place.topLeft(), QPoint(handle - 1, place.bottom()))
        right = QRect(QPoint(handle, place.top()), place.bottomRight())
        for clip, image in zip((left, right), self._images):
            painter.setClipRect(clip)
            if image is None:
                painter.fillRect(place, theme.color("raised"))
            else:
                painter.drawImage(place, image)
        painter.setClipping(False)
        self._paint_handle(painter, place, handle)
        self._paint_label(painter, place, 0)
        self._paint_label(painter, place, 1)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.color("focus"), 2))
            painter.drawRect(place.adjusted(-2, -2, 1, 1))

    def _paint_handle(self, painter: QPainter, place: QRect, handle: int) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        accent, ground = self._desk.theme.color("accent"), self._desk.theme.color("surface")
        painter.setPen(QPen(ground, 4))
        painter.drawLine(handle, place.top(), handle, place.bottom())
        painter.setPen(QPen(accent, 2))
        painter.drawLine(handle, place.top(), handle, place.bottom())
        middle = QPoint(handle, place.center().y())
        painter.setBrush(ground)
        painter.drawEllipse(middle, GRIP, GRIP)
        for sign in (-1, 1):
            tip = middle + QPoint(sign * (GRIP - 4), 0)
            painter.drawLine(tip, tip + QPoint(-sign * 4, -4))
            painter.drawLine(tip, tip + QPoint(-sign * 4, 4))

    def _paint_label(self, painter: QPainter, place: QRect, side: int) -> None:
        """A badge in the upper corner, readable on any picture."""
        text = self._labels[side]
        width = painter.fontMetrics().horizontalAdvance(text) + 2 * GAP
        if not text:
            return
        badge = QRect(
            0, place.top() + GAP, min(width, place.width() // 2 - GAP), painter.fontMetrics().height() + SMALL
        )
        if side == 0:
            badge.moveLeft(place.left() + GAP)
        else:
            badge.moveRight(place.right() - GAP)
        ground: QColor = self._desk.theme.color("surface")
        ground.setAlpha(220)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground)
        painter.drawRoundedRect(badge, 4, 4)
        painter.setPen(self._desk.theme.color("text"))
        shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, badge.width() - 2 * SMALL)
        painter.drawText(badge, int(Qt.AlignmentFlag.AlignCenter), shown)
