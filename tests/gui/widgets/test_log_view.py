"""The log: floods, long lines, filters, and text that looks like markup."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from gui.desk import Desk
from gui.log_tail import LogTail
from gui.widgets.log_view import BLOCKS, LogView, Sieve
from tests.gui.desk import make_desk
from tests.gui.watch import io_of_main_thread

NOT_MARKUP = '<img src="file:///etc/hostname"> <b>bold</b>'
TRACEBACK = ["Traceback (most recent call last):", '  File "a.py", line 1', "    x = 1 / 0", "ZeroDivisionError: no"]


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    desk = make_desk(tmp_path)
    yield desk
    desk.service.close()


@pytest.fixture
def view(qtbot: QtBot, desk: Desk) -> LogView:
    view = LogView(desk)
    qtbot.addWidget(view)
    view.resize(700, 200)
    view.show()
    return view


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "console.log"


@pytest.fixture
def tail(qtbot: QtBot, view: LogView, log: Path) -> Iterator[LogTail]:
    log.touch()
    tail = LogTail(log)
    view.follow(tail)
    yield tail
    tail.close()


def write(log: Path, *lines: str) -> None:
    with log.open("a", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in lines))


def shown(view: LogView) -> list[str]:
    return view.text.toPlainText().split("\n")


def test_lines_are_shown_as_they_come_and_read_by_a_thread(
    view: LogView, tail: LogTail, log: Path, qtbot: QtBot
) -> None:
    write(log, "one", NOT_MARKUP)
    with io_of_main_thread() as seen:
        qtbot.waitUntil(lambda: shown(view) == ["one", NOT_MARKUP])
    assert seen == []
    write(log, "two")
    qtbot.waitUntil(lambda: shown(view)[-1] == "two")
    with log.open("a") as file:
        file.write("50%|####")
    qtbot.waitUntil(lambda: view.unfinished.isVisible() and view.unfinished.text() == "50%|####")


def test_a_flood_leaves_the_last_ten_thousand(view: LogView, tail: LogTail, log: Path, qtbot: QtBot) -> None:
    write(log, *(f"line {n}" for n in range(60_000)))
    qtbot.waitUntil(lambda: shown(view)[-1] == "line 59999", timeout=20_000)
    assert view.text.document().blockCount() <= BLOCKS
    assert "line 49000" not in shown(view)


def test_a_line_of_a_megabyte_is_cut(view: LogView, tail: LogTail, log: Path, qtbot: QtBot) -> None:
    write(log, "x" * 1_000_000, "after")
    qtbot.waitUntil(lambda: shown(view)[-1] == "after")
    assert len(shown(view)[0]) <= 10_004


def test_a_filter_and_errors_only(view: LogView, tail: LogTail, log: Path, qtbot: QtBot) -> None:
    write(log, "Step 1", *TRACEBACK, "step 2", "WARNING: odd")
    qtbot.waitUntil(lambda: len(shown(view)) == 7)
    view.filter_box.setText("STEP")
    qtbot.waitUntil(lambda: shown(view) == ["Step 1", "step 2"])
    write(log, "Step 3", "other")
    qtbot.waitUntil(lambda: shown(view) == ["Step 1", "step 2", "Step 3"])
    view.filter_box.clear()
    view.show_errors()
    qtbot.waitUntil(lambda: shown(view) == [*TRACEBACK, "WARNING: odd"])
    view.errors_box.setChecked(False)
    qtbot.waitUntil(lambda: len(shown(view)) == 9)


def test_a_traceback_that_comes_in_parts_is_kept_whole() -> None:
    sieve = Sieve(errors_only=True)
    assert list(sieve.wanted(["a", TRACEBACK[0]])) == TRACEBACK[:1]
    assert list(sieve.wanted([*TRACEBACK[1:], "b"])) == TRACEBACK[1:]


def test_it_stays_where_one_reads(view: LogView, tail: LogTail, log: Path, qtbot: QtBot) -> None:
    write(log, *(f"line {n}" for n in range(200)))
    qtbot.waitUntil(lambda: shown(view)[-1] == "line 199")
    bar = view.text.verticalScrollBar()
    assert bar.value() == bar.maximum()
    view.follow_box.setChecked(False)
    bar.setValue(20)
    write(log, "more")
    qtbot.waitUntil(lambda: shown(view)[-1] == "more")
    assert bar.value() == 20
    view.follow_box.setChecked(True)
    assert bar.value() == bar.maximum()


def test_copy_takes_what_is_selected_or_everything(view: LogView, tail: LogTail, log: Path, qtbot: QtBot) -> None:
    write(log, "one", "two")
    qtbot.waitUntil(lambda: shown(view) == ["one", "two"])
    view.copy_button.click()
    assert QGuiApplication.clipboard().text() == "one\ntwo"
    cursor = view.text.textCursor()
    cursor.setPosition(4)
    cursor.setPosition(7, cursor.MoveMode.KeepAnchor)
    view.text.setTextCursor(cursor)
    view.copy_button.click()
    assert QGuiApplication.clipboard().text() == "two"


def test_it_folds_and_unfolds_when_errors_are_asked_for(view: LogView, qtbot: QtBot) -> None:
    with qtbot.waitSignal(view.folded) as told:
        view.fold_button.click()
    assert told.args == [True] and not view.text.isVisible() and not view.filter_box.isVisible()
    view.show_errors()
    assert view.text.isVisible() and view.errors_box.isChecked()


def test_the_failure_stands_above_as_plain_text(view: LogView) -> None:
    view.show_failure(NOT_MARKUP)
    assert view.failure.isVisible() and view.failure.text() == NOT_MARKUP
    view.show_failure("")
    assert not view.failure.isVisible()
