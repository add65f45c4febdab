"""Editors: they tell what a person changed, keep what they were given, and leave the wheel to the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from gui.desk import Desk
from gui.fields import Field, Value, fields, subset_fields
from gui.widgets.choices import ChoiceBox, SuggestBox, SwitchBox
from gui.widgets.editor import Editor
from gui.widgets.lines import LineBox, LinesBox
from gui.widgets.making import make_editor
from gui.widgets.numbers import NumberBox
from gui.widgets.resolution import ResolutionBox
from gui.widgets.table import TableBox
from tests.gui.desk import make_desk
from tests.gui.typing import line_of, put

EXAMPLES: dict[str, Value] = {
    "train.train_batch_size": 7, "network.alpha": 3.5, "optimizer.learning_rate": 3e-5, "data.flip_aug": True,
    "model.family": "sd1", "optimizer.optimizer_type": "Lion", "data.caption_prefix": "a b", "model.base": "a/b",
    "sample.prompts": ["one", "two"], "data.resolution": [640, 832], "optimizer.optimizer_args": {"eps": 1e-6},
    "optimizer.text_encoder_lr": [1e-5, 2e-5], "schedule.lr_warmup_steps": "5%",
}  # fmt: skip
ODD: list[Value] = [True, 5, 1.5, "text", [1, "x"], {"a": 1}, [], "", -(10**30), float("nan")]


def field(key: str) -> Field:
    return next(one for one in [*fields({}), *subset_fields()] if one.key == key)


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Desk:
    return make_desk(tmp_path)


def made(qtbot: QtBot, desk: Desk, key: str) -> tuple[QWidget, Editor, list[Value]]:
    """An editor with its words, and what it says was edited."""
    widget, editor = make_editor(desk, field(key))
    qtbot.addWidget(widget)
    editor.set_words("Label", "empty words")
    said: list[Value] = []
    editor.edited.connect(said.append)
    return widget, editor, said


@pytest.mark.parametrize("key", EXAMPLES)
def test_a_value_that_is_set_is_there_and_nobody_is_told(qtbot: QtBot, desk: Desk, key: str) -> None:
    _, editor, said = made(qtbot, desk, key)
    for value in (EXAMPLES[key], None, EXAMPLES[key]):
        editor.set_value(value)
        assert editor.value() == value
    assert said == []


@pytest.mark.parametrize("key", EXAMPLES)
def test_any_value_a_preset_may_hold_is_kept(qtbot: QtBot, desk: Desk, key: str) -> None:
    _, editor, said = made(qtbot, desk, key)
    for value in ODD:
        editor.set_value(value)
        assert repr(editor.value()) == repr(value)
    assert said == []


@pytest.mark.parametrize("key", EXAMPLES)
def test_every_control_has_a_name_and_takes_the_keyboard(qtbot: QtBot, desk: Desk, key: str) -> None:
    widget, _, _ = made(qtbot, desk, key)
    target = widget.focusProxy() or widget
    assert "Label" in target.accessibleName()
    assert target.focusPolicy() & Qt.FocusPolicy.TabFocus
    assert not target.focusPolicy() & ~Qt.FocusPolicy.StrongFocus & Qt.FocusPolicy.WheelFocus
    for button in widget.findChildren(QWidget):
        if button.metaObject().className() in ("QToolButton", "QPushButton") and button.parent() is widget:
            assert button.accessibleName()


def test_the_red_border_comes_and_goes(qtbot: QtBot, desk: Desk) -> None:
    widget, editor, _ = made(qtbot, desk, "network.alpha")
    editor.set_error(True)
    assert widget.property("state") == "error"
    editor.set_error(False)
    assert widget.property("state") == ""


class Page(QScrollArea):
    """A page higher than its view, with one editor at the top."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__()
        content = QWidget()
        column = QVBoxLayout(content)
        column.addWidget(widget)
        self.other = LineBox(field("data.caption_prefix"))
        column.addWidget(self.other)
        column.addStretch(1)
        content.setMinimumHeight(3000)
        self.setWidget(content)
        self.setWidgetResizable(True)
        self.resize(300, 200)


def wheel(page: Page, widget: QWidget) -> None:
    """One notch towards the person, over the middle of a widget; from the window system, as real ones come."""
    middle = QPointF(widget.mapTo(page, widget.rect().center()))
    QTest.wheelEvent(page.windowHandle(), middle, QPoint(0, -120))


@pytest.fixture
def paged(qtbot: QtBot) -> Iterator[list[Page]]:
    pages: list[Page] = []
    yield pages
    for page in pages:
        page.close()


@pytest.mark.parametrize("key", ["train.train_batch_size", "optimizer.learning_rate", "model.family",
                                 "optimizer.optimizer_type"])  # fmt: skip
def test_the_wheel_scrolls_the_page_and_not_a_box_without_the_keyboard(
    qtbot: QtBot, desk: Desk, paged: list[Page], key: str
) -> None:
    widget, editor, said = made(qtbot, desk, key)
    editor.set_value(EXAMPLES[key])
    page = Page(widget)
    paged.append(page)
    page.show()
    qtbot.waitExposed(page)
    page.activateWindow()
    page.other.setFocus()
    wheel(page, widget)
    assert said == [] and editor.value() == EXAMPLES[key]
    assert page.verticalScrollBar().value() > 0
    widget.setFocus()  # the control: with the keyboard, the wheel turns the value
    qtbot.waitUntil(lambda: widget.hasFocus())

    def turned() -> bool:  # Qt may still give a notch to the page, as part of the same turn of the wheel
        page.verticalScrollBar().setValue(0)
        wheel(page, widget)
        return bool(said)

    qtbot.waitUntil(turned)


def test_a_number_stays_as_it_was_typed(qtbot: QtBot, desk: Desk) -> None:
    box, _, said = made(qtbot, desk, "optimizer.learning_rate")
    assert isinstance(box, NumberBox)
    box.set_value(1e-3)
    box.selectAll()
    QTest.keyClicks(box, "1e-4")
    assert said[-1] == 1e-4 and box.text() == "1e-4"
    box.set_value(1e-4)  # what the document says back
    assert box.text() == "1e-4"
    box.set_value(0.5)
    assert box.text() == "0.5"


def test_a_number_out_of_range_is_neither_moved_nor_lost(qtbot: QtBot, desk: Desk) -> None:
    box, _, said = made(qtbot, desk, "network.dim")
    assert isinstance(box, NumberBox)
    box.set_value(16)
    box.selectAll()
    QTest.keyClicks(box, "99999")
    QTest.keyClick(box, Qt.Key.Key_Return)
    box.clearFocus()
    assert said[-1] == 99999 == box.value() and box.text() == "99999"
    box.selectAll()
    QTest.keyClicks(box, "many")
    assert said[-1] == "many"
    QTest.keyClick(box, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(box, Qt.Key.Key_Delete)
    assert said[-1] is None


def test_arrows_double_a_rate_and_halve_it(qtbot: QtBot, desk: Desk) -> None:
    box, _, said = made(qtbot, desk, "optimizer.learning_rate")
    assert isinstance(box, NumberBox)
    box.set_value(1e-4)
    QTest.keyClick(box, Qt.Key.Key_Up)
    assert (said[-1], box.text()) == (2e-4, "2e-4")
    QTest.keyClick(box, Qt.Key.Key_Down)
    QTest.keyClick(box, Qt.Key.Key_Down)
    assert (said[-1], box.text()) == (5e-5, "5e-5")


def test_a_choice_that_is_none_stays_until_another_is_chosen(qtbot: QtBot, desk: Desk) -> None:
    box, _, said = made(qtbot, desk, "model.family")
    assert isinstance(box, ChoiceBox)
    box.set_value("sd9")
    assert box.currentText() == "sd9" and box.count() == 5 and not box.itemIcon(4).isNull()
    desk.language.set("zh_CN")
    box.set_words("Label", "")
    assert box.currentText() == "sd9" and said == []
    box.setCurrentIndex(0)
    box.activated.emit(0)
    assert said == ["auto"]
    desk.language.set("en")


def test_a_choice_that_may_be_empty_says_what_that_means(qtbot: QtBot, desk: Desk) -> None:
    box, _, said = made(qtbot, desk, "data.resize_interpolation")
    assert isinstance(box, ChoiceBox)
    box.set_value(None)
    assert box.currentText() == "empty words"
    box.setCurrentIndex(1)
    box.activated.emit(1)
    box.setCurrentIndex(0)
    box.activated.emit(0)
    assert said == ["lanczos", None]


def test_a_switch_has_a_third_state_only_where_nothing_may_be_set(qtbot: QtBot, desk: Desk) -> None:
    box, _, said = made(qtbot, desk, "data.subsets[].shuffle_caption")
    assert isinstance(box, SwitchBox)
    box.set_value(None)
    assert box.checkState() == Qt.CheckState.PartiallyChecked and box.text() == "empty words"
    for _ in range(3):
        box.click()
    assert set(map(repr, said)) == {"True", "False", "None"}
    plain, _, told = made(qtbot, desk, "data.flip_aug")
    assert isinstance(plain, SwitchBox)
    plain.set_value("yes")  # not a truth value: shown as it is
    assert plain.text() == '"yes"'
    plain.click()
    plain.click()
    assert set(map(repr, told)) == {"True", "False"}


def test_suggestions_do_not_finish_words(qtbot: QtBot, desk: Desk) -> None:
    box, _, said = made(qtbot, desk, "optimizer.optimizer_type")
    assert isinstance(box, SuggestBox)
    QTest.keyClicks(box, "Adam")
    assert box.currentText() == "Adam" == said[-1]
    assert box.findText("Prodigy") >= 0


def test_lines_are_a_list_without_the_empty_ones(qtbot: QtBot, desk: Desk) -> None:
    box, _, said = made(qtbot, desk, "sample.prompts")
    assert isinstance(box, LinesBox)
    QTest.keyClicks(box, "a cat")
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert said[-1] == ["a cat"]
    QTest.keyClicks(box, "a\u00a0dog")
    assert said[-1] == ["a cat", "a\u00a0dog"]  # with its hard space
    box.clear()
    assert said[-1] is None


def test_a_text_with_line_breaks_is_shown_and_not_broken(qtbot: QtBot, desk: Desk) -> None:
    line, editor, said = made(qtbot, desk, "data.caption_prefix")
    editor.set_value("one\ntwo")
    QTest.keyClicks(line, "x")
    assert editor.value() == "one\ntwo" and said == []
    editor.set_value("one")
    QTest.keyClicks(line, "x")
    assert said == ["xone"]


def test_both_sides_of_a_square_change_together(qtbot: QtBot, desk: Desk) -> None:
    box, _, said = made(qtbot, desk, "data.resolution")
    assert isinstance(box, ResolutionBox)
    box.set_value([512, 512])
    assert box.square.isChecked()
    put(line_of(box.width_box), "640")
    assert said[-1] == [640, 640]
    box.square.click()
    put(line_of(box.height_box), "700")
    assert said[-1] == [640, 700] and not box._hint.isHidden()
    box.sizes.menu().actions()[2].trigger()
    assert said[-1] == [1024, 1024] and box._hint.isHidden() and box.width_box.text() == "1024"
    box.set_value("640x832")
    assert (box.width_box.text(), box.height_box.text()) == ("640", "832")


def test_a_table_is_filled_line_by_line(qtbot: QtBot, desk: Desk) -> None:
    box, _, said = made(qtbot, desk, "optimizer.optimizer_args")
    assert isinstance(box, TableBox)
    box.set_value({"weight_decay": 0.01, "note": "1"})
    assert [box.grid.item(row, 1).text() for row in range(2)] == ["0.01", '"1"']  # type: ignore[union-attr]
    box.grid.item(0, 1).setText("[0.9, 0.99]")  # type: ignore[union-attr]
    assert said[-1] == {"weight_decay": [0.9, 0.99], "note": "1"}
    box.grid.setCurrentCell(1, 0)
    QTest.keyClick(box.grid, Qt.Key.Key_Delete)
    assert said[-1] == {"weight_decay": [0.9, 0.99]}
    box.grid.setCurrentCell(0, 0)
    box.remove.click()
    assert said[-1] is None
