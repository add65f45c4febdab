"""A vocabulary of tags from a CSV: danbooru's list as completion plug-ins share it, or a tagger's selected_tags.csv.

    long_hair,0,4350743,"/lh,longhair,长发"         name, category, count, aliases
    tag_id,name,category,count                    or with a header that names the columns

Lines that are no such row are left out and counted. A million rows take a few seconds in a thread.
"""

from __future__ import annotations

import csv
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from dataset_tools.name_index import NameIndex, folded
from kohya_like.schema.errors import FormatError

MOST_BYTES = 512 << 20
MOST_ROWS = 4_000_000
LONGEST = 300  # characters of a name
CATEGORIES = {0: "general", 1: "artist", 3: "copyright", 4: "character", 5: "meta", 9: "rating"}  # danbooru's numbers
_TITLES = {"name": ("name", "tag"), "category": ("category", "type"), "count": ("count", "post_count", "posts"),
           "aliases": ("aliases", "alias")}  # fmt: skip
_PLAIN = {"name": 0, "category": 1, "count": 2, "aliases": 3}
_ASK_EVERY = 4096  # rows


@dataclass(frozen=True)
class Entry:
    """A tag of a vocabulary, as it is written in captions. `alias`: what it was found by, if not by its name."""

    tag: str
    category: int
    count: int
    alias: str = ""


class Vocabulary:
    """Tags and their aliases, found by beginning or part. Made by `read_vocabulary`."""

    def __init__(self, rows: _Rows, skipped: int = 0) -> None:
        order = rows.by_use()
        place = array("I", bytes(4 * len(order)))
        for new, old in enumerate(order):
            place[old] = new
        self._index = NameIndex([rows.names[old] for old in order])
        self._tags = array("I", (place[rows.tags[old]] for old in order))
        self._counts = array("Q", (rows.counts[old] for old in order))
        self._categories = bytes(rows.categories[old] for old in order)
        self.rows, self.skipped = rows.tag_count, skipped

    def __len__(self) -> int:
        return self.rows

    def starting(self, text: str, limit: int) -> list[Entry]:
        """Tags that begin with a text, or have an alias that does; the most used first."""
        return self._entries(self._index.starting(folded(text), 2 * limit), limit)

    def containing(self, text: str, limit: int, at_word: bool = False) -> list[Entry]:
        """Tags with a text inside them or inside an alias."""
        return self._entries(self._index.containing(folded(text), 2 * limit, at_word), limit)

    def __contains__(self, tag: str) -> bool:
        number = self._index.number(folded(tag))
        return number >= 0 and self._tags[number] == number

    def _entries(self, numbers: list[int], limit: int) -> list[Entry]:
        found: dict[int, Entry] = {}
        for number in numbers:
            tag = self._tags[number]
            alias = self._index[number] if tag != number else ""
            found.setdefault(tag, Entry(self._index[tag], self._categories[number], self._counts[number], alias))
        return list(found.values())[:limit]


@dataclass
class _Rows:
    """Names in the order of the file, aliases behind their tag, and for each the place of its tag; kept as bytes and
    numbers, because a million small objects take ten times as much."""

    names: list[bytes] = field(default_factory=list)
    tags: array[int] = field(default_factory=lambda: array("I"))
    counts: array[int] = field(default_factory=lambda: array("Q"))
    categories: bytearray = field(default_factory=bytearray)
    tag_count: int = 0

    def add(self, names: Iterable[str], category: int, count: int) -> None:
        tag = len(self.names)
        self.tag_count += 1
        for name in names:
            self.names.append(name.encode("utf-8", "surrogatepass"))
            self.tags.append(tag)
            self.counts.append(count)
            self.categories.append(min(category, 255))

    def by_use(self) -> Sequence[int]:
        """The places, the most used first; lists mostly come so."""
        places = range(len(self.names))
        if all(one >= other for one, other in pairwise(self.counts)):
            return places
        return array("I", sorted(places, key=self.counts.__getitem__, reverse=True))


@dataclass
class _Reader:
    """The rows of one file."""

    columns: dict[str, int] = field(default_factory=lambda: dict(_PLAIN))
    rows: _Rows = field(default_factory=_Rows)
    skipped: int = 0

    def read(self, lines: Iterator[list[str]], cancelled: Callable[[], bool]) -> None:
        for number, cells in enumerate(lines):
            if number % _ASK_EVERY == 0 and cancelled():
                return
            if number == 0 and (titles := _titles(cells)):
                self.columns = titles
            elif cells and (number >= MOST_ROWS or not self._take(cells)):
                self.skipped += 1

    def _take(self, cells: list[str]) -> bool:
        name = _name(self._cell(cells, "name"))
        count, category = self._cell(cells, "count"), self._cell(cells, "category")
        if not name or not (count.isdecimal() or not count) or not (category.isdecimal() or not category):
            return False
        aliases = (_name(alias) for alias in self._cell(cells, "aliases").split(","))
        names = dict.fromkeys([name, *(alias for alias in aliases if alias)])
        self.rows.add(names, int(category[:9] or 0), int(count[:15] or 0))
        return True

    def _cell(self, cells: list[str], column: str) -> str:
        at = self.columns.get(column, -1)
        return cells[at].strip() if 0 <= at < len(cells) else ""


def read_vocabulary(path: Path, cancelled: Callable[[], bool] = lambda: False) -> Vocabulary:
    """Read a CSV; what was read so far if `cancelled` says so. Raises FormatError where it is no such file."""
    reader = _Reader()
    try:
        if path.stat().st_size > MOST_BYTES:
            raise FormatError(f"{path}: is larger than {MOST_BYTES >> 20} MiB; no tag list is")
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader.read(csv.reader(line.replace("\0", "") for line in file), cancelled)
    except UnicodeDecodeError:
        raise FormatError(f"{path}: is not in UTF-8", "save it as UTF-8") from None
    except (OSError, csv.Error) as fault:
        raise FormatError(f"{path}: {getattr(fault, 'strerror', None) or fault}") from None
    if not reader.rows.tag_count and reader.skipped:
        raise FormatError(f"{path}: no line of it is a tag", "each line is name,category,count,aliases")
    return Vocabulary(reader.rows, reader.skipped)


def _titles(cells: list[str]) -> dict[str, int]:
    """The columns of a header; {} where the first line is a row already."""
    given = [cell.strip().lower() for cell in cells]
    found = {key: given.index(word) for key, known in _TITLES.items() for word in reversed(known) if word in given}
    return found if "name" in found and len(found) > 1 else {}


def _name(text: str) -> str:
    name = folded(text)
    return "" if len(name) > LONGEST or "\n" in name or "\r" in name else name
