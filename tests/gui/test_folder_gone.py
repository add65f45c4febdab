"""The folder of pictures is deleted while the window shows it: the real service, the side panel, the Dataset page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from gui.main_window import MainWindow
from gui.pages.dataset import DatasetPage
from gui.pages.train import TrainPage
from gui.widgets.concept_table import IMAGES, NAME
from tests.gui.desk import make_desk
from tests.gui.window import shown

DEMO = Path(__file__).parents[2] / "kohya_like" / "demo"
PATIENCE = 20_000  # milliseconds


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DEMO / "dataset" / "train", tmp_path / "pictures"))


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path, pictures: Path) -> Iterator[MainWindow]:
    """It shows a preset that is ready to start."""
    desk = make_desk(tmp_path / "desk")
    desk.document.new(
        f'[model]\nbase = "{DEMO / "base"}"\n[data]\ntrain_data_dir = "{pictures}"\nresolution = 64\n'
        f'[save]\noutput_dir = "{tmp_path / "out"}"\n'
    )
    window = shown(qtbot, desk)
    for name in ("dataset", "train"):
        window.show_page(name)
    qtbot.waitUntil(lambda: verdict(window) == "Ready to start.", timeout=PATIENCE)
    yield window
    desk.service.close(5000)
    desk.runs.close()


def verdict(window: MainWindow) -> str:
    page = window.pages["train"]
    assert isinstance(page, TrainPage)
    return page.panel.verdict.text()


def problems(window: MainWindow) -> list[str]:
    page = window.pages["train"]
    assert isinstance(page, TrainPage)
    return [row.sentence.text() for row in page.panel.faults.rows()]


def table(window: MainWindow, column: int) -> list[str]:
    page = window.pages["dataset"]
    assert isinstance(page, DatasetPage)
    model = page.table.concepts
    return [str(model.index(row, column).data()) for row in range(model.rowCount())]


def go_away_and_come_back(window: MainWindow, qtbot: QtBot) -> None:
    """To a file manager, say."""
    other = QWidget()
    qtbot.addWidget(other)
    other.show()
    other.activateWindow()
    qtbot.waitUntil(lambda: not window.isActiveWindow())
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)


def test_who_comes_back_sees_that_the_folder_is_gone_and_that_it_is_there_again(
    window: MainWindow, pictures: Path, qtbot: QtBot
) -> None:
    assert table(window, NAME)[0] == "10_sks ghost" and window.footer.start_button.isEnabled()
    moved = pictures.rename(pictures.with_name("moved"))
    go_away_and_come_back(window, qtbot)
    qtbot.waitUntil(lambda: verdict(window) == "One error to mend first.", timeout=PATIENCE)
    assert problems(window)[0] == "does not exist"
    assert not window.footer.start_button.isEnabled()
    assert table(window, NAME) == [], "nothing is counted that is not there"
    moved.rename(pictures)
    go_away_and_come_back(window, qtbot)
    qtbot.waitUntil(lambda: verdict(window) == "Ready to start.", timeout=PATIENCE)
    assert table(window, IMAGES)[0] == "8" and window.footer.start_button.isEnabled()


def test_start_finds_out_although_the_list_still_says_ready(
    window: MainWindow, pictures: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    shutil.rmtree(pictures)
    with qtbot.waitSignal(window.desk.service.refused, timeout=PATIENCE):
        qtbot.mouseClick(window.footer.start_button, Qt.MouseButton.LeftButton)
    assert window.footer.said.text() == "Not started: Image folder does not exist"
    assert not (tmp_path / "out").exists() and window.desk.document.value("data.train_data_dir") == str(pictures)


def test_a_single_folder_of_the_preset_that_is_gone_stays_named(
    window: MainWindow, pictures: Path, qtbot: QtBot
) -> None:
    extra = Path(shutil.copytree(pictures / "10_sks ghost", pictures.with_name("3_more")))
    window.desk.document.add_item("data.subsets", {"image_dir": str(extra)})
    qtbot.waitUntil(lambda: table(window, IMAGES)[:2] == ["8", "8"], timeout=PATIENCE)
    shutil.rmtree(extra)
    window.footer.check()
    qtbot.waitUntil(lambda: table(window, IMAGES)[:2] == ["8", "not found"], timeout=PATIENCE)
    assert "3_more" in table(window, NAME) and not window.footer.start_button.isEnabled()
    assert "does not exist" in problems(window) and verdict(window) == "One error to mend first."
