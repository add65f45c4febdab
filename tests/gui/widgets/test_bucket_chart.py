"""The bars of the buckets: drawn, described in words, reachable by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from gui.desk import Desk
from gui.widgets.bucket_chart import ROW, BucketChart
from tests.gui.desk import make_desk

BUCKETS = [
    {"width": 512, "height": 768, "samples": 34, "batches": 17},
    {"width": 640, "height": 640, "samples": 1200, "batches": 600},
]


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    made = make_desk(tmp_path)
    yield made
    made.service.close()


@pytest.fixture
def chart(qtbot: QtBot, desk: Desk) -> BucketChart:
    made = BucketChart(desk)
    qtbot.addWidget(made)
    made.show_buckets(BUCKETS)
    made.resize(500, made.sizeHint().height())
    made.show()
    return made


def colored(image: QImage, color: int, row: int) -> int:
    y = 4 + row * ROW + ROW // 2
    return sum(image.pixel(x, y) & 0xFFFFFF == color for x in range(image.width()))


def test_a_bar_is_as_long_as_its_samples(chart: BucketChart, desk: Desk) -> None:
    image = chart.grab().toImage()
    bar = desk.theme.color("plot1").rgb() & 0xFFFFFF
    few, many = colored(image, bar, 0), colored(image, bar, 1)
    assert many > 100 and 0 < few < many / 10


def test_words_for_those_who_do_not_see_it(chart: BucketChart, desk: Desk) -> None:
    assert chart.accessibleName() == "Buckets"
    assert chart.accessibleDescription() == "2 buckets; the arrow keys go through them"
    assert chart.words(1) == "640 x 640: samples 1,200, batches 600"


def test_arrow_keys_and_clicks_choose(chart: BucketChart, qtbot: QtBot) -> None:
    qtbot.keyClick(chart, Qt.Key.Key_Down)
    assert chart.accessibleDescription() == "512 x 768: samples 34, batches 17"
    qtbot.keyClick(chart, Qt.Key.Key_PageDown)
    assert chart.chosen == 1
    qtbot.keyClick(chart, Qt.Key.Key_Up)
    assert chart.chosen == 0
    qtbot.mouseClick(chart, Qt.MouseButton.LeftButton, pos=QPoint(50, 4 + ROW + 3))
    assert chart.chosen == 1
    qtbot.keyClick(chart, Qt.Key.Key_X)
    assert chart.chosen == 1


def test_only_what_is_seen_is_drawn(chart: BucketChart, monkeypatch: pytest.MonkeyPatch) -> None:
    chart.show_buckets([{"width": 64, "height": 64, "samples": 1, "batches": 1}] * 500)
    chart.resize(500, 200)
    drawn: list[int] = []
    monkeypatch.setattr(chart, "_paint_row", lambda painter, number: drawn.append(number))
    chart.grab()
    assert drawn == list(range(len(drawn))) and 0 < len(drawn) <= 9


def test_no_buckets_is_said_and_a_theme_changes_it(chart: BucketChart, desk: Desk) -> None:
    before = chart.grab().toImage()
    desk.theme.set("dark")
    assert chart.grab().toImage() != before
    chart.show_buckets([])
    assert chart.chosen == -1
    assert chart.accessibleDescription().startswith("0 buckets")
    blank = QImage(chart.size(), QImage.Format.Format_RGB32)
    blank.fill(chart.grab().toImage().pixelColor(0, 0))
    assert chart.grab().toImage().convertToFormat(QImage.Format.Format_RGB32) != blank
