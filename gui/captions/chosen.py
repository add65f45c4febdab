"""What the chosen pictures have: tags as chips, the most tokens. Few are looked at at once, many in the worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from dataset_tools.library import Library
from gui.captions.chip_model import Chip, chips_of
from gui.captions.desk import CaptionDesk

FEW = 100  # pictures looked at at once
MOST_CHIPS = 500  # shown of many pictures


@dataclass(frozen=True)
class ChosenTags:
    """`more`: tags of many pictures that are not among the chips. `is_known`: False while the worker looks."""

    chips: tuple[Chip, ...] = ()
    tokens: int = 0
    more: int = 0
    is_known: bool = True

    @property
    def tags(self) -> tuple[str, ...]:
        """Those that all chosen pictures have: no need to add them."""
        return tuple(chip.tag for chip in self.chips if chip.state == "all")


class Chosen(QObject):
    """`changed` when `tags` is another. A tag that was just taken from all of several pictures stays as an empty box
    until others are chosen, so that it can be put back."""

    changed = Signal()

    def __init__(self, desk: CaptionDesk) -> None:
        super().__init__(desk)
        self._desk = desk
        self.tags = ChosenTags()
        self._kept: list[str] = []
        self._asked = 0
        desk.selection_changed.connect(lambda _: self._on_selection())
        desk.texts_changed.connect(self._on_texts)
        desk.opened.connect(self._on_selection)
        desk.ready.connect(self._on_selection)
        self.look()

    def keep(self, tags: Sequence[str]) -> None:
        """Go on showing these where no chosen picture has them any more."""
        if len(self._desk.selection) > 1:
            self._kept = list(dict.fromkeys([*self._kept, *tags]))

    def look(self) -> None:
        """Ask for the tags of what is chosen."""
        self._asked += 1
        number, ids, library = self._asked, list(self._desk.selection), self._desk.library
        if library is None or self._desk.session is None or not ids:
            self._show(number, ChosenTags())
        elif len(ids) <= FEW:
            self._show(number, tags_of_pictures(library, ids))
        else:
            if len(ids) != (self.tags.chips[0].of if self.tags.chips else 0):
                self._show(number, ChosenTags(is_known=False))
            self._desk.work(lambda: tags_of_pictures(library, ids), lambda one: self._show(number, one), owner=self)

    def _show(self, number: int, found: ChosenTags) -> None:
        if number != self._asked:
            return
        there = {chip.tag for chip in found.chips}
        lost = [Chip(tag, 0, len(self._desk.selection)) for tag in self._kept if tag not in there]
        if found.is_known and lost:
            found = ChosenTags((*found.chips, *lost), found.tokens, found.more)
        self.tags = found
        self.changed.emit()

    def _on_selection(self) -> None:
        self._kept = []
        self.look()

    def _on_texts(self, ids: list[int]) -> None:
        chosen = self._desk.selection
        if len(ids) > FEW or len(chosen) > FEW or not set(ids).isdisjoint(chosen):
            self.look()


def tags_of_pictures(library: Library, ids: Sequence[int]) -> ChosenTags:
    """Of these pictures; the most frequent tags of many."""
    chips = chips_of(library.tags(number) for number in ids)
    if len(ids) > FEW:
        all_tokens = library.all_tokens()
        tokens = max((all_tokens[number] for number in ids), default=0)
    else:
        tokens = max((library.tokens(number) for number in ids), default=0)
    shown = chips if len(ids) == 1 else chips[:MOST_CHIPS]
    return ChosenTags(tuple(shown), tokens, len(chips) - len(shown))
