"""What the Dataset page's look over the pictures found, told to the filter and the sets of the captions page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject

from gui.captions.desk import CaptionDesk

if TYPE_CHECKING:
    from dataset_tools.library import Library

POOR = ("soft", "small", "long", "damaged")


class HealthLink(QObject):
    """Notes near-duplicates and poor pictures when they are looked for, and when other folders are opened."""

    def __init__(self, desk: CaptionDesk) -> None:
        super().__init__(desk)
        self._desk = desk
        desk.ready.connect(self._note)
        desk.desk.wishes.pictures_looked_over.connect(self._note)

    def _note(self) -> None:
        library, health = self._desk.library, self._desk.desk.health
        if library is not None and health:
            self._desk.work(lambda: found_in(library, health), lambda found: self._take(library, *found), owner=self)

    def _take(self, library: Library, duplicates: dict[int, int], poor: frozenset[int]) -> None:
        if library is self._desk.library:
            self._desk.note(duplicates=duplicates, poor=poor)
            self._desk.look()


def found_in(library: Library, health: Mapping[str, Any]) -> tuple[dict[int, int], frozenset[int]]:
    """(the group of each near-duplicate, from 1; the poor pictures) by the library's ids."""
    ids = {library.path(id): id for id in library.ids()}
    groups: Sequence[Sequence[str]] = health["groups"]
    duplicates = {ids[path]: number for number, group in enumerate(groups, 1) for path in group if path in ids}
    poor = {ids[one["path"]] for one in health["findings"] if one["kind"] in POOR and one["path"] in ids}
    return duplicates, frozenset(poor)
