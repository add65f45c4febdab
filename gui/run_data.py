"""What a run has said so far: columns of its steps and the events that are shown.

A thread adds (`run_reader`), the window reads: `lock` is held while columns change. Resumed runs are settled: what lies
above the step they went back to is taken out. Past a number of rows the middle is thinned, never the two ends.
"""

from __future__ import annotations

import math
import threading
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from gui.extremes import Extremes, outline
from gui.run_events import GAP, MOST_GROUPS, Parsed, Steps, Told, number
from kohya_like.events import (
    Controlled,
    Event,
    Failed,
    Finished,
    Phase,
    Resumed,
    Sample,
    Saved,
    Started,
    Step,
    Validation,
    Warned,
)

SMOOTHING = 0.02  # weight of a new loss in the smoothed one, after the first 1 / SMOOTHING steps
DRAWN_ROWS = 20_000  # up to so many rows are drawn from themselves, more from the blocks' extremes
MOST_ROWS = 400_000
KEPT_ENDS = 50_000  # rows at each end that are never thinned
MOST_KEPT = 5_000  # samples, saved files, warnings, commands
RATE_STEPS = 100
DAY = 86_400.0  # no two lines of a live trainer are further apart


@dataclass(frozen=True)
class Curve:
    """Points to draw. `rates` and `smooth` have `smooth_x` as their x."""

    x: array
    y: array  # raw loss: one value a step, or lowest and highest of each group of steps
    smooth_x: array
    smooth: array
    rates: dict[str, array]


@dataclass(frozen=True)
class Speed:
    """Measured over the last steps. `left` is seconds to the end, `spread` how much more or less; NaN if unknown."""

    steps_per_second: float = GAP
    left: float = GAP
    spread: float = GAP


@dataclass
class RunData:
    """`steps`, `loss`, `smooth`, `seconds` and each array of `rates` have one entry a row; steps only rise."""

    steps: array = field(default_factory=lambda: array("d"))
    loss: array = field(default_factory=lambda: array("d"))
    smooth: array = field(default_factory=lambda: array("d"))
    seconds: array = field(default_factory=lambda: array("d"))
    rates: dict[str, array] = field(default_factory=dict)  # learning rate by part
    started: Started | None = None
    phase: Phase | None = None
    last: Step | None = None
    samples: list[Sample] = field(default_factory=list)
    saved: list[Saved] = field(default_factory=list)
    validations: list[Validation] = field(default_factory=list)
    warnings: list[Warned] = field(default_factory=list)
    controls: list[Controlled] = field(default_factory=list)  # commands that the trainer took
    failed: Failed | None = None
    finished: Finished | None = None
    resumed: Resumed | None = None
    skipped: int = 0  # lines that are no events of ours
    thinned: int = 1  # in the middle only every so many-th step is kept
    elapsed: float = 0.0  # seconds in which a trainer worked; pauses do not count
    size: int = 0  # of the file, and how much of it is read: bytes
    read: int = 0
    gone: bool = False  # the file was there and is not any more
    trouble: str = ""  # why it cannot be read, as a sentence
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False, compare=False)
    _drawn: Extremes = field(default_factory=Extremes, repr=False)
    _time: float = GAP

    def clear(self) -> None:
        """Begin anew: the file was replaced."""
        fresh = RunData()
        with self.lock:
            for name, value in vars(fresh).items():
                if name != "lock":
                    setattr(self, name, value)

    def add(self, parsed: Parsed) -> None:
        """Take on what was read."""
        with self.lock:
            self.skipped += parsed.skipped
            for item in parsed.items:
                if isinstance(item, Steps):
                    self._add_steps(item)
                else:
                    self._add_event(item)
            if len(self.steps) > MOST_ROWS:
                self._thin()

    @property
    def total(self) -> int:
        return self.started.total_steps if self.started is not None else 0

    def curve(self, points: int, first: float = -math.inf, last: float = math.inf) -> Curve:
        """At most about 2 x `points` points of the steps from `first` to `last`; no more work for more rows."""
        with self.lock:
            begin, end = bisect_left(self.steps, first), bisect_right(self.steps, last)
            stride = max(1, math.ceil((end - begin) / max(points, 1)))
            x, y = self._raw(begin, end, points, stride)
            rows = slice(begin, end, stride)
            rates = {name: column[rows] for name, column in self.rates.items()}
            return Curve(x, y, self.steps[rows], self.smooth[rows], rates)

    def _raw(self, begin: int, end: int, points: int, stride: int) -> tuple[array, array]:
        rows = slice(begin, end)
        if stride == 1:
            return self.steps[rows], self.loss[rows]
        if end - begin <= DRAWN_ROWS:
            return outline(self.steps[rows], self.loss[rows], self.loss[rows], points)
        drawn = self._drawn
        blocks = slice(
            max(bisect_right(drawn.first, self.steps[begin]) - 1, 0), bisect_right(drawn.first, self.steps[end - 1])
        )
        return outline(drawn.first[blocks], drawn.low[blocks], drawn.high[blocks], points)

    def row_at(self, step: float) -> int:
        """The row nearest to a step, for a crosshair; -1 where there is none."""
        with self.lock:
            right = bisect_left(self.steps, step)
            near = [row for row in (right - 1, right) if 0 <= row < len(self.steps)]
            return min(near, key=lambda row: abs(self.steps[row] - step), default=-1)

    def speed(self) -> Speed:
        """Steps a second and the time left, from the duration of the last steps."""
        with self.lock:
            seconds = [value for value in self.seconds[-RATE_STEPS:] if value > 0]
            left = max(0, self.total - int(self.steps[-1])) if self.steps else 0
        if not seconds:
            return Speed()
        mean = sum(seconds) / len(seconds)
        if len(seconds) < 2 or not self.total:
            return Speed(1 / mean, left * mean if self.total else GAP)
        deviation = math.sqrt(sum((value - mean) ** 2 for value in seconds) / (len(seconds) - 1))
        return Speed(1 / mean, left * mean, left * deviation / math.sqrt(len(seconds)))

    def _add_steps(self, new: Steps) -> None:
        self._count_time(new.times[-1])
        limit = self.total or math.inf
        newest = self.steps[-1] if self.steps else 0
        if not all(a < b for a, b in zip([newest, *new.steps], [*new.steps, limit + 1])):
            new = self._in_order(new, newest, limit)
            if not new.steps:
                return
        before = len(self.steps)
        self.steps.extend(new.steps)
        self.loss.extend(new.losses)
        self.seconds.extend(new.seconds)
        self._smooth(new.losses)
        self._add_rates(new.rates, before)
        self._drawn.extend(new.steps, new.losses)
        self.last = new.last
        self.failed = self.finished = None

    def _in_order(self, new: Steps, newest: float, limit: float) -> Steps:
        """Without the lines whose step is not above the one before, or above the run's end: nobody's steps."""
        kept = Steps(last=self.last)
        for i, step in enumerate(new.steps):
            if not newest < step <= limit:
                self.skipped += 1
                continue
            newest = step
            kept.steps.append(step)
            kept.losses.append(new.losses[i])
            kept.seconds.append(new.seconds[i])
            kept.rates.append(new.rates[i])
            if i == len(new.steps) - 1:
                kept.last = new.last
        return kept

    def _smooth(self, losses: Sequence[float]) -> None:
        count = len(self.smooth)
        value = self.smooth[-1] if count else GAP
        for loss in losses:
            count += 1
            if value != value:
                value = loss
            elif loss == loss:
                value += max(SMOOTHING, 1 / count) * (loss - value)
            self.smooth.append(value)

    def _add_rates(self, rates: Sequence[dict[str, object]], before: int) -> None:
        for name in rates[-1]:
            if name[:100] not in self.rates and len(self.rates) < MOST_GROUPS:
                self.rates[name[:100]] = array("d", [GAP]) * before
        for name, column in self.rates.items():
            column.extend([number(row.get(name)) for row in rates])

    def _add_event(self, told: Told) -> None:
        self._count_time(told.time, begins=isinstance(told.event, Phase) and told.event.name == "load")
        event: Event = told.event
        match event:
            case Started():
                self.started = event
                self.failed = self.finished = None
            case Phase():
                self.phase = event
                if event.name == "load":
                    self.failed = self.finished = None
            case Resumed():
                self.resumed = event
                self._go_back_to(event.step)
            case Sample():
                _keep(self.samples, event)
            case Saved():
                _keep(self.saved, event)
            case Validation():
                _keep(self.validations, event)
            case Warned():
                _keep(self.warnings, event)
            case Controlled():
                _keep(self.controls, event)
            case Failed():
                self.failed = event
            case Finished():
                self.finished = event

    def _count_time(self, now: float, begins: bool = False) -> None:
        """Time between two lines of one process; a clock that was set adds nothing."""
        if now == now:
            if not begins and 0 < now - self._time < DAY:
                self.elapsed += now - self._time
            self._time = now

    def _go_back_to(self, step: int) -> None:
        row = bisect_right(self.steps, step)
        if row < len(self.steps):
            for column in (self.steps, self.loss, self.smooth, self.seconds, *self.rates.values()):
                del column[row:]
            self._drawn.clear()
            self._drawn.extend(self.steps, self.loss)
        self.samples = [event for event in self.samples if event.step <= step]
        self.saved = [event for event in self.saved if event.step <= step]
        self.validations = [event for event in self.validations if event.step <= step]

    def _thin(self) -> None:
        """Leave out every second row of the middle; the extremes that are drawn still know it."""

        def thinned(column: array) -> array:
            return column[:KEPT_ENDS] + column[KEPT_ENDS:-KEPT_ENDS:2] + column[-KEPT_ENDS:]

        self.steps, self.loss = thinned(self.steps), thinned(self.loss)
        self.smooth, self.seconds = thinned(self.smooth), thinned(self.seconds)
        self.rates = {name: thinned(column) for name, column in self.rates.items()}
        self.thinned *= 2


def _keep(kept: list, event: Event) -> None:
    """The first and the last, if there are very many."""
    kept.append(event)
    if len(kept) > MOST_KEPT:
        del kept[MOST_KEPT // 2]
