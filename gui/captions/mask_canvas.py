"""A picture with its mask over it, to be painted with a brush. White counts in the loss, black does not."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QEnterEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui.captions.desk import CaptionDesk

MASK_SIDE = 1024  # pixels: a mask may be a smaller copy of its picture, and training averages it to latents anyway
STROKES_KEPT = 40
LEAST_BRUSH, MOST_BRUSH = 2, 400  # pixels of the mask, across
TINT = QColor(220, 30, 60, 150)  # what does not count


class MaskCanvas(QWidget):
    """`painted` is the mask, null while there is none. The left button paints what counts, the right one (or Shift)
    what does not.

    The first stroke on a picture without a mask begins with nothing that counts, or, with the right button, with
    everything that counts.
    """

    stroked = Signal()  # the mask is another one
    brushed = Signal(int)  # the brush has another size

    def __init__(self, desk: CaptionDesk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.picture, self.painted = QImage(), QImage()
        self.brush = 80
        self.is_erasing = False
        self._undone: list[QImage] = []
        self._done: list[QImage] = []
        self._last: QPointF | None = None
        self._pointer: QPointF | None = None
        self._overlay = QImage()
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(160, 120)
        desk.desk.theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(420, 320)

    def show_picture(self, picture: QImage, mask: QImage) -> None:
        """Another picture, with its mask or a null image; the strokes of the one before are forgotten."""
        self.picture = picture
        self._done, self._undone, self._last = [], [], None
        self._set(mask if mask.isNull() else _grey(mask, self.mask_size()))

    def mask_size(self) -> QSize:
        """Of a mask that is painted here: the shape of the picture, no larger than `MASK_SIDE`."""
        size = self.picture.size()
        if max(size.width(), size.height()) <= MASK_SIDE:
            return size
        return size.scaled(MASK_SIDE, MASK_SIDE, Qt.AspectRatioMode.KeepAspectRatio).expandedTo(QSize(1, 1))

    def set_brush(self, across: int) -> None:
        self.brush = min(max(across, LEAST_BRUSH), MOST_BRUSH)
        self.brushed.emit(self.brush)
        self.update()

    def fill(self, counts: bool) -> None:
        """Everything counts, or nothing does."""
        if not self.picture.isNull():
            self._keep()
            self._set(_filled(self.mask_size(), counts))
            self.stroked.emit()

    def invert(self) -> None:
        if not self.painted.isNull():
            self._keep()
            mask = self.painted.copy()
            mask.invertPixels()
            self._set(mask)
            self.stroked.emit()

    def clear(self) -> None:
        """No mask."""
        if not self.painted.isNull():
            self._keep()
            self._set(QImage())
            self.stroked.emit()

    @property
    def can_undo(self) -> bool:
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        return bool(self._undone)

    def undo(self) -> None:
        self._swap(self._done, self._undone)

    def redo(self) -> None:
        self._swap(self._undone, self._done)

    def _swap(self, source: list[QImage], target: list[QImage]) -> None:
        if source:
            target.append(self.painted)
            self._set(source.pop())
            self.stroked.emit()

    def _keep(self) -> None:
        self._done.append(self.painted)
        del self._done[:-STROKES_KEPT]
        self._undone.clear()

    def _set(self, mask: QImage) -> None:
        self.painted = mask
        self._overlay = QImage() if mask.isNull() else _tinted(mask)
        self.update()

    # geometry

    def picture_rect(self) -> QRectF:
        """Where the picture stands: as large as there is room."""
        size = self.picture.size()
        if size.isEmpty():
            return QRectF()
        scale = min(self.width() / size.width(), self.height() / size.height())
        width, height = size.width() * scale, size.height() * scale
        return QRectF((self.width() - width) / 2, (self.height() - height) / 2, width, height)

    def _on_mask(self, point: QPointF) -> QPointF:
        where, size = self.picture_rect(), self.mask_size()
        across, down = (point.x() - where.x()) / where.width(), (point.y() - where.y()) / where.height()
        return QPointF(across * size.width(), down * size.height())

    # painting a mask

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self.picture.isNull() or event.button() not in (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton):
            return
        is_right = event.button() == Qt.MouseButton.RightButton
        has_shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        self.is_erasing = is_right or has_shift
        self._keep()
        self.painted = _filled(self.mask_size(), self.is_erasing) if self.painted.isNull() else self.painted.copy()
        self._last = self._on_mask(event.position())
        self._stroke(self._last)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._pointer = event.position()
        if self._last is not None:
            self._stroke(self._on_mask(event.position()))
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._last is not None:
            self._last = None
            self.stroked.emit()

    def _stroke(self, to: QPointF) -> None:
        assert self._last is not None
        painter = QPainter(self.painted)
        colour = Qt.GlobalColor.black if self.is_erasing else Qt.GlobalColor.white
        painter.setPen(QPen(colour, self.brush, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        if to == self._last:
            painter.drawPoint(to)
        else:
            painter.drawLine(self._last, to)
        painter.end()
        self._last = to
        self._overlay = _tinted(self.painted)
        self.update()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """The wheel changes the brush."""
        self.set_brush(round(self.brush * (1.15 if event.angleDelta().y() > 0 else 1 / 1.15)))
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_BracketLeft, Qt.Key.Key_BracketRight):
            self.set_brush(round(self.brush * (1.15 if event.key() == Qt.Key.Key_BracketRight else 1 / 1.15)))
        else:
            super().keyPressEvent(event)

    def enterEvent(self, event: QEnterEvent) -> None:
        self._pointer = event.position()

    def leaveEvent(self, event: QEvent) -> None:
        self._pointer = None
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self.picture.isNull():
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        where = self.picture_rect()
        painter.drawImage(where, self.picture)
        if not self._overlay.isNull():
            painter.drawImage(where, self._overlay)
        if self._pointer is not None:
            radius = self.brush * where.width() / self.mask_size().width() / 2
            for colour, width in ((Qt.GlobalColor.black, 3), (Qt.GlobalColor.white, 1)):
                painter.setPen(QPen(colour, width))
                painter.drawEllipse(self._pointer, radius, radius)


def _filled(size: QSize, counts: bool) -> QImage:
    mask = QImage(size, QImage.Format.Format_Grayscale8)
    mask.fill(255 if counts else 0)
    return mask


def _grey(mask: QImage, size: QSize) -> QImage:
    grey = mask.convertToFormat(QImage.Format.Format_Grayscale8)
    if grey.size() == size:
        return grey
    return grey.scaled(size, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation)


def _tinted(mask: QImage) -> QImage:
    """The mask as it lies over the picture: red where it does not count."""
    alpha = mask.copy()
    alpha.invertPixels()
    tint = QImage(mask.size(), QImage.Format.Format_ARGB32_Premultiplied)
    tint.fill(QColor(TINT.red(), TINT.green(), TINT.blue()))
    tint.setAlphaChannel(_dimmed(alpha))
    return tint


def _dimmed(alpha: QImage) -> QImage:
    dimmed = QImage(alpha.size(), QImage.Format.Format_Grayscale8)
    dimmed.fill(0)
    painter = QPainter(dimmed)
    painter.setOpacity(TINT.alphaF())
    painter.drawImage(0, 0, alpha)
    painter.end()
    return dimmed
