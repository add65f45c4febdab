"""Real processes: trainers that end in every way, and a window that is killed while one runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from gui.log_tail import LogTail
from gui.run_reader import EventFile, RunReader
from gui.run_row import NO_WORD, RunRow, row_of
from gui.runs import RunIndex, Survey
from kohya_like import supervise
from kohya_like.events import EVENTS, RUN, Controlled, Failed, Finished, read_events, settled
from tests.gui.fake_trainer import launch

GO = threading.Event()  # never set: nobody asks the thread to stop
ROOT = Path(__file__).parent.parent.parent
SLOW = 60_000  # milliseconds that no test waits for unless the machine is very busy
WINDOW = """
import sys
from pathlib import Path
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from gui.run_reader import RunReader
from gui.runs import RunIndex
from tests.gui.fake_trainer import launch
app = QApplication([])
run = Path(sys.argv[1])
launch(run, *sys.argv[2:])
index, reader = RunIndex(), RunReader(run)
index.attend(run)
def tell():
    row = index.row(str(run))
    if row and row.status == "running" and len(reader.data.steps) > 20:
        print("seen", row.status, len(reader.data.steps), flush=True)
reader.batch_read.connect(tell)
app.exec()
"""


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Path]:
    run = tmp_path / "runs" / "ghost-20260101-120000"
    yield run
    body = supervise.read_json(run / "run.json")
    for who in ("trainer", "supervisor"):
        if supervise.alive(body.get(who)):
            os.kill(body[who]["pid"], signal.SIGKILL)


@pytest.fixture
def index(run: Path, qtbot: QtBot) -> Iterator[RunIndex]:
    index = RunIndex()
    yield index
    index.close()


def until(qtbot: QtBot, true: Callable[[], object]) -> None:
    qtbot.waitUntil(lambda: bool(true()), timeout=SLOW)


def steps_of(run: Path) -> list[int]:
    events = EventFile(run / EVENTS)
    events.look(GO)
    assert events.data.skipped == 0
    return [int(step) for step in events.data.steps]


def row(index: RunIndex, run: Path) -> RunRow:
    found = index.row(str(run))
    return found if found is not None else RunRow(str(run), "", "new", 0, 0, 0, "", False)


def pids(run: Path) -> tuple[int, int]:
    body = json.loads((run / "run.json").read_text())
    return body["trainer"]["pid"], body["supervisor"]["pid"]


@pytest.mark.parametrize(
    "options, status, words",
    [
        (["--steps", 5], "finished", "finished after step 5: "),
        (["--silent"], "failed", NO_WORD),
        (["--steps", 5, "--no-finish"], "failed", NO_WORD),
        (["--steps", 5, "--no-file"], "failed", "wrote no file"),
        (["--steps", 5, "--fail-at", 2, "--fail", "<b>no memory</b>"], "failed", "<b>no memory</b>"),
        (["--die-at", 0], "interrupted", "killed (SIGKILL): most often the machine ran out of memory"),
        (["--die-at", 3, "--save-every", 2], "interrupted", "killed (SIGKILL)"),
    ],
)
def test_each_ending_is_told_as_it_was(run: Path, options: list[object], status: str, words: str) -> None:
    launch(run, *options).wait(timeout=60)
    ended = row_of(run)
    assert ended.status == status
    assert words in ended.text


def test_a_run_is_seen_commanded_paused_and_resumed(run: Path, index: RunIndex, qtbot: QtBot) -> None:
    supervisor = launch(run, "--steps", 1_000_000, "--pause", 0.002, "--epoch", 10)
    reader = RunReader(run)
    index.add_root(run.parent.parent)
    until(qtbot, lambda: row(index, run).status == "running" and reader.data.steps)
    assert row(index, run).total == 1_000_000
    index.sample_now(str(run))
    until(qtbot, lambda: [event.verb for event in reader.data.controls] == ["sample"])
    assert len(reader.data.samples) == 2 and Path(reader.data.samples[0].path).is_file()
    index.pause(str(run))
    until(qtbot, lambda: row(index, run).status == "paused")
    supervisor.wait(timeout=60)
    assert row(index, run).can_resume
    until(qtbot, lambda: reader.data.finished)
    assert reader.data.finished is not None and reader.data.finished.reason == "paused"
    paused_at = reader.data.finished.step
    supervisor = launch(run, "--resume", "--steps", 1_000_000, "--pause", 0.002)
    index.attend(run)
    until(qtbot, lambda: row(index, run).status == "running" and len(reader.data.steps) > paused_at)
    index.stop_after_epoch(str(run))
    until(qtbot, lambda: row(index, run).status == "stopped")
    assert supervisor.wait(timeout=60) == 0
    until(qtbot, lambda: isinstance(reader.data.finished, Finished) and reader.data.finished.reason == "stopped")
    reader.close()
    assert row(index, run).step % 10 == 0
    assert list(reader.data.steps) == list(range(1, row(index, run).step + 1))
    assert [type(event) for event in reader.data.controls] == [Controlled] * 3


def looked_at(qtbot: QtBot, run: Path) -> Survey:
    """A survey that has seen the run in the middle of its work."""
    survey = Survey()
    survey.roots.add(str(run.parent.parent))

    def works() -> bool:
        survey.look(GO)
        return bool(survey.rows) and survey.rows[0].status == "running" and survey.rows[0].step > 3

    until(qtbot, works)
    return survey


def test_a_killed_trainer_is_interrupted_at_the_next_look(run: Path, qtbot: QtBot) -> None:
    supervisor = launch(run, "--steps", 1_000_000, "--pause", 0.002)
    survey = looked_at(qtbot, run)
    os.kill(pids(run)[0], signal.SIGKILL)
    supervisor.wait(timeout=60)  # it writes how the trainer ended, and ends
    survey.look(GO)
    assert survey.rows[0].status == "interrupted"
    assert "SIGKILL" in survey.rows[0].text


def test_a_killed_supervisor_and_then_its_trainer(run: Path, qtbot: QtBot) -> None:
    """The trainer goes on alone and is shown as running; once it is gone, nobody writes so, and yet it is seen."""
    supervisor = launch(run, "--steps", 1_000_000, "--pause", 0.002)
    survey = looked_at(qtbot, run)
    trainer = pids(run)[0]
    supervisor.kill()
    supervisor.wait(timeout=60)
    survey.look(GO)
    assert survey.rows[0].status == "running"
    os.kill(trainer, signal.SIGKILL)
    until(qtbot, lambda: supervise.start_time(trainer) is None)
    survey.look(GO)
    assert survey.rows[0].status == "interrupted"
    assert survey.rows[0].text == "the training process vanished without a word"


def test_the_window_sees_a_killed_trainer(run: Path, index: RunIndex, qtbot: QtBot) -> None:
    launch(run, "--steps", 1_000_000, "--pause", 0.002, "--save-every", 5)
    index.add_root(run.parent.parent)
    until(qtbot, lambda: row(index, run).step > 5)
    index.kill(str(run))
    until(qtbot, lambda: row(index, run).status == "interrupted")
    assert row(index, run).can_resume


def test_a_hanging_trainer_still_counts_as_running(run: Path, qtbot: QtBot) -> None:
    launch(run, "--hang-at", 3)
    until(qtbot, lambda: (run / EVENTS).exists() and row_of(run).step == 3 and (run / RUN).exists())
    assert row_of(run).status == "running"


def test_a_killed_window_harms_no_run_and_finds_it_again(run: Path, index: RunIndex, qtbot: QtBot) -> None:
    window = subprocess.Popen(
        [sys.executable, "-c", WINDOW, str(run), "--steps", "1000000", "--pause", "0.002"],
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert window.stdout is not None and window.stdout.readline().startswith(b"seen running")
    window.kill()
    window.wait(timeout=60)
    window.stdout.close()
    seen = len(steps_of(run))
    until(qtbot, lambda: len(steps_of(run)) > seen)

    index.add_root(run.parent.parent)
    reader = RunReader(run)
    until(qtbot, lambda: row(index, run).status == "running" and len(reader.data.steps) > seen)
    index.stop(str(run))
    until(qtbot, lambda: row(index, run).status == "stopped" and reader.data.finished)
    reader.close()
    assert list(reader.data.steps) == list(range(1, row(index, run).step + 1)), "none lost, none twice"


def test_attached_and_left_twenty_times_while_it_runs(run: Path, qtbot: QtBot) -> None:
    """Ten thousand events; readers come and go. Each has the whole history, the last one all of it."""
    supervisor = launch(run, "--steps", 10_000)
    until(qtbot, (run / EVENTS).exists)
    for _ in range(20):
        reader = RunReader(run)
        until(qtbot, lambda: reader.data.steps)  # noqa: B023
        reader.close()
        with reader.data.lock:
            steps = list(reader.data.steps)
        assert steps == list(range(1, len(steps) + 1))
    supervisor.wait(timeout=60)
    assert steps_of(run) == list(range(1, 10_001))
    records, _ = read_events(run / EVENTS)
    assert len([r for r in settled(records) if r.event.kind == "step"]) == 10_000


def test_a_trainer_that_prints_without_end_slows_nothing(run: Path, qtbot: QtBot) -> None:
    """64 MB stand for the gigabyte: the supervisor's file stays small, the window keeps less, and says what it left."""
    supervisor = launch(run, "--steps", 3, "--print-at", 1, "--print-bytes", 64 << 20)
    tail = LogTail(run / "console.log")
    got: list[int] = []
    tail.lines_added.connect(lambda lines: got.append(len(lines)))
    supervisor.wait(timeout=120)
    until(qtbot, lambda: got != [] and set(tail.lines[-10:]) == {"x" * 99})
    tail.close()
    assert row_of(run).status == "finished"
    assert sum(path.stat().st_size for path in run.glob("console.log*")) <= supervise.CONSOLE_CAP
    assert len(tail.lines) <= 10_000
    assert max(got) <= 1_001


def test_a_failure_has_its_words_and_its_advice(run: Path) -> None:
    launch(run, "--fail-at", 2).wait(timeout=60)
    events = EventFile(run / EVENTS)
    events.look(GO)
    assert events.data.failed == Failed("out of memory: fake", "a smaller data.resolution")
    assert row_of(run).hint == "a smaller data.resolution"
