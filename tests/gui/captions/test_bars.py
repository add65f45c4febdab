"""Filter bar and status line: what is typed, what was found, what waits for its file, and what went wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from dataset_tools.edits import AddTags
from gui.background import wait_for_all
from gui.captions.desk import CaptionDesk
from gui.captions.filter_bar import EXAMPLES, FilterBar
from gui.captions.gallery import Gallery
from gui.captions.status_line import StatusLine
from tests.gui.captions.datasets import make_folder, many, names, open_desk, settle


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[CaptionDesk]:
    desk = open_desk(qtbot, tmp_path, many(tmp_path / "set", 20))
    yield desk
    desk.close()
    assert wait_for_all()


@pytest.fixture
def bar(qtbot: QtBot, desk: CaptionDesk) -> FilterBar:
    gallery = Gallery(desk)
    bar = FilterBar(desk, gallery)
    for widget in (gallery, bar):
        qtbot.addWidget(widget)
        widget.show()
    return bar


def test_typing_filters_after_a_pause_and_enter_at_once(qtbot: QtBot, bar: FilterBar, desk: CaptionDesk) -> None:
    left: list[int] = []
    bar.left.connect(lambda: left.append(1))
    QTest.keyClicks(bar.text, "tag:even")
    assert len(names(desk)) == 20, "not for each letter"
    qtbot.waitUntil(lambda: len(names(desk)) == 10)
    assert bar.count.text() == "10 of 20"
    bar.text.setText("tag:odd AND name:*1.png")
    QTest.keyClick(bar.text, Qt.Key.Key_Return)
    assert wait_for_all()
    assert names(desk) == ["p00001", "p00011"] and left == [1]


def test_an_error_is_said_under_the_line_in_both_languages(bar: FilterBar, desk: CaptionDesk) -> None:
    assert not bar.problem.isVisible()
    bar.ask("tag:cat AND (tag:even")
    assert bar.problem.isVisible() and "bracket" in bar.problem.text()
    desk.desk.language.set("zh_CN")
    bar.ask("tag:cat AND (tag:odd")
    assert "括号" in bar.problem.text()
    desk.desk.language.set("en")
    bar.text.clear()
    assert wait_for_all()
    assert not bar.problem.isVisible() and bar.count.text() == "20"


def test_the_examples_are_understood(bar: FilterBar, desk: CaptionDesk) -> None:
    for example in EXAMPLES:
        bar.ask(example)
        assert wait_for_all()
        assert bar.problem.text() == "", example


def test_order_is_chosen_and_kept_when_another_folder_is_opened(
    qtbot: QtBot, bar: FilterBar, desk: CaptionDesk, tmp_path: Path
) -> None:
    bar.descending.setChecked(True)
    assert wait_for_all()
    assert names(desk)[0] == "p00019"
    desk.open([str(make_folder(tmp_path / "other", {"x": "1", "y": "2"}))])
    qtbot.waitUntil(lambda: names(desk) == ["y", "x"])
    settle(qtbot, desk)
    assert names(desk) == ["y", "x"]


def test_the_status_line_says_what_waits_and_what_went_wrong(qtbot: QtBot, desk: CaptionDesk) -> None:
    line = StatusLine(desk)
    qtbot.addWidget(line)
    line.resize(700, 30)
    line.show()
    assert (line.saved.text(), line.chosen.text()) == ("All saved", "1 chosen")
    desk.select([1, 2, 3])
    desk.apply(AddTags(("new",)))
    assert (line.saved.text(), line.chosen.text()) == ("3 not saved yet", "3 chosen")
    desk.fault_in_thread.emit("the disk is full")
    assert "the disk is full" in line.fault.text()
    desk.flush()
    assert wait_for_all()
    assert (line.saved.text(), line.fault.text()) == ("All saved", "")
