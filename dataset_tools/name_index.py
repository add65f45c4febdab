"""Many names in little memory, found by their beginning or by a part: a million in about 30 MB.

The names lie in one piece of bytes, the most used first, so that the first hit of a search through it is the best one;
an array of their numbers in alphabetical order finds beginnings by bisection.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from heapq import nsmallest
from itertools import accumulate

_LETTERS = re.compile(r"[^\W_]{2}")


def folded(name: str) -> str:
    """How names are compared: lower case, a blank for each underscore. ^_^ and o_o are faces and keep theirs."""
    name = name.strip().lower()
    if "_" not in name or not _LETTERS.search(name):
        return name
    return name.replace("_", " ")


class NameIndex:
    """Names by number, 0 the most used. They are kept as given; whoever looks gives `folded` text if they are."""

    def __init__(self, names: Sequence[str] | Sequence[bytes]) -> None:
        """`names` in order of use, none with a line break; bytes are UTF-8."""
        raw = [name if isinstance(name, bytes) else name.encode("utf-8", "surrogatepass") for name in names]
        self._order = array("I", sorted(range(len(raw)), key=raw.__getitem__))
        self._starts = array("I", accumulate((len(one) + 1 for one in raw), initial=1))
        self._bytes = b"\n" + b"\n".join(raw) + b"\n" if raw else b"\n"

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, number: int) -> str:
        return self._raw(number).decode("utf-8", "surrogatepass")

    def number(self, name: str) -> int:
        """The number of a name, -1 where it is not among them."""
        wanted = name.encode("utf-8", "surrogatepass")
        place = bisect_left(self._order, wanted, key=self._raw)
        if place < len(self._order) and self._raw(self._order[place]) == wanted:
            return self._order[place]
        return -1

    def starting(self, text: str, limit: int) -> list[int]:
        """The numbers of the most used names that begin with a text, the best first; before all the text itself."""
        wanted = text.encode("utf-8", "surrogatepass")
        if not wanted:
            return []
        first = bisect_left(self._order, wanted, key=self._raw)
        last = bisect_right(self._order, wanted, first, key=lambda n: self._raw(n)[: len(wanted)])
        found = nsmallest(limit, self._order[first:last])
        exact = self._order[first] if first < last and self._raw(self._order[first]) == wanted else -1
        return found if exact < 0 else [exact, *(number for number in found if number != exact)][:limit]

    def containing(self, text: str, limit: int, at_word: bool = False) -> list[int]:
        """The most used names with a text inside (`at_word`: at the beginning of a word that is not the first)."""
        wanted = text.encode("utf-8", "surrogatepass")
        if not wanted or b"\n" in wanted:
            return []
        found: list[int] = []
        for number in self._hits(b" " + wanted if at_word else wanted):
            found.append(number)
            if len(found) >= limit:
                break
        return found

    def _hits(self, wanted: bytes) -> Iterator[int]:
        place = self._bytes.find(wanted)
        while place >= 0:
            number = bisect_right(self._starts, place) - 1
            yield number
            place = self._bytes.find(wanted, self._starts[number + 1])

    def _raw(self, number: int) -> bytes:
        return self._bytes[self._starts[number] : self._starts[number + 1] - 1]
