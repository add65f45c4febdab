"""Lowest and highest value of blocks of rows, kept as rows come: a plot of any length is drawn from few points."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence

BLOCKS = 2048  # at most; an even number


def extremes(values: Sequence[float]) -> tuple[float, float]:
    """Lowest and highest; gaps (NaN) do not count unless there is nothing else."""
    if math.isnan(sum(values)):
        values = [value for value in values if value == value]
        if not values:
            return math.nan, math.nan
    return min(values), max(values)


class Extremes:
    """Blocks of equal size, the last one unfinished; when there are too many, neighbours join."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.rows_per_block = 1
        self._in_last = 0
        self.first, self.low, self.high = array("d"), array("d"), array("d")

    def extend(self, steps: Sequence[float], values: Sequence[float]) -> None:
        """Take rows on: O(rows)."""
        at = 0
        while at < len(values):
            if not self.first or self._in_last == self.rows_per_block:
                self._begin(steps[at])
            chunk = values[at : at + self.rows_per_block - self._in_last]
            low, high = extremes(chunk)
            if self._in_last:
                low, high = extremes((low, high, self.low[-1], self.high[-1]))
            self.low[-1], self.high[-1] = low, high
            self._in_last += len(chunk)
            at += len(chunk)

    def _begin(self, step: float) -> None:
        if len(self.first) == BLOCKS:
            self._join()
        self.first.append(step)
        self.low.append(math.nan)
        self.high.append(math.nan)
        self._in_last = 0

    def _join(self) -> None:
        pairs = [extremes(self.low[i : i + 2] + self.high[i : i + 2]) for i in range(0, BLOCKS, 2)]
        self.first = self.first[::2]
        self.low = array("d", [low for low, _ in pairs])
        self.high = array("d", [high for _, high in pairs])
        self.rows_per_block *= 2


def outline(first: Sequence[float], low: Sequence[float], high: Sequence[float], points: int) -> tuple[array, array]:
    """x and y of a line through the lowest and the highest value of at most `points` groups of blocks."""
    group = max(1, math.ceil(len(first) / max(points, 1)))
    x, y = array("d"), array("d")
    for i in range(0, len(first), group):
        lowest, highest = extremes([*low[i : i + group], *high[i : i + group]])
        x.extend((first[i], first[i]))
        y.extend((lowest, highest))
    return x, y
