"""The list of runs: what is chosen stays chosen, names are plain text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from gui.desk import Desk
from gui.run_row import RunRow
from gui.widgets.run_list import FILTER_FROM, RunList, short_name, when
from gui.widgets.run_words import ICONS
from tests.gui.desk import make_desk

NOT_MARKUP = "<img src=x> & <b>"


def row(number: int, status: str = "finished", name: str = "", can_resume: bool = False) -> RunRow:
    name = name or f"ghost-{number}"
    return RunRow(f"/runs/{name}", name, status, 1e9 + number, number, 100, "", can_resume)  # type: ignore[arg-type]


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    desk = make_desk(tmp_path)
    yield desk
    desk.service.close()


@pytest.fixture
def runs(qtbot: QtBot, desk: Desk) -> RunList:
    runs = RunList(desk)
    qtbot.addWidget(runs)
    runs.resize(220, 400)
    runs.show()
    return runs


def test_a_run_is_chosen_with_the_keyboard(runs: RunList, qtbot: QtBot) -> None:
    runs.show_rows([row(3), row(2), row(1)])
    runs.choose("/runs/ghost-3")
    with qtbot.waitSignal(runs.run_chosen) as told:
        qtbot.keyClick(runs.view, Qt.Key.Key_Down)
    assert told.args == ["/runs/ghost-2"]


def test_what_is_chosen_stays_chosen_when_a_run_is_added(runs: RunList, qtbot: QtBot) -> None:
    runs.show_rows([row(2), row(1)])
    runs.choose("/runs/ghost-1")
    with qtbot.assertNotEmitted(runs.run_chosen):
        runs.show_rows([row(3, "running"), row(2), row(1)])
    assert runs.view.currentIndex().data() == "ghost-1"
    runs.show_rows([row(3, "paused"), row(2), row(1)])
    said = runs.model.index(0).data(Qt.ItemDataRole.AccessibleTextRole)
    assert said.startswith("ghost-3, paused · 3 / 100, 2001-")


def test_the_filter_is_there_for_many(runs: RunList) -> None:
    runs.show_rows([row(n) for n in range(FILTER_FROM)])
    assert not runs.filter_box.isVisible()
    runs.show_rows([row(n) for n in range(FILTER_FROM + 1)])
    assert runs.filter_box.isVisible()
    runs.filter_box.setText("GHOST-1")
    assert runs.view.model().rowCount() == 11


def test_the_menu(runs: RunList, qtbot: QtBot) -> None:
    menu = runs.menu(row(1))
    assert [action.text() for action in menu.actions()] == ["Open folder", "Copy path", "Resume"]
    assert not menu.actions()[2].isEnabled()
    menu.actions()[1].trigger()
    assert QGuiApplication.clipboard().text() == "/runs/ghost-1"
    with qtbot.waitSignal(runs.resume_requested) as told:
        runs.menu(row(2, "paused", can_resume=True)).actions()[2].trigger()
    assert told.args == ["/runs/ghost-2"]


def test_names_are_plain_and_every_status_is_drawn(runs: RunList) -> None:
    runs.show_rows([row(n, status, f"{NOT_MARKUP}{n}") for n, status in enumerate(ICONS)])
    assert runs.model.index(0).data() == f"{NOT_MARKUP}0"
    assert "<img" not in runs.model.index(0).data(Qt.ItemDataRole.ToolTipRole)
    assert not runs.grab().isNull()


def test_the_date_of_a_name_has_its_own_line() -> None:
    assert short_name("ghost-20261121-055340") == "ghost" and short_name("ghost-20261121-055340-2") == "ghost"
    assert short_name("ghost-2") == "ghost-2" and short_name("-20261121-055340") == "-20261121-055340"
    assert when(0) == "" and when(1e300) == "" and when(1e9).startswith("2001-09-")
