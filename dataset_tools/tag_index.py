"""Which pictures have a tag: for each tag their numbers, sorted, four bytes each."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

FEW = 16  # changes of one tag that are made in place; for more the array is made anew


@dataclass
class TagChanges:
    """By tag, the pictures that lost it and those that got it, in the end: a picture may change several times."""

    lost: dict[str, set[int]] = field(default_factory=dict)
    won: dict[str, set[int]] = field(default_factory=dict)

    def note(self, number: int, before: Sequence[str], after: Sequence[str]) -> None:
        old, new = set(before), set(after)
        if old != new:
            for tag in old - new:
                _note(number, tag, self.won, self.lost)
            for tag in new - old:
                _note(number, tag, self.lost, self.won)

    def tags(self) -> Iterator[str]:
        yield from dict.fromkeys([*self.lost, *self.won])


def _note(number: int, tag: str, taken_back: dict[str, set[int]], noted: dict[str, set[int]]) -> None:
    """A loss takes back what was won before, and the other way round."""
    if number in taken_back.get(tag, ()):
        taken_back[tag].remove(number)
    else:
        noted.setdefault(tag, set()).add(number)


class TagIndex:
    """Not thread-safe: its owner has the lock.

    A tag of one picture has its bare number: of captions that are sentences nearly all are such, and hundreds of
    thousands of arrays take memory and the time of every garbage collection.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int | array[int]] = {}

    def append(self, number: int, tags: Iterable[str]) -> None:
        """A picture with a number higher than all before it."""
        numbers = self._numbers
        for tag in dict.fromkeys(tags):
            known = numbers.get(tag)
            if known is None:
                numbers[tag] = number
            elif isinstance(known, int):
                numbers[tag] = array("i", (known, number))
            else:
                known.append(number)

    def extend(self, tag: str, numbers: array[int]) -> None:
        """Pictures with numbers higher than all before them, ascending."""
        known = self._numbers.get(tag)
        if known is None or isinstance(known, int):
            self._put(tag, self.numbers(tag) + numbers)
        else:
            known.extend(numbers)

    def change(self, changes: TagChanges, tag: str) -> None:
        """Make what `changes` notes of one tag."""
        lost, won = changes.lost.get(tag, ()), changes.won.get(tag, ())
        known = self.numbers(tag)
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
            known = array("i", sorted(set(known).difference(lost).union(won)))
        self._put(tag, known)

    def _put(self, tag: str, numbers: array[int]) -> None:
        if numbers:
            self._numbers[tag] = numbers if len(numbers) > 1 else numbers[0]
        else:
            self._numbers.pop(tag, None)

    def numbers(self, tag: str) -> array[int]:
        """A copy, ascending."""
        known = self._numbers.get(tag)
        if known is None:
            return array("i")
        return array("i", (known,)) if isinstance(known, int) else known[:]

    def counts(self) -> dict[str, int]:
        return {tag: 1 if isinstance(known, int) else len(known) for tag, known in self._numbers.items()}

    def between(self, first: int, end: int) -> Mapping[str, array[int]]:
        """By tag, the pictures numbered first .. end - 1, where there are any."""
        found = {}
        for tag, known in self._numbers.items():
            if isinstance(known, int):
                if first <= known < end:
                    found[tag] = array("i", (known,))
                continue
            start = bisect_left(known, first)
            stop = bisect_left(known, end, start)
            if start < stop:
                found[tag] = known[start:stop]
        return found
