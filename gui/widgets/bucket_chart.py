"""The buckets as bars: the shape of each, how many samples it holds, and in how many batches they are trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QEvent, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from gui.amounts import whole
from gui.desk import Desk
from gui.theme import GAP, SMALL
from gui.widgets.text import plain_tooltip

ROW = 24  # pixels
SHAPE = 16  # the longer side of the little picture of a bucket's shape


class BucketChart(QWidget):
    """One line for each bucket; the arrow keys choose one, and its numbers are the description for screen readers."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.buckets: list[dict[str, Any]] = []
        self.chosen = -1
        self._most = 1
        self._widths = (60, 60)  # of the names and of the counts
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        desk.theme.changed.connect(self.update)
        desk.language.changed.connect(self.retranslate)
        self.retranslate()

    def show_buckets(self, buckets: Sequence[dict[str, Any]]) -> None:
        if list(buckets) == self.buckets:
            return
        self.buckets = list(buckets)
        self.chosen = -1
        self._most = max((one["samples"] for one in self.buckets), default=1) or 1
        self.retranslate()

    def retranslate(self) -> None:
        self.setAccessibleName(self.tr("Buckets"))
        metrics = self.fontMetrics()
        names = max((metrics.horizontalAdvance(_name(one)) for one in self.buckets), default=0)
        counts = max((metrics.horizontalAdvance(self._counts(one)) for one in self.buckets), default=0)
        self._widths = (names, counts)
        self._describe()
        self.updateGeometry()
        self.update()

    def words(self, number: int) -> str:
        """A bucket in words: '512 x 768: samples 34, batches 3'."""
        one = self.buckets[number]
        return f"{_name(one)}: {self._counts(one)}"

    def sizeHint(self) -> QSize:
        names, counts = self._widths
        return QSize(names + counts + 160, max(1, len(self.buckets)) * ROW + 2 * SMALL)

    def minimumSizeHint(self) -> QSize:
        return QSize(sum(self._widths) + 80, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not self.buckets:
            painter.setPen(self._desk.theme.color("muted"))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter, self.tr("No buckets yet."))
            return
        first = max(0, (event.rect().top() - SMALL) // ROW)
        last = min(len(self.buckets) - 1, (event.rect().bottom() - SMALL) // ROW)
        for number in range(first, last + 1):
            self._paint_row(painter, number)
        if self.hasFocus():
            painter.setPen(self._desk.theme.color("focus"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 10, Qt.Key.Key_PageUp: -10}
        step = steps.get(Qt.Key(event.key()))
        if step is None or not self.buckets:
            super().keyPressEvent(event)
            return
        self._choose(min(len(self.buckets) - 1, max(0, self.chosen + step)))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._choose(self._row_at(event.position().toPoint().y()))

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            number = self._row_at(event.pos().y())
            QToolTip.showText(event.globalPos(), plain_tooltip(self.words(number)) if number >= 0 else "", self)
            return True
        return super().event(event)

    def _paint_row(self, painter: QPainter, number: int) -> None:
        one, theme = self.buckets[number], self._desk.theme
        names, counts = self._widths
        line = QRect(SMALL, SMALL + number * ROW, self.width() - 2 * SMALL, ROW)
        if number == self.chosen:
            painter.fillRect(line, theme.color("raised"))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("muted"))
        painter.drawRoundedRect(_shape(one, line), 1.5, 1.5)
        left = line.left() + SHAPE + GAP + SMALL
        painter.setPen(theme.color("text"))
        painter.drawText(QRect(left, line.top(), names, ROW), Qt.AlignmentFlag.AlignVCenter, _name(one))
        right = QRect(line.right() - counts - SMALL, line.top(), counts + SMALL, ROW)
        painter.drawText(right, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, self._counts(one))
        room = QRectF(left + names + GAP, line.top() + 7, max(4, right.left() - left - names - 2 * GAP), ROW - 14)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("raised" if number != self.chosen else "surface"))
        painter.drawRoundedRect(room, 3, 3)
        room.setWidth(max(4.0, room.width() * one["samples"] / self._most))
        painter.setBrush(theme.color("plot1"))
        painter.drawRoundedRect(room, 3, 3)

    def _counts(self, one: dict[str, Any]) -> str:
        words = self.tr("samples {samples}, batches {batches}")
        return words.format(samples=whole(one["samples"]), batches=whole(one["batches"]))

    def _row_at(self, y: int) -> int:
        number = (y - SMALL) // ROW
        return number if 0 <= number < len(self.buckets) else -1

    def _choose(self, number: int) -> None:
        self.chosen = number
        self._describe()
        self.update()

    def _describe(self) -> None:
        if self.chosen >= 0:
            self.setAccessibleDescription(self.words(self.chosen))
        else:
            said = self.tr("{count} buckets; the arrow keys go through them")
            self.setAccessibleDescription(said.format(count=len(self.buckets)))


def _name(one: dict[str, Any]) -> str:
    return f"{one['width']} x {one['height']}"


def _shape(one: dict[str, Any], line: QRect) -> QRectF:
    """A small rectangle of the bucket's proportions."""
    width, height = max(1, one["width"]), max(1, one["height"])
    scale = SHAPE / max(width, height)
    box = QRectF(0, 0, max(2.0, width * scale), max(2.0, height * scale))
    box.moveCenter(QRectF(line.left() + SMALL, line.top(), SHAPE, line.height()).center())
    return box
