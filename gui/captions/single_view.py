"""One picture, as large as there is room, with zoom: wheel, Space (fit or 100 %), drag to move."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QPointF, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import (
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
    QResizeEvent,
    QShowEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui.background import later
from gui.captions.desk import CaptionDesk
from gui.pictures import read_picture
from gui.theme import GAP
from kohya_like.data.picture_header import read_header

LARGEST = QSize(4096, 4096)  # pixels that are kept of a picture that is zoomed into
KEPT = 4  # pictures in the size of the view, so that going back and forth shows them at once
MOST_ZOOM = 8.0
WHEEL_STEP = 1.2


@dataclass(frozen=True)
class _Seen:
    """A picture as it was read: perhaps smaller than its own `size`."""

    pixmap: QPixmap
    size: QSize

    @property
    def is_whole(self) -> bool:
        return self.pixmap.width() >= min(self.size.width(), LARGEST.width() * 3 // 4)


def _read(path: str, box: QSize) -> tuple[QImage, QSize]:
    """In a thread, also the conversion to what the screen takes."""
    image = read_picture(Path(path), box)  # first: it says what is wrong with a file
    width, height = read_header(Path(path)).size
    kinds = QImage.Format
    wanted = kinds.Format_ARGB32_Premultiplied if image.hasAlphaChannel() else kinds.Format_RGB32
    size = QSize(width, height)
    is_turned = (width > height) != (image.width() > image.height()) and width != height
    return image.convertToFormat(wanted), size.transposed() if is_turned else size


class SingleView(QWidget):
    """Shows the desk's current picture while it is visible. `scale` is logical pixels of the screen for each pixel of
    the picture; while `is_fitted` it follows the window. `left` when the person wants the grid back."""

    left = Signal()
    moved = Signal(int)  # -1 or 1: the picture before or after
    scaled = Signal()

    def __init__(self, desk: CaptionDesk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._path = ""
        self._kept: OrderedDict[str, _Seen] = OrderedDict()
        self._under_way: set[tuple[str, bool]] = set()
        self._problem = ""
        self.is_fitted, self.scale = True, 1.0
        self._middle = QPointF(0.5, 0.5)  # the picture's point in the middle of the view, as parts of its sides
        self._held: QPointF | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(200, 160)
        desk.current_changed.connect(lambda _: self._follow())
        desk.opened.connect(self._forget)
        desk.desk.theme.changed.connect(self.update)
        desk.desk.language.changed.connect(self.retranslate)
        self.retranslate()

    def retranslate(self) -> None:
        self.setAccessibleName(self.tr("The picture; Space switches between the whole and 100 %"))
        self.update()

    # zoom

    def toggle_zoom(self) -> None:
        """The whole picture, or one pixel of the picture for each of the screen."""
        self.is_fitted = not self.is_fitted
        self.scale = 1 / self.devicePixelRatioF()
        self._middle = QPointF(0.5, 0.5)
        self._changed()

    def zoom_by(self, factor: float, at: QPointF | None = None) -> None:
        """Keep what is under `at` (default: the middle) where it is."""
        size = self._size()
        if size.isEmpty():
            return
        before, anchor = self.picture_rect(), at or QRectF(self.rect()).center()
        self.scale = min(max(self.scale_now() * factor, self._fitting() / 4), MOST_ZOOM)
        self.is_fitted = False
        part = QPointF((anchor.x() - before.x()) / before.width(), (anchor.y() - before.y()) / before.height())
        offset = anchor - QRectF(self.rect()).center()
        self._middle = part - QPointF(
            offset.x() / (size.width() * self.scale), offset.y() / (size.height() * self.scale)
        )
        self._changed()

    def scale_now(self) -> float:
        return self._fitting() if self.is_fitted else self.scale

    def picture_rect(self) -> QRectF:
        """Where the whole picture lies, in this widget's coordinates; parts may be outside. Empty while there is
        none."""
        size = QSizeF(self._size()) * self.scale_now()
        middle = QPointF(0.5, 0.5) if self.is_fitted else self._middle
        corner = QRectF(self.rect()).center() - QPointF(middle.x() * size.width(), middle.y() * size.height())
        return QRectF(corner, size)

    def _fitting(self) -> float:
        size, room = self._size(), self.rect().adjusted(GAP, GAP, -GAP, -GAP)
        if size.isEmpty() or room.isEmpty():
            return 1.0
        return min(room.width() / size.width(), room.height() / size.height(), 1 / self.devicePixelRatioF())

    def _size(self) -> QSize:
        there = self._kept.get(self._path)
        return there.size if there else QSize()

    def _changed(self) -> None:
        self.update()
        self.scaled.emit()
        there = self._kept.get(self._path)
        if there is not None and not there.is_whole and self.scale_now() > self._fitting():
            self._want(self._path, True)

    # reading

    def _follow(self) -> None:
        if not self.isVisible():
            return
        library, number = self._desk.library, self._desk.current
        self._path = library.path(number) if library is not None and number >= 0 else ""
        self._problem = ""
        self.is_fitted = True
        for path in [path for path, one in self._kept.items() if path != self._path and one.is_whole]:
            if max(self._kept[path].pixmap.width(), self._kept[path].pixmap.height()) > self._box().width():
                del self._kept[path]  # a large one is kept only while it is looked at
        if self._path in self._kept:
            self._kept.move_to_end(self._path)
        elif self._path:
            self._want(self._path, False)
        self._changed()

    def _box(self) -> QSize:
        side = int(max(self.width(), self.height()) * self.devicePixelRatioF())
        return QSize(side, side)

    def _want(self, path: str, whole: bool) -> None:
        if (path, whole) in self._under_way:
            return
        self._under_way.add((path, whole))
        box = LARGEST if whole else self._box()
        later(
            lambda: _read(path, box),
            lambda read: self._take(path, whole, *read),
            lambda error: self._fail(path, whole, error),
            owner=self,
        )

    def _take(self, path: str, whole: bool, image: QImage, size: QSize) -> None:
        self._under_way.discard((path, whole))
        self._kept[path] = _Seen(QPixmap.fromImage(image), size)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        if path == self._path:
            self._changed()

    def _fail(self, path: str, whole: bool, error: Exception) -> None:
        self._under_way.discard((path, whole))
        if path == self._path:
            self._problem = self._desk.desk.language.sentence(str(error))
            self._changed()

    def _forget(self) -> None:
        self._kept.clear()
        self._path = ""
        self._follow()

    # Qt's virtual methods

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._follow()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.scaled.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        there = self._kept.get(self._path)
        if there is not None:
            self._paint(painter, there.pixmap)
            return
        painter.setPen(self._desk.desk.theme.color("muted"))
        said = self._problem or (self.tr("Reading the picture ...") if self._path else "")
        room = self.rect().adjusted(GAP, GAP, -GAP, -GAP)
        painter.drawText(room, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, said)

    def _paint(self, painter: QPainter, pixmap: QPixmap) -> None:
        """Only the part that can be seen is scaled."""
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self.scale_now() < 2)
        whole = self.picture_rect()
        seen = whole.intersected(QRectF(self.rect()))
        across, down = pixmap.width() / whole.width(), pixmap.height() / whole.height()
        corner = QPointF((seen.x() - whole.x()) * across, (seen.y() - whole.y()) * down)
        painter.drawPixmap(seen, pixmap, QRectF(corner, QSizeF(seen.width() * across, seen.height() * down)))

    def wheelEvent(self, event: QWheelEvent) -> None:
        if notches := event.angleDelta().y() / 120:
            self.zoom_by(WHEEL_STEP**notches, event.position())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._held = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        size = QSizeF(self._size()) * self.scale_now()
        if self._held is None or size.isEmpty() or self.is_fitted:
            return
        by, self._held = event.position() - self._held, event.position()
        middle = self._middle - QPointF(by.x() / size.width(), by.y() / size.height())
        self._middle = QPointF(min(max(middle.x(), 0.0), 1.0), min(max(middle.y(), 0.0), 1.0))
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._held = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.left.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows go through the list, + and - zoom, Escape goes back to the grid."""
        key, keys = event.key(), Qt.Key
        if key in (keys.Key_Right, keys.Key_Down, keys.Key_PageDown):
            self.moved.emit(1)
        elif key in (keys.Key_Left, keys.Key_Up, keys.Key_PageUp):
            self.moved.emit(-1)
        elif key in (keys.Key_Plus, keys.Key_Equal):
            self.zoom_by(WHEEL_STEP)
        elif key == keys.Key_Minus:
            self.zoom_by(1 / WHEEL_STEP)
        elif key in (keys.Key_Escape, keys.Key_Return, keys.Key_Enter):
            self.left.emit()
        else:
            super().keyPressEvent(event)
