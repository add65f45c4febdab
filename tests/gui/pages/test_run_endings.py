"""What the Runs page says of a trainer that ends badly: each time a sentence, and what can be done next."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from gui.desk import Desk
from gui.pages.runs import RunsPage
from gui.run_reader import EventFile
from tests.gui import fake_trainer
from tests.gui.desk import make_desk
from tests.gui.fake_trainer import line, step_line
from tests.gui.run_folders import BEGUN, DONE, ME, make
from tests.gui.window import offered, press

BOTH = ["Show log", "Resume"]
KILLED = "Interrupted: the training process was killed (SIGKILL): most often the machine ran out of memory"
SILENT = "Failed: the training ended without a word and without a file. See console.log in the run folder"
NO_FILE = "Failed: the training said that it had finished, but wrote no file. See console.log"
MEMORY = "Failed: out of memory: fake. A smaller data.resolution"


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    desk = make_desk(tmp_path / "desk")
    desk.runs.add_root(tmp_path)
    yield desk
    desk.service.close()
    desk.runs.close()


@pytest.fixture
def page(qtbot: QtBot, desk: Desk) -> Iterator[RunsPage]:
    page = RunsPage(desk)
    qtbot.addWidget(page)
    page.resize(1140, 670)
    page.show()
    yield page
    page._close_readers()


def said(page: RunsPage, qtbot: QtBot, words: str) -> str:
    """The banner's whole text, once it has these words."""
    banner = page.message.banner
    qtbot.waitUntil(lambda: banner.isVisible() and words in banner.message, timeout=20_000)
    return banner.message


@pytest.mark.parametrize(
    "options, status, sentence, actions",
    [
        (["--nonsense"], "failed", "Failed: the training process ended with code 2", BOTH),  # before its first word
        (["--die-at", 0], "interrupted", KILLED, BOTH),
        (["--die-at", 3, "--save-every", 2], "interrupted", KILLED, BOTH),
        (["--die-at", 3], "interrupted", KILLED, ["Show log"]),  # no state to go on from
        (["--silent"], "failed", SILENT, BOTH),
        (["--steps", 5, "--no-finish"], "failed", SILENT, BOTH),
        (["--steps", 5, "--no-file"], "failed", NO_FILE, ["Show log"]),
        (["--fail-at", 2], "failed", MEMORY, ["Change Resolution", "Show log"]),
    ],
)
def test_each_bad_end_is_a_sentence_with_a_next_step(
    page: RunsPage, qtbot: QtBot, tmp_path: Path, options: list[object], status: str, sentence: str, actions: list[str]
) -> None:
    run = tmp_path / "runs" / "ghost-20260101-120000"
    fake_trainer.launch(run, *options).wait(60)
    page.show_run(str(run))
    assert said(page, qtbot, sentence) == sentence
    assert offered(page.message.banner) == actions and page.header.status.text() == status
    assert page.header.buttons["resume"].isEnabled() == ("Resume" in actions)
    page._desk.language.set("zh_CN")
    assert page.message.banner.isVisible() and not re.search("[a-z]{3,} [a-z]{3,}", page.message.banner.message)
    page._desk.language.set("en")


def test_why_it_died_at_once_stands_in_the_log(page: RunsPage, qtbot: QtBot, tmp_path: Path) -> None:
    run = tmp_path / "runs" / "ghost-20260101-120000"
    fake_trainer.launch(run, "--nonsense").wait(60)
    page.show_run(str(run))
    said(page, qtbot, "ended with code 2")
    press(page.message.banner, "Show log")
    qtbot.waitUntil(lambda: "unrecognized arguments: --nonsense" in page.log.text.toPlainText(), timeout=10_000)


def test_a_good_end_says_nothing(page: RunsPage, qtbot: QtBot, tmp_path: Path) -> None:
    run = tmp_path / "runs" / "ghost-20260101-120000"
    fake_trainer.launch(run, "--steps", 3).wait(60)
    page.show_run(str(run))
    qtbot.waitUntil(lambda: page.header.status.text() == "finished", timeout=10_000)
    assert not page.message.banner.isVisible() and not page.header.buttons["resume"].isVisible()


def test_a_log_with_foreign_bytes_and_a_torn_end_is_shown_as_far_as_it_goes(
    page: RunsPage, qtbot: QtBot, tmp_path: Path
) -> None:
    run = make(tmp_path, trainer=ME, events=(BEGUN, *(step_line(n) for n in (1, 2))))
    with (run / "events.jsonl").open("ab") as file:
        file.write(b"\xff\xfe\x00 not ours\n" + step_line(3).encode() + step_line(4).encode()[:30])
    qtbot.waitUntil(lambda: page.header.figures["step"].text() == "3 / 100", timeout=10_000)
    assert page.reader is not None and page.reader.data.skipped == 1 and page.header.status.text() == "running"
    assert not page.message.banner.isVisible()
    with (run / "events.jsonl").open("ab") as file:
        file.write(step_line(4).encode()[30:])
    qtbot.waitUntil(lambda: page.header.figures["step"].text() == "4 / 100", timeout=10_000)


def test_a_clock_that_was_set_back_shows_no_negative_time(page: RunsPage, qtbot: QtBot, tmp_path: Path) -> None:
    steps = (step_line(n, seconds=0.5, time=5000 - 100 * n) for n in range(1, 30))
    make(tmp_path, trainer=ME, events=(line(9000, "phase", name="train", done=0, total=100), BEGUN, *steps))
    qtbot.waitUntil(lambda: page.header.figures["step"].text() == "29 / 100", timeout=10_000)
    qtbot.waitUntil(lambda: page.header.status.text() == "running", timeout=10_000)
    figures = {name: label.text() for name, label in page.header.figures.items()}
    assert figures["speed"] == "2.00 it/s" and figures["left"].startswith(("35 s", "36 s")), figures
    assert not any(text.startswith("-") and text != "-" for text in figures.values()), figures


@pytest.mark.parametrize("live", [True, False])
def test_a_run_folder_deleted_while_shown(page: RunsPage, qtbot: QtBot, tmp_path: Path, live: bool) -> None:
    """The page says so, offers nothing that cannot work, and shows the next run when one is chosen."""
    run = make(tmp_path, trainer=ME, events=DONE) if live else make(tmp_path, ended={}, events=DONE)
    other = make(tmp_path, "other-20250101-120000", ended={}, events=(BEGUN, step_line(7)))
    qtbot.waitUntil(lambda: len(page.list.model.rows) == 2, timeout=10_000)
    page.show_run(str(run))
    qtbot.waitUntil(lambda: page.header.figures["step"].text() == "100 / 100", timeout=10_000)
    shutil.rmtree(run)
    sentence = f"The run folder {run.name} is not there any more: it was deleted or moved"
    assert said(page, qtbot, "not there any more") == sentence and offered(page.message.banner) == []
    assert not any(b.isEnabled() for b in page.header.buttons.values()), "nobody is there to be told anything"
    assert [row.name for row in page.list.model.rows] == [other.name]
    page.show_run(str(other))
    qtbot.waitUntil(lambda: page.header.figures["step"].text() == "7 / 100", timeout=10_000)
    assert "not there any more" not in page.message.banner.message or not page.message.banner.isVisible()


def test_all_runs_deleted_while_shown(page: RunsPage, qtbot: QtBot, tmp_path: Path) -> None:
    make(tmp_path, ended={}, events=DONE)
    qtbot.waitUntil(lambda: page.header.figures["step"].text() == "100 / 100", timeout=10_000)
    shutil.rmtree(tmp_path / "runs")
    said(page, qtbot, "not there any more")
    assert not page.list.model.rows and page.header.name.text() == ""
    back = make(tmp_path, "new-20260301-120000", ended={}, events=DONE)
    qtbot.waitUntil(lambda: page.run == str(back), timeout=10_000)


def test_very_long_logs_open_thinned_and_say_nothing_wrong(
    page: RunsPage, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten million lines in small: the limits above which steps are left out are lower."""
    monkeypatch.setattr(EventFile.__init__, "__defaults__", (1 << 20, 1 << 17))
    run = make(tmp_path, trainer=ME, events=[replace(BEGUN, total_steps=20_000), *map(step_line, range(1, 20_001))])
    page.show_run(str(run))
    qtbot.waitUntil(lambda: page.header.figures["step"].text() == "20,000 / 20,000", timeout=20_000)
    assert page.reader is not None and page.reader.data.thinned > 1 and page.reader.data.skipped == 0
    assert 1000 < len(page.reader.data.steps) < 19_000
