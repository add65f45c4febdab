"""Samples: the grid grows with the run, and two steps of a prompt are compared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QImage, QPixmap
from pytestqt.qtbot import QtBot

from gui.desk import Desk
from gui.widgets.compare import CompareDialog
from gui.widgets.samples import SampleGrid
from gui.widgets.slider import STEPS, BeforeAfter
from kohya_like.events import Sample
from tests.gui.desk import make_desk
from tests.gui.watch import io_of_main_thread

NOT_MARKUP = '<img src="file:///etc/hostname"> <b>ghost</b>'
PROMPTS = (NOT_MARKUP, "a cat")
DECORATION = Qt.ItemDataRole.DecorationRole


def picture(path: Path, color: str) -> None:
    image = QImage(64, 64, QImage.Format.Format_RGB32)
    image.fill(QColor(color))
    assert image.save(str(path))


def samples(folder: Path, *steps: int) -> list[Sample]:
    found = []
    for step in steps:
        for index, prompt in enumerate(PROMPTS):
            path = folder / f"{step}-{index}.png"
            picture(path, "red" if step == 0 else "blue")
            found.append(Sample(step, prompt, index, 7 + index, str(path)))
    return found


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    desk = make_desk(tmp_path)
    yield desk
    desk.service.close()


@pytest.fixture
def grid(qtbot: QtBot, desk: Desk) -> SampleGrid:
    grid = SampleGrid(desk)
    qtbot.addWidget(grid)
    grid.resize(400, 300)
    grid.show()
    return grid


def wait_for_pictures(grid: SampleGrid, qtbot: QtBot) -> None:
    columns, rows = range(grid.model.columnCount()), range(grid.model.rowCount())
    qtbot.waitUntil(lambda: all(grid.model.index(r, c).data(DECORATION) is not None for r in rows for c in columns))


def opened(grid: SampleGrid) -> CompareDialog:
    assert grid.compare is not None and grid.compare.isVisible()
    return grid.compare


def test_pictures_come_from_a_thread(grid: SampleGrid, qtbot: QtBot, tmp_path: Path) -> None:
    found = samples(tmp_path, 0, 100)
    with io_of_main_thread() as seen:
        grid.show_samples(found)
        wait_for_pictures(grid, qtbot)
    assert [what for what in seen if "/gui/icons/" not in what] == []
    shown = grid.model.index(0, 0).data(DECORATION)
    assert isinstance(shown, QPixmap) and shown.toImage().pixelColor(5, 5) == QColor("red")
    with io_of_main_thread() as seen:  # the control
        (tmp_path / "0-0.png").read_bytes()
    assert len(seen) == 1


def test_the_grid_grows_and_keeps_what_it_has(grid: SampleGrid, qtbot: QtBot, tmp_path: Path) -> None:
    assert grid._placeholder.isVisible()
    grid.show_samples(samples(tmp_path, 0))
    wait_for_pictures(grid, qtbot)
    first = grid.model.index(0, 0).data(DECORATION)
    grid.table.setCurrentIndex(grid.model.index(1, 0))
    grid.show_samples(samples(tmp_path, 0, 100, 200))
    assert (grid.model.rowCount(), grid.model.columnCount()) == (2, 3)
    assert (
        grid.model.index(0, 0).data(DECORATION).cacheKey() == first.cacheKey() and grid.table.currentIndex().row() == 1
    )
    assert grid.model.headerData(2, Qt.Orientation.Horizontal) == "step 200"
    assert grid.model.headerData(0, Qt.Orientation.Vertical) == NOT_MARKUP  # painted by drawText, which is plain


def test_a_run_that_went_back_loses_its_columns(grid: SampleGrid, qtbot: QtBot, tmp_path: Path) -> None:
    grid.show_samples(samples(tmp_path, 0, 100, 200))
    wait_for_pictures(grid, qtbot)
    grid.show_samples(samples(tmp_path, 0, 100))
    assert grid.model.steps == [0, 100]
    grid.show_samples([])
    assert grid.model.rowCount() == 0 and grid._placeholder.isVisible()


def test_what_is_missing_or_no_picture_says_so(grid: SampleGrid, qtbot: QtBot, tmp_path: Path) -> None:
    found = samples(tmp_path, 0)
    Path(found[0].path).unlink()
    Path(found[1].path).write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    grid.show_samples(found)
    wait_for_pictures(grid, qtbot)
    assert grid.model.index(0, 0).data(DECORATION) == "The file is missing"
    assert "is an SVG drawing" in str(grid.model.index(1, 0).data(DECORATION))
    assert not grid.grab().isNull()


def test_tooltips_are_escaped(grid: SampleGrid, tmp_path: Path) -> None:
    grid.show_samples(samples(tmp_path, 0))
    for said in (
        grid.model.index(0, 0).data(Qt.ItemDataRole.ToolTipRole),
        grid.model.headerData(0, Qt.Orientation.Vertical, Qt.ItemDataRole.ToolTipRole),
    ):
        assert "<img" not in str(said) and "&lt;img" in str(said)
    assert "step 0, seed 7" in str(grid.model.index(0, 0).data(Qt.ItemDataRole.AccessibleTextRole))


@pytest.mark.parametrize("how", ["click", "enter"])
def test_a_sample_opens_the_comparison(grid: SampleGrid, qtbot: QtBot, tmp_path: Path, how: str) -> None:
    grid.show_samples(samples(tmp_path, 0, 100, 200))
    index = grid.model.index(0, 1)
    grid.table.setCurrentIndex(index)
    if how == "enter":
        qtbot.keyClick(grid.table, Qt.Key.Key_Return)
    else:
        place = grid.table.visualRect(index).center()
        qtbot.mouseClick(grid.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    dialog = opened(grid)
    assert [label.text() for label in dialog._steps] == ["step 0", "step 100"]
    assert dialog.prompt.text() == NOT_MARKUP and dialog.prompt.textFormat() == Qt.TextFormat.PlainText
    assert dialog.seed.text() == "seed 7"
    qtbot.waitUntil(lambda: all(image is not None for image in dialog.slider._images))
    left, right = dialog.slider._images
    assert left is not None and right is not None
    assert (left.pixelColor(3, 3), right.pixelColor(3, 3)) == (QColor("red"), QColor("blue"))


def test_the_first_step_is_compared_with_the_newest(grid: SampleGrid, qtbot: QtBot, tmp_path: Path) -> None:
    grid.show_samples(samples(tmp_path, 0, 100))
    grid._open(grid.model.index(0, 0))
    dialog = opened(grid)
    assert dialog._steps[1].text() == "step 100"
    grid.show_samples(samples(tmp_path, 0, 100, 200))  # the run goes on, and so does who looks at its newest step
    assert dialog._steps[1].text() == "step 200" and dialog._steps[0].text() == "step 0"
    qtbot.keyClick(dialog.scrubbers[1], Qt.Key.Key_Left)
    assert dialog._steps[1].text() == "step 100"
    grid.show_samples(samples(tmp_path, 0, 100, 200, 300))
    assert dialog._steps[1].text() == "step 100"
    grid.show_samples([])
    assert not dialog.isVisible()


def test_the_prompts_are_walked_through(grid: SampleGrid, qtbot: QtBot, tmp_path: Path) -> None:
    found = samples(tmp_path, 0, 100)[:-1]  # the cat was not drawn at step 100
    Path(found[2].path).unlink()
    grid.show_samples(found)
    grid._open(grid.model.index(0, 1))
    dialog = opened(grid)
    qtbot.waitUntil(lambda: "not there any more" in dialog.slider._labels[1])
    assert not dialog.before.isEnabled() and dialog.after.isEnabled()
    dialog.after.click()
    assert dialog.prompt.text() == "a cat" and not dialog.after.isEnabled()
    assert dialog.slider._labels[1] == "step 100: not drawn" and dialog.slider._images[1] is None
    assert not dialog.grab().isNull()


@pytest.mark.parametrize(
    "key, value",
    [
        (Qt.Key.Key_Left, STEPS // 2 - STEPS // 50),
        (Qt.Key.Key_Right, STEPS // 2 + STEPS // 50),
        (Qt.Key.Key_Home, 0),
        (Qt.Key.Key_End, STEPS),
    ],
)
def test_the_divider_obeys_keys(qtbot: QtBot, desk: Desk, key: Qt.Key, value: int) -> None:
    slider = BeforeAfter(desk)
    qtbot.addWidget(slider)
    qtbot.keyClick(slider, key)
    assert slider.value() == value


def test_the_divider_uncovers_the_pictures(qtbot: QtBot, desk: Desk) -> None:
    slider = BeforeAfter(desk)
    qtbot.addWidget(slider)
    slider.resize(300, 300)
    for side, color in enumerate(("red", "blue")):
        image = QImage(40, 20, QImage.Format.Format_RGB32)
        image.fill(QColor(color))
        slider.set_side(side, image, f"step {side}")
    place = slider.picture_rect()
    assert abs(place.width() - 2 * place.height()) <= 2  # its own proportions
    low = place.bottom() - 5
    qtbot.mouseClick(slider, Qt.MouseButton.LeftButton, pos=QPoint(place.left() + place.width() // 4, low))
    shown = slider.grab().toImage()
    assert abs(slider.value() - STEPS // 4) <= 5
    assert shown.pixelColor(place.left() + place.width() // 8, low) == QColor("red")
    assert shown.pixelColor(place.left() + place.width() // 2, low) == QColor("blue")
