"""How a chip looks: the tag, its translation below, and for several pictures a box of three states and a count."""

# PySide's stubs give QStyleOptionViewItem no fields: each `type: ignore[attr-defined]` on `option` is for that.
from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from gui.amounts import whole
from gui.captions.chip_model import CHIP_ROLE, LONGEST, Chip
from gui.captions.desk import CaptionDesk
from gui.captions.tag_sources import TagSources
from gui.theme import GAP, SMALL
from gui.widgets.text import shortened

Index = QModelIndex | QPersistentModelIndex
BOX = 13  # px
LEAST = 34  # px, the width of a chip


class ChipCells(QStyledItemDelegate):
    """Sizes and painting."""

    def __init__(self, desk: CaptionDesk, view: QListView) -> None:
        super().__init__(view)
        self._desk, self._view, self._sources = desk, view, TagSources.of(desk)
        self.shows_translations = True

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        chip = index.data(CHIP_ROLE)
        metrics = self._view.fontMetrics()
        width = 2 * GAP + metrics.horizontalAdvance(_shown(chip))
        if chip.of > 1:
            width += BOX + SMALL + SMALL + self._small_metrics().horizontalAdvance(_count(chip))
        height = metrics.height() + 2 * SMALL + 2
        if word := self._word(chip.tag):
            width = max(width, 2 * GAP + self._small_metrics().horizontalAdvance(word) + (chip.of > 1) * (BOX + SMALL))
        if self.shows_translations:
            height += self._small_metrics().height()
        return QSize(min(max(width, LEAST), self._room()), height)

    def box(self, place: QRect) -> QRect:
        """The box of three states in a chip, with some room about it for the mouse."""
        return QRect(place.left(), place.top(), BOX + 2 * GAP - SMALL, place.height())

    def tip(self, chip: Chip) -> str:
        words = self._sources.translations.words_of(chip.tag) if self._sources.translations is not None else ()
        return "\n".join([shortened(chip.tag, LONGEST), *words])

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        chip, theme = index.data(CHIP_ROLE), self._desk.desk.theme
        place, state, states = QRect(option.rect), option.state, QStyle.StateFlag  # type: ignore[attr-defined]
        is_chosen = bool(state & states.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ground = QColor(theme.color("accent" if is_chosen else "raised"))
        if is_chosen:
            ground.setAlphaF(0.2)
        is_double = chip.tag in self._view.model().doubled  # type: ignore[attr-defined]  # a ChipModel
        border = "accent" if is_chosen else "warning" if is_double else "muted" if _pointed(state) else "border"
        pen = QPen(theme.color(border), 1.5 if is_chosen else 1)
        if chip.state == "none" or is_double:
            pen.setStyle(Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.setBrush(ground if chip.state != "none" else Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(QRectF(place).adjusted(1, 1, -1, -1), 5, 5)
        if state & states.State_HasFocus and self._view.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.color("text"), 1, Qt.PenStyle.DotLine))
            painter.drawRoundedRect(QRectF(place).adjusted(3, 3, -3, -3), 4, 4)
        self._paint_words(painter, place.adjusted(GAP, SMALL, -GAP, -SMALL), chip)
        painter.restore()

    def _paint_words(self, painter: QPainter, inner: QRect, chip: Chip) -> None:
        theme, metrics = self._desk.desk.theme, painter.fontMetrics()
        line = QRect(inner.left(), inner.top(), inner.width(), metrics.height() + 2)
        small = self._small()
        if chip.of > 1:
            box = QRect(inner.left(), line.center().y() - BOX // 2, BOX, BOX)
            self._paint_box(painter, box, chip)
            line.setLeft(box.right() + SMALL + 1)
            inner.setLeft(line.left())
            painter.save()
            painter.setFont(small)
            painter.setPen(theme.color("muted"))
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(line, right, _count(chip))
            line.setRight(line.right() - painter.fontMetrics().horizontalAdvance(_count(chip)) - SMALL)
            painter.restore()
        painter.setPen(theme.color("muted" if chip.state == "none" else "text"))
        said = metrics.elidedText(_shown(chip), Qt.TextElideMode.ElideRight, line.width() + 1)
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, said)
        if word := self._word(chip.tag):
            painter.setFont(small)
            painter.setPen(theme.color("muted"))
            below = QRect(inner.left(), line.bottom(), inner.width(), self._small_metrics().height())
            word = painter.fontMetrics().elidedText(word, Qt.TextElideMode.ElideRight, below.width() + 1)
            painter.drawText(below, Qt.AlignmentFlag.AlignVCenter, word)

    def _paint_box(self, painter: QPainter, box: QRect, chip: Chip) -> None:
        """A tick: all have it; a dash: some; empty: none."""
        theme = self._desk.desk.theme
        painter.setPen(theme.color("muted"))
        painter.setBrush(theme.color("accent" if chip.state == "all" else "surface"))
        painter.drawRoundedRect(QRectF(box).adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)
        left, top = box.left(), box.top()
        if chip.state == "all":
            painter.setPen(QPen(theme.color("accent_text"), 1.8))
            painter.drawPolyline([QPoint(left + 3, top + 6), QPoint(left + 5, top + 9), QPoint(left + 10, top + 3)])
        elif chip.state == "some":
            painter.setPen(QPen(theme.color("text"), 2))
            painter.drawLine(left + 3, top + BOX // 2, left + BOX - 4, top + BOX // 2)

    def _word(self, tag: str) -> str:
        return shortened(self._sources.translation(tag), LONGEST) if self.shows_translations else ""

    def _room(self) -> int:
        return max(LEAST, self._view.viewport().width() - 2 * self._view.spacing() - 2)

    def _small(self) -> QFont:
        font = QFont(self._view.font())
        font.setPointSizeF(max(6.0, font.pointSizeF() * 0.85))
        return font

    def _small_metrics(self) -> QFontMetrics:
        return QFontMetrics(self._small())


def _shown(chip: Chip) -> str:
    return shortened(chip.tag.replace("\n", " "), LONGEST)


def _count(chip: Chip) -> str:
    return f"{whole(chip.count)}/{whole(chip.of)}"


def _pointed(state: QStyle.StateFlag) -> bool:
    return bool(state & QStyle.StateFlag.State_MouseOver)
