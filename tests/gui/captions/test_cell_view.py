"""The view of equal cells: its layout is arithmetic, its keys and mouse choose what they should, however many."""

from __future__ import annotations

import time

import pytest
from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QPoint, QSize, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QListView
from pytestqt.qtbot import QtBot

from gui.captions.cell_view import CellView

Key, Shift, Control = Qt.Key, Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


class Rows(QAbstractListModel):
    def __init__(self, count: int) -> None:
        super().__init__()
        self.count, self.asked = count, 0

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else self.count

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = 0) -> object:
        self.asked += role == Qt.ItemDataRole.DisplayRole
        return str(index.row()) if role == Qt.ItemDataRole.DisplayRole else None


def made(qtbot: QtBot, count: int, grid: bool = True) -> CellView:
    view = CellView()
    qtbot.addWidget(view)
    view.setModel(Rows(count))
    view.set_cell(QSize(100, 50), grid)
    view.resize(430, 320)
    view.show()
    return view


def chosen(view: CellView) -> list[int]:
    return sorted(index.row() for index in view.selectionModel().selectedIndexes())


@pytest.mark.parametrize("grid", [True, False])
def test_each_cell_is_found_where_it_is_drawn(qtbot: QtBot, grid: bool) -> None:
    view = made(qtbot, 1000, grid)
    assert view.columns == (4 if grid else 1)
    for row in (0, 1, 5, 17, 998, 999):
        view.scrollTo(view.model().index(row, 0))
        place = view.visualRect(view.model().index(row, 0))
        assert view.viewport().rect().contains(place)
        assert {view.indexAt(point).row() for point in (place.center(), place.topLeft(), place.bottomRight())} == {row}
    assert not view.indexAt(QPoint(5, 100_000)).isValid()


def test_only_what_is_seen_is_asked_for(qtbot: QtBot) -> None:
    view = made(qtbot, 1_000_000)
    model = view.model()
    assert isinstance(model, Rows)
    model.asked = 0
    view.grab()
    assert 0 < model.asked < 200


def test_a_hundred_thousand_rows_cost_nothing_more(qtbot: QtBot) -> None:
    """Control: Qt's own list view needs many times that."""

    def seconds(view: CellView | QListView) -> float:
        begun = time.thread_time()
        view.resize(view.width() + 120, view.height())
        view.model().beginResetModel()
        view.model().endResetModel()
        view.grab()
        return time.thread_time() - begun

    ours = made(qtbot, 100_000)
    theirs = QListView()
    qtbot.addWidget(theirs)
    theirs.setModel(Rows(100_000))
    theirs.setViewMode(QListView.ViewMode.IconMode)
    theirs.setResizeMode(QListView.ResizeMode.Adjust)
    theirs.setUniformItemSizes(True)
    theirs.show()
    assert 4 * min(seconds(ours) for _ in range(3)) < min(seconds(theirs) for _ in range(2))


def test_keys_move_through_lines_and_columns(qtbot: QtBot) -> None:
    view = made(qtbot, 22)
    view.setCurrentIndex(view.model().index(0, 0))
    for key, row in (
        (Key.Key_Right, 1), (Key.Key_Down, 5), (Key.Key_Left, 4), (Key.Key_Up, 0), (Key.Key_Up, 0), (Key.Key_Left, 0),
        (Key.Key_End, 21), (Key.Key_Right, 21), (Key.Key_Down, 21), (Key.Key_Up, 17), (Key.Key_Right, 18),
        (Key.Key_Down, 21), (Key.Key_Home, 0), (Key.Key_PageDown, 21),
    ):  # fmt: skip
        QTest.keyClick(view, key)
        assert view.currentIndex().row() == row, key
        assert chosen(view) == [row]


def test_shift_chooses_in_reading_order_and_control_single_ones(qtbot: QtBot) -> None:
    view = made(qtbot, 40)
    view.setCurrentIndex(view.model().index(2, 0))
    QTest.keyClick(view, Key.Key_Down, Shift)
    assert chosen(view) == [2, 3, 4, 5, 6]
    for modifier, row, wanted in ((Qt.KeyboardModifier.NoModifier, 3, [3]), (Shift, 9, [*range(3, 10)]),
                                  (Control, 5, [3, 4, 6, 7, 8, 9]), (Control, 12, [3, 4, 6, 7, 8, 9, 12])):  # fmt: skip
        place = view.visualRect(view.model().index(row, 0)).center()
        QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, modifier, place)
        assert chosen(view) == wanted


def test_the_current_picture_stays_in_sight_when_the_window_changes(qtbot: QtBot) -> None:
    view = made(qtbot, 500)
    view.setCurrentIndex(view.model().index(300, 0))
    assert 300 in view.rows_shown()
    view.resize(830, 320)
    assert view.columns == 8 and 300 in view.rows_shown()
    view.set_cell(QSize(100, 50), False)
    assert 300 in view.rows_shown()


def test_letters_do_not_walk_through_all_names(qtbot: QtBot) -> None:
    view = made(qtbot, 100_000)
    model = view.model()
    assert isinstance(model, Rows)
    view.grab()
    model.asked = 0
    QTest.keyClick(view, Key.Key_Z)
    assert model.asked == 0
