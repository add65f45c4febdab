"""A view of equal cells, as a grid or one below the other, whose layout is arithmetic.

QListView lays out each of 100 000 rows: 160 ms of blocked window at every resize, 350 ms at the first show (measured).
Here a cell's place follows from its row, so that a million rows cost what a screenful does.
"""

# PySide's stubs give QStyleOptionViewItem no fields: each `type: ignore[attr-defined]` on `option` is for that.
from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
)
from PySide6.QtGui import QPainter, QPaintEvent, QRegion, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QStyle, QStyleOptionViewItem, QWidget

Index = QModelIndex | QPersistentModelIndex
Action = QAbstractItemView.CursorAction


class CellView(QAbstractItemView):
    """`set_cell` with the size of a cell; a grid has as many columns as fit, a list has one as wide as the view."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cell, self._is_grid = QSize(160, 190), True
        self._columns_before = 1  # until the next change of size
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setTabKeyNavigation(False)
        self.setMouseTracking(True)

    def set_cell(self, cell: QSize, is_grid: bool) -> None:
        """Sizes in logical pixels. The picture at the keyboard stays in sight, otherwise that in the middle."""
        current = self.currentIndex().row()
        middle = self._row_at(QPoint(self._width() // 2, self._height() // 2)) if self._count() else -1
        kept = current if current in self.rows_shown() else middle
        self._cell, self._is_grid = cell, is_grid
        self.updateGeometries()
        if kept >= 0:
            self.scrollTo(self._index(kept), QAbstractItemView.ScrollHint.PositionAtCenter)
        self.viewport().update()

    @property
    def is_grid(self) -> bool:
        return self._is_grid

    @property
    def columns(self) -> int:
        return max(1, self._width() // self._cell.width()) if self._is_grid else 1

    def rows_shown(self) -> range:
        """Rows of the model of which something can be seen."""
        return self._rows_in(self.columns, self._height())

    def _rows_in(self, columns: int, height: int) -> range:
        line, top = self._cell.height(), self.verticalOffset()
        first, last = top // line * columns, ((top + height) // line + 1) * columns
        return range(min(first, self._count()), min(last, self._count()))

    # geometry: Qt's virtual methods

    def visualRect(self, index: Index) -> QRect:
        if not index.isValid():
            return QRect()
        line, column = divmod(index.row(), self.columns)
        left = column * self._width() // self.columns
        right = (column + 1) * self._width() // self.columns
        return QRect(left, line * self._cell.height() - self.verticalOffset(), right - left, self._cell.height())

    def indexAt(self, point: QPoint) -> QModelIndex:
        if not self._is_inside(point):
            return QModelIndex()
        return self._index(self._row_at(point))

    def scrollTo(
        self, index: Index, hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible
    ) -> None:
        if not index.isValid():
            return
        bar, place = self.verticalScrollBar(), self.visualRect(index)
        top, bottom = place.top() + bar.value(), place.bottom() + bar.value()
        hints = QAbstractItemView.ScrollHint
        if hint == hints.PositionAtCenter:
            bar.setValue((top + bottom - self._height()) // 2)
        elif hint == hints.PositionAtTop or top < bar.value():
            bar.setValue(top)
        elif hint == hints.PositionAtBottom or bottom > bar.value() + self._height():
            bar.setValue(bottom - self._height() + 1)

    def horizontalOffset(self) -> int:
        return 0

    def verticalOffset(self) -> int:
        return self.verticalScrollBar().value()

    def isIndexHidden(self, index: Index) -> bool:
        return False

    def visualRegionForSelection(self, selection: QItemSelection) -> QRegion:
        return QRegion(self.viewport().rect())  # thousands of ranges would take longer than to draw a screenful

    def updateGeometries(self) -> None:
        self._columns_before = self.columns
        lines = -(-self._count() // self.columns)
        bar, height = self.verticalScrollBar(), self._cell.height()
        bar.setSingleStep(max(20, height // 4))
        bar.setPageStep(self._height())
        bar.setRange(0, max(0, lines * height - self._height()))
        super().updateGeometries()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The picture at the keyboard stays in sight when the columns become more or less."""
        was_seen = self.currentIndex().row() in self._rows_in(self._columns_before, event.oldSize().height())
        super().resizeEvent(event)
        self.updateGeometries()
        if was_seen:
            self.scrollTo(self.currentIndex())

    # keyboard and mouse: Qt's virtual methods

    def moveCursor(self, action: Action, modifiers: Qt.KeyboardModifier) -> QModelIndex:
        count, columns, row = self._count(), self.columns, self.currentIndex().row()
        if not count:
            return QModelIndex()
        if row < 0:
            return self._index(0)
        page = max(1, self._height() // self._cell.height()) * columns
        steps = {
            Action.MoveLeft: -1, Action.MovePrevious: -1, Action.MoveRight: 1, Action.MoveNext: 1,
            Action.MoveUp: -columns, Action.MoveDown: columns, Action.MovePageUp: -page, Action.MovePageDown: page,
            Action.MoveHome: -count, Action.MoveEnd: count,
        }  # fmt: skip
        wanted = row + steps.get(action, 0)
        if action in (Action.MoveUp, Action.MoveDown) and not 0 <= wanted < count:
            wanted = row if action == Action.MoveUp or row // columns == (count - 1) // columns else count - 1
        return self._index(min(max(wanted, 0), count - 1))

    def setSelection(self, rect: QRect, command: QItemSelectionModel.SelectionFlag) -> None:
        """From the cell under the rectangle's first corner to that under its last, in reading order."""
        if not self._count():
            return
        ends = sorted((self._row_at(rect.topLeft()), self._row_at(rect.bottomRight())))
        self.selectionModel().select(QItemSelection(self._index(ends[0]), self._index(ends[1])), command)

    def keyboardSearch(self, search: str) -> None:
        """Qt would ask the model for every name; the filter is there for that."""

    # drawing

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        chosen, current = self.selectionModel(), self.currentIndex()
        option = QStyleOptionViewItem()
        self.initViewItemOption(option)
        enabled, has_keyboard, delegate = option.state, self.hasFocus(), self.itemDelegate()
        pointer = self._row_at(point) if self._is_inside(point := self._pointer()) else -1
        for index in self._indexes_shown():
            state = enabled
            if chosen is not None and chosen.isSelected(index):
                state |= QStyle.StateFlag.State_Selected
            if index == current and has_keyboard:
                state |= QStyle.StateFlag.State_HasFocus
            if index.row() == pointer:
                state |= QStyle.StateFlag.State_MouseOver
            option.state, option.rect = state, self.visualRect(index)  # type: ignore[attr-defined]
            delegate.paint(painter, option, index)
        painter.end()

    def _indexes_shown(self) -> Iterator[QModelIndex]:
        model = self.model()
        for row in self.rows_shown():
            yield model.index(row, 0)

    def _pointer(self) -> QPoint:
        from PySide6.QtGui import QCursor

        return self.viewport().mapFromGlobal(QCursor.pos()) if self.underMouse() else QPoint(-1, -1)

    def _is_inside(self, point: QPoint) -> bool:
        line = (point.y() + self.verticalOffset()) // self._cell.height()
        column = self._column_at(point.x())
        inside = 0 <= point.x() < self._width() and point.y() >= 0
        return inside and line * self.columns + column < self._count()

    def _row_at(self, point: QPoint) -> int:
        """The nearest row there is, also for a point beside all cells."""
        columns = self.columns
        line = max(0, point.y() + self.verticalOffset()) // self._cell.height()
        column = min(max(0, self._column_at(point.x())), columns - 1)
        return min(line * columns + column, self._count() - 1)

    def _column_at(self, x: int) -> int:
        """The column whose cell, from column * width // columns on, holds this pixel."""
        return ((x + 1) * self.columns - 1) // max(1, self._width())

    def _index(self, row: int) -> QModelIndex:
        return self.model().index(row, 0)

    def _count(self) -> int:
        model = self.model()
        return model.rowCount() if model is not None else 0

    def _width(self) -> int:
        return self.viewport().width()

    def _height(self) -> int:
        return self.viewport().height()
