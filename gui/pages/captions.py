"""The Captions page: folders and sets at the left, pictures in the middle, the caption of the chosen ones at the right.

What is long lives in `gui.captions.desk`; the page lays out the parts, gives them their keys and says what goes on.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QGuiApplication, QHideEvent, QShowEvent
from PySide6.QtWidgets import QFileDialog, QLineEdit, QPlainTextEdit, QSplitter, QVBoxLayout, QWidget

from dataset_tools.edits import Dedupe
from gui.captions.auto_tag import AutoTag
from gui.captions.batch_edit import BatchEdit
from gui.captions.caption_panel import CaptionPanel
from gui.captions.conflict_banner import ConflictBanner
from gui.captions.desk import CaptionDesk
from gui.captions.filter_bar import FilterBar
from gui.captions.find_replace import FindReplace
from gui.captions.folder_tree import FolderTree
from gui.captions.gallery import MODES, Gallery
from gui.captions.health_link import HealthLink
from gui.captions.history_panel import HistoryPanel
from gui.captions.mask_tool import MaskTool
from gui.captions.shortcut_sheet import ShortcutSheet
from gui.captions.status_line import StatusLine
from gui.captions.tool_pane import Tool, ToolPane
from gui.captions.toolbar import Toolbar
from gui.concepts import KEY
from gui.desk import Desk
from gui.theme import GAP
from gui.widgets.banner import Action, Banner
from kohya_like.schema.errors import Fault

SETTING_ACROSS, SETTING_DOWN, SETTING_FOLDER = "captions.panes", "captions.tool_height", "captions.folder"
LEFT, RIGHT = 190, 320  # px at first
CENTRE_LEAST = 370
FOLDER_OPTIONS = ("data.train_data_dir", "data.reg_data_dir")
KEEP_LAYOUT_MILLISECONDS = 500
FAULTS_MILLISECONDS = 1_000  # after the last edit
FOREIGN_CODES = ("caption-gbk", "caption-utf-16", "caption-encoding")  # of faults that a conversion mends


class CaptionsPage(QWidget):
    """Opens the configuration's folders when it is first shown; a folder opened by hand stays until another is."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.captions = CaptionDesk(desk, self)
        self.health = HealthLink(self.captions)
        self.centre = QWidget()
        self.gallery = Gallery(self.captions, self.centre)
        self.filter = FilterBar(self.captions, self.gallery)
        self.folders, self._right = FolderTree(self.captions), QWidget()
        self.panel: CaptionPanel | None = None  # made in the next turn of the event loop: the page is seen before
        self.tools = ToolPane(self.captions)
        self.notice, self.conflicts = Banner(desk, "hint"), ConflictBanner(self.captions)
        self.status = StatusLine(self.captions)
        self.toolbar = Toolbar(self.captions, self.tools)
        self.across, self.down = QSplitter(Qt.Orientation.Horizontal), QSplitter(Qt.Orientation.Vertical)
        self._is_of_preset = True  # what is open are the configuration's folders
        self._is_untold = False  # captions were changed since a check was asked for
        self._layout_timer = QTimer(self)
        self._layout_timer.setSingleShot(True)
        self._layout_timer.setInterval(KEEP_LAYOUT_MILLISECONDS)
        self._faults_timer = QTimer(self)
        self._faults_timer.setSingleShot(True)
        self._faults_timer.setInterval(FAULTS_MILLISECONDS)
        self._mount()
        self._lay_out()
        self._connect()
        self._keys()
        self.retranslate()
        QTimer.singleShot(0, self, self._make_panel)

    def _mount(self) -> None:
        """The tools that there are; others are mounted the same way."""
        self.mount(Tool("replace", "replace", FindReplace))
        self.mount(Tool("batch", "batch", BatchEdit))
        self.mount(Tool("auto_tag", "wand", AutoTag))
        self.mount(Tool("mask", "mask", MaskTool))
        self.toolbar.offer("dedupe", "dedupe", self._dedupe)
        self.mount(Tool("history", "recent", HistoryPanel))
        self.toolbar.offer("keys", "keyboard", self.show_keys, at_end=True)

    def _make_panel(self) -> None:
        self.panel = CaptionPanel(self.captions)
        layout = QVBoxLayout(self._right)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.panel)
        self.panel.filter_requested.connect(self.filter.ask)
        self.panel.bind_keys(self)
        self.captions.leaving.connect(self.panel.text.commit)

    def mount(self, tool: Tool) -> None:
        """Offer a tool: a button, its key, and its widget when it is first asked for."""
        self.tools.mount(tool)
        self.toolbar.offer_tool(tool.name)
        self.captions.keys.bind(tool.name, self, lambda: self.tools.toggle(tool.name))

    def _lay_out(self) -> None:
        centre = QVBoxLayout(self.centre)
        centre.setContentsMargins(0, 0, 0, 0)
        centre.setSpacing(0)
        self.down.addWidget(self.gallery)
        self.down.addWidget(self.tools)
        self.down.setStretchFactor(0, 1)
        centre.addWidget(self.filter)
        centre.addWidget(self.down, 1)
        centre.addWidget(self.status)
        for widget in (self.folders, self.centre, self._right):
            self.across.addWidget(widget)
        self.centre.setMinimumWidth(CENTRE_LEAST)
        self.across.setStretchFactor(1, 1)
        for splitter in (self.across, self.down):
            splitter.setChildrenCollapsible(splitter is self.across)
            splitter.setHandleWidth(GAP)
        self.across.setCollapsible(1, False)
        self.across.setSizes([LEFT, 10_000, RIGHT])
        self._restore_layout()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for part in (self.toolbar, self.notice, self.conflicts):
            column.addWidget(part)
        column.addWidget(self.across, 1)

    def _connect(self) -> None:
        desk, captions = self._desk, self.captions
        self.folders.open_requested.connect(self.open_dialog)
        self.folders.preset_requested.connect(self.open_preset_folders)
        self.folders.filter_requested.connect(self.filter.ask)
        self.filter.left.connect(self.gallery.take_keyboard)
        self.tools.left.connect(self.gallery.take_keyboard)
        captions.said.connect(desk.wishes.said)
        self.status.stop.clicked.connect(captions.close)
        captions.faults_changed.connect(self._say_faults)
        captions.opened.connect(self._on_opened)
        captions.outside_seen.connect(self._on_outside_seen)
        for splitter in (self.across, self.down):
            splitter.splitterMoved.connect(lambda *_: self._layout_timer.start())
        self._layout_timer.timeout.connect(self._keep_layout)
        captions.texts_changed.connect(lambda _: self._on_texts_changed())
        captions.saved_changed.connect(self._tell_written)
        self._faults_timer.timeout.connect(self._look_for_faults)
        desk.before_start = self._save_then
        desk.document.opened.connect(self._follow_preset)
        desk.document.edited.connect(self._on_edited)
        desk.language.changed.connect(self.retranslate)
        application = QGuiApplication.instance()
        assert isinstance(application, QGuiApplication)
        application.applicationStateChanged.connect(self._on_application_state)

    def _keys(self) -> None:
        keys, page = self.captions.keys, self
        keys.bind("open", page, self.open_dialog)
        keys.bind("filter", page, self.filter.take_keyboard)
        keys.bind("dedupe", page, self._dedupe)
        keys.bind("next_untagged", page, self.next_untagged)
        keys.bind("keys", page, self.show_keys)
        for mode in MODES:
            keys.bind(mode, page, partial(self.gallery.set_mode, mode))

    # what is open

    def preset_folders(self) -> list[str]:
        """The folders that the configuration trains, absolute, each once."""
        document = self._desk.document
        given = [document.value(key) for key in FOLDER_OPTIONS]
        items = document.value(KEY)
        if isinstance(items, list):
            given += [item.get("image_dir") for item in items if isinstance(item, dict)]
        named = [os.path.expanduser(one) for one in given if isinstance(one, str) and one.strip()]
        return list(dict.fromkeys(os.path.normpath(Path(document.folder) / one) for one in named))

    def open_folder(self, folder: str) -> None:
        self._is_of_preset = False
        self._desk.settings.set(SETTING_FOLDER, folder)
        self.captions.open([folder], deep=True)

    def open_preset_folders(self) -> None:
        self._is_of_preset = True
        self._open_preset()

    def open_dialog(self) -> None:
        start = str(self._desk.settings.get(SETTING_FOLDER, ""))
        folder = QFileDialog.getExistingDirectory(self, self.tr("Choose a folder of pictures"), start)
        if folder:
            self.open_folder(folder)

    def _open_preset(self) -> None:
        folders = self.preset_folders()
        if folders and tuple(folders) != self.captions.asked:
            self.captions.open(folders)

    def _follow_preset(self) -> None:
        if self._is_of_preset and self.isVisible():
            self._open_preset()

    def _on_edited(self, key: str) -> None:
        if not key or key.startswith(KEY) or key in FOLDER_OPTIONS:
            self._follow_preset()

    # what is done

    def undo(self) -> None:
        """For the window's Ctrl+Z while this page is shown."""
        self.captions.undo()

    def redo(self) -> None:
        self.captions.redo()

    def save(self) -> None:
        """Captions are saved by themselves; this does it now."""
        self.captions.flush()

    def show_keys(self) -> None:
        ShortcutSheet(self.captions, self).open()

    def _save_then(self, go: Callable[[], None]) -> None:
        """A training reads the files: what is not in them yet is written before it starts."""
        captions = self.captions
        captions.leaving.emit()  # what is typed counts
        if (session := captions.session) is None or not captions.unsaved:
            go()
            return
        captions.said.emit(self.tr("Writing captions before the training starts ..."))
        captions.work(session.flush, lambda _: go(), lambda _: go(), self)

    def next_untagged(self) -> None:
        captions = self.captions
        library, ids = captions.library, captions.shown.ids
        if library is None or captions.session is None:
            return
        start = captions.shown.row(captions.current) + 1

        def find() -> int:
            order = (*range(start, len(ids)), *range(0, start))
            return next((ids[row] for row in order if not library.tags(ids[row])), -1)

        captions.work(find, self._show_untagged, owner=self)

    def _show_untagged(self, number: int) -> None:
        if number >= 0:
            self.captions.select([number])
        else:
            self.captions.said.emit(self.tr("All listed pictures have a caption."))

    def _dedupe(self) -> None:
        self.captions.apply(Dedupe())

    # what is said

    def _say_faults(self) -> None:
        """Folders that are gone before all; then what a killed session left, then captions that cannot be read."""
        captions, said = self.captions, self._desk.language.sentence
        faults = [*captions.gone_faults, *(fault for fault in captions.faults if fault.severity != "hint")]
        if captions.recovered and not captions.gone_faults:
            self.notice.show_message(captions.recovered, kind="hint", again=self._say_faults)
            return
        if not faults:
            self.notice.hide()
            return
        first = faults[0]
        text = " ".join(filter(None, [f"{first.where}:" if first.where else "", said(first.text)]))
        if first.mend:
            text = self.tr("{problem} - {cure}").format(problem=text, cure=said(first.mend))
        if len(faults) > 1:
            text = self.tr("{first} (and {count} more)").format(first=text, count=len(faults) - 1)
        kind: Literal["error", "warning"] = "error" if first in captions.gone_faults else "warning"
        self.notice.show_message(text, self._cures(faults), kind, again=self._say_faults)

    def _look_for_faults(self) -> None:
        """An edit may have mended what the notice says."""
        if not self.notice.isHidden():
            self.captions.find_faults()

    def _cures(self, faults: list[Fault]) -> list[Action]:
        if any(fault.code in FOREIGN_CODES for fault in faults):
            return [(self.tr("Convert to UTF-8 ..."), self._convert)]
        return []

    def _convert(self) -> None:
        tool = self.tools.show_tool("batch")
        assert isinstance(tool, BatchEdit)
        tool.choose("convert")
        tool.choose_scope("all")

    def _on_opened(self) -> None:
        """The keyboard goes to the pictures, unless somebody writes."""
        if self.isVisible() and not isinstance(self.window().focusWidget(), QLineEdit | QPlainTextEdit):
            self.gallery.take_keyboard()

    def _on_outside_seen(self, count: int) -> None:
        said = self.tr("{count} captions were changed by another program and are read anew.")
        self.captions.said.emit(said.format(count=count))

    def retranslate(self) -> None:
        self.setAccessibleName(self.tr("Captions"))

    # Qt's events, and the layout

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._is_of_preset:
            QTimer.singleShot(0, self, self._follow_preset)
        self.captions.refresh()
        self.gallery.take_keyboard()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._keep_layout()
        self._tell_written()

    def _on_texts_changed(self) -> None:
        self._faults_timer.start()
        self._is_untold = True

    def _tell_written(self) -> None:
        """Once the page is left and everything is in its file: the check reads captions anew."""
        if self._is_untold and self.isHidden() and not self.captions.unsaved:
            self._is_untold = False
            self._desk.wishes.files_written.emit()

    def _on_application_state(self, state: Qt.ApplicationState) -> None:
        if state == Qt.ApplicationState.ApplicationActive and self.isVisible():
            self.captions.refresh()

    def end(self) -> None:
        """The window is closed: unsaved captions are written, in a thread that `wait_for_all` waits for."""
        self._keep_layout()
        self.captions.close()

    def _keep_layout(self) -> None:
        for key, splitter in ((SETTING_ACROSS, self.across), (SETTING_DOWN, self.down)):
            state = base64.b64encode(splitter.saveState().data()).decode()
            self._desk.settings.set(key, state)

    def _restore_layout(self) -> None:
        for key, splitter in ((SETTING_ACROSS, self.across), (SETTING_DOWN, self.down)):
            try:
                state = base64.b64decode(str(self._desk.settings.get(key, "")), validate=True)
            except (binascii.Error, ValueError):
                continue
            if state:
                splitter.restoreState(state)
