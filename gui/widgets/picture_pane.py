"""A picture in a frame, as large as the room allows, with a box drawn on it or a mask laid over it."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui.desk import Desk

LEAST = 160  # pixels of either side
VEIL = 0.75  # how dark what a mask leaves out becomes


class PicturePane(QWidget):
    """Shows one image in its own proportions; never enlarged beyond `zoom` times."""

    def __init__(self, desk: Desk, zoom: float = 1.0, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk, self._zoom = desk, zoom
        self.image = QImage()
        self.box: QRectF | None = None  # in shares of the picture, 0..1
        self._words = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        desk.theme.changed.connect(self.update)

    def show_image(self, image: QImage, box: QRectF | None = None, mask: QImage | None = None) -> None:
        """`box` is (left, top, width, height) in shares of the picture. `mask`: grey; white counts, black does not."""
        self.image, self.box, self._words = _veiled(image, mask) if mask is not None else image, box, ""
        self.update()

    def show_words(self, words: str) -> None:
        """A sentence instead of a picture."""
        self.image, self.box, self._words = QImage(), None, words
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(2 * LEAST, 2 * LEAST)

    def minimumSizeHint(self) -> QSize:
        return QSize(LEAST, LEAST)

    def picture_rect(self) -> QRectF:
        """Where the picture stands in the widget."""
        if self.image.isNull():
            return QRectF()
        ratio = self.devicePixelRatioF()
        width, height = self.image.width() / ratio, self.image.height() / ratio
        scale = min(self.width() / width, self.height() / height, self._zoom * ratio)
        return QRectF((self.width() - width * scale) / 2, 0.0, width * scale, height * scale)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self.image.isNull():
            painter.setPen(self._desk.theme.color("muted"))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect(), int(flags), self._words)
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        where = self.picture_rect()
        painter.drawImage(where, self.image)
        if self.box is not None:
            corner = where.topLeft() + QPointF(self.box.x() * where.width(), self.box.y() * where.height())
            box = QRectF(corner.x(), corner.y(), self.box.width() * where.width(), self.box.height() * where.height())
            for colour, width in (("surface", 4), ("accent", 2)):  # seen on any picture
                painter.setPen(QPen(self._desk.theme.color(colour), width))
                painter.drawRect(box.adjusted(1, 1, -1, -1))


def _veiled(image: QImage, mask: QImage) -> QImage:
    """What the mask leaves out is darkened; each pixel of the mask stays the square of latents that it is."""
    veil = mask.scaled(image.size(), Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.FastTransformation)
    veil = veil.convertToFormat(QImage.Format.Format_Grayscale8)
    veil.invertPixels()
    shade = QImage(image.size(), QImage.Format.Format_ARGB32_Premultiplied)
    shade.fill(Qt.GlobalColor.black)
    shade.setAlphaChannel(veil)
    made = image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
    painter = QPainter(made)
    painter.setOpacity(VEIL)
    painter.drawImage(0, 0, shade)
    painter.end()
    return made
