"""Which pictures are listed, and in which order: computed in a worker, a value for the UI thread. No Qt."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass, field

from dataset_tools.filter_language import found
from dataset_tools.filter_sight import Findings
from dataset_tools.filter_terms import Everything, Filter
from dataset_tools.library import Library

SORTS = ("name", "tokens", "tags", "size", "changed")


@dataclass(frozen=True)
class Wish:
    """What the list should show: the pictures of `folder` ("" is all of them) that pass the filter, sorted."""

    filter: Filter = field(default_factory=Everything)
    folder: str = ""
    sort: str = SORTS[0]
    descending: bool = False


@dataclass(frozen=True)
class Shown:
    """`ids` in the list's order; `rows` has the row of each id, or -1; `total`: how many there are without a filter."""

    ids: array[int] = field(default_factory=lambda: array("i"))
    rows: array[int] = field(default_factory=lambda: array("i"))
    total: int = 0

    def row(self, number: int) -> int:
        return self.rows[number] if 0 <= number < len(self.rows) else -1


def look(library: Library, wish: Wish, findings: Findings) -> Shown:
    """Raises FilterError where a regular expression of the filter takes too long."""
    ids = library.ids_in(wish.folder) if wish.folder else library.ids()
    total = len(ids)
    if not isinstance(wish.filter, Everything):
        passed = found(wish.filter, library, findings)
        ids = array("i", [number for number in ids if number in passed])
    if wish.sort != SORTS[0]:
        ids = array("i", sorted(ids, key=_key(library, wish.sort)))
    if wish.descending:
        ids = ids[::-1]
    rows = array("i", [-1]) * len(library)
    for row, number in enumerate(ids):
        rows[number] = row
    return Shown(ids, rows, total)


def _key(library: Library, sort: str) -> Callable[[int], int]:
    if sort == "tokens":
        return library.all_tokens().__getitem__
    if sort == "tags":
        return lambda number: len(library.tags(number))
    if sort == "size":
        widths, heights = library.all_sizes()
        return lambda number: widths[number] * heights[number]
    return lambda number: stamp.mtime_ns if (stamp := library.caption_stamp(number)) else 0
