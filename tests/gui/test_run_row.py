"""How one run stands: a status that cannot lie, read from the ends of its log only."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from gui import run_row
from gui.run_row import ENDS, NO_WORD, NOT_BEGUN, row_of
from kohya_like.events import EVENTS, RUN, Failed, Finished, Phase, Resumed, Sample
from tests.gui.fake_trainer import step_line
from tests.gui.run_folders import BEGUN, DONE, ME, make, text_of

pytestmark = pytest.mark.quick

WAYS: list[tuple[str, dict[str, Any], str, bool]] = [
    ("running", dict(trainer=ME, events=(BEGUN, Phase("sample"), step_line(3))), "sample", False),
    ("finished", dict(ended={}, events=DONE), "finished after step 100: ghost.safetensors", False),
    ("failed", dict(ended={"code": 1}, events=(BEGUN, Failed("no memory", "smaller"))), "no memory", True),
    ("failed", dict(ended={"code": 7}), "the training process ended with code 7", True),
    ("failed", dict(ended={}, events=(BEGUN, step_line(4))), NO_WORD, False),
    ("failed", dict(ended={}), NO_WORD, True),
    ("failed", dict(ended={}, events=(BEGUN, step_line(9), Finished("done", 9, "/never/was"))), "wrote no file", False),
    ("interrupted", dict(events=(BEGUN, step_line(4)), state=True), "vanished without a word", True),
    ("interrupted", dict(events=(BEGUN, step_line(4))), "vanished without a word", False),
    ("interrupted", dict(ended={"signal": 9}, events=(BEGUN,)), "ran out of memory", True),
    ("interrupted", dict(ended={"token": "of another process"}), "", True),
    ("stopped", dict(ended={}, events=(BEGUN, step_line(4), Finished("stopped", 4, "g")), state=True), "stopped", True),
    ("paused", dict(ended={}, events=(BEGUN, step_line(4), Finished("paused", 4)), state=True), "paused", True),
    ("paused", dict(events=(BEGUN, step_line(4), Finished("paused", 4)), state=True), "paused after step 4", True),
]  # fmt: skip


@pytest.mark.parametrize("status, made, words, can_resume", WAYS)
def test_each_way_a_run_can_stand(
    tmp_path: Path, status: str, made: dict[str, Any], words: str, can_resume: bool
) -> None:
    row = row_of(make(tmp_path, **made))
    assert (row.status, row.can_resume) == (status, can_resume)
    assert words in row.text


def test_a_row_says_how_far_the_run_is(tmp_path: Path) -> None:
    row = row_of(make(tmp_path, trainer=ME, events=(BEGUN, *(step_line(n) for n in range(1, 43)))))
    assert (row.step, row.total, row.started, row.name) == (42, 100, 50.0, "ghost-20260101-120000")
    back = row_of(make(tmp_path, "b", events=(BEGUN, step_line(40), BEGUN, Resumed(30), Sample(30, "p", 0, 1, "a"))))
    assert back.step == 30, "the steps above 30 were taken back"


def test_the_last_word_of_an_earlier_process_is_not_this_ones(tmp_path: Path) -> None:
    """Paused, resumed, and the new trainer died before it said anything."""
    said = (BEGUN, step_line(4), Finished("paused", 4))
    length = len(text_of(said))
    row = row_of(make(tmp_path, ended={"code": 1}, events=said, events_from=length, state=True))
    assert (row.status, row.step) == ("failed", 4)
    assert row.text == "the training process ended with code 1"


def test_a_folder_whose_supervisor_never_wrote_a_word(tmp_path: Path) -> None:
    run = make(tmp_path, trainer=None)
    made = (run / "config.toml").stat().st_mtime
    for later, status in [(0, "new"), (20, "new"), (40, "interrupted"), (-3600, "interrupted"), (1e9, "interrupted")]:
        row = row_of(run, lambda: made + later)  # noqa: B023
        assert row.status == status, later
    assert row.text == NOT_BEGUN and row.can_resume


@pytest.mark.parametrize("clock", [0.0, 1e12])
def test_no_clock_decides_who_lives(tmp_path: Path, clock: float) -> None:
    live, dead = make(tmp_path, "live", trainer=ME), make(tmp_path, "dead")
    for run in (live, dead):
        os.utime(run / RUN, (clock, clock))
        os.utime(run / "config.toml", (clock, clock))
    assert [row_of(run, lambda: 5.0).status for run in (live, dead)] == ["running", "interrupted"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"trainer": 7, "events_from": "x"}', '{"trainer": {"pid": []}}'])
def test_foreign_files_in_a_run_folder(tmp_path: Path, text: str) -> None:
    run = make(tmp_path, ended={}, events=DONE)
    (run / RUN).write_text(text)
    os.utime(run / "config.toml", (1, 1))
    assert row_of(run).status == "finished", "its own last word"
    (run / EVENTS).unlink()
    (run / EVENTS).mkdir()
    row = row_of(run)
    assert row.step == 0 and row.status in ("interrupted", "failed"), "finished it is not: nothing says so"


def test_of_an_old_run_only_the_ends_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make(tmp_path, ended={}, events=(BEGUN, *(step_line(n) for n in range(1, 20_000)), *DONE[1:]))
    parsed: list[int] = []
    whole = run_row.parse

    def counted(lines: list[str]) -> object:
        parsed.extend(len(line) for line in lines)
        return whole(lines)

    monkeypatch.setattr(run_row, "parse", counted)
    row = row_of(run)
    assert (row.status, row.step, row.total) == ("finished", 100, 100)
    assert (run / EVENTS).stat().st_size > 20 * ENDS
    assert len(parsed) < 10, "a step is not read but for the newest one"
