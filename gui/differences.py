"""The lines in which two texts differ, with a few equal ones around them. No Qt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

CONTEXT = 3
MOST_COMPARED = 20_000  # lines; beyond, all that lies between the equal ends is shown as replaced
MOST_SHOWN = 4_000

Sign = Literal[" ", "-", "+", "gap"]


@dataclass(frozen=True)
class Line:
    """An equal line, one of mine only ("-"), one of theirs only ("+"), or a "gap" of `count` equal lines."""

    sign: Sign
    text: str = ""
    count: int = 0


@dataclass(frozen=True)
class Differences:
    """What is shown, and how many lines each side has alone. `hidden`: lines that are not shown because of the cap."""

    lines: tuple[Line, ...]
    mine: int
    theirs: int
    hidden: int = 0


def differences(mine: str, theirs: str) -> Differences:
    """Line ends and a byte order mark do not count: a text that differs in them alone has no lines here."""
    a, b = _lines(mine), _lines(theirs)
    lines = list(_folded(list(_compared(a, b))))
    sides = {sign: sum(line.sign == sign for line in lines) for sign in ("-", "+")}
    hidden = max(0, len(lines) - MOST_SHOWN)
    return Differences(tuple(lines[:MOST_SHOWN]), sides["-"], sides["+"], hidden)


def _lines(text: str) -> list[str]:
    return [line.removesuffix("\r") for line in text.removeprefix("\ufeff").split("\n")]


def _compared(a: Sequence[str], b: Sequence[str]) -> Iterator[Line]:
    start = _equal_start(a, b)
    rest = min(len(a), len(b)) - start
    end = _equal_start(a[: start - len(a) - 1 : -1][:rest], b[: start - len(b) - 1 : -1][:rest])
    yield from (Line(" ", text) for text in a[:start])
    yield from _middle(a[start : len(a) - end], b[start : len(b) - end])
    yield from (Line(" ", text) for text in a[len(a) - end :])


def _middle(a: Sequence[str], b: Sequence[str]) -> Iterator[Line]:
    if max(len(a), len(b)) > MOST_COMPARED:
        codes = [("replace", 0, len(a), 0, len(b))]
    else:
        codes = list(SequenceMatcher(None, a, b).get_opcodes())
    for how, a1, a2, b1, b2 in codes:
        if how == "equal":
            yield from (Line(" ", text) for text in a[a1:a2])
        else:
            yield from (Line("-", text) for text in a[a1:a2])
            yield from (Line("+", text) for text in b[b1:b2])


def _equal_start(a: Sequence[str], b: Sequence[str]) -> int:
    return next((at for at, (one, other) in enumerate(zip(a, b)) if one != other), min(len(a), len(b)))


def _folded(lines: Sequence[Line]) -> Iterator[Line]:
    """Long runs of equal lines become a gap; those next to a difference stay."""
    changed = [at for at, line in enumerate(lines) if line.sign != " "]
    near = {at for change in changed for at in range(change - CONTEXT, change + CONTEXT + 1)}
    gap = 0
    for at, line in enumerate(lines):
        if at in near:
            if gap:
                yield Line("gap", count=gap)
            gap = 0
            yield line
        else:
            gap += 1
    if gap and changed:
        yield Line("gap", count=gap)
