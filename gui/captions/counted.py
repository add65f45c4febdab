"""Lines of a list that end in a number."""

# PySide's stubs give QStyleOptionViewItem no fields: each `type: ignore[attr-defined]` on `option` is for that.
from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from gui.amounts import whole
from gui.desk import Desk
from gui.theme import GAP, SMALL

COUNT_ROLE = Qt.ItemDataRole.UserRole + 1  # int; below 0: not known


class CountedRows(QStyledItemDelegate):
    """The text, shortened where the room ends, and its count at the right; a count of 0 is muted."""

    def __init__(self, desk: Desk, parent: QWidget) -> None:
        super().__init__(parent)
        self._desk = desk

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(80, option.fontMetrics.height() + 2 * SMALL + 2)  # type: ignore[attr-defined]

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        theme, place = self._desk.theme, QRect(option.rect)  # type: ignore[attr-defined]
        state, states = option.state, QStyle.StateFlag  # type: ignore[attr-defined]
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        if state & states.State_Selected:
            tint = QColor(theme.color("accent"))
            tint.setAlphaF(0.18)
            painter.setBrush(tint)
            painter.drawRoundedRect(QRectF(place).adjusted(1, 1, -1, -1), 4, 4)
        elif state & states.State_MouseOver:
            painter.setBrush(theme.color("raised"))
            painter.drawRoundedRect(QRectF(place).adjusted(1, 1, -1, -1), 4, 4)
        if state & states.State_HasFocus:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(theme.color("focus"))
            painter.drawRoundedRect(QRectF(place).adjusted(1.5, 1.5, -1.5, -1.5), 4, 4)
        inner = place.adjusted(GAP, 0, -GAP, 0)
        count = index.data(COUNT_ROLE)
        said = whole(count) if isinstance(count, int) and count >= 0 else ""
        painter.setPen(theme.color("muted"))
        painter.drawText(inner, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, said)
        room = inner.adjusted(0, 0, -painter.fontMetrics().horizontalAdvance(said) - GAP, 0)
        painter.setPen(theme.color("muted" if count == 0 else "text"))
        text = painter.fontMetrics().elidedText(str(index.data()), Qt.TextElideMode.ElideMiddle, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)
        painter.restore()
