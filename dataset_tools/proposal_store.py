"""The proposals that a window holds until they are accepted, a hundred thousand of them in little memory.

Names of tags are kept once; a score is a whole number of ten-thousandths, as it came over the pipe. A picture with 60
scores takes about 600 bytes, instead of ten thousand as a `Proposal`.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator

from dataset_tools.proposals import Proposal, Score

STEPS = 10_000  # of a score


class ProposalStore:
    """By the library's id. Not locked: one thread owns it."""

    def __init__(self) -> None:
        self._rows: dict[int, tuple[str, str, array[int], array[int]]] = {}  # path, sentence, tags, scores
        self._tags: list[tuple[str, str]] = []  # category, tag
        self._numbers: dict[tuple[str, str], int] = {}

    def put(self, id: int, proposal: Proposal) -> None:
        """A later proposal of the same picture takes the place of the earlier one."""
        tags, scores = array("I"), array("H")
        for category, rows in proposal.scores.items():
            for tag, score in rows:
                tags.append(self._number(category, tag))
                scores.append(round(min(max(score, 0.0), 1.0) * STEPS))
        self._rows[id] = proposal.picture, proposal.sentence, tags, scores

    def get(self, id: int) -> Proposal | None:
        if (row := self._rows.get(id)) is None:
            return None
        picture, sentence, tags, scores = row
        found: dict[str, list[Score]] = {}
        for number, score in zip(tags, scores):
            category, tag = self._tags[number]
            found.setdefault(category, []).append((tag, score / STEPS))
        return Proposal(picture, {category: tuple(rows) for category, rows in found.items()}, sentence)

    def drop(self, ids: Iterable[int]) -> None:
        """Forget proposals: they were accepted or refused."""
        for id in ids:
            self._rows.pop(id, None)

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, id: object) -> bool:
        return id in self._rows

    def __iter__(self) -> Iterator[int]:
        return iter(self._rows)

    def _number(self, category: str, tag: str) -> int:
        key = category, tag
        if (number := self._numbers.get(key)) is None:
            number = self._numbers[key] = len(self._tags)
            self._tags.append(key)
        return number
