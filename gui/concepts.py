"""The concepts of a preset: what the check counted, joined with the items of data.subsets. No Qt."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

KEY = "data.subsets"


@dataclass(frozen=True)
class ConceptLine:
    """One line of the table. `item` is its place in data.subsets, None for a folder found in train_data_dir.

    `counts` is the report's row; None where the folder named in the preset gave none (not there, not readable).
    """

    name: str
    folder: str
    item: int | None
    counts: Mapping[str, Any] | None

    def count(self, name: str) -> int:
        return int(self.counts[name]) if self.counts else 0

    @property
    def left_out(self) -> int:
        """Pictures that are not trained: unreadable, too small, too large."""
        return self.count("unreadable") + self.count("too_small") + self.count("too_large")

    @property
    def is_reg(self) -> bool:
        return bool(self.counts and self.counts["is_reg"])


def lines_of(concepts: Sequence[Mapping[str, Any]], items: object, base: str) -> list[ConceptLine]:
    """The report's concepts in their order, then the items of data.subsets that are not among them.

    Args:
        items: data.subsets as the preset has it, whatever that is; `base` is what its relative paths are relative to.
    """
    place = dict(reversed(_folders_of(items, base)))  # the first of two equal folders is used
    found = []
    for counts in concepts:
        folder = str(counts["folder"])
        found.append(ConceptLine(str(counts["name"]), folder, place.pop(os.path.normpath(folder), None), counts))
    rest = sorted((item, folder) for folder, item in place.items())
    return [*found, *(ConceptLine(PurePath(folder).name or folder, folder, item, None) for item, folder in rest)]


def problems_of(line: ConceptLine, faults: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The faults that name a concept: by its folder, by its item's key, or by its name in quotes or between commas."""
    own_key = f"{KEY}[{line.item}]" if line.item is not None else None
    inside = line.folder.rstrip("/\\") + os.sep
    return [
        fault
        for fault in faults
        if fault["where"] == line.folder
        or fault["where"].startswith(inside)
        or (own_key is not None and fault["key"].startswith(own_key))
        or (fault["key"].startswith("data.") and len(line.name) > 2 and line.name in fault["text"][:10_000])
    ]


def _folders_of(items: object, base: str) -> list[tuple[str, int]]:
    if not isinstance(items, list):
        return []
    found = []
    for number, item in enumerate(items):
        given = item.get("image_dir") if isinstance(item, Mapping) else None
        if isinstance(given, str) and given:
            found.append((os.path.normpath(os.path.join(base, os.path.expanduser(given))), number))
        else:
            found.append((f"data.subsets[{number}]", number))
    return found
