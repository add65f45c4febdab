"""How a picture looks in the grid and in the list: its thumbnail, its name, and what its caption amounts to."""

# PySide's stubs give QStyleOptionViewItem no fields: each `type: ignore[attr-defined]` on `option` is for that.
from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPen, QPixmap, QTextOption
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from dataset_tools.library import Picture
from gui.amounts import whole
from gui.captions.desk import CaptionDesk
from gui.captions.model import PICTURE_ROLE, THUMBNAIL_ROLE
from gui.captions.thumbnails import Unreadable
from gui.theme import GAP, SMALL
from gui.widgets.text import shortened

Index = QModelIndex | QPersistentModelIndex
ROUND = 6.0  # px, corners
LIST_SIDE = 76  # px, the picture in a line of the list
LONGEST = 600  # characters of a caption that a line can show


@dataclass(frozen=True)
class Look:
    """State of a cell."""

    is_selected: bool
    is_current: bool
    is_pointed: bool


class Cells(QStyledItemDelegate):
    """Grid cells; `side` is that of the picture in logical pixels. `ListCells` draws lines of the list."""

    def __init__(self, desk: CaptionDesk, parent: QWidget, side: int) -> None:
        super().__init__(parent)
        self._desk, self._view, self.side = desk, parent, side

    def cell(self) -> QSize:
        """Picture, name and one line about the caption."""
        line = self._view.fontMetrics().height()
        return QSize(self.side + 2 * GAP, self.side + 2 * line + 2 * GAP + 3 * SMALL)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        picture = index.data(PICTURE_ROLE)
        if not isinstance(picture, Picture):
            return
        states, state = QStyle.StateFlag, option.state  # type: ignore[attr-defined]
        seen = Look(
            bool(state & states.State_Selected),
            bool(state & states.State_HasFocus),
            bool(state & states.State_MouseOver),
        )
        painter.save()
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        place = QRect(option.rect).adjusted(SMALL // 2, SMALL // 2, -SMALL // 2, -SMALL // 2)  # type: ignore[attr-defined]
        self._paint_ground(painter, place, seen)
        self._paint_inside(painter, place, picture, index.data(THUMBNAIL_ROLE))
        painter.restore()

    def _paint_ground(self, painter: QPainter, place: QRect, seen: Look) -> None:
        theme = self._desk.desk.theme
        if seen.is_selected:
            tint = QColor(theme.color("accent"))
            tint.setAlphaF(0.16)
            painter.setBrush(tint)
            painter.setPen(QPen(theme.color("accent"), 2))
        elif seen.is_pointed:
            painter.setBrush(theme.color("raised"))
            painter.setPen(Qt.PenStyle.NoPen)
        else:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(Qt.PenStyle.NoPen)
        painter.drawRoundedRect(QRectF(place).adjusted(1, 1, -1, -1), ROUND, ROUND)
        if seen.is_current:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.color("text"), 1, Qt.PenStyle.DotLine))
            painter.drawRoundedRect(QRectF(place).adjusted(3, 3, -3, -3), ROUND - 2, ROUND - 2)

    def _paint_inside(self, painter: QPainter, place: QRect, picture: Picture, thumbnail: object) -> None:
        inner = place.adjusted(SMALL, GAP - SMALL // 2, -SMALL, -(GAP - SMALL // 2))
        room = QRect(inner.left(), inner.top(), inner.width(), self.side)
        self.paint_picture(painter, room, thumbnail)
        line = painter.fontMetrics().height()
        name = QRect(inner.left(), room.bottom() + SMALL, inner.width(), line)
        said = shortened(PurePath(picture.name).name, 300)
        painter.setPen(self._desk.desk.theme.color("text"))
        said = painter.fontMetrics().elidedText(said, Qt.TextElideMode.ElideMiddle, name.width())
        painter.drawText(name, Qt.AlignmentFlag.AlignCenter, said)
        amount = name.translated(0, line + SMALL // 2)
        words, token = self.amounts(picture)
        painter.setPen(self._desk.desk.theme.color(token))
        words = painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, amount.width())
        painter.drawText(amount, Qt.AlignmentFlag.AlignCenter, words)
        self.paint_mark(painter, room, picture)

    def paint_picture(self, painter: QPainter, room: QRect, thumbnail: object) -> None:
        """The picture in its proportions, or in its place why there is none."""
        theme = self._desk.desk.theme
        if isinstance(thumbnail, QPixmap):
            size = thumbnail.size().scaled(room.size(), Qt.AspectRatioMode.KeepAspectRatio)
            place = QRect(room.topLeft(), size)
            place.moveCenter(room.center())
            painter.drawPixmap(place, thumbnail)
            return
        side = min(room.width(), room.height())
        place = QRect(0, 0, side, side)
        place.moveCenter(room.center())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("raised"))
        painter.drawRoundedRect(place, ROUND, ROUND)
        is_bad = isinstance(thumbnail, Unreadable)
        icon = QRect(0, 0, 20, 20)
        icon.moveCenter(place.center())
        theme.icon("warning" if is_bad else "picture", "warning" if is_bad else "muted").paint(painter, icon)

    def paint_mark(self, painter: QPainter, room: QRect, picture: Picture) -> None:
        """A sign in the corner: a conflict, or a caption file that cannot be edited as it is."""
        is_conflict = picture.id in self._desk.conflicts
        if not is_conflict and picture.problem in (None, "", "empty"):
            return
        theme, corner = self._desk.desk.theme, QRect(room.right() - 21, room.top() + 1, 20, 20)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("surface"))
        painter.drawEllipse(corner)
        name = "error" if is_conflict else "warning"
        theme.icon(name, name).paint(painter, corner.adjusted(2, 2, -2, -2))

    def amounts(self, picture: Picture) -> tuple[str, str]:
        """What the caption amounts to, and its colour: state is told by words, colour only stresses."""
        if self._desk.session is None:
            return "", "muted"
        if picture.problem not in (None, "", "empty"):
            return self.tr("cannot be edited as it is"), "warning"
        if not picture.tags:
            return self.tr("no caption"), "warning"
        is_long = picture.tokens > self._desk.most_tokens
        one = len(picture.tags) == 1
        said = self.tr("1 tag, {tokens} tokens") if one else self.tr("{tags} tags, {tokens} tokens")
        return said.format(tags=whole(len(picture.tags)), tokens=whole(picture.tokens)), "error" if is_long else "muted"


class ListCells(Cells):
    """A line: the picture at the left, the name, the caption in two lines, and the amounts at the right."""

    def cell(self) -> QSize:
        return QSize(1, self.side + 2 * SMALL)

    def _paint_inside(self, painter: QPainter, place: QRect, picture: Picture, thumbnail: object) -> None:
        theme = self._desk.desk.theme
        room = QRect(place.left() + GAP, place.top() + SMALL // 2, self.side, place.height() - SMALL)
        self.paint_picture(painter, room, thumbnail)
        self.paint_mark(painter, room, picture)
        text = place.adjusted(self.side + 3 * GAP, SMALL, -GAP, -SMALL)
        line = painter.fontMetrics().height()
        words, token = self.amounts(picture)
        painter.setPen(theme.color(token))
        painter.drawText(QRect(text.left(), text.top(), text.width(), line), Qt.AlignmentFlag.AlignRight, words)
        bold = QFont(painter.font())
        bold.setBold(True)
        painter.setFont(bold)
        painter.setPen(theme.color("text"))
        width = max(40, text.width() - painter.fontMetrics().horizontalAdvance(words) - GAP)
        name = shortened(PurePath(picture.name).name, 300)
        name = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideMiddle, width)
        painter.drawText(QRect(text.left(), text.top(), width, line), Qt.AlignmentFlag.AlignLeft, name)
        bold.setBold(False)
        painter.setFont(bold)
        self._paint_caption(painter, text.adjusted(0, line + SMALL // 2, 0, 0), picture)

    def _paint_caption(self, painter: QPainter, room: QRect, picture: Picture) -> None:
        metrics = painter.fontMetrics()
        lines = max(1, room.height() // metrics.lineSpacing())
        text = shortened(picture.text[:LONGEST], LONGEST).replace("\n", " ")
        text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, int(lines * room.width() * 0.92))
        option = QTextOption(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        painter.setPen(self._desk.desk.theme.color("muted"))
        painter.drawText(QRectF(room), text, option)
