"""Which pictures have a tag: for each tag a sorted array of their numbers, four bytes each."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

FEW = 16  # changes of one tag that are made in place; for more the array is made anew


@dataclass
class TagChanges:
    """By tag, the pictures that lost it and those that got it; each picture at most once per tag."""

    lost: dict[str, list[int]] = field(default_factory=dict)
    won: dict[str, list[int]] = field(default_factory=dict)

    def note(self, number: int, before: Sequence[str], after: Sequence[str]) -> None:
        old, new = set(before), set(after)
        if old != new:
            for tag in old - new:
                self.lost.setdefault(tag, []).append(number)
            for tag in new - old:
                self.won.setdefault(tag, []).append(number)

    def tags(self) -> Iterator[str]:
        yield from dict.fromkeys([*self.lost, *self.won])


class _ByTag(dict[str, "array[int]"]):
    def __missing__(self, tag: str) -> array[int]:
        made = self[tag] = array("i")
        return made


class TagIndex:
    """Not thread-safe: its owner has the lock."""

    def __init__(self) -> None:
        self._numbers = _ByTag()

    def append(self, number: int, tags: Iterable[str]) -> None:
        """A picture with a number higher than all before it."""
        numbers = self._numbers
        for tag in dict.fromkeys(tags):
            numbers[tag].append(number)

    def extend(self, tag: str, numbers: array[int]) -> None:
        """Pictures with numbers higher than all before them, ascending."""
        self._numbers[tag].extend(numbers)

    def change(self, changes: TagChanges, tag: str) -> None:
        """Make what `changes` notes of one tag."""
        lost, won = changes.lost.get(tag, ()), changes.won.get(tag, ())
        known = self._numbers[tag]
        if len(lost) + len(won) <= FEW:
            for number in lost:
                place = bisect_left(known, number)
                if place < len(known) and known[place] == number:
                    del known[place]
            for number in won:
                place = bisect_left(known, number)
                if place == len(known) or known[place] != number:
                    known.insert(place, number)
        else:
            known = self._numbers[tag] = array("i", sorted(set(known).difference(lost).union(won)))
        if not known:
            del self._numbers[tag]

    def numbers(self, tag: str) -> array[int]:
        """A copy, ascending."""
        known = self._numbers.get(tag)
        return known[:] if known is not None else array("i")

    def counts(self) -> dict[str, int]:
        return {tag: len(numbers) for tag, numbers in self._numbers.items()}

    def between(self, first: int, end: int) -> Mapping[str, array[int]]:
        """By tag, the pictures numbered first .. end - 1, where there are any."""
        found = {}
        for tag, numbers in self._numbers.items():
            start = bisect_left(numbers, first)
            stop = bisect_left(numbers, end, start)
            if start < stop:
                found[tag] = numbers[start:stop]
        return found
