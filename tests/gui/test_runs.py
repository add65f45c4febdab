"""The list of runs: what is looked at and when, commands, folders that vanish."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from gui import runs
from gui.run_row import RunRow, row_of
from gui.runs import RunIndex, Survey
from kohya_like import supervise
from kohya_like.events import CONTROL, EXIT, RUN
from tests.gui.run_folders import DEAD, DONE, ME, make
from tests.gui.watch import io_of_main_thread

GO = threading.Event()  # never set: nobody asks the thread to stop


def rows(survey: Survey) -> dict[str, str]:
    survey.look(GO)
    return {row.name: row.status for row in survey.rows}


def surveyed(folder: Path) -> Survey:
    survey = Survey()
    survey.roots.add(str(folder))
    return survey


def test_what_is_no_run_is_not_listed(tmp_path: Path) -> None:
    make(tmp_path, "b-20260102-120000", ended={}, events=DONE)
    (tmp_path / "runs" / "pictures").mkdir()
    (tmp_path / "runs" / ".hidden").mkdir()
    (tmp_path / "runs" / "file").touch()
    survey = surveyed(tmp_path)
    survey.roots.add(str(tmp_path / "never was"))
    assert rows(survey) == {"b-20260102-120000": "finished"}
    (tmp_path / "runs" / "pictures" / "config.toml").touch()
    assert rows(survey) == {"b-20260102-120000": "finished", "pictures": "new"}


def test_dead_runs_are_not_read_again_and_live_ones_are(tmp_path: Path) -> None:
    for n in range(20):
        make(tmp_path, f"old-20260101-1200{n:02d}", ended={}, events=DONE)
    live = make(tmp_path, "live-20260102-120000", trainer=ME)
    seen: list[str] = []

    def noted(run: Path) -> RunRow:
        seen.append(run.name)
        return row_of(run)

    survey = Survey(noted)
    survey.roots.add(str(tmp_path))
    survey.look(GO)
    assert len(seen) == 21
    seen.clear()
    for _ in range(3):
        survey.look(GO)
    assert seen == ["live-20260102-120000"] * 3
    (live / EXIT).write_text("{}")
    (live / RUN).write_text(json.dumps({"token": "t", "trainer": DEAD}))
    assert rows(survey)["live-20260102-120000"] == "interrupted"
    seen.clear()
    survey.look(GO)
    assert seen == []


def test_a_run_resumed_by_another_window_is_seen(tmp_path: Path) -> None:
    run = make(tmp_path, ended={"signal": 9}, state=True)
    survey = surveyed(tmp_path)
    assert rows(survey) == {run.name: "interrupted"}
    supervise.write_json(run / RUN, {"token": "u", "boot_id": supervise.boot_id(), "trainer": ME})
    assert rows(survey) == {run.name: "running"}


def test_very_many_runs_are_cut_to_the_newest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "MOST_RUNS", 10)
    for n in range(25):
        make(tmp_path, f"{'ab'[n % 2]}-20260101-1200{n:02d}", ended={})
    survey = surveyed(tmp_path)
    shown = rows(survey)
    assert {name[-2:] for name in shown} == {f"{n:02d}" for n in range(15, 25)}
    assert survey.hidden == 15
    make(tmp_path, "c-20260101-120099", ended={})
    assert "c-20260101-120099" in rows(survey) and not survey.lost, "who made room is not lost"


def test_a_disk_that_does_not_answer_has_lost_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, ended={}, events=DONE)
    survey = surveyed(tmp_path)
    before = rows(survey)

    def stale(path: str) -> Iterator[os.DirEntry]:
        raise OSError(116, "Stale file handle", path)

    with monkeypatch.context() as patch:
        patch.setattr("gui.runs.os.scandir", stale)
        assert rows(survey) == before and not survey.lost


@pytest.fixture
def index(tmp_path: Path, qtbot: QtBot) -> Iterator[RunIndex]:
    index = RunIndex()
    yield index
    index.close()


def test_the_list_comes_by_itself_and_a_deleted_folder_goes_with_a_sentence(
    tmp_path: Path, index: RunIndex, qtbot: QtBot
) -> None:
    old = make(tmp_path, "old-20260101-120000", ended={}, events=DONE)
    lost: list[tuple[str, str]] = []
    index.run_lost.connect(lambda run, sentence: lost.append((run, sentence)))
    with io_of_main_thread() as touched:
        index.add_root(tmp_path)
        qtbot.waitUntil(lambda: [row.name for row in index.runs] == [old.name])
        thread = threading.Thread(target=make, args=(tmp_path, "new-20260102-120000", ME))
        thread.start()
        qtbot.waitUntil(lambda: len(index.runs) == 2)
        row = index.row(str(tmp_path / "runs" / "new-20260102-120000"))
        assert row is not None and row.status == "running"
        gone = threading.Thread(target=shutil.rmtree, args=(old,))
        gone.start()
        qtbot.waitUntil(lambda: len(index.runs) == 1 and lost != [])
    assert touched == []
    assert lost == [(str(old), f"the run folder {old.name} is not there any more: it was deleted or moved")]
    assert index.row(str(old)) is None
    assert runs.SECOND <= 1.0, "what happens is seen within two seconds"


def test_a_run_folder_elsewhere_is_listed_once_it_is_attended(tmp_path: Path, index: RunIndex, qtbot: QtBot) -> None:
    run = make(tmp_path, trainer=ME)
    elsewhere = run.rename(tmp_path / "elsewhere")
    index.attend(elsewhere)
    qtbot.waitUntil(lambda: [row.path for row in index.runs] == [str(elsewhere)])
    index._survey.attended.clear()
    index.refresh()
    for _ in range(3):
        index._survey.look(GO)
    assert [row.path for row in index._survey.rows] == [str(elsewhere)]


@pytest.mark.parametrize("wish, verb", [
    ("stop", "stop"), ("stop_after_epoch", "stop_after_epoch"), ("save_now", "save"), ("sample_now", "sample"),
    ("pause", "pause"),
])  # fmt: skip
def test_a_command_is_written_for_this_process(
    tmp_path: Path, index: RunIndex, qtbot: QtBot, wish: str, verb: str
) -> None:
    run = make(tmp_path, trainer=ME)
    with io_of_main_thread() as touched, qtbot.waitSignal(index.command_sent) as sent:
        getattr(index, wish)(str(run))
    assert sent.args == [str(run), verb]
    command = json.loads((run / CONTROL).read_text())
    assert (command["verb"], command["process"]) == (verb, "t")
    assert touched == []


@pytest.mark.parametrize("trainer, words", [(DEAD, "no training is running there"), (None, "only starting")])
def test_a_command_to_nobody_is_refused_in_a_sentence(
    tmp_path: Path, index: RunIndex, qtbot: QtBot, trainer: dict[str, object] | None, words: str
) -> None:
    run = make(tmp_path, trainer=trainer)
    for wish in (index.stop, index.kill):
        with qtbot.waitSignal(index.command_failed) as failed:
            wish(str(run))
        assert failed.args is not None and words in failed.args[0] and run.name in failed.args[0]
    assert not (run / CONTROL).exists()


def test_a_command_that_cannot_be_written_says_so(tmp_path: Path, index: RunIndex, qtbot: QtBot) -> None:
    run = make(tmp_path, trainer=ME)
    (run / CONTROL).mkdir()
    with qtbot.waitSignal(index.command_failed) as failed:
        index.pause(str(run))
    assert failed.args is not None and "could not be written" in failed.args[0]


def test_a_hanging_trainer_can_be_killed(tmp_path: Path, index: RunIndex, qtbot: QtBot) -> None:
    hanging = subprocess.Popen(["sleep", "600"])
    run = make(tmp_path, trainer={"pid": hanging.pid, "started": supervise.start_time(hanging.pid)})
    with qtbot.waitSignal(index.command_sent):
        index.kill(str(run))
    assert hanging.wait(timeout=60) == -signal.SIGKILL


def test_a_deleted_index_ends_its_thread(tmp_path: Path, qtbot: QtBot) -> None:
    index = RunIndex()
    index.add_root(tmp_path)
    thread = index._follower
    assert thread is not None and thread.is_alive()
    index.deleteLater()
    qtbot.waitUntil(lambda: not thread.is_alive())
