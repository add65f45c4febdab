"""The real trainer under the window's own classes: killed, seen, resumed, paused; it ends as a whole run does."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from gui.desk import Desk
from gui.pages.runs import RunsPage
from gui.runs import SECOND, Survey
from kohya_like import runs, supervise
from tests.gui.desk import make_desk
from tests.test_resume import differences, finish, outcome, prepare

ROOT = Path(__file__).parent.parent.parent
SLOW = 120_000  # milliseconds that no test waits for unless the machine is very busy
SMALL = ("train.max_train_steps=30", "save.save_state_every_n_steps=5", "data.reg_data_dir=''")
WINDOW = """
import sys
from pathlib import Path
from PySide6.QtWidgets import QApplication
from gui.app import make_window
app = QApplication([])
window = make_window(Path(sys.argv[1]), sys.argv[2])
window.show()
desk = window.desk
desk.service.checked.connect(lambda answer: window.footer.start())
def tell():
    live = [row for row in desk.runs.runs if row.status == "running" and row.step > 0]
    if live:
        print(live[0].path, flush=True)
desk.runs.changed.connect(tell)
app.exec()
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a run leaves that nobody cut."""
    run = prepare(tmp_path_factory.mktemp("whole"), SMALL)
    finish(run)
    return outcome(run)


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    desk = make_desk(tmp_path / "desk")
    desk.service.started.connect(desk.runs.attend)
    yield desk
    desk.service.close(5000)
    desk.runs.close()


@pytest.fixture
def page(qtbot: QtBot, desk: Desk) -> Iterator[RunsPage]:
    page = RunsPage(desk)
    qtbot.addWidget(page)
    page.show()
    yield page
    page._close_readers()


def until(qtbot: QtBot, true: Callable[[], object]) -> None:
    qtbot.waitUntil(lambda: bool(true()), timeout=SLOW)


def preset(tmp_path: Path) -> str:
    """The text of the preset of an unbroken run, for this folder."""
    run = prepare(tmp_path, SMALL)
    text = (run / runs.CONFIG).read_text(encoding="utf-8")
    shutil.rmtree(run)
    return text


def left(run: Path, folder: Path) -> dict[str, Any]:
    """The outcome of a run of the window, whose folder lies inside the output folder."""
    out = run.parent.parent
    run.rename(folder / "run")
    run.parent.rmdir()
    assert out == folder / "out"
    return outcome(folder / "run")


def status(desk: Desk, run: Path) -> str:
    row = desk.runs.row(str(run))
    return row.status if row is not None else ""


def step(page: RunsPage) -> int:
    """How far the shown run is, as the window has read it."""
    last = page.reader.data.last if page.reader is not None else None
    return last.step if last is not None else 0


def process(run: Path, who: str) -> dict[str, Any]:
    found: dict[str, Any] = supervise.read_json(run / "run.json")[who]
    return found


def press_resume(page: RunsPage, desk: Desk, run: Path, qtbot: QtBot) -> None:
    """The button of the page; the service of the window makes the new process."""
    with qtbot.waitSignal(desk.service.started, timeout=SLOW) as told:
        page.header.buttons["resume"].click()
    assert told.args == [str(run)]


def test_killed_seen_resumed_paused_and_resumed_ends_bit_identical(
    desk: Desk,
    page: RunsPage,
    whole: dict[str, Any],
    tmp_path: Path,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks: list[float] = []
    look = Survey.look

    def counted(survey: Survey, stopped: threading.Event) -> bool:
        looks.append(time.monotonic())
        return look(survey, stopped)

    monkeypatch.setattr(Survey, "look", counted)
    with qtbot.waitSignal(desk.service.started, timeout=SLOW) as told:
        desk.service.start(preset(tmp_path), "", str(tmp_path))
    run = Path(told.args[0])
    page.show_run(str(run))

    until(qtbot, lambda: step(page) >= 7)
    until(qtbot, lambda: status(desk, run) == "running")
    os.kill(process(run, "trainer")["pid"], signal.SIGKILL)
    killed = time.monotonic()
    until(qtbot, lambda: not supervise.alive(process(run, "supervisor")))
    gone = len(looks)
    until(qtbot, lambda: status(desk, run) == "interrupted")
    assert len(looks) - gone <= 2, "the second look after the death has seen it, and a look comes each second"
    print(f"interrupted is shown {time.monotonic() - killed:.2f} s after kill -9")
    assert SECOND <= 1.0 and page.header.status.text() == "interrupted"
    assert page.message.banner.message.startswith("Interrupted: the training process was killed (SIGKILL)")

    cut_at = step(page)
    assert 7 <= cut_at < 30, "killed in the middle"
    press_resume(page, desk, run, qtbot)
    until(qtbot, lambda: status(desk, run) == "running" and step(page) > max(12, cut_at))
    desk.runs.pause(str(run))
    until(qtbot, lambda: status(desk, run) == "paused")
    paused_at = step(page)
    assert paused_at < 30, "paused in the middle"
    for who in ("trainer", "supervisor"):
        assert not supervise.alive(process(run, who)), f"Pause left a {who}"
    assert page.header.status.text() == "paused" and not page.message.banner.isVisible()

    press_resume(page, desk, run, qtbot)
    until(qtbot, lambda: status(desk, run) == "finished")
    until(qtbot, lambda: page.reader is not None and page.reader.data.finished is not None)
    assert page.reader is not None and list(page.reader.data.steps) == list(range(1, 31)), "no step lost, none twice"
    page._close_readers()
    assert [one for one in differences(whole, left(run, tmp_path)) if not one.startswith(".end")] == []


@pytest.mark.full
def test_a_killed_window_leaves_its_run_and_the_next_one_finds_it(
    whole: dict[str, Any], tmp_path: Path, qtbot: QtBot
) -> None:
    """A whole window opens a preset, starts it, and is killed -9; the run goes on and is shown again."""
    (tmp_path / "mine.toml").write_text(preset(tmp_path), encoding="utf-8")
    settings = tmp_path / "settings"
    command = [sys.executable, "-c", WINDOW, str(settings), str(tmp_path / "mine.toml")]
    window = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert window.stdout is not None
    run = Path(window.stdout.readline().strip())
    until(qtbot, lambda: "run_roots" in (settings / "settings.json").read_text())
    window.kill()
    window.wait(60)
    window.stdout.close()
    assert supervise.alive(process(run, "trainer")), "the run goes on"

    from gui.app import make_window

    again = make_window(settings)
    qtbot.addWidget(again, before_close_func=lambda w: setattr(w, "_may_close", True))
    again.show()
    until(qtbot, lambda: status(again.desk, run) in ("running", "finished"))
    again.show_page("runs")
    page = again.pages["runs"]
    assert isinstance(page, RunsPage) and page.run == str(run)
    until(qtbot, lambda: status(again.desk, run) == "finished" and step(page) == 30)
    assert page.header.status.text() == "finished"
    page._close_readers()
    again.desk.runs.close()
    assert differences(whole, left(run, tmp_path)) == []
