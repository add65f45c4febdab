"""No block over 50 ms: the longest turn of the event loop while pages are opened, fields edited and runs followed.

Counted is processor time of the main thread, and a test fails only if it is over in three of three repeats: another
program on the machine makes nothing fail here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui.background import wait_for_all
from gui.main_window import PAGES, MainWindow
from kohya_like.events import CONSOLE
from tests.gui import run_folders
from tests.gui.desk import still_desk
from tests.gui.fake_trainer import step_line
from tests.gui.looks import settle
from tests.gui.reports import ODD, WRONG, answer
from tests.gui.watch import Blocks

LIMIT = 50.0  # ms
REPEATS = 3


def longest_of_three(qtbot: QtBot, folder: Path, action: Callable[[MainWindow], object]) -> float:
    """The best of three repeats of an action, each in a new window, until nothing more is under way."""
    found = []
    for number in range(REPEATS):
        window = MainWindow(still_desk(folder / str(number)))
        qtbot.addWidget(window, before_close_func=lambda one: setattr(one, "_may_close", True))
        window.show()
        settle()
        blocks = Blocks()
        blocks.begin()
        action(window)
        settle()
        found.append(blocks.longest)
        blocks.deleteLater()
        window._may_close = True
        window.close()
        if found[-1] <= LIMIT:
            break
    return min(found)


@pytest.mark.parametrize("page", PAGES[1:])
def test_the_first_visit_of_a_page(qtbot: QtBot, tmp_path: Path, page: str) -> None:
    assert longest_of_three(qtbot, tmp_path, lambda window: window.show_page(page)) <= LIMIT


@pytest.mark.parametrize("tab", ["folders", "basic", "advanced", "samples"])
def test_a_tab_with_all_its_options(qtbot: QtBot, tmp_path: Path, tab: str) -> None:
    def action(window: MainWindow) -> None:
        window.desk.settings.level = "all"
        window.pages["train"].set_level("all")  # type: ignore[attr-defined]
        window.pages["train"].open_tab(tab)  # type: ignore[attr-defined]

    assert longest_of_three(qtbot, tmp_path, action) <= LIMIT


def test_edits_undo_and_another_recipe(qtbot: QtBot, tmp_path: Path) -> None:
    def action(window: MainWindow) -> None:
        document = window.desk.document
        for value in (4, 8, 16):
            document.set("network.dim", value)
            QApplication.processEvents()
        bar = window.pages["train"].bar  # type: ignore[attr-defined]
        bar.recipe.activated.emit(2)
        QApplication.processEvents()
        document.undo()

    assert longest_of_three(qtbot, tmp_path, action) <= LIMIT


def test_an_answer_of_the_service(qtbot: QtBot, tmp_path: Path) -> None:
    def action(window: MainWindow) -> None:
        window.desk.service.checked.emit(answer([WRONG, ODD]))

    assert longest_of_three(qtbot, tmp_path, action) <= LIMIT


def test_a_long_run_with_a_flooded_log(qtbot: QtBot, tmp_path: Path) -> None:
    steps = [step_line(number) for number in range(1, 20_001)]
    run = run_folders.make(tmp_path / "out", "long", events=[run_folders.BEGUN, *steps])
    (run / CONSOLE).write_bytes(b"x" * 1_000_000 + b"\n" + b"a line of the log\n" * 200_000)

    def action(window: MainWindow) -> None:
        window.desk.wishes.run_requested.emit(str(run))

    assert longest_of_three(qtbot, tmp_path, action) <= LIMIT


def test_a_block_is_seen(qtbot: QtBot, tmp_path: Path) -> None:
    def action(window: MainWindow) -> None:
        assert sum(number * number for number in range(3_000_000)) > 0

    assert longest_of_three(qtbot, tmp_path, action) > LIMIT
    assert wait_for_all()
