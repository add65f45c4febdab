"""From an edit of a field to steps and pre-flight: the window's child over a pipe, with a large dataset.

    python -m benchmarks.window_service [--pictures 10000] [--rounds 9] [--folder FOLDER]

Each figure is the time from writing the request to having read the answer. "first" starts the process as well;
"cold" is a child that has forgotten everything; edits change one option of a preset that was checked before; "a
picture more" touches one of the folders, first the answer from memory, then the second one after reading it again.
The window itself waits 150 ms for a pause in typing before it asks. Pictures and captions as in benchmarks.folders;
half of the captions are longer than 75 tokens, so that they have to be counted.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.folders import CONCEPTS, hollow_model, make_dataset
from benchmarks.rounds import machine

TARGET_MS = 300
WORDS = "blue sky, detailed clouds, a long road between green hills, " * 6

Answer = dict[str, Any]


class Service:
    """The child, and how long its answers take."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "kohya_like.window_service"]
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._number = 0

    def ask(self, do: str, text: str = "") -> tuple[float, Answer]:
        """Milliseconds to the answer, and the answer."""
        assert self._child.stdin is not None
        self._number += 1
        started = time.perf_counter()
        request = {"id": self._number, "do": do, "text": text, "source": "", "folder": "/"}
        self._child.stdin.write(json.dumps(request) + "\n")
        self._child.stdin.flush()
        answer = self.read()
        return (time.perf_counter() - started) * 1e3, answer

    def read(self) -> Answer:
        """The next line that answers the last request."""
        assert self._child.stdout is not None
        while True:
            answer: Answer = json.loads(self._child.stdout.readline())
            if answer.get("id") == self._number and not {"begun", "reading"} & {*answer}:
                return answer

    def close(self) -> None:
        assert self._child.stdin is not None
        self._child.stdin.close()
        self._child.wait()


def preset(root: Path, batch_size: int = 1, resolution: int = 512, prefix: str = "") -> str:
    return (
        f"[model]\nbase = {json.dumps(str(root / 'model.safetensors'))}\n"
        f"[data]\ntrain_data_dir = {json.dumps(str(root / 'data'))}\nresolution = {resolution}\n"
        f"caption_prefix = {json.dumps(prefix)}\n"
        f"[train]\ntrain_batch_size = {batch_size}\n"
        f"[save]\noutput_dir = {json.dumps(str(root / 'out'))}\n"
    )


def lengthen(folder: Path) -> None:
    """Every other caption becomes one that has to be tokenized."""
    for number, path in enumerate(sorted(folder.glob("*/*.txt"))):
        if number % 2:
            path.write_text(f"{path.read_text(encoding='utf-8').strip()} {number} {WORDS}", encoding="utf-8")


def first_answer(root: Path) -> float:
    started = time.perf_counter()
    service = Service()
    service.ask("check", preset(root))
    taken = (time.perf_counter() - started) * 1e3
    service.close()
    return taken


def cold_answer(service: Service, text: str) -> float:
    service.ask("forget")
    return service.ask("check", text)[0]


def changed_folder(service: Service, root: Path, number: int) -> tuple[float, float]:
    """Milliseconds to the first and to the second answer after a picture came into a folder."""
    service.ask("check", preset(root))
    folder = root / "data" / CONCEPTS[0]
    source = next(folder.glob("*.png"))
    (folder / f"more {number}.png").write_bytes(source.read_bytes())
    started = time.perf_counter()
    first, before = service.ask("check", preset(root))
    after = service.read()
    second = (time.perf_counter() - started) * 1e3
    assert after["refreshed"] and after["report"]["images"] == before["report"]["images"] + 1
    return first, second


def measured(service: Service, root: Path, rounds: int) -> Mapping[str, list[float]]:
    """All figures, in interleaved rounds."""
    edits: Mapping[str, Callable[[int], str]] = {
        "edit of the batch size": lambda n: preset(root, batch_size=2 + n % 7),
        "edit of the resolution": lambda n: preset(root, resolution=512 + 64 * (1 + n % 7)),
        "edit of the caption prefix": lambda n: preset(root, prefix=f"style number {n}"),
        "edit with an unknown key": lambda n: preset(root, batch_size=2 + n % 7).replace("resolution", "resolutoin"),
    }
    found: dict[str, list[float]] = {"cold": [], **{name: [] for name in edits}}
    found |= {"a picture more, answer from memory": [], "a picture more, read again": []}
    for number in range(rounds):
        found["cold"].append(cold_answer(service, preset(root)))
        for name, text in edits.items():
            found[name].append(service.ask("check", text(number))[0])
        first, second = changed_folder(service, root, number)
        found["a picture more, answer from memory"].append(first)
        found["a picture more, read again"].append(second)
    return found


def line(name: str, values: list[float], target: float = 0) -> str:
    median = statistics.median(values)
    verdict = f"; target {target:.0f} ms: {'held' if median <= target else 'MISSED'}" if target else ""
    return f"{name:<36} {median:7.0f} ms  ({min(values):.0f} .. {max(values):.0f}, {len(values)} rounds{verdict})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--folder", type=Path, help="where to make them; default: the system's temporary folder")
    a = parser.parse_args()
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory(dir=a.folder) as folder:
        root = Path(folder)
        make_dataset(root / "data", a.pictures)
        lengthen(root / "data")
        hollow_model(root / "model.safetensors")
        print(f"{a.pictures} pictures")
        print(line("first, with the start of the process", [first_answer(root) for _ in range(3)]), flush=True)
        service = Service()
        service.ask("check", preset(root))
        for name, values in measured(service, root, a.rounds).items():
            print(line(name, values, TARGET_MS if "edit" in name or "memory" in name else 0))
        service.close()
    print(machine())


if __name__ == "__main__":
    main()
