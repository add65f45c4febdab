"""From the start of the process to the end of the first step, with its parts and its peak memory.

    python -m benchmarks.start_time [--model FILE] [--runs 3] [--precision fp32 bf16] [--threads 1] [--cold]

SD1.5's size with random weights from one fp32 file, 12 synthetic pictures at 256 px, batch 1, LoRA of dim 16 and alpha
8 on the UNet's 192 layers, AdamW, sdpa, latents and captions cached. Each run is a fresh process of the trainer with
the supervisor's environment; "first" starts with an empty cache, "second" finds what the first one left.
bf16 means base weights in bf16 and bf16 autocast, from the same fp32 file.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.real_size import default_folder, real_size
from benchmarks.rounds import machine
from kohya_like import runs
from kohya_like.events import EVENTS, Failed, Phase, Record, Started, Step, read_events
from kohya_like.supervise import MALLOC

PICTURES = 12
# Seconds that sd-scripts needs without the VAE's time on the pictures, on the machine of the reference figures.
PEER = {"fp32": 45.0, "bf16": 40.0}
PEER_SECOND = {"fp32": 75.0, "bf16": 56.0}
PEER_GIB = 8.33
PARTS = ("imports", "open model", "scan", "VAE on pictures", "captions", "UNet and network", "first step")


@dataclass(frozen=True)
class Start:
    """Seconds of each part by the clock and of the processor, of the whole, and the peak of resident memory.

    On a busy machine the clock counts other people's work as well; processor time is nearly free of that.
    """

    parts: dict[str, float]
    processor: dict[str, float]
    peak_gib: float

    @property
    def total(self) -> float:
        return sum(self.parts.values())

    @property
    def without_vae(self) -> float:
        return self.total - self.parts["VAE on pictures"]

    @property
    def processor_without_vae(self) -> float:
        return sum(self.processor.values()) - self.processor["VAE on pictures"]


class ProcessorTime(threading.Thread):
    """Notes every 20 ms how much processor time a process has used, all its threads together."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._stat = Path(f"/proc/{pid}/stat")
        self._times: list[float] = []
        self._used: list[float] = []

    def run(self) -> None:
        tick = os.sysconf("SC_CLK_TCK")
        while True:
            try:
                fields = self._stat.read_text().rpartition(")")[2].split()
            except OSError:
                return
            self._times.append(time.time())
            self._used.append((int(fields[11]) + int(fields[12])) / tick)
            time.sleep(0.02)

    def at(self, moment: float) -> float:
        """Seconds used until then."""
        place = min(bisect_left(self._times, moment), len(self._used) - 1)
        return self._used[place] if self._used else 0.0


def make_pictures(folder: Path) -> Path:
    """`folder/10_sks thing` with pictures of smooth colours and a caption each."""
    concept = folder / "10_sks thing"
    concept.mkdir(parents=True)
    rows, columns = np.mgrid[0:320, 0:320] / 320.0
    for number in range(PICTURES):
        waves = [np.sin((c + 2) * rows * 3 + number) * np.cos((c + 1) * columns * 4) for c in range(3)]
        pixels = (np.stack(waves, axis=-1) * 127 + 128).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(concept / f"{number:02d}.png")
        (concept / f"{number:02d}.txt").write_text(f"sks thing, waves of kind {number}\n", encoding="utf-8")
    return folder


def config_toml(model: Path, pictures: Path, folder: Path, cache: Path, precision: str, threads: int) -> str:
    def text(path: Path) -> str:
        return json.dumps(str(path))

    return f"""
[model]
base = {text(model)}
[data]
train_data_dir = {text(pictures)}
resolution = 256
cache_dir = {text(cache)}
[network]
name = "lora"
dim = 16
alpha = 8.0
train_text_encoder = false
[optimizer]
optimizer_type = "AdamW"
learning_rate = 1e-4
[train]
train_batch_size = 1
max_train_steps = 1
seed = 1
mixed_precision = "{"bf16" if precision == "bf16" else "no"}"
[save]
output_dir = {text(folder)}
output_name = "start"
[hardware]
device = "cpu"
threads = {threads}
"""


def start(folder: Path, config: str, threads: int) -> Start:
    """One run in a fresh process. Raises RuntimeError with the end of its output when it failed."""
    folder.mkdir(parents=True)
    (folder / runs.CONFIG).write_text(config, encoding="utf-8")
    environment = {**MALLOC, **os.environ, "OMP_NUM_THREADS": str(threads)}
    with (folder / "console.log").open("wb") as log:
        started = time.time()
        child = subprocess.Popen(runs.trainer_command(folder), env=environment, stdout=log, stderr=log)
        used = ProcessorTime(child.pid)
        used.start()
        _, status, usage = os.wait4(child.pid, 0)
        used.join()
    records, _ = read_events(folder / EVENTS)
    if status:
        failed = [str(r.event) for r in records if isinstance(r.event, Failed)]
        raise RuntimeError("\n".join([*failed, (folder / "console.log").read_text(errors="replace")[-2000:]]))
    times = [started, *boundaries(records)]
    parts = {part: times[i + 1] - times[i] for i, part in enumerate(PARTS)}
    processor = {part: used.at(times[i + 1]) - used.at(times[i]) for i, part in enumerate(PARTS)}
    return Start(parts, processor, usage.ru_maxrss / 2**20)


def boundaries(records: Sequence[Record]) -> list[float]:
    """When each of PARTS ended, from what the run said in its log."""

    def first(name: str) -> float:
        return next(r.time for r in records if isinstance(r.event, Phase) and r.event.name == name)

    def last(name: str) -> float:
        return [r.time for r in records if isinstance(r.event, Phase) and r.event.name == name][-1]

    ready = next(r.time for r in records if isinstance(r.event, Started))
    stepped = next(r.time for r in records if isinstance(r.event, Step))
    return [first("load"), first("scan"), first("cache"), last("cache"), last("encode captions"), ready, stepped]


def forget(file: Path) -> None:
    """Let the system drop the file from its page cache, so that the disk is read."""
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def warm(file: Path) -> None:
    with file.open("rb", buffering=0) as opened:
        while opened.read(1 << 24):
            pass


def measure(model: Path, precisions: Sequence[str], rounds: int, threads: int, cold: bool) -> dict[str, list[Start]]:
    """Runs by label, "fp32 first" and so on, interleaved."""
    found: dict[str, list[Start]] = {}
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        pictures = make_pictures(root / "pictures")
        for number in range(rounds):
            for precision in precisions:
                cache = root / f"cache-{number}-{precision}"
                for which in ("first", "second"):
                    (forget if cold else warm)(model)
                    folder = root / f"{number}-{precision}-{which}"
                    toml = config_toml(model, pictures, folder / "out", cache, precision, threads)
                    one = start(folder, toml, threads)
                    found.setdefault(f"{precision} {which}", []).append(one)
                    print(f"  round {number + 1}: {precision} {which}: {one.total:.1f} s", file=sys.stderr, flush=True)
    return found


def report(found: dict[str, list[Start]]) -> list[str]:
    lines = []
    for label, starts in found.items():
        precision, which = label.split()
        total = statistics.median(s.total for s in starts)
        low, high = min(s.total for s in starts), max(s.total for s in starts)
        spread = f"{low:.1f} .. {high:.1f}, {len(starts)} runs"
        used = statistics.median(sum(s.processor.values()) for s in starts)
        lines.append(f"{label} run: {total:.1f} s to the end of the first step ({spread}), processor {used:.1f} s")
        for part in PARTS:
            clock = statistics.median(s.parts[part] for s in starts)
            used = statistics.median(s.processor[part] for s in starts)
            lines.append(f"    {part:<18} {clock:6.2f} s   processor {used:6.2f} s")
        if which == "first":
            rest, limit = statistics.median(s.without_vae for s in starts), PEER[precision] / 2
            used = statistics.median(s.processor_without_vae for s in starts)
            without = f"without the VAE's time {rest:.1f} s, processor {used:.1f} s"
            lines.append(f"    {without}; target {limit:.1f}: {verdict(rest, limit)}")
        else:
            limit = PEER_SECOND[precision] / 3
            lines.append(f"    target {limit:.1f} s: {verdict(total, limit)}")
        peak = max(s.peak_gib for s in starts)
        lines.append(f"    peak memory {peak:.2f} GiB; target {PEER_GIB * 0.6:.2f}: {verdict(peak, PEER_GIB * 0.6)}")
    return lines


def verdict(value: float, limit: float) -> str:
    return "held" if value <= limit else "MISSED"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="default: made once in the system's temporary folder")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--precision", nargs="+", choices=list(PEER), default=list(PEER))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cold", action="store_true", help="with the model file out of the page cache")
    a = parser.parse_args()
    model = a.model or real_size(default_folder())
    print(machine())
    print(f"trainer: {a.threads} threads; model file {'read from disk' if a.cold else 'in the page cache'}", flush=True)
    print("\n".join(report(measure(model, a.precision, a.runs, a.threads, a.cold))))
    print(machine())


if __name__ == "__main__":
    main()
