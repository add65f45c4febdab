"""The first steps: there over an empty preset, gone with the first value, and two ways to begin."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from gui.desk import Desk
from gui.file_actions import FileActions
from gui.first_steps import FirstSteps
from tests.gui.desk import make_desk


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    made = make_desk(tmp_path)
    yield made
    made.service.close()


@pytest.fixture
def steps(qtbot: QtBot, desk: Desk) -> FirstSteps:
    window = QWidget()
    made = FirstSteps(desk, FileActions(desk, window))
    made.setParent(window)
    qtbot.addWidget(window)
    window.show()
    return made


def test_they_stand_over_an_empty_preset_only(desk: Desk, steps: FirstSteps) -> None:
    assert not steps.isHidden()
    desk.document.set("network.dim", 8)
    assert steps.isHidden()
    desk.document.undo()
    assert not steps.isHidden(), "it is empty again"
    desk.document.new("[network]\ndim = 4\n")
    assert steps.isHidden()


def test_the_demo_is_offered_once_it_is_found_and_opens_as_a_new_preset(
    desk: Desk, steps: FirstSteps, qtbot: QtBot
) -> None:
    assert steps.demo.isHidden()
    steps._files.look_for_examples()
    qtbot.waitUntil(lambda: not steps.demo.isHidden())
    with qtbot.waitSignal(desk.document.opened):
        qtbot.mouseClick(steps.demo, Qt.MouseButton.LeftButton)
    assert desk.document.path is None and "demo" in str(desk.document.value("model.base"))
    assert steps.isHidden()


def test_without_the_demo_it_is_not_offered(steps: FirstSteps) -> None:
    steps._files.examples_found.emit(["/presets/lora-sd15.toml"])
    assert steps.demo.isHidden()
