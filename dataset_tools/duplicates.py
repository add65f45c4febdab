"""Groups of pictures that are nearly the same, found by their hashes without comparing each with each.

Two hashes of 64 bits that differ in fewer bits than there are bands agree in at least one band of neighbouring bits
(the pigeonhole principle), so only pictures that share a band are compared. Manku, Jain and Das Sarma, "Detecting
near-duplicates for web crawling", WWW 2007.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dataset_tools.picture_facts import PictureFacts

BITS = 64
DEFAULT_DISTANCE = 10  # of 128 bits
MAX_DISTANCE = 30
_NEIGHBOURS = 128  # members of a band up to which neighbour is compared with neighbour over all bands at once
_COMPARED_AT_ONCE = 1 << 22  # pairs: 32 MiB of each hash

Hashes = NDArray[np.uint64]
Indices = NDArray[np.intp]


@dataclass(frozen=True)
class DuplicateGroup:
    """Pictures that look the same, the best first: most pixels, then sharpest, then by name."""

    pictures: tuple[Path, ...]

    @property
    def best(self) -> Path:
        return self.pictures[0]


def find_duplicates(facts: Mapping[Path, PictureFacts], distance: int = DEFAULT_DISTANCE) -> list[DuplicateGroup]:
    """The groups, largest first. Pictures that could not be decoded are in none.

    Args:
        distance: in how many of the 128 bits two pictures may differ, 0 to `MAX_DISTANCE`. 0 finds copies in another
            format; 10 also other sizes, qualities and slight crops; more finds look-alikes.

    Raises:
        ValueError: `distance` is out of range.
    """
    if not 0 <= distance <= MAX_DISTANCE:
        raise ValueError(f"a distance of {distance} bits; 0 to {MAX_DISTANCE} are possible")
    paths = [path for path, one in facts.items() if not one.fault]
    hashes = np.array([(facts[path].rows, facts[path].columns) for path in paths], dtype=np.uint64).reshape(-1, 2)
    unlike, which = np.unique(hashes, axis=0, return_inverse=True)
    labels = _Search(unlike, distance).labels()[which.reshape(-1)]
    groups: dict[int, list[Path]] = {}
    for path, label in zip(paths, labels.tolist()):
        groups.setdefault(label, []).append(path)
    found = [DuplicateGroup(tuple(sorted(group, key=lambda p: _rank(p, facts[p])))) for group in groups.values()]
    return sorted((group for group in found if len(group.pictures) > 1), key=lambda g: (-len(g.pictures), str(g.best)))


def _rank(path: Path, facts: PictureFacts) -> tuple[int, float, str]:
    return -facts.size[0] * facts.size[1], -facts.sharpness, str(path)


class _Search:
    """Joins hashes that are close, directly or through others. Their labels say who belongs together."""

    def __init__(self, hashes: Hashes, distance: int) -> None:
        """`hashes`: [n, 2], all different."""
        self._rows, self._columns = np.ascontiguousarray(hashes[:, 0]), np.ascontiguousarray(hashes[:, 1])
        self._distance = distance
        self._label = np.arange(len(hashes))
        self._members: dict[int, list[int]] = {}  # of labels that hold more than one

    def labels(self) -> Indices:
        """Within `distance`, one of the two hashes differs in at most half of it: that one shares a band."""
        bands = self._distance // 2 + 1
        edges = [BITS * i // bands for i in range(bands + 1)]
        for half in (self._rows, self._columns):
            for low, high in pairwise(edges):
                self._search_band((half >> np.uint64(low)) & np.uint64((1 << (high - low)) - 1))
        return self._label

    def _search_band(self, band: Hashes) -> None:
        order = np.argsort(band, kind="stable")
        band = band[order]
        if not len(band):
            return
        edges = np.flatnonzero(np.concatenate([[True], band[1:] != band[:-1], [True]]))
        sizes = np.diff(edges)
        small = order[np.repeat(sizes <= _NEIGHBOURS, sizes)]
        self._compare_neighbours(small, band[np.repeat(sizes <= _NEIGHBOURS, sizes)])
        for i in np.flatnonzero(sizes > _NEIGHBOURS):
            self._compare_all(order[edges[i] : edges[i + 1]])

    def _compare_neighbours(self, members: Indices, band: Hashes) -> None:
        """`members` sorted by `band`: each with the 1st, 2nd, ... behind it, as far as the band goes."""
        for apart in range(1, _NEIGHBOURS):
            together = np.flatnonzero(band[apart:] == band[:-apart])
            if not len(together):
                return
            self._join_close(members[together], members[together + apart])

    def _compare_all(self, members: Indices) -> None:
        """All members of a crowded band with all others, a block at a time."""
        block = max(1, _COMPARED_AT_ONCE // len(members))
        for start in range(0, len(members), block):
            some = members[start : start + block]
            for i, others in zip(some.tolist(), self._label[members] != self._label[some, None]):
                rest = members[others]
                self._join_close(np.full(len(rest), i), rest)

    def _join_close(self, some: Indices, others: Indices) -> None:
        apart = np.bitwise_count(self._rows[some] ^ self._rows[others])
        apart += np.bitwise_count(self._columns[some] ^ self._columns[others])
        near = apart <= self._distance
        near &= self._label[some] != self._label[others]
        for one, other in zip(some[near].tolist(), others[near].tolist()):
            self._join(int(self._label[one]), int(self._label[other]))

    def _join(self, one: int, other: int) -> None:
        """The smaller of two groups takes the label of the larger."""
        if one == other:
            return
        first, second = self._members.get(one, [one]), self._members.get(other, [other])
        if len(first) < len(second):
            one, other, first, second = other, one, second, first
        self._label[second] = one
        first.extend(second)
        self._members[one] = first
        self._members.pop(other, None)


def names_of(groups: Sequence[DuplicateGroup]) -> list[list[str]]:
    """The groups as file names, for JSON."""
    return [[str(path) for path in group.pictures] for group in groups]
