"""The Runs page with real readers: on folders as runs leave them, and on a trainer that lives."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QAbstractButton, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from gui.background import wait_for_all
from gui.desk import Desk
from gui.pages.runs import RunsPage
from gui.widgets.text import ElidedLabel
from kohya_like import supervise
from kohya_like.events import CONSOLE, Failed, Sample, Warned
from tests.gui import fake_trainer
from tests.gui.desk import make_desk
from tests.gui.fake_trainer import step_line
from tests.gui.run_folders import BEGUN, DEAD, DONE, ME, make
from tests.gui.watch import io_of_main_thread

NOT_MARKUP = '<img src="file:///etc/hostname">'
HINT = "in this order: train.gradient_checkpointing = true; train.mixed_precision = 'bf16'; train.train_batch_size = 1"


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    desk = make_desk(tmp_path / "desk")
    desk.runs.add_root(tmp_path)
    yield desk
    desk.language.set("en")
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
    wait_for_all()


def status(page: RunsPage) -> str:
    return page.header.status.text()


def actions(page: RunsPage) -> list[str]:
    return [button.text() for button in page.message.banner.findChildren(QPushButton) if button.isVisible()]


def press(page: RunsPage, text: str) -> None:
    next(button for button in page.message.banner.findChildren(QPushButton) if button.text() == text).click()


def pid_of_trainer(run: Path) -> int:
    return int(supervise.read_json(run / "run.json")["trainer"]["pid"])


def test_without_runs_it_says_where_to_start_one(page: RunsPage, desk: Desk, qtbot: QtBot) -> None:
    assert page._empty_text.isVisible() and not page.list.isVisible()
    assert page._empty_text.text() == "No runs yet. Start one on the Train page (F5)."
    with qtbot.waitSignal(desk.wishes.page_requested) as told:
        page.start_button.click()
    assert told.args == ["train"]


def test_the_newest_run_is_shown_without_a_file_read_by_the_window(
    page: RunsPage, qtbot: QtBot, tmp_path: Path
) -> None:
    run = make(tmp_path, ended={}, events=(*DONE[:2], Sample(100, NOT_MARKUP, 0, 1, "gone.png"), *DONE[2:]))
    (run / CONSOLE).write_text("all is well\n")
    with io_of_main_thread() as seen:
        qtbot.waitUntil(lambda: page.header.figures["step"].text() == "100 / 100", timeout=10_000)
        qtbot.waitUntil(lambda: page.log.text.toPlainText() == "all is well" and bool(page.plot.values.text()))
        qtbot.waitUntil(lambda: page.samples.model.rowCount() == 1)
        wait_for_all()
    assert [what for what in seen if "/gui/icons/" not in what] == []
    assert status(page) == "finished" and page.plot.values.text().startswith("step 100 · loss 0.125")
    assert not page.message.banner.isVisible() and page.list.view.currentIndex().isValid()


def test_a_failed_run_says_why_and_offers_three_changes(
    page: RunsPage, desk: Desk, qtbot: QtBot, tmp_path: Path
) -> None:
    failed = Failed(f"out of memory: {NOT_MARKUP}", HINT)
    make(tmp_path, ended={"code": 1}, events=(BEGUN, step_line(5), failed), state=True)
    qtbot.waitUntil(lambda: status(page) == "failed", timeout=10_000)
    said = page.message.banner.message
    assert said.startswith(f"Failed: out of memory: {NOT_MARKUP}. In this order: train.gradient_checkpointing")
    labels = [desk.language.texts.label_of(f"train.{name}") for name in ("gradient_checkpointing", "mixed_precision")]
    assert actions(page)[:2] == [f"Change {label}" for label in labels] and actions(page)[3:] == ["Show log", "Resume"]
    with qtbot.waitSignal(desk.wishes.field_requested) as told:
        press(page, f"Change {labels[0]}")
    assert told.args == ["train.gradient_checkpointing"]
    assert page.log.failure.text() == f"Out of memory: {NOT_MARKUP}"
    page.message.banner._close.click()
    desk.runs.changed.emit()
    assert not page.message.banner.isVisible()  # what was put away stays away


def test_show_log_opens_the_errors(page: RunsPage, qtbot: QtBot, tmp_path: Path) -> None:
    run = make(tmp_path, ended={"code": 1}, events=(BEGUN, Failed("no", "see console.log")))
    (run / CONSOLE).write_text("fine\nRuntimeError: no\n")
    qtbot.waitUntil(lambda: status(page) == "failed", timeout=10_000)
    page.log.fold_button.setChecked(False)
    assert actions(page)[:1] == ["Show log"]
    press(page, "Show log")
    qtbot.waitUntil(lambda: page.log.text.toPlainText() == "RuntimeError: no")


def test_an_interrupted_run_offers_resume(
    page: RunsPage, desk: Desk, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make(tmp_path, trainer=DEAD, events=(BEGUN, step_line(5)), state=True)
    asked: list[str] = []
    monkeypatch.setattr(desk.service, "resume", asked.append)
    qtbot.waitUntil(lambda: status(page) == "interrupted", timeout=10_000)
    assert page.message.banner.message.startswith("Interrupted: ") and "Resume" in actions(page)
    press(page, "Resume")
    assert asked == [str(run)]
    page.header.buttons["resume"].click()
    assert asked == [str(run)] * 2
    desk.service.refused.emit([{"text": f"{NOT_MARKUP} is still running", "mend": "stop or pause it first"}])
    said = page.message.banner.message
    assert said == f"The run was not resumed: {NOT_MARKUP} is still running; stop or pause it first"
    desk.service.refused.emit([{"text": "a preset that somebody else started"}])
    assert page.message.banner.message == said  # only the answer to one's own question


def test_a_live_run_is_watched_saved_and_paused(page: RunsPage, qtbot: QtBot, tmp_path: Path) -> None:
    run = tmp_path / "runs" / "live-20260101-120000"
    supervisor = fake_trainer.launch(run, "--steps", 100_000, "--pause", 0.02, "--sample-every", 20)
    page.show_run(str(run))
    qtbot.waitUntil(lambda: status(page) == "running" and page.samples.model.columnCount() > 0, timeout=15_000)
    assert not page.header.buttons["resume"].isVisible()
    page.header.buttons["save"].click()
    assert page.header.note.text() == "Save now: asked, waits for the end of the step"
    assert not page.header.buttons["save"].isEnabled()
    qtbot.waitUntil(lambda: page.header.note.text() == "", timeout=10_000)
    assert page.reader is not None and page.reader.data.saved[-1].what == "state"
    page.header.buttons["pause"].click()
    qtbot.waitUntil(lambda: status(page) == "paused", timeout=15_000)
    assert supervisor.wait(10) == 0 and supervise.status(run) != "running"
    assert page.header.buttons["resume"].isEnabled() and page.header.note.text() == ""


def test_a_killed_trainer_is_interrupted(page: RunsPage, qtbot: QtBot, tmp_path: Path) -> None:
    run = tmp_path / "runs" / "live-20260101-120000"
    supervisor = fake_trainer.launch(run, "--steps", 100_000, "--pause", 0.02)
    page.show_run(str(run))
    qtbot.waitUntil(lambda: status(page) == "running" and page.header.progress.maximum() > 0, timeout=15_000)
    qtbot.waitUntil(lambda: page.header.figures["step"].text() != "-", timeout=15_000)
    os.kill(pid_of_trainer(run), signal.SIGKILL)
    qtbot.waitUntil(lambda: status(page) == "interrupted", timeout=10_000)
    assert "SIGKILL" in page.message.banner.message
    supervisor.wait(10)


def test_a_trainer_that_hangs_can_be_ended(page: RunsPage, qtbot: QtBot, tmp_path: Path) -> None:
    run = tmp_path / "runs" / "live-20260101-120000"
    supervisor = fake_trainer.launch(run, "--steps", 100, "--hang-at", 3)
    page.show_run(str(run))
    qtbot.waitUntil(lambda: page.header.figures["step"].text() == "3 / 100", timeout=15_000)
    qtbot.waitUntil(lambda: status(page) == "running", timeout=15_000)
    page._silence.setInterval(50)
    page.header.buttons["stop"].click()
    qtbot.waitUntil(lambda: "End it now" in actions(page), timeout=5_000)
    press(page, "End it now")
    qtbot.waitUntil(lambda: status(page) == "interrupted", timeout=10_000)
    supervisor.wait(10)


def test_a_warning_of_a_live_run_is_shown(page: RunsPage, qtbot: QtBot, tmp_path: Path) -> None:
    warned = Warned(f"the preview pictures failed: {NOT_MARKUP}", "look into the log")
    make(tmp_path, trainer=ME, events=(BEGUN, step_line(5), warned))
    qtbot.waitUntil(lambda: page.message.banner.isVisible(), timeout=10_000)
    said = f"Warning: the preview pictures failed: {NOT_MARKUP}. Look into the log"
    assert page.message.banner.message == said and status(page) == "running"


def test_a_command_that_cannot_be_sent_is_not_waited_for(page: RunsPage, qtbot: QtBot, tmp_path: Path) -> None:
    run = make(tmp_path, trainer=ME, events=(BEGUN, step_line(5)))
    qtbot.waitUntil(lambda: page.header.buttons["save"].isEnabled(), timeout=10_000)
    (run / "control.jsonl").mkdir()
    with qtbot.waitSignal(page._desk.runs.command_failed):
        page.header.buttons["save"].click()
    assert page.header.note.text() == "" and page.header.buttons["save"].isEnabled()


def test_a_deleted_run_is_said_so(page: RunsPage, qtbot: QtBot, tmp_path: Path) -> None:
    run = make(tmp_path, ended={}, events=DONE)
    qtbot.waitUntil(lambda: status(page) == "finished", timeout=10_000)
    shutil.rmtree(run)
    qtbot.waitUntil(lambda: "not there any more" in page.message.banner.message, timeout=10_000)
    assert page.reader is None and page.run == ""


def test_another_run_is_shown_from_its_beginning(page: RunsPage, qtbot: QtBot, tmp_path: Path) -> None:
    make(tmp_path, "a-20260101-120000", ended={}, events=(BEGUN, step_line(7), Sample(7, "a", 0, 1, "a.png")))
    make(tmp_path, "b-20260102-120000", ended={}, events=(BEGUN, step_line(9)))
    qtbot.waitUntil(lambda: len(page.list.model.rows) == 2 and page.reader is not None, timeout=10_000)
    for name, step in (("a-20260101-120000", 7), ("b-20260102-120000", 9), ("a-20260101-120000", 7)):
        page.show_run(str(tmp_path / "runs" / name))
        assert page.header.name.text() == name
        qtbot.waitUntil(lambda: page.reader is not None and len(page.reader.data.steps) == 1)
        qtbot.waitUntil(lambda: page.samples.model.steps == ([7] if page.run.endswith("a-20260101-120000") else []))
        assert page.header.figures["step"].text() == f"{step} / 100"
        qtbot.waitUntil(lambda: "step" in page.plot.values.text())
        assert page.plot.values.text().startswith(f"step {step} ")


@pytest.mark.parametrize("language", ["en", "zh_CN"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_is_clipped_and_all_is_plain(
    page: RunsPage, desk: Desk, qtbot: QtBot, tmp_path: Path, language: str, theme: str
) -> None:
    from tests.gui.looks import clipped

    make(tmp_path, f"x{NOT_MARKUP.replace('/', '_')}", trainer=ME, events=(BEGUN, step_line(50)))
    qtbot.waitUntil(lambda: status(page) == "running" and page.plot.canvas is not None, timeout=10_000)
    desk.theme.set(theme)
    desk.language.set(language)
    page.resize(850, 590)  # the smallest window
    qtbot.waitUntil(lambda: page.header.width() > 0)
    assert list(clipped(page)) == []
    plain = {label.textFormat().name for label in page.findChildren(QLabel) if label.text()}
    assert plain == {"PlainText"} and page.findChildren(ElidedLabel)
    nameless = [b for b in page.findChildren(QAbstractButton) if b.isVisible() and not (b.accessibleName() or b.text())]
    assert nameless == []
