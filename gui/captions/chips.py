"""The tags of the chosen pictures as chips: choose, rename, drag; for several pictures with a box of three states."""

# PySide's stubs give QStyleOptionViewItem no fields: each `type: ignore[attr-defined]` on `option` is for that.
from __future__ import annotations

from PySide6.QtCore import QAbstractItemModel, QEvent, QModelIndex, QPersistentModelIndex, QPoint, QRect, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QDragMoveEvent,
    QDropEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QFrame, QListView, QStyleOptionViewItem, QWidget

from gui.captions.chip_cells import ChipCells
from gui.captions.chip_model import CHIP_ROLE, Chip, ChipModel
from gui.captions.completer import TagLine
from gui.captions.desk import CaptionDesk
from gui.captions.tag_sources import TagSources
from gui.theme import SMALL
from gui.widgets.text import plain_tooltip

Index = QModelIndex | QPersistentModelIndex


class ChipsView(QListView):
    """Says what a person wants of the tags; whoever owns it makes the edits."""

    renamed = Signal(str, str)  # old tag, what was typed
    reordered = Signal(object)  # list[str]: all tags in their new order; of one picture only
    toggled = Signal(object, bool)  # list[str], True: all chosen pictures shall have them, False: none
    menu_wanted = Signal(object, QPoint)  # list[str]; where, global

    def __init__(self, desk: CaptionDesk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.chip_model = ChipModel(self)
        self.setModel(self.chip_model)
        self.cells = _Editing(desk, self)
        self.setItemDelegate(self.cells)
        self.cells.renamed.connect(self.renamed)
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setSpacing(SMALL // 2)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setDefaultDropAction(Qt.DropAction.CopyAction)
        self.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.setTabKeyNavigation(False)
        self.setMouseTracking(True)
        TagSources.of(desk).translations_changed.connect(self.lay_out_again)
        desk.desk.language.changed.connect(self.retranslate)
        desk.desk.theme.changed.connect(self.viewport().update)
        self.retranslate()

    @property
    def is_of_many(self) -> bool:
        return bool(self.chip_model.chips) and self.chip_model.chips[0].of > 1

    def show_chips(self, chips: list[Chip], editable: bool = True) -> None:
        self.chip_model.is_editable = editable
        self.chip_model.show_chips(chips)
        self.setDragEnabled(editable and not self.is_of_many)

    def set_translations(self, shown: bool) -> None:
        self.cells.shows_translations = shown
        self.lay_out_again()

    def lay_out_again(self) -> None:
        self.scheduleDelayedItemsLayout()

    def chosen(self) -> list[str]:
        """The tags of the chosen chips, in their order."""
        return [self.chip_model.chips[row].tag for row in self.chosen_rows()]

    def chosen_rows(self) -> list[int]:
        return sorted(index.row() for index in self.selectedIndexes())

    def rename(self) -> None:
        """Type over the tag the keyboard is at."""
        if self.currentIndex().isValid() and self.chip_model.is_editable:
            self.setFocus()
            self.edit(self.currentIndex())

    def retranslate(self) -> None:
        self.setAccessibleName(self.tr("Tags of the chosen pictures"))
        self.viewport().update()

    def move_chosen(self, step: int) -> None:
        """The chosen tags one place towards the start (-1) or the end (1)."""
        rows = self.chosen_rows()
        if rows:
            self._move(rows, rows[0] - 1 if step < 0 else rows[-1] + 2)

    def _move(self, rows: list[int], before: int) -> None:
        """Put chips before the row `before` as counted with them."""
        tags = [chip.tag for chip in self.chip_model.chips]
        if self.is_of_many or not self.chip_model.is_editable or not 0 <= before <= len(tags):
            return
        moved = [tags[row] for row in rows]
        first = [tag for row, tag in enumerate(tags[:before]) if row not in rows]
        last = [tag for row, tag in enumerate(tags[before:], before) if row not in rows]
        if (order := [*first, *moved, *last]) != tags:
            self.reordered.emit(order)
            self._choose(range(len(first), len(first) + len(moved)))

    def _choose(self, rows: range) -> None:
        model, flag = self.selectionModel(), self.selectionModel().SelectionFlag
        model.clearSelection()
        for row in rows:
            model.select(self.chip_model.index(row), flag.Select)
        if rows:
            model.setCurrentIndex(self.chip_model.index(rows[0]), flag.NoUpdate)

    # Qt's virtual methods

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if step and event.modifiers() & Qt.KeyboardModifier.AltModifier:
            self.move_chosen(step)
        elif event.key() == Qt.Key.Key_Space and self.is_of_many and self.chosen():
            self._toggle(self.chosen())
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        if index.isValid() and self.is_of_many and event.button() == Qt.MouseButton.LeftButton:
            box = self.cells.box(self.visualRect(index))
            if box.contains(event.position().toPoint()):
                self._toggle([self.chip_model.chips[index.row()].tag])
                return
        super().mousePressEvent(event)

    def _toggle(self, tags: list[str]) -> None:
        """None or some have them: all shall; all have them: none shall."""
        if not self.chip_model.is_editable:
            return
        wanted = {chip.tag: chip for chip in self.chip_model.chips}
        self.toggled.emit(tags, any(wanted[tag].state != "all" for tag in tags))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if tags := self.chosen():
            self.menu_wanted.emit(tags, event.globalPos())

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        super().dragMoveEvent(event)
        if event.source() is self:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Nothing is dropped into the model: the order is wished for, and comes back as a changed caption."""
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
        if event.source() is self:
            self._move(self.chosen_rows(), self.place_at(event.position().toPoint()))

    def place_at(self, point: QPoint) -> int:
        """Before which row a chip that is let go here would stand."""
        index = self.indexAt(point)
        if index.isValid():
            return index.row() + (point.x() > self.visualRect(index).center().x())
        for row in range(self.chip_model.rowCount()):
            place = self.visualRect(self.chip_model.index(row))
            if place.top() > point.y() or (place.bottom() >= point.y() and place.left() > point.x()):
                return row
        return self.chip_model.rowCount()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.lay_out_again()

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            index = self.indexAt(event.pos())
            chip = index.data(CHIP_ROLE) if index.isValid() else None
            self.viewport().setToolTip(plain_tooltip(self.cells.tip(chip)) if isinstance(chip, Chip) else "")
        return super().viewportEvent(event)


class _Editing(ChipCells):
    """A tag is renamed in a line with suggestions."""

    renamed = Signal(str, str)

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        line = TagLine(self._desk, parent)
        line.setAccessibleName(self.tr("New name of the tag"))
        line.tag_entered.connect(lambda _: self._finish(line))
        return line

    def _finish(self, line: TagLine) -> None:
        self.commitData.emit(line)
        self.closeEditor.emit(line)

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        if isinstance(editor, TagLine):
            editor.setText(str(index.data(Qt.ItemDataRole.EditRole)))
            editor.selectAll()

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: Index) -> None:
        old = str(index.data(Qt.ItemDataRole.EditRole))
        if isinstance(editor, TagLine) and (new := editor.text().strip()) and new != old:
            self.renamed.emit(old, new)

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: Index) -> None:
        place = QRect(option.rect)  # type: ignore[attr-defined]
        room = self._view.viewport().width()
        width = min(max(place.width(), 220), room)
        height = editor.sizeHint().height()
        editor.setGeometry(min(place.left(), room - width), place.center().y() - height // 2, width, height)
