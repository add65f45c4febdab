"""Lines of a run's log as columns of steps and as events, fast, and believing nothing.

A step is by far the commonest line, so it never becomes an object: its numbers go into columns. Whatever is no event
of ours (torn, foreign, a text where a number belongs, an absurd number) is counted and left out.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace

from kohya_like.events import KINDS, PROTOCOL, Event, Step

GAP = math.nan
MOST = 1e30  # no loss, rate or duration is larger; what is, is shown as a gap
LARGEST_COUNT = 2**53  # whole numbers above it are not exact as a double
LONGEST_TEXT = 10_000
MOST_GROUPS = 16


@dataclass
class Steps:
    """Consecutive step lines: one entry a line in each list."""

    times: list[float] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    rates: list[dict[str, object]] = field(default_factory=list)
    last: Step | None = None


@dataclass(frozen=True)
class Told:
    """Any other event, and when."""

    time: float
    event: Event


@dataclass(frozen=True)
class Parsed:
    """What some lines hold, in their order, and how many of them are no events of ours."""

    items: list[Steps | Told]
    skipped: int


def number(value: object) -> float:
    """A number as a float; what is none, or is absurd, is a gap."""
    if type(value) is not float:
        if type(value) is not int or abs(value) > MOST:
            return GAP
        value = float(value)
    return value if -MOST < value < MOST else GAP


def parse(lines: Sequence[str]) -> Parsed:
    """Read whole lines of the log."""
    items: list[Steps | Told] = []
    skipped = 0
    last: dict[str, object] = {}
    for body in _bodies(lines):
        if body is None or body.get("protocol") != PROTOCOL:
            skipped += 1
        elif body.get("event") != "step":
            told = _told(body)
            if told is None:
                skipped += 1
            else:
                _close(items, last)
                items.append(told)
        elif type(step := body.get("step")) is int and 0 < step < LARGEST_COUNT:
            if not items or type(items[-1]) is not Steps:
                items.append(Steps())
            _add(items[-1], step, body)  # type: ignore[arg-type]
            last = body
        else:
            skipped += 1
    _close(items, last)
    return Parsed(items, skipped)


def is_step(line: str) -> bool:
    """Whether a line of ours is a step, without reading it. No text fools it: quotes inside one are escaped."""
    return '"event": "step"' in line


def _add(steps: Steps, step: int, body: dict[str, object]) -> None:
    rates = body.get("lr")
    steps.times.append(number(body.get("time")))
    steps.steps.append(step)
    steps.losses.append(number(body.get("loss")))
    steps.seconds.append(number(body.get("seconds")))
    steps.rates.append(rates if type(rates) is dict else {})


def _close(items: list[Steps | Told], body: dict[str, object]) -> None:
    """The last line of a column block is kept as an event, for what is shown of the newest step alone."""
    if items and isinstance(block := items[-1], Steps):
        epoch, memory = (_count(body.get(name)) for name in ("epoch", "memory_bytes"))
        rates = {name[:100]: number(rate) for name, rate in list(block.rates[-1].items())[:MOST_GROUPS]}
        block.last = Step(
            block.steps[-1], epoch, block.losses[-1], rates, block.seconds[-1], memory,
            number(body.get("gradient_norm")),
        )  # fmt: skip


def _count(value: object) -> int:
    return value if type(value) is int and 0 <= value < LARGEST_COUNT else 0


def _bodies(lines: Sequence[str]) -> Iterator[dict[str, object] | None]:
    """The objects of the lines. All at once if each is whole, which is several times as fast; else one by one."""
    try:
        bodies = json.loads(f"[{','.join(lines)}]")
    except (ValueError, RecursionError):
        bodies = []
    if len(bodies) != len(lines):
        bodies = [_loaded(line) for line in lines]
    for body in bodies:
        yield body if type(body) is dict else None


def _loaded(line: str) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _told(body: dict[str, object]) -> Told | None:
    kind = KINDS.get(name) if isinstance(name := body.pop("event", None), str) else None
    time = number(body.pop("time", None))
    del body["protocol"]
    try:
        return Told(time, _believable(kind(**body))) if kind is not None else None  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None


def _believable(event: Event) -> Event:
    """The event, its texts cut to what can be shown. Raises ValueError where a field is not of its type."""
    changes = {item.name: _field(str(item.type), getattr(event, item.name)) for item in fields(event)}
    return replace(event, **changes)


def _field(kind: str, value: object) -> object:
    match kind:
        case "int":
            if type(value) is int and abs(value) < LARGEST_COUNT:
                return value
        case "float":
            if type(value) in (int, float):
                return number(value)
        case "str":
            if isinstance(value, str):
                return value[:LONGEST_TEXT]
        case "dict[str, float]":
            if isinstance(value, dict):
                return {name[:100]: number(rate) for name, rate in list(value.items())[:MOST_GROUPS]}
        case _:  # one of several words
            if isinstance(value, str) and value.isalpha() and repr(value) in kind:
                return value
    raise ValueError(f"{value!r} is no {kind}"[:200])
