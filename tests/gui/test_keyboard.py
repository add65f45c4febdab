"""The keyboard as a person uses it: undo inside a field, keys pressed before an edit is finished, the way of Tab."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractSlider, QAbstractSpinBox, QApplication, QComboBox, QLineEdit, QScrollBar, QWidget
from pytestqt.qtbot import QtBot

from gui.form import Form
from gui.main_window import PAGES, MainWindow
from gui.pages.train import TrainPage
from gui.widgets.table import TableBox
from tests.gui.desk import StillService, fault, still_desk
from tests.gui.looks import settle

CONTROL = Qt.KeyboardModifier.ControlModifier
TEXT_FIELDS = ("network.dim", "optimizer.learning_rate", "save.output_name", "model.base", "sample.prompts",
               "network.targets", "data.resolution")  # fmt: skip


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> MainWindow:
    window = MainWindow(still_desk(tmp_path))
    qtbot.addWidget(window, before_close_func=lambda one: setattr(one, "_may_close", True))
    window.show()
    qtbot.waitUntil(window.isActiveWindow)
    settle()
    return window


def train(window: MainWindow) -> TrainPage:
    page = window.pages["train"]
    assert isinstance(page, TrainPage)
    return page


def field(window: MainWindow, key: str) -> QWidget:
    """The widget with the cursor, after a jump to a field."""
    window.desk.wishes.field_requested.emit(key)
    settle()
    focused = window.focusWidget()
    assert focused is not None
    return focused


@pytest.mark.parametrize("key", TEXT_FIELDS)
def test_undo_inside_a_field_takes_back_the_presets_edit(window: MainWindow, key: str) -> None:
    document = window.desk.document
    document.set("train.seed", 7)
    widget = field(window, key)
    QTest.keyClick(widget, Qt.Key.Key_A, CONTROL)
    QTest.keyClicks(widget, "16")
    typed = document.text
    assert typed != "" and document.is_set(key)
    QTest.keyClick(widget, Qt.Key.Key_Z, CONTROL)
    assert not document.is_set(key) and document.value("train.seed") == 7
    QTest.keyClick(widget, Qt.Key.Key_Y, CONTROL)
    assert document.text == typed
    QTest.keyClick(widget, Qt.Key.Key_Z, CONTROL)
    QTest.keyClick(widget, Qt.Key.Key_Z, CONTROL)
    assert document.text == "" and not document.can_undo


def test_undo_inside_the_search_box_is_of_the_box(window: MainWindow) -> None:
    window.desk.document.set("train.seed", 7)
    box = train(window).search
    box.setFocus()
    QTest.keyClicks(box, "rank")
    QTest.keyClick(box, Qt.Key.Key_Z, CONTROL)
    assert box.text() == "" and window.desk.document.value("train.seed") == 7


@pytest.mark.parametrize("key", [Qt.Key.Key_F5, Qt.Key.Key_S])
def test_a_cell_that_is_still_being_typed_counts(window: MainWindow, tmp_path: Path, key: Qt.Key) -> None:
    service = window.desk.service
    assert isinstance(service, StillService)
    preset = tmp_path / "a.toml"
    preset.write_text("")
    window.files.open(str(preset))
    settle()
    field(window, "optimizer.optimizer_args")
    row = train(window).forms["basic"].row("optimizer.optimizer_args")
    assert row is not None and isinstance(row.widget, TableBox)
    service.answer()
    row.widget.add.click()
    cell = QApplication.focusWidget()
    assert cell is not None
    QTest.keyClicks(cell, "weight_decay")
    QTest.keyClick(cell, key, Qt.KeyboardModifier.NoModifier if key == Qt.Key.Key_F5 else CONTROL)
    settle()
    assert "weight_decay" in window.desk.document.text
    if key == Qt.Key.Key_F5:
        assert service.asked[-1][0] == "start" and "weight_decay" in service.asked[-1][1]
    else:
        assert "weight_decay" in preset.read_text()


def test_the_wheel_changes_no_box_that_has_not_the_focus(window: MainWindow) -> None:
    window.desk.document.add_item("data.subsets", {"image_dir": "x"})
    for name in PAGES:
        window.show_page(name)
    train(window).set_level("all")
    for tab in ("model", "folders", "basic", "advanced", "samples"):
        train(window).open_tab(tab)
        settle()
    window.desk.wishes.field_requested.emit("data.subsets[0].num_repeats")
    settle()
    window.buttons["train"].setFocus()
    boxes = [one for kind in (QComboBox, QAbstractSpinBox, QAbstractSlider) for one in window.findChildren(kind)]
    boxes = [one for one in boxes if not isinstance(one, QScrollBar)]
    assert len(boxes) > 60
    before = [_shown(one) for one in boxes]
    text = window.desk.document.text
    for box in boxes:
        for way in (120, -120):
            place = QPointF(box.rect().center())
            turn = QWheelEvent(
                place, place, QPoint(), QPoint(0, way), Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
                Qt.ScrollPhase.NoScrollPhase, False,
            )  # fmt: skip
            QApplication.sendEvent(box, turn)
    assert [_shown(one) for one in boxes] == before
    assert window.desk.document.text == text


def _shown(box: QWidget) -> str:
    if isinstance(box, QComboBox):
        return box.currentText()
    return str(box.value()) if isinstance(box, QAbstractSlider) else box.text()  # type: ignore[attr-defined]


def way_of_tab(window: MainWindow, key: Qt.Key = Qt.Key.Key_Tab, limit: int = 400) -> list[QWidget]:
    """Where Tab leads, from the rail until it comes round."""
    first = next(button for button in window.buttons.values() if button.isChecked())
    first.setFocus(Qt.FocusReason.TabFocusReason)
    seen: list[QWidget] = []
    while len(seen) < limit:
        focused = QApplication.focusWidget()
        assert focused is not None
        if focused in seen:
            break
        seen.append(focused)
        QTest.keyClick(focused, key)
    return seen


def complete(window: MainWindow, tab: str) -> Form:
    """A tab with all its options, after it was shown with the basic ones."""
    page = train(window)
    page.open_tab(tab)
    settle()
    page.set_level("all")  # rows that come later stand between those that were there
    form = page.forms[tab]
    for _ in range(1000):
        QApplication.processEvents()
        if form.complete:
            break
    settle()
    assert form.complete
    return form


@pytest.mark.parametrize("tab", ["model", "folders", "basic", "advanced", "samples"])
def test_tab_visits_every_row_from_the_top_down(window: MainWindow, tab: str) -> None:
    form = complete(window, tab)
    seen = way_of_tab(window)
    met = [next((row for row in form.rows() if row.isAncestorOf(one)), None) for one in seen]
    heights = [row.mapTo(window, QPoint(0, 0)).y() for row in met if row is not None]
    assert heights == sorted(heights) and len(heights) > 3
    assert {row for row in met if row is not None} == {row for row in form.rows() if row.isVisible()}
    places = [
        seen.index(one) for one in (window.buttons["train"], train(window).bar.recipe, window.footer.start_button)
    ]
    assert places == sorted(places)


@pytest.mark.parametrize("page", PAGES)
def test_tab_and_shift_tab_reach_every_control_of_a_page(window: MainWindow, page: str) -> None:
    window.desk.document.add_item("data.subsets", {"image_dir": "x"})
    window.desk.document.set("network.dmi", 3)  # rows of their own, made late
    service = window.desk.service
    assert isinstance(service, StillService)
    service.answer(fault("no such folder", "data.train_data_dir", mend="choose another"))
    window.show_page(page)
    window.notice.show_message("rescued", [("Open them", lambda: None)])
    settle()
    seen = way_of_tab(window)
    wanted = [one for one in window.findChildren(QWidget) if _takes_tab(one)]
    assert set(wanted) == set(seen)
    back = way_of_tab(window, Qt.Key.Key_Backtab)
    assert back == [seen[0], *reversed(seen[1:])]


def _takes_tab(one: QWidget) -> bool:
    if isinstance(one, QLineEdit) and isinstance(one.parentWidget(), QAbstractSpinBox | QComboBox):
        return False
    reached = one.focusPolicy() & Qt.FocusPolicy.TabFocus == Qt.FocusPolicy.TabFocus
    return bool(reached) and one.focusProxy() is None and one.isVisible() and one.isEnabled()
