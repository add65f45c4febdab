"""A library for tests of what only asks: captions, sizes and tokens from a list, no files."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from threading import Lock
from types import SimpleNamespace
from typing import cast

from dataset_tools.library import Library


@dataclass(frozen=True)
class Shown:
    """One picture; `text` None: no caption file. A size of 0 is not known."""

    text: str | None = ""
    path: str = "/set/a.png"
    size: tuple[int, int] = (512, 512)
    tokens: int = 0

    @property
    def tags(self) -> tuple[str, ...]:
        return tuple(tag for part in (self.text or "").split(",") if (tag := part.strip()))


class Shelf:
    """The questions of `Library` that filters and completion ask."""

    def __init__(self, pictures: Sequence[Shown], gone: Iterable[int] = (), edited: Iterable[int] = ()) -> None:
        self.pictures = list(pictures)
        self.shelf = SimpleNamespace(lock=Lock(), touched=set(edited))
        self._gone = set(gone)

    def ids(self) -> array[int]:
        return array("i", (i for i in range(len(self.pictures)) if i not in self._gone))

    def texts(self, ids: Iterable[int]) -> list[str]:
        return [self.pictures[i].text or "" for i in ids]

    def path(self, id: int) -> str:
        return self.pictures[id].path

    def has_caption(self, id: int) -> bool:
        return self.pictures[id].text is not None

    def all_tokens(self) -> array[int]:
        return array("i", (one.tokens for one in self.pictures))

    def all_sizes(self) -> tuple[array[int], array[int]]:
        return array("i", (p.size[0] for p in self.pictures)), array("i", (p.size[1] for p in self.pictures))

    def ids_with(self, tag: str) -> array[int]:
        return array("i", (i for i, one in enumerate(self.pictures) if tag in one.tags))

    def counts(self) -> dict[str, int]:
        return Counter(tag for one in self.pictures for tag in set(one.tags))


def shelf(*pictures: Shown | str, gone: Iterable[int] = (), edited: Iterable[int] = ()) -> Library:
    """A library of these; a text stands for a picture with this caption."""
    shown = [one if isinstance(one, Shown) else Shown(one, f"/set/{i}.png") for i, one in enumerate(pictures)]
    return cast(Library, Shelf(shown, gone, edited))
