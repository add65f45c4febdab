"""Interleaved rounds: A B C, A B C, ... so that a busy minute of the machine hits all alike."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Timing:
    """Seconds per unit of work over the rounds: by the clock, and the median of the processor time.

    With one thread and an idle machine the two are the same; on a busy one the clock counts other people's work too.
    """

    median: float
    low: float
    high: float
    rounds: int
    processor: float

    def __str__(self) -> str:
        spread = f"{self.low * 1e3:.2f} .. {self.high * 1e3:.2f}, {self.rounds} rounds"
        return f"{self.median * 1e3:9.2f} ms  ({spread}; processor {self.processor * 1e3:.2f} ms)"


def interleaved(work: Mapping[str, Callable[[], object]], rounds: int = 9, repeat: int = 1) -> dict[str, Timing]:
    """Run each piece `repeat` times a round; one round before the clock starts. Order turns round every other round."""
    seconds: dict[str, list[float]] = {name: [] for name in work}
    used: dict[str, list[float]] = {name: [] for name in work}
    for number in range(-1, rounds):
        names = list(work) if number % 2 else list(work)[::-1]
        for name in names:
            started, before = time.perf_counter(), time.process_time()
            for _ in range(repeat):
                work[name]()
            if number >= 0:
                seconds[name].append((time.perf_counter() - started) / repeat)
                used[name].append((time.process_time() - before) / repeat)
    return {
        n: Timing(statistics.median(s), min(s), max(s), len(s), statistics.median(used[n])) for n, s in seconds.items()
    }


def machine() -> str:
    """One line on what the figures were measured on."""
    import platform

    import torch

    cpu = platform.processor() or "cpu"
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    load = ", ".join(f"{x:.2f}" for x in os.getloadavg())
    build = f"torch {torch.__version__}, {torch.get_num_threads()} threads"
    return f"{cpu}, {os.cpu_count()} cores, {build}, {device}, load {load}"
