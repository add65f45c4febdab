"""Below the caption: all tags of the open pictures with their counts, to look for, filter by, rename and remove."""

# PySide's stubs give QStyleOptionViewItem no fields: each `type: ignore[attr-defined]` on `option` is for that.
from __future__ import annotations

from itertools import islice

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, QTimer
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QPainter
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QStyleOptionViewItem, QVBoxLayout, QWidget

from gui.amounts import whole
from gui.background import later
from gui.captions.all_tags_model import SORTS, TAG_ROLE, AllTagsModel, Row, Wanted, rows_of
from gui.captions.cell_view import CellView
from gui.captions.counted import COUNT_ROLE, CountedRows
from gui.captions.desk import CaptionDesk
from gui.captions.tag_actions import TagActions
from gui.captions.tag_dialogs import EverywhereDialog
from gui.captions.tag_menu import TagMenu
from gui.captions.tag_sources import TagSources
from gui.theme import GAP, SMALL
from gui.widgets.quiet import QuietComboBox
from gui.widgets.text import PlainLabel, shortened

TYPING_MILLISECONDS = 150
SETTING_SORT = "captions.tags_sort"
MOST_CHOSEN = 200  # tags kept chosen when the list is another
Index = QModelIndex | QPersistentModelIndex


class AllTags(QWidget):
    """Enter or a double click shows the pictures with a tag; the menu has the rest."""

    def __init__(self, desk: CaptionDesk, actions: TagActions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk, self._actions, self._sources = desk, actions, TagSources.of(desk)
        self.heading, self.text, self.sort = PlainLabel(role="heading"), QLineEdit(), QuietComboBox()
        self.tag_model, self.view = AllTagsModel(self), CellView()
        self._asked = 0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(TYPING_MILLISECONDS)
        self._timer.timeout.connect(self.look)
        self._lay_out()
        self._connect()
        self.retranslate()
        self.look()

    def _lay_out(self) -> None:
        self.view.setModel(self.tag_model)
        self.cells = _TagRows(self._desk, self.view)
        self.view.setItemDelegate(self.cells)
        self.view.set_cell(QSize(80, self.view.fontMetrics().height() + 2 * SMALL + 2), is_grid=False)
        self.view.setFrameShape(QFrame.Shape.NoFrame)
        self.text.setClearButtonEnabled(True)
        for sort in SORTS:
            self.sort.addItem("", sort)
        known = str(self._desk.desk.settings.get(SETTING_SORT, SORTS[0]))
        self.sort.setCurrentIndex(SORTS.index(known) if known in SORTS else 0)
        head = QHBoxLayout()
        head.setSpacing(SMALL)
        head.addWidget(self.heading, 1)
        head.addWidget(self.sort)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SMALL)
        column.addLayout(head)
        column.addWidget(self.text)
        column.addWidget(self.view, 1)

    def _connect(self) -> None:
        self.text.textChanged.connect(lambda _: self._timer.start())
        self.sort.activated.connect(lambda _: self._on_sort())
        self._sources.counted.connect(lambda _: self.look())
        self._sources.translations_changed.connect(self.look)
        self.view.doubleClicked.connect(lambda _: self.filter_by_chosen())
        self._desk.desk.language.changed.connect(self.retranslate)
        self._desk.desk.theme.changed.connect(self.view.viewport().update)

    def look(self) -> None:
        """Sort and filter anew, in a thread."""
        self._timer.stop()
        self._asked += 1
        number, wanted = self._asked, Wanted(self.text.text().strip(), SORTS[self.sort.currentIndex()])
        counts, translations = self._sources.counts, self._sources.translations
        if counts:
            later(lambda: rows_of(counts, wanted, translations), lambda rows: self._show(number, rows), owner=self)
        else:
            self._show(number, [])

    def chosen(self) -> list[str]:
        """The chosen tags, the first `MOST_CHOSEN` of them."""
        chosen = self.view.selectionModel().selection()
        parts = sorted((part.top(), part.bottom()) for part in map(chosen.at, range(chosen.count())))
        rows = (row for top, bottom in parts for row in range(top, bottom + 1))
        return [self.tag_model.rows[row][0] for row in islice(rows, MOST_CHOSEN)]

    def filter_by_chosen(self) -> None:
        if tags := self.chosen():
            self._actions.filter_by(tags)

    def set_translations(self, shown: bool) -> None:
        self.cells.shows_translations = shown
        self.view.viewport().update()

    def open_everywhere(self, renames: bool) -> None:
        """Rename or remove the chosen tags in all captions, after their changes were shown."""
        tags = self.chosen()
        if tags and not (renames and len(tags) > 1):
            EverywhereDialog(self._desk, tags, renames, self).open()

    def retranslate(self) -> None:
        self.text.setPlaceholderText(self.tr("Look for a tag"))
        self.text.setAccessibleName(self.tr("Look for a tag"))
        self.view.setAccessibleName(self.tr("All tags"))
        names = (self.tr("frequent"), self.tr("rare"), self.tr("by name"), self.tr("by length"))
        for row, name in enumerate(names):
            self.sort.setItemText(row, name)
        self.sort.setAccessibleName(self.tr("Order of all tags"))
        self._name()

    def _name(self) -> None:
        total, shown = len(self._sources.counts), len(self.tag_model.rows)
        said = self.tr("All tags") + f" ({whole(total)})" if total else self.tr("All tags")
        self.heading.setText(said if shown == total else f"{self.tr('All tags')} ({whole(shown)}/{whole(total)})")

    def _show(self, number: int, rows: list[Row]) -> None:
        if number != self._asked:
            return
        chosen, current = set(self.chosen()), self.view.currentIndex().data(TAG_ROLE)
        place = self.view.verticalScrollBar().value()
        self.tag_model.show_rows(rows)
        if chosen and not self.view.selectionModel().hasSelection():
            self._choose(chosen, current)
        self.view.verticalScrollBar().setValue(place)
        self._name()

    def _choose(self, tags: set[str], current: object) -> None:
        """What was chosen, where it is still in the list."""
        model, flag = self.view.selectionModel(), self.view.selectionModel().SelectionFlag
        left = len(tags)
        for row, (tag, _) in enumerate(self.tag_model.rows):
            if tag in tags:
                index = self.tag_model.index(row)
                model.select(index, flag.Select)
                if tag == current:
                    model.setCurrentIndex(index, flag.NoUpdate)
                left -= 1
                if not left:
                    return

    def _on_sort(self) -> None:
        self._desk.desk.settings.set(SETTING_SORT, SORTS[self.sort.currentIndex()])
        self.look()

    # Qt's virtual methods

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.filter_by_chosen()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        tags = self.chosen()
        if tags and self.view.geometry().contains(event.pos()):
            menu = TagMenu(self._desk, self._actions, tags, self)
            menu.begin((self.tr("Add to the chosen pictures"), "", lambda: self._actions.set_for_all(tags, True)))
            menu.open_at(event.globalPos())


class _TagRows(CountedRows):
    """The translation stands behind the tag."""

    def __init__(self, desk: CaptionDesk, parent: QWidget) -> None:
        super().__init__(desk.desk, parent)
        self._sources = TagSources.of(desk)
        self.shows_translations = True

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        super().paint(painter, option, index)
        if not self.shows_translations:
            return
        word = shortened(self._sources.translation(str(index.data(TAG_ROLE))), 200)
        metrics, place = painter.fontMetrics(), option.rect  # type: ignore[attr-defined]
        left = place.left() + 2 * GAP + metrics.horizontalAdvance(str(index.data()))
        right = place.right() - 3 * GAP - metrics.horizontalAdvance(whole(index.data(COUNT_ROLE)))
        if word and right - left > metrics.horizontalAdvance(word[:1]) * 2:
            painter.save()
            painter.setPen(self._desk.theme.color("muted"))
            said = metrics.elidedText(word, Qt.TextElideMode.ElideRight, right - left)
            painter.drawText(
                QRect(left, place.top(), right - left, place.height()), Qt.AlignmentFlag.AlignVCenter, said
            )
            painter.restore()
