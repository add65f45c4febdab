"""Prompt editing: which text a step of the sampler reads.

    [from:to:when]  [to:when]  [from::when]  [a|b|c]          when: a step, or with a point a fraction of all steps

A bracket counts where all that it holds is well-formed; otherwise it is text, and what stands in it is read on its
own. A `|` outside of such a bracket makes the whole prompt text. The parse is linear in the length of the text and
holds no recursion: of a bracket only the places are kept at which reading jumps.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

Schedule = tuple[tuple[int, str], ...]  # (last step of this text, text), rising

_PARTS = re.compile(r"[\[\]():|]|(?:[^\\\[\]():|]|\\.)+|\\")
_WHEN = re.compile(r"\s*([+-]?(?:[0-9]+[eE][+-]?[0-9]+|(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[0-9]+))\s*")


@dataclass(frozen=True)
class _Choice:
    """A bracket that changes with the step: where each of its texts begins, and where reading goes on after it."""

    starts: tuple[int, ...]  # of the alternatives; of from and to
    when: str | None  # None: the alternatives take turns

    def last_step(self, steps: int) -> int:
        """The last step of `from`."""
        assert self.when is not None
        number = float(self.when) * (steps if "." in self.when else 1)
        return int(max(-1.0, min(float(steps), number)))

    def start(self, step: int, steps: int) -> int:
        if self.when is None:
            return self.starts[(step - 1) % len(self.starts)]
        return self.starts[0] if step <= self.last_step(steps) else self.starts[1]


@dataclass
class _Open:
    """A bracket that is not closed yet, and the separators right in it."""

    bracket: str
    place: int
    colons: list[int] = field(default_factory=list)
    bars: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class _Parsed:
    parts: tuple[str, ...]
    choices: dict[int, _Choice]  # by the place of the opening bracket
    ends: dict[int, int]  # separator or closing bracket -> the place after the bracket

    def at(self, step: int, steps: int) -> str:
        read: list[str] = []
        i = 0
        while i < len(self.parts):
            if i in self.choices:
                i = self.choices[i].start(step, steps)
            elif i in self.ends:
                i = self.ends[i]
            else:
                read.append(self.parts[i])
                i += 1
        return "".join(read)


def schedule(text: str, steps: int) -> Schedule:
    """The texts of a prompt with the last step of each; step 1 is the first, the last entry ends with `steps`.

    A bracket with alternatives makes an entry for every step.
    """
    parsed = _parse(text)
    if parsed is None or not parsed.choices:
        return ((steps, text),)
    ends = {steps}
    for choice in parsed.choices.values():
        if choice.when is None:
            ends.update(range(1, steps + 1))
        elif (last := choice.last_step(steps)) >= 1:
            ends.add(last)
    return tuple((end, parsed.at(end, steps)) for end in sorted(ends))


def text_at(entries: Schedule, done: int) -> str:
    """What is read by the step after `done` steps. A text is read until its last step is *done*, as the web UI has it:
    `[a:b:3]` reads a four times."""
    return next((text for end, text in entries if done <= end), entries[0][1])


def _parse(text: str) -> _Parsed | None:
    """None where the text cannot be read: a bar outside of alternatives, a backslash before nothing."""
    parts = tuple(_PARTS.findall(text))
    choices: dict[int, _Choice] = {}
    ends: dict[int, int] = {}
    opened: list[_Open] = []
    for i, part in enumerate(parts):
        if part in ("[", "("):
            opened.append(_Open(part, i))
        elif part == ":" and opened:
            opened[-1].colons.append(i)
        elif part == "|" and opened:
            opened[-1].bars.append(i)
        elif part in ("|", "\\"):
            return None
        elif part in ("]", ")"):
            if opened and _closes(opened[-1], part, i, parts, choices, ends):
                opened.pop()
            elif any(one.bars for one in opened):
                return None
            else:
                opened.clear()
    if any(one.bars for one in opened):
        return None
    return _Parsed(parts, choices, ends)


def _closes(
    opened: _Open, part: str, place: int, parts: tuple[str, ...], choices: dict[int, _Choice], ends: dict[int, int]
) -> bool:
    """Whether this bracket ends well here; what changes with the step is noted."""
    colons, bars = opened.colons, opened.bars
    first = opened.place + 1
    if part == ")":
        return opened.bracket == "(" and len(colons) <= 1 and not bars
    if opened.bracket != "[" or (colons and bars):
        return False
    if bars:
        choices[opened.place] = _Choice((first, *(bar + 1 for bar in bars)), None)
        ends.update(dict.fromkeys((*bars, place), place + 1))
    elif colons:
        when = _WHEN.fullmatch("".join(parts[colons[-1] + 1 : place]))
        if len(colons) > 2 or when is None:
            return False
        starts = (first, colons[0] + 1) if len(colons) == 2 else (place + 1, first)
        choices[opened.place] = _Choice(starts, when[1])
        ends.update(dict.fromkeys((*colons, place), place + 1))
    return True
