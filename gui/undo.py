"""Steps back and forth through the texts of a document. No Qt."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

MERGE_SECONDS = 1.0
CAP_BYTES = 16 << 20


@dataclass(frozen=True)
class Step:
    """The text to go to, and what the edit between it and the present text was."""

    text: str
    label: str
    keys: tuple[str, ...]  # what differs; () where anything may


class History:
    """Every edit of a session can be taken back, within a cap of memory: then the oldest steps go first.

    Edits of one key in quick succession (a spin box that runs, a word that is typed) are one step.
    """

    def __init__(self, cap_bytes: int = CAP_BYTES, clock: Callable[[], float] = time.monotonic) -> None:
        self._cap, self._clock = cap_bytes, clock
        self._back: deque[Step] = deque()
        self._forth: list[Step] = []
        self._bytes = 0
        self._last: float | None = None  # when the newest step was made; None: nothing may be merged into it

    @property
    def label(self) -> str:
        """What undo would take back; empty if there is nothing."""
        return self._back[-1].label if self._back else ""

    @property
    def redo_label(self) -> str:
        return self._forth[-1].label if self._forth else ""

    @property
    def can_undo(self) -> bool:
        return bool(self._back)

    @property
    def can_redo(self) -> bool:
        return bool(self._forth)

    def push(self, before: str, after: str, label: str, keys: tuple[str, ...]) -> None:
        """Remember the text `before` an edit that made it `after`."""
        now = self._clock()
        merges = (
            len(keys) == 1
            and self._last is not None
            and 0 <= now - self._last <= MERGE_SECONDS
            and self._back[-1].keys == keys
            and self._back[-1].label == label
        )
        self._forth.clear()
        self._last = now
        if not merges:
            self._back.append(Step(before, label, keys))
            self._bytes += sys.getsizeof(before)
        elif self._back[-1].text == after:  # typed there and back again: no step at all
            self._bytes -= sys.getsizeof(self._back.pop().text)
            self._last = None
        while self._bytes > self._cap and len(self._back) > 1:
            self._bytes -= sys.getsizeof(self._back.popleft().text)

    def undo(self, present: str) -> Step:
        """The step before; `present` is what redo brings again."""
        step = self._back.pop()
        self._bytes -= sys.getsizeof(step.text)
        self._forth.append(Step(present, step.label, step.keys))
        self._last = None
        return step

    def redo(self, present: str) -> Step:
        step = self._forth.pop()
        self._back.append(Step(present, step.label, step.keys))
        self._bytes += sys.getsizeof(present)
        self._last = None
        return step

    def settle(self) -> None:
        """The next edit is a step of its own, whatever it is."""
        self._last = None

    def clear(self) -> None:
        self._back.clear()
        self._forth.clear()
        self._bytes, self._last = 0, None
