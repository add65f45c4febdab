"""How long it takes to scan a large folder, and to check a preset.

    python -m benchmarks.folders [--scan 100000] [--check 10000] [--runs 5] [--folder FOLDER]

The pictures are small valid PNG and JPEG files of many sizes, each with a caption of its own, in four concept folders;
they are made first and thrown away. Only the first and last kilobytes of a picture are read, so that its size on disk
does not count. Everything is in the page cache: a slow disk adds its own time. `check` is a fresh process.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from benchmarks.real_size import DTYPES, full_size_tensors
from benchmarks.rounds import machine
from kohya_like.data.options import DataOptions
from kohya_like.data.scan import scan
from kohya_like.formats.tensors import safetensors_bytes, serialized

CONCEPTS = ("10_sks cat", "4_a house", "2_landscape", "1_everything else")
SIZES = [(512 + 64 * (i % 9), 448 + 64 * (i % 7)) for i in range(63)]
SCAN_TARGET, CHECK_TARGET = 10.0, 2.0  # s, for 100,000 and 10,000 pictures


def pictures() -> list[tuple[str, bytes]]:
    """(extension, content) of a few plain pictures, PNG and JPEG."""
    made = []
    for number, size in enumerate(SIZES):
        kind, extension = ("PNG", ".png") if number % 2 else ("JPEG", ".jpg")
        buffer = io.BytesIO()
        Image.new("RGB", size, (number * 4, 128, 255 - number)).save(buffer, kind)
        made.append((extension, buffer.getvalue()))
    return made


def make_dataset(folder: Path, count: int) -> Path:
    """`count` pictures with their captions."""
    kinds = pictures()
    for concept in CONCEPTS:
        (folder / concept).mkdir(parents=True)
    for number in range(count):
        extension, content = kinds[number % len(kinds)]
        stem = f"{folder}/{CONCEPTS[number % len(CONCEPTS)]}/picture {number:06d}"
        write(stem + extension, content)
        write(stem + ".txt", f"sks thing, number {number}, blue sky, detailed, from {number % 97} sides\n".encode())
    return folder


def write(path: str, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        os.write(handle, content)
    finally:
        os.close(handle)


def hollow_model(path: Path) -> Path:
    """A file with the header of a full-size SD1.5 and a hole for its numbers: `check` reads nothing but headers."""
    tensors = full_size_tensors(DTYPES["fp16"])
    with path.open("wb") as file:
        file.write(next(iter(serialized(tensors))))
        file.truncate(safetensors_bytes(tensors))
    return path


def scan_once(folder: Path, count: int) -> Callable[[], None]:
    options = DataOptions(train_data_dir=str(folder), resolution=512)

    def once() -> None:
        found = scan(options, 64)
        assert len(found.images) == count and not found.errors, found.faults[:3]

    return once


def check_once(folder: Path, count: int, root: Path) -> Callable[[], None]:
    """`check` as a person starts it, in a process of its own."""
    model = hollow_model(root / "model.safetensors")
    preset = root / "preset.toml"
    preset.write_text(
        f"[model]\nbase = {json.dumps(str(model))}\n"
        f"[data]\ntrain_data_dir = {json.dumps(str(folder))}\nresolution = 512\n"
        f"cache_dir = {json.dumps(str(root / 'cache'))}\n"
        f"[save]\noutput_dir = {json.dumps(str(root / 'out'))}\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "kohya_like", "check", str(preset), "--json"]

    def once() -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0 and str(count) in done.stdout, done.stdout[-3000:] + done.stderr[-3000:]

    return once


def timed(what: str, once: Callable[[], None], runs: int, limit: float) -> str:
    once()  # the page cache is filled
    clock, processor = [], []
    for _ in range(runs):
        started, used = time.perf_counter(), used_seconds()
        once()
        clock.append(time.perf_counter() - started)
        processor.append(used_seconds() - used)
    median = statistics.median(clock)
    verdict = "held" if median <= limit else "MISSED"
    spread = f"{min(clock):.2f} .. {max(clock):.2f}, {runs} runs"
    return (
        f"{what}: {median:.2f} s ({spread}), processor {statistics.median(processor):.2f} s; "
        f"target {limit:.0f} s: {verdict}"
    )


def used_seconds() -> float:
    """Processor time of this process and of those it has waited for."""
    return sum(os.times()[:4])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scan", type=int, default=100_000, help="pictures to scan; 0: leave it out")
    parser.add_argument("--check", type=int, default=10_000, help="pictures to check; 0: leave it out")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where to make them; default: the system's temporary folder")
    a = parser.parse_args()
    print(machine(), flush=True)
    with contextlib.ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=a.folder)))
        if a.check:
            once = check_once(make_dataset(root / "small", a.check), a.check, root)
            print(timed(f"check of {a.check} pictures", once, a.runs, CHECK_TARGET), flush=True)
        if a.scan:
            once = scan_once(make_dataset(root / "large", a.scan), a.scan)
            print(timed(f"scan of {a.scan} pictures", once, a.runs, SCAN_TARGET), flush=True)
    print(machine())


if __name__ == "__main__":
    main()
