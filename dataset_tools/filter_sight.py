"""What a filter looks at: the library's pictures, and what other tools found out about them."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator, Mapping, Set
from dataclasses import dataclass, field
from functools import cached_property

from dataset_tools.caption_file import line_of, tags_of
from dataset_tools.filter_patterns import SECONDS
from dataset_tools.library import Library


@dataclass(frozen=True)
class Findings:
    """Of pictures by their ids. What was never looked for is empty.

    `duplicates`: the number of the group of near-duplicates, from 1. `outside`: changed by another program since they
    were read. `gone`: the picture's file vanished. `ratings`: a tagger's word ("general", "sensitive", "questionable",
    "explicit"). `poor`: blurred, too small or extreme in aspect.
    """

    duplicates: Mapping[int, int] = field(default_factory=dict)
    outside: Collection[int] = frozenset()
    gone: Collection[int] = frozenset()
    ratings: Mapping[int, str] = field(default_factory=dict)
    poor: Collection[int] = frozenset()


@dataclass(frozen=True)
class Sight:
    """One look at all pictures; `deadline` (time.thread_time) ends what regular expressions may take."""

    library: Library
    findings: Findings = field(default_factory=Findings)
    deadline: float = field(default_factory=lambda: time.thread_time() + SECONDS)

    @cached_property
    def everything(self) -> frozenset[int]:
        return frozenset(self.library.ids())

    @cached_property
    def tags(self) -> Collection[str]:
        """All distinct tags."""
        return self.library.counts()

    @cached_property
    def edited(self) -> frozenset[int]:
        """Changed here since the folder was opened."""
        shelf = self.library.shelf
        with shelf.lock:
            return frozenset(shelf.touched)

    def tagged(self, tag: str) -> Collection[int]:
        """The ids of the pictures with a tag."""
        return self.library.ids_with(tag)

    def texts(self, name: str, ids: Set[int]) -> Iterator[tuple[int, str]]:
        """Of each picture its "caption" (the whole file), "name" or "path"."""
        wanted = list(ids)
        if name == "caption":
            return zip(wanted, self.library.texts(wanted))
        path = self.library.path
        if name == "name":
            return ((i, os.path.basename(path(i))) for i in wanted)
        return ((i, path(i)) for i in wanted)

    def numbers(self, name: str, ids: Set[int]) -> Iterator[tuple[int, int]]:
        """Of each picture its "tags", "chars" (of the line that training reads), "tokens", "width" or "height".

        Pictures of which the number is not known are left out."""
        if name == "tokens":
            tokens = self.library.all_tokens()
            return ((i, tokens[i]) for i in ids if i < len(tokens) and tokens[i] >= 0)
        if name in ("width", "height"):
            side = int(name == "height")
            return ((i, size[side]) for i, size in self.sizes(ids))
        measure = tag_count if name == "tags" else line_length
        return ((i, measure(text)) for i, text in self.texts("caption", ids))

    def sizes(self, ids: Set[int]) -> Iterator[tuple[int, tuple[int, int]]]:
        """Width and height in pixels, of the pictures whose size is known."""
        widths, heights = self.library.all_sizes()
        return ((i, (widths[i], heights[i])) for i in ids if i < len(widths) and widths[i] > 0 and heights[i] > 0)

    def without_caption(self, ids: Set[int]) -> Set[int]:
        """Those that have no caption file."""
        has = self.library.has_caption
        return {i for i in ids if not has(i)}


def tag_count(text: str) -> int:
    """`len(tags_of(text))`, four times as fast for a file of one plain line."""
    line = text.rstrip("\r\n")
    if not line.isprintable():
        return len(tags_of(text))
    return sum(not part.isspace() for part in line.split(",") if part)


def line_length(text: str) -> int:
    """`len(line_of(text))`."""
    line = text.rstrip("\r\n")
    return len(line.strip()) if line.isprintable() else len(line_of(text))
