"""The left pane: folders with their number of pictures, and the sets of pictures that want looking at."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QListWidget, QListWidgetItem, QPushButton, QVBoxLayout, QWidget

from dataset_tools.library import Library
from dataset_tools.smart_sets import SmartSet, sizes_of, smart_sets
from gui.amounts import whole
from gui.captions.counted import COUNT_ROLE, CountedRows
from gui.captions.desk import CaptionDesk
from gui.theme import GAP, SMALL
from gui.widgets.text import PlainLabel, plain_tooltip, shortened

COUNT_AFTER_MILLISECONDS = 600  # after the last edit
VALUE_ROLE = Qt.ItemDataRole.UserRole
MOST_FOLDERS = 2_000  # lines


class FolderTree(QWidget):
    """A chosen folder narrows the list; a chosen set writes its filter into the filter bar."""

    open_requested = Signal()
    preset_requested = Signal()
    filter_requested = Signal(str)

    def __init__(self, desk: CaptionDesk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.open, self.of_preset = QPushButton(), QPushButton()
        self.folders, self.sets = QListWidget(), QListWidget()
        self._headings = [PlainLabel(role="heading") for _ in range(2)]
        self._counts: Mapping[str, int] = {}
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(COUNT_AFTER_MILLISECONDS)
        self._timer.timeout.connect(self._count)
        self._lay_out()
        self._connect()
        self.retranslate()
        self._draw()

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(GAP, GAP, SMALL, GAP)
        column.setSpacing(SMALL)
        for view in (self.folders, self.sets):
            view.setItemDelegate(CountedRows(self._desk.desk, view))
            view.setFrameShape(QFrame.Shape.NoFrame)
            view.setUniformItemSizes(True)
            view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
            view.setProperty("role", "pane")
        column.addWidget(self.open)
        column.addWidget(self.of_preset)
        column.addSpacing(SMALL)
        column.addWidget(self._headings[0])
        column.addWidget(self.folders, 3)
        column.addSpacing(SMALL)
        column.addWidget(self._headings[1])
        column.addWidget(self.sets, 2)

    def _connect(self) -> None:
        desk = self._desk
        self.open.clicked.connect(self.open_requested)
        self.of_preset.clicked.connect(self.preset_requested)
        self.folders.currentItemChanged.connect(lambda *_: self._on_folder_chosen())
        self.sets.itemClicked.connect(self._on_set_chosen)
        self.sets.itemActivated.connect(self._on_set_chosen)
        desk.opened.connect(self._show_folders)
        desk.ready.connect(self._count)
        desk.texts_changed.connect(lambda _: self._timer.start())
        desk.conflicts_changed.connect(self._timer.start)
        desk.findings_changed.connect(self._timer.start)
        desk.desk.language.changed.connect(self.retranslate)
        desk.desk.theme.changed.connect(self._draw)

    def retranslate(self) -> None:
        self.open.setText(self.tr("Open folder ..."))
        self.of_preset.setText(self.tr("Of the configuration"))
        self.of_preset.setToolTip(self.tr("Open the folders that the configuration trains"))
        for heading, name in zip(self._headings, (self.tr("Folders"), self.tr("Look at"))):
            heading.setText(name)
        self.folders.setAccessibleName(self.tr("Folders"))
        self.sets.setAccessibleName(self.tr("Pictures that want looking at"))
        self._show_sets()
        if self.folders.count():
            self.folders.item(0).setText(self.tr("All pictures"))

    def set_name(self, name: str) -> str:
        """A smart set in the window's words."""
        return {
            "untagged": self.tr("Without tags"),
            "too-long": self.tr("Too long"),
            "duplicates": self.tr("Near-duplicates"),
            "changed-outside": self.tr("Changed outside"),
            "missing": self.tr("Missing files"),
            "low-quality": self.tr("Low quality"),
        }.get(name, name)

    # folders

    def _show_folders(self) -> None:
        library = self._desk.library
        self._counts = {}
        self.folders.blockSignals(True)
        self.folders.clear()
        if library is not None:
            self._desk.work(lambda: _folder_counts(library), self._fill, owner=self)
        self.folders.blockSignals(False)
        self._show_sets()

    def _fill(self, counted: list[tuple[str, int]]) -> None:
        self.folders.blockSignals(True)
        self.folders.clear()
        everything = sum(count for _, count in counted)
        self.folders.addItem(_item(self.tr("All pictures"), "", everything, ""))
        for folder, count in counted[:MOST_FOLDERS]:
            self.folders.addItem(_item(PurePath(folder).name or folder, folder, count, folder))
        self.folders.setCurrentRow(0)
        self.folders.blockSignals(False)

    def _on_folder_chosen(self) -> None:
        item = self.folders.currentItem()
        if item is not None:
            self._desk.set_folder(str(item.data(VALUE_ROLE)))

    # smart sets

    def _show_sets(self) -> None:
        row = self.sets.currentRow()
        self.sets.clear()
        for one in self._sets():
            item = _item(self.set_name(one.name), one.filter, self._counts.get(one.name, -1), one.filter)
            self.sets.addItem(item)
        self.sets.setCurrentRow(row)

    def _sets(self) -> tuple[SmartSet, ...]:
        return smart_sets(self._desk.most_tokens)

    def _count(self) -> None:
        library, findings, most = self._desk.library, self._desk.findings, self._desk.most_tokens
        if library is not None and self._desk.session is not None:
            self._desk.work(lambda: sizes_of(library, findings, most), self._show_counts, owner=self)

    def _show_counts(self, counts: Mapping[str, int]) -> None:
        self._counts = counts
        for row, one in enumerate(self._sets()):
            self.sets.item(row).setData(COUNT_ROLE, counts.get(one.name, -1))

    def _on_set_chosen(self, item: QListWidgetItem) -> None:
        self.filter_requested.emit(str(item.data(VALUE_ROLE)))

    def _draw(self) -> None:
        self.open.setIcon(self._desk.desk.theme.icon("folder"))
        self.of_preset.setIcon(self._desk.desk.theme.icon("dataset"))


def _folder_counts(library: Library) -> list[tuple[str, int]]:
    return [(folder, len(library.ids_in(folder))) for folder in library.folders()]


def _item(name: str, value: str, count: int, tip: str) -> QListWidgetItem:
    item = QListWidgetItem(shortened(name, 200))
    item.setData(VALUE_ROLE, value)
    item.setData(COUNT_ROLE, count)
    item.setToolTip(plain_tooltip(tip))
    said = f"{shortened(name, 200)}, {whole(count)}" if count >= 0 else shortened(name, 200)
    item.setData(Qt.ItemDataRole.AccessibleTextRole, said)
    return item
