"""The window under senseless use: nothing is raised, warned of or lost, whatever is clicked, typed and opened."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui.main_window import MainWindow
from gui.recovery import Recovery
from tests.gui.desk import make_desk
from tests.gui.looks import settle
from tests.gui.robot import Robot, contents, make_presets


def use(qtbot: QtBot, folder: Path, seed: int, actions: int) -> Robot:
    """A window used by the robot; what must hold afterwards is asserted here."""
    presets = make_presets(folder / "presets")
    before = contents(folder / "presets")
    desk = make_desk(folder)
    window = MainWindow(desk, Recovery(desk.document, folder / "rescued"))
    qtbot.addWidget(window, before_close_func=lambda one: setattr(one, "_may_close", True))
    window.show()
    robot = Robot(window, presets, seed)
    assert robot.run(actions) == []
    assert robot.undo_all() == robot.base
    after = contents(folder / "presets")
    assert {path for path in before if after.get(path) != before[path]} <= robot.saved
    assert set(after) - set(before) <= robot.saved
    return robot


@pytest.mark.parametrize("seed", [2])
def test_a_robot_finds_nothing(qtbot: QtBot, tmp_path: Path, seed: int) -> None:
    robot = use(qtbot, tmp_path, seed, 90)
    assert len(robot.done) == 90


@pytest.mark.full
@pytest.mark.parametrize("seed", range(10, 16))
def test_a_robot_finds_nothing_in_a_long_time(qtbot: QtBot, tmp_path: Path, seed: int) -> None:
    use(qtbot, tmp_path, seed, 3000)
    settle()
    assert len(QApplication.allWidgets()) < 20_000
