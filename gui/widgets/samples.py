"""The grid of a run's samples: prompts beside steps. A click or Enter compares two steps of a prompt."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPixmap, QTextOption
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStackedLayout,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from gui.desk import Desk
from gui.theme import SMALL
from gui.widgets.compare import CompareDialog
from gui.widgets.sample_model import SAMPLE_ROLE, SampleModel
from gui.widgets.text import PlainLabel
from kohya_like.events import Sample

SIDE = 88  # of a thumbnail, logical pixels
CELL = SIDE + 2 * SMALL
PROMPT_WIDTH = 108


class SampleGrid(QWidget):
    """`show_samples` with all samples of a run, again whenever there are more."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.model = SampleModel(desk, int(SIDE * self.devicePixelRatioF()))
        self.table = QTableView()
        self._placeholder = PlainLabel(role="muted", wrap=True)
        self._placeholder.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.compare: CompareDialog | None = None
        self._stack = QStackedLayout(self)
        self._stack.setContentsMargins(0, 0, 0, 0)
        self._stack.addWidget(self._placeholder)
        self._stack.addWidget(self.table)
        self._set_up_table()
        desk.language.changed.connect(self.retranslate)
        desk.theme.changed.connect(self.table.viewport().update)
        self.retranslate()

    def _set_up_table(self) -> None:
        table = self.table
        table.setModel(self.model)
        table.setItemDelegate(_Thumbnails(self._desk, table))
        table.setVerticalHeader(_Prompts(self._desk, table))
        table.setShowGrid(False)
        table.setCornerButtonEnabled(False)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        for header, size in ((table.horizontalHeader(), CELL), (table.verticalHeader(), CELL)):
            header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
            header.setDefaultSectionSize(size)
            header.setHighlightSections(False)
        table.setTabKeyNavigation(False)  # Tab leaves the grid, arrows move inside
        table.clicked.connect(self._open)
        table.installEventFilter(self)

    def show_samples(self, samples: Sequence[Sample]) -> None:
        bar = self.table.horizontalScrollBar()
        at_end = bar.value() == bar.maximum()
        self.model.show_samples(samples)
        self._stack.setCurrentIndex(1 if samples else 0)
        if at_end:
            self.table.scrollTo(self.model.index(0, len(self.model.steps) - 1))
        if self.compare is not None and self.compare.isVisible():
            self.compare.samples_changed()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        pressed = isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress
        if pressed and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):  # type: ignore[attr-defined]
            self._open(self.table.currentIndex())
            return True
        return super().eventFilter(watched, event)

    def _open(self, index: QModelIndex) -> None:
        sample = self.model.at(index)
        if sample is None:
            return
        if self.compare is None:
            self.compare = CompareDialog(self._desk, self.model, self.window())
        self.compare.show_prompt(sample.index, sample.step)

    def retranslate(self) -> None:
        self.table.setAccessibleName(self.tr("Samples: a row for each prompt, a column for each step"))
        self.table.setToolTip(self.tr("Click or press Enter to compare two steps"))
        self._placeholder.setText(
            self.tr("No samples yet. They appear here as the training draws them; Sample now asks for some.")
        )


class _Thumbnails(QStyledItemDelegate):
    """A cell: the picture, or why there is none, in words."""

    def __init__(self, desk: Desk, parent: QWidget) -> None:
        super().__init__(parent)
        self._desk = desk

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(CELL, CELL)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        theme = self._desk.theme
        room: QRect = option.rect.adjusted(SMALL, SMALL, -SMALL, -SMALL)  # type: ignore[attr-defined]
        picture = index.data(Qt.ItemDataRole.DecorationRole)
        painter.save()
        if isinstance(picture, QPixmap):
            size = picture.size().scaled(room.size(), Qt.AspectRatioMode.KeepAspectRatio)
            place = QRect(room.topLeft(), size)
            place.moveCenter(room.center())
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawPixmap(place, picture)
        elif index.data(SAMPLE_ROLE) is not None:
            painter.fillRect(room, theme.color("raised"))
            painter.setPen(theme.color("muted"))
            if isinstance(picture, str):
                _draw_wrapped(painter, room.adjusted(SMALL, SMALL, -SMALL, -SMALL), picture[:80], centred=True)
            else:
                middle = QRect(room.center().x() - 10, room.center().y() - 10, 20, 20)
                theme.icon("picture", "muted").paint(painter, middle)
        if option.state & QStyle.StateFlag.State_Selected:  # type: ignore[attr-defined]
            color: QColor = theme.color("focus")
            painter.setPen(color)
            painter.drawRect(room.adjusted(-2, -2, 1, 1))
            painter.drawRect(room.adjusted(-3, -3, 2, 2))
        painter.restore()


class _Prompts(QHeaderView):
    """Prompts in several lines, as plain text."""

    def __init__(self, desk: Desk, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Vertical, parent)
        self._desk = desk
        self.setFixedWidth(PROMPT_WIDTH)

    def paintSection(self, painter: QPainter, rect: QRect, section: int) -> None:
        theme = self._desk.theme
        painter.save()
        painter.fillRect(rect, theme.color("surface"))
        painter.setPen(theme.color("border"))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        painter.setPen(theme.color("text"))
        text = str(self.model().headerData(section, Qt.Orientation.Vertical) or "")
        room = rect.adjusted(2 * SMALL, SMALL, -SMALL, -SMALL)
        _draw_wrapped(painter, room, _fitting(text, room, painter))
        painter.restore()


def _draw_wrapped(painter: QPainter, room: QRect, text: str, centred: bool = False) -> None:
    """Plain text in several lines; a word that is too long is broken."""
    option = QTextOption(Qt.AlignmentFlag.AlignCenter if centred else Qt.AlignmentFlag.AlignVCenter)
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    painter.drawText(QRectF(room), text, option)


def _fitting(text: str, room: QRect, painter: QPainter) -> str:
    """The beginning of a text that fits into the lines there are."""
    metrics = painter.fontMetrics()
    lines = max(1, room.height() // metrics.lineSpacing())
    return metrics.elidedText(text, Qt.TextElideMode.ElideRight, int(lines * room.width() * 0.8))
