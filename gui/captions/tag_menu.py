"""The menus of a tag, in the chips and in the list of all tags."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QMenu, QWidget

from gui.captions.desk import CaptionDesk
from gui.captions.tag_actions import FAVOURITES, TagActions
from gui.captions.tag_dialogs import EverywhereDialog, TranslationDialog
from gui.widgets.text import shortened

SHOWN = 40  # characters of a tag in a menu


class TagMenu(QMenu):
    """`begin` with what is possible where it opens; what concerns the tag anywhere follows. Deleted when it closes."""

    def __init__(self, desk: CaptionDesk, actions: TagActions, tags: Sequence[str], parent: QWidget) -> None:
        super().__init__(parent)
        self._desk, self._actions, self._tags = desk, actions, list(tags)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

    def begin(self, *entries: tuple[str, str, Callable[[], object]]) -> None:
        """Words, the name of a key ("" for none), and the call."""
        for words, key, call in entries:
            action = self.addAction(words, call)
            if key and (shown := self._desk.keys.of(key)):
                action.setShortcut(shown[0])
                action.setShortcutVisibleInContextMenu(True)
        self.addSeparator()

    def open_at(self, place: QPoint) -> None:
        """Add what every tag has, and show it."""
        tags, actions = self._tags, self._actions
        self.addAction(self.tr("Show pictures with it"), lambda: actions.filter_by(tags))
        self.addAction(self.tr("Show pictures without it"), lambda: actions.filter_by(tags, without=True))
        self.addSeparator()
        if len(tags) == 1:
            self.addAction(self.tr("Rename everywhere ..."), lambda: self._everywhere(renames=True))
        self.addAction(self.tr("Remove everywhere ..."), lambda: self._everywhere(renames=False))
        if len(tags) == 1:
            self.addSeparator()
            self._add_favourites(tags[0])
            self.addAction(self.tr("Translation ..."), self._translate)
        self.popup(place)

    def _add_favourites(self, tag: str) -> None:
        menu = self.addMenu(self.tr("Favourite"))
        known = self._actions.favourites
        for number in range(1, FAVOURITES + 1):
            there = shortened(known[number - 1].replace("\n", " "), SHOWN).replace("&", "&&")
            words = f"{number}   {there}" if there else str(number)
            action = menu.addAction(words, partial(self._actions.set_favourite, number, tag))
            action.setCheckable(True)
            action.setChecked(known[number - 1] == tag)

    def _everywhere(self, renames: bool) -> None:
        EverywhereDialog(self._desk, self._tags, renames, self.parentWidget()).open()

    def _translate(self) -> None:
        TranslationDialog(self._desk, self._tags[0], self.parentWidget()).open()
