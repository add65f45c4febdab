"""The centre of the page: the listed pictures as a grid, as a list, or one alone."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QStackedLayout, QWidget

from gui.captions.cell_view import CellView
from gui.captions.cells import LIST_SIDE, Cells, ListCells
from gui.captions.desk import CaptionDesk
from gui.captions.model import PictureModel
from gui.captions.selection import Selection
from gui.captions.single_view import SingleView
from gui.widgets.text import PlainLabel

Mode = Literal["grid", "list", "single"]
MODES: tuple[Mode, ...] = ("grid", "list", "single")
SIDES = (96, 136, 184)  # px of a picture in the grid: small, middle, large
SETTING_MODE, SETTING_SIDE = "captions.mode", "captions.side"


class Gallery(QWidget):
    """`set_mode` and `set_side` are remembered. The keys of the list (next, zoom ...) belong to this widget."""

    mode_changed = Signal(str)

    def __init__(self, desk: CaptionDesk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.model = PictureModel(desk)
        self.selection = Selection(desk, self.model)
        self.cells, self.single = CellView(), SingleView(desk)
        self.empty = PlainLabel(role="muted", wrap=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        side = desk.desk.settings.get(SETTING_SIDE, SIDES[1])
        self._grid = Cells(desk, self.cells, side if side in SIDES else SIDES[1])
        self._list = ListCells(desk, self.cells, LIST_SIDE)
        self._mode: Mode = "grid"
        self._many: Mode = "grid"  # the view of many that Escape goes back to
        self._stack = QStackedLayout(self)
        for widget in (self.cells, self.single, self.empty):
            self._stack.addWidget(widget)
        self.cells.setModel(self.model)
        self.cells.setSelectionModel(self.selection.chosen)
        self.cells.installEventFilter(self)
        self._connect()
        wanted = desk.desk.settings.get(SETTING_MODE, "grid")
        self.set_mode(wanted if wanted in MODES else "grid")
        self.retranslate()

    def _connect(self) -> None:
        desk = self._desk
        self.cells.doubleClicked.connect(lambda _: self.set_mode("single"))
        self.single.left.connect(lambda: self.set_mode(self._many))
        self.single.moved.connect(self.selection.move)
        desk.filtered.connect(self._show)
        desk.opened.connect(self.retranslate)
        desk.conflicts_changed.connect(self.cells.viewport().update)
        desk.ready.connect(self.cells.viewport().update)
        desk.desk.theme.changed.connect(self.cells.viewport().update)
        desk.desk.language.changed.connect(self.retranslate)
        keys = desk.keys
        keys.bind("next", self, lambda: self.selection.move(1))
        keys.bind("previous", self, lambda: self.selection.move(-1))
        keys.bind("zoom", self, self.zoom)

    @property
    def mode(self) -> Mode:
        return self._mode

    def set_mode(self, mode: Mode) -> None:
        had_keyboard = self.isAncestorOf(self.focusWidget()) if self.focusWidget() else False
        self._mode = mode
        if mode != "single":
            self._many = mode
            delegate = self._grid if mode == "grid" else self._list
            self.cells.setItemDelegate(delegate)
            self.cells.set_cell(delegate.cell(), mode == "grid")
        self._desk.desk.settings.set(SETTING_MODE, mode)
        self._show()
        if had_keyboard:
            self.take_keyboard()
        self.mode_changed.emit(mode)

    @property
    def side(self) -> int:
        return self._grid.side

    def set_side(self, side: int) -> None:
        """Of the grid's pictures, logical pixels."""
        self._grid.side = side
        self._desk.desk.settings.set(SETTING_SIDE, side)
        if self.cells.is_grid:
            self.cells.set_cell(self._grid.cell(), True)

    def zoom(self) -> None:
        """From many pictures to one; there between the whole picture and 100 %."""
        if self._mode == "single":
            self.single.toggle_zoom()
        else:
            self.set_mode("single")

    def take_keyboard(self) -> None:
        (self.single if self._mode == "single" else self.cells).setFocus()

    def retranslate(self) -> None:
        self.cells.setAccessibleName(self.tr("Pictures"))
        self._show()

    def _show(self) -> None:
        if len(self._desk.shown.ids):
            self._stack.setCurrentWidget(self.single if self._mode == "single" else self.cells)
            return
        self.empty.setText(self._why_empty())
        self._stack.setCurrentWidget(self.empty)

    def _why_empty(self) -> str:
        if self._desk.library is None:
            return self.tr("Open a folder of pictures, or choose the folders of the configuration on the left.")
        if self._desk.filter_text or self._desk.wish.folder:
            return self.tr("No picture passes the filter.")
        return self.tr("There is no picture in this folder.")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.set_mode("single")
                return True
            if event.key() == Qt.Key.Key_A and event.modifiers() == Qt.KeyboardModifier.ControlModifier:
                self._desk.select_all()
                return True
        return super().eventFilter(watched, event)

    def changeEvent(self, event: QEvent) -> None:
        """Other letters need other cells."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange and self._mode != "single":
            self.set_mode(self._mode)

    def row_middle(self, number: int) -> QPoint:
        """Where a picture's cell is, in the view's coordinates; for tests and menus."""
        return self.cells.visualRect(self.model.index(self._desk.shown.row(number))).center()
