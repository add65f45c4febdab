"""The pictures in the middle: what is chosen stays chosen, one picture is zoomed, cells tell their caption's state."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QPixmap
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from dataset_tools.edits import AddTags
from gui.background import wait_for_all
from gui.captions.cells import Cells
from gui.captions.desk import CaptionDesk
from gui.captions.gallery import SIDES, Gallery
from gui.captions.model import MOST_RANGES, THUMBNAIL_ROLE, _runs
from tests.gui.captions.datasets import make_folder, many, number, open_desk, picture_bytes

Key, Control = Qt.Key, Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[CaptionDesk]:
    folder = many(tmp_path / "set", 40)
    (folder / "p00003.png").write_bytes(picture_bytes(400, 200))
    desk = open_desk(qtbot, tmp_path, folder)
    yield desk
    desk.close()
    assert wait_for_all()


@pytest.fixture
def gallery(qtbot: QtBot, desk: CaptionDesk) -> Gallery:
    gallery = Gallery(desk)
    qtbot.addWidget(gallery)
    gallery.resize(500, 400)
    gallery.show()
    return gallery


def chosen(gallery: Gallery) -> list[int]:
    return gallery.model.ids_of(gallery.selection.chosen.selection())


def test_view_and_desk_choose_the_same(gallery: Gallery, desk: CaptionDesk) -> None:
    desk.select([4, 5, 9], 5)
    assert chosen(gallery) == [4, 5, 9] and gallery.cells.currentIndex().row() == 5
    QTest.mouseClick(gallery.cells.viewport(), Qt.MouseButton.LeftButton, pos=gallery.row_middle(2))
    assert desk.selection == [2] and desk.current == 2
    QTest.mouseClick(gallery.cells.viewport(), Qt.MouseButton.LeftButton, Control, gallery.row_middle(0))
    assert desk.selection == [0, 2]
    QTest.keyClick(gallery.cells, Key.Key_A, Control)
    assert desk.selection == list(range(40)) == chosen(gallery)


def test_what_is_chosen_stays_chosen_in_another_order(gallery: Gallery, desk: CaptionDesk) -> None:
    desk.select([1, 2, 4], 4)
    desk.set_sort("name", descending=True)
    assert wait_for_all()
    assert desk.selection == [4, 2, 1] == chosen(gallery) and desk.current == 4
    desk.set_filter("tag:even")
    assert wait_for_all()
    assert desk.selection == [4, 2] == chosen(gallery)


def test_an_edit_changes_its_cells_and_keeps_the_selection(gallery: Gallery, desk: CaptionDesk) -> None:
    changed: list[int] = []
    gallery.model.dataChanged.connect(lambda first, last, *_: changed.extend(range(first.row(), last.row() + 1)))
    desk.select([3])
    desk.apply(AddTags(("new",)))
    assert changed == [3] and desk.selection == [3]


def test_a_selection_in_too_many_pieces_is_let_go(gallery: Gallery) -> None:
    assert _runs([5, -1, 2, 1, 3, 7]) == [(1, 3), (5, 5), (7, 7)]
    assert MOST_RANGES >= 1000


def test_cells_say_what_a_caption_amounts_to(qtbot: QtBot, tmp_path: Path) -> None:
    words = ", ".join(f"word{n}" for n in range(60))
    captions = {"a": "cat, hat", "b": None, "c": words, "d": "长发".encode("gbk")}
    desk = open_desk(qtbot, tmp_path, make_folder(tmp_path / "set", captions))
    gallery = Gallery(desk)
    qtbot.addWidget(gallery)
    cells = gallery.cells.itemDelegate()
    assert isinstance(cells, Cells)
    said = {}
    for stem in "abcd":
        picture = desk.picture(number(desk, stem))
        assert picture is not None
        said[stem] = cells.amounts(picture)
    assert said["a"] == ("2 tags, 2 tokens", "muted") or said["a"][0].startswith("2 tags, ")
    assert said["b"] == ("no caption", "warning")
    assert said["c"][1] == "error" and "60 tags" in said["c"][0]
    assert said["d"] == ("cannot be edited as it is", "warning")
    desk.close()
    assert wait_for_all()


def test_thumbnails_come_for_what_is_seen_only(qtbot: QtBot, gallery: Gallery, desk: CaptionDesk) -> None:
    gallery.grab()
    assert wait_for_all()
    there = [gallery.model.index(row, 0).data(THUMBNAIL_ROLE) for row in gallery.cells.rows_shown()]
    assert there and all(isinstance(one, QPixmap) for one in there)
    assert len(desk.thumbnails._kept) < 40


def test_one_picture_alone_is_zoomed_and_left(qtbot: QtBot, gallery: Gallery, desk: CaptionDesk) -> None:
    single = gallery.single
    desk.select([3])
    gallery.cells.setFocus()
    QTest.keyClick(gallery.cells, Key.Key_Return)
    assert gallery.mode == "single" and wait_for_all()
    fitted = single.picture_rect()
    assert single.is_fitted and single.rect().contains(fitted.toRect())
    assert abs(fitted.width() / fitted.height() - 2) < 0.02
    single.zoom_by(4)
    under = single.picture_rect()
    assert abs(under.width() - 4 * fitted.width()) < 1 and (under.center() - fitted.center()).manhattanLength() < 2
    corner = fitted.topLeft() + QPointF(20, 20)
    before = (corner - single.picture_rect().topLeft()) / single.picture_rect().width()
    single.zoom_by(1.5, corner)
    after = (corner - single.picture_rect().topLeft()) / single.picture_rect().width()
    assert (before - after).manhattanLength() < 0.01, "what is under the pointer stays there"
    QTest.mousePress(single, Qt.MouseButton.LeftButton, pos=QPoint(200, 200))
    place = single.picture_rect().topLeft()
    QTest.mouseMove(single, QPoint(230, 190))
    assert (single.picture_rect().topLeft() - place - QPointF(30, -10)).manhattanLength() < 3
    QTest.mouseRelease(single, Qt.MouseButton.LeftButton)
    single.toggle_zoom()
    assert single.is_fitted
    QTest.keyClick(single, Key.Key_Right)
    assert desk.current == 4 and wait_for_all()
    QTest.keyClick(single, Key.Key_Escape)
    assert gallery.mode == "grid" and gallery.cells.currentIndex().row() == 4


def test_a_picture_that_cannot_be_read_says_why(qtbot: QtBot, gallery: Gallery, desk: CaptionDesk) -> None:
    assert desk.library is not None
    Path(desk.library.path(7)).write_bytes(b"\x89PNG\r\n\x1a\n and nothing more")
    gallery.set_mode("single")
    desk.select([7])
    assert wait_for_all()
    gallery.grab()
    assert "p00007.png" in gallery.single._problem


def test_size_and_mode_are_remembered(qtbot: QtBot, gallery: Gallery, desk: CaptionDesk) -> None:
    columns = gallery.cells.columns
    gallery.set_side(SIDES[0])
    assert gallery.cells.columns > columns
    gallery.set_mode("list")
    again = Gallery(desk)
    qtbot.addWidget(again)
    assert (again.mode, again.side, again.cells.columns) == ("list", SIDES[0], 1)


def test_an_empty_list_says_why(gallery: Gallery, desk: CaptionDesk) -> None:
    desk.set_filter("tag:nobody")
    assert wait_for_all()
    assert gallery.empty.isVisible() and gallery.empty.text() == "No picture passes the filter."
    assert desk.current == -1 and desk.selection == []
