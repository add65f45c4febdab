"""The window: cold start and memory, page switch, edit to answer, a long run, a gigabyte of log.

    python -m benchmarks.window [--rounds 7] [--pictures 10000] [--steps 100000]

Everything runs on the `offscreen` platform in child processes; the page cache is warm. "Usable" is the moment when
the first page is painted and all rows of its form are there. Page switches and redraws end with the paint.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

TARGETS = {
    "cold start": 1000.0,
    "memory": 150.0,
    "page switch": 100.0,
    "edit to answer": 300.0,
    "run opened": 1000.0,
    "redraw": 20.0,
    "longest block with a 1 GB log": 50.0,
}
Figures = dict[str, float]


def memory_megabytes() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


class Stage:
    """A window in this process, on a screen that nobody sees."""

    def __init__(self, folder: Path) -> None:
        from PySide6.QtWidgets import QApplication

        self.application = QApplication(sys.argv[:1])
        from gui.app import make_window

        self.window = make_window(folder)
        self.window.resize(1280, 720)
        self.window.show()

    def until(self, true: Callable[[], object], seconds: float = 60.0) -> float:
        """Milliseconds until something is so."""
        started = time.perf_counter()
        while not true():
            self.application.processEvents()
            if time.perf_counter() - started > seconds:
                raise TimeoutError("the window never got there")
        return (time.perf_counter() - started) * 1e3

    def painted(self, action: Callable[[], object]) -> float:
        """Milliseconds from an action to the end of the paint that follows."""
        started = time.perf_counter()
        action()
        self.window.grab()
        self.application.processEvents()
        return (time.perf_counter() - started) * 1e3


def start(folder: Path, began: float) -> Figures:
    """`began` is when the parent started this process."""
    stage = Stage(folder)
    form = stage.window.pages["train"].forms["model"]  # type: ignore[attr-defined]
    stage.until(lambda: form.complete)
    stage.window.grab()
    usable = (time.time() - began) * 1e3
    stage.until(lambda: stage.window.desk.service.latest is not None)
    return {"cold start": usable, "memory": memory_megabytes()}


def pages(folder: Path) -> Figures:
    """Each page once, then warm."""
    stage = Stage(folder)
    names = ("dataset", "runs", "settings", "train")
    first = {}
    for name in names:
        first[f"first visit of {name}"] = stage.painted(lambda name=name: stage.window.show_page(name))
        stage.until(lambda: stage.window.desk.service.latest is not None)
    warm = [stage.painted(lambda name=name: stage.window.show_page(name)) for _ in range(5) for name in names]
    return {"page switch": statistics.median(warm), "slowest page switch": max(warm), **first}


def edit(folder: Path, dataset: Path, model: Path) -> Figures:
    """From `document.set` to the answer on the screen, the pause for typing included."""
    stage = Stage(folder)
    desk = stage.window.desk
    answers: list[Any] = []
    desk.service.checked.connect(answers.append)
    desk.document.set_many({"data.train_data_dir": str(dataset), "model.base": str(model)})
    cold = stage.until(lambda: answers and (answers[-1].get("report") or {}).get("steps"), 120)
    seconds = []
    for number in range(9):
        answers.clear()
        started = time.perf_counter()
        desk.document.set("train.train_batch_size", number + 2)
        stage.until(lambda: answers)
        stage.window.grab()
        seconds.append((time.perf_counter() - started) * 1e3)
    return {"edit to answer": statistics.median(seconds), "first check of the folder": cold}


def run_page(stage: Stage, short: Path) -> Any:
    """The page with a short run and its plot: what a first visit loads is loaded."""
    stage.window.show_page("runs")
    page: Any = stage.window.pages["runs"]
    page.show_run(str(short))
    stage.until(lambda: page.plot.canvas is not None and page.reader.data.last is not None)
    return page


def long_run(folder: Path, run: Path, steps: int) -> Figures:
    """A run of many steps is opened; then the plot is drawn anew."""
    stage = Stage(folder)
    page = run_page(stage, run.with_name("short"))
    started = time.perf_counter()
    page.show_run(str(run))
    stage.until(lambda: page.reader.data.last is not None and page.reader.data.last.step == steps)
    stage.window.grab()
    opened = (time.perf_counter() - started) * 1e3
    redraws = []
    for _ in range(9):
        began = time.perf_counter()
        page.plot.canvas.draw(page.reader.data)
        page.plot.grab()
        redraws.append((time.perf_counter() - began) * 1e3)
    return {"run opened": opened, "redraw": statistics.median(redraws), "memory with the run": memory_megabytes()}


def long_log(folder: Path, run: Path) -> Figures:
    """The longest turn of the event loop, in CPU time, while a run with a 1 GB log is shown for two seconds."""
    from tests.gui.watch import Blocks

    stage = Stage(folder)
    page = run_page(stage, run.with_name("short"))
    blocks = Blocks()
    blocks.begin()
    page.show_run(str(run))
    end = time.perf_counter() + 2
    from PySide6.QtCore import QEventLoop

    while time.perf_counter() < end:
        stage.application.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 50)
    return {"longest block with a 1 GB log": blocks.longest, "memory with the log": memory_megabytes()}


def write_run(run: Path, steps: int) -> Path:
    from kohya_like.events import EVENTS, Reporter, Started, Step

    run.mkdir(parents=True)
    reporter = Reporter(run / EVENTS)
    reporter.emit(Started(steps, 10, steps // 10, {"unet": 1e-4, "text_encoder": 5e-5}, 1234))
    for number in range(1, steps + 1):
        loss = 0.2 / (1 + number / 5000) + 0.05 * ((number * 7919) % 101) / 101
        reporter.emit(Step(number, number * 10 // steps, loss, {"unet": 1e-4, "text_encoder": 5e-5}, 0.5, 1 << 30, 1.0))
    reporter.close()
    return run


def child(work: str, *arguments: str) -> Figures:
    """One measurement in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.window", "--child", work, folder, *arguments]
        environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "HF_HUB_OFFLINE": "1"}
        if work == "start":
            command.append(str(time.time()))
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found: Figures = json.loads(done.stdout.splitlines()[-1])
    return found


def measured(work: str, rounds: int, *arguments: str) -> None:
    """Medians of a measurement over processes, each beside its target."""
    found = [child(work, *arguments) for _ in range(rounds + 1)][1:]  # one round to warm up
    for name in found[0]:
        values = [one[name] for one in found]
        unit = "MB" if "memory" in name else "ms"
        median, target = statistics.median(values), TARGETS.get(name)
        held = "" if target is None else f"  target {target:g}: {'held' if median <= target else 'MISSED'}"
        print(
            f"  {name:<32} {median:8.1f} {unit}  ({min(values):.1f} .. {max(values):.1f}, {len(values)} rounds){held}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(run_child(*given.child)))
        return
    # the windows are measured in processes of their own, which import none of this
    from benchmarks.folders import hollow_model, make_dataset
    from benchmarks.rounds import machine

    print(machine())
    measured("start", given.rounds)
    measured("pages", given.rounds)
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        dataset, model = make_dataset(top / "pictures", given.pictures), hollow_model(top / "model.safetensors")
        measured("edit", min(given.rounds, 3), str(dataset), str(model))
        write_run(top / "out" / "runs" / "short", 10)
        run = write_run(top / "out" / "runs" / "long", given.steps)
        measured("long_run", min(given.rounds, 3), str(run), str(given.steps))
        with (run / "console.log").open("wb") as file:
            line = b"epoch 1 step 12345 of 100000 loss 0.1234 and some more words to fill the line up\n"
            for _ in range((1 << 30) // (len(line) * 10_000)):
                file.write(line * 10_000)
        measured("long_log", min(given.rounds, 3), str(run))


def run_child(work: str, folder: str, *arguments: str) -> Figures:
    place = Path(folder)
    if work == "start":
        return start(place, float(arguments[0]))
    if work == "pages":
        return pages(place)
    if work == "edit":
        return edit(place, Path(arguments[0]), Path(arguments[1]))
    if work == "long_run":
        return long_run(place, Path(arguments[0]), int(arguments[1]))
    return long_log(place, Path(arguments[0]))


if __name__ == "__main__":
    main()
