"""The right pane: what is done with chips, text, favourites and the clipboard is what stands in the files."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QMenu, QWidget
from pytestqt.qtbot import QtBot

from gui.captions.caption_panel import CaptionPanel
from gui.captions.chip_model import Chip, chips_of
from gui.captions.completer import TagLine
from gui.captions.desk import CaptionDesk
from gui.captions.tag_menu import TagMenu
from tests.gui.captions.opened import choose, open_captions, settle, text, until, written
from tests.gui.looks import clipped
from tests.gui.watch import io_of_main_thread

Key = Qt.Key


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[CaptionDesk]:
    desk = open_captions(qtbot, tmp_path)
    yield desk
    desk.close()
    settle()


@pytest.fixture
def panel(qtbot: QtBot, desk: CaptionDesk) -> CaptionPanel:
    panel = CaptionPanel(desk)
    qtbot.addWidget(panel)
    panel.bind_keys(panel)
    panel.resize(320, 640)
    panel.show()
    choose(desk, "a")
    return panel


def tags(panel: CaptionPanel) -> list[str]:
    return [chip.tag for chip in panel.chips.chip_model.chips]


def pick(panel: CaptionPanel, *wanted: str) -> None:
    """Choose chips, the keyboard at the first."""
    model = panel.chips.selectionModel()
    model.clear()
    for tag in wanted:
        model.select(panel.chips.chip_model.index(tags(panel).index(tag)), model.SelectionFlag.Select)
    row = tags(panel).index(wanted[0])
    model.setCurrentIndex(panel.chips.chip_model.index(row), model.SelectionFlag.NoUpdate)


def test_tags_are_added_at_the_end_the_start_a_place_and_behind_a_chip(panel: CaptionPanel, desk: CaptionDesk) -> None:
    line, place = panel.add.line, panel.add.place
    QTest.keyClicks(line, "x, y")
    QTest.keyClick(line, Key.Key_Return)
    assert text(desk, "a") == "cat, long hair, solo, x, y\n" and line.text() == ""
    for row, (name, tag) in enumerate((("start", "first"), ("number", "second"), ("behind", "after"))):
        place.setCurrentIndex(place.findData(name))
        pick(panel, "solo")
        panel.add.line.setText(tag)
        QTest.keyClick(line, Key.Key_Return)
        assert len(desk.history) == row + 2
    assert text(desk, "a") == "first, second, cat, long hair, solo, after, x, y\n"
    desk.undo()
    settle()
    assert tags(panel) == ["first", "second", "cat", "long hair", "solo", "x", "y"]


def test_the_key_of_the_first_suggestion_takes_it(panel: CaptionPanel, desk: CaptionDesk) -> None:
    QTest.keyClicks(panel.add.line, "ha")
    assert panel.add.line.suggestions[0].tag == "hat"
    QTest.keyClick(panel.add.line, Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert text(desk, "a") == "cat, long hair, solo, hat\n"


def test_chinese_offers_the_tag_and_it_stands_under_the_chip(panel: CaptionPanel, desk: CaptionDesk) -> None:
    panel.show_translations(True)
    panel.add.line.setText("蓝眼睛")
    assert panel.add.line.take_first()
    assert text(desk, "a").endswith("solo, blue eyes\n")
    assert panel.chips.cells._word("blue eyes") == "蓝眼睛"
    tall = panel.chips.sizeHintForIndex(panel.chips.chip_model.index(0)).height()
    panel.show_translations(False)
    assert panel.chips.sizeHintForIndex(panel.chips.chip_model.index(0)).height() < tall


def test_chips_are_removed_renamed_and_reordered(panel: CaptionPanel, desk: CaptionDesk) -> None:
    pick(panel, "cat", "solo")
    panel.chips.setFocus()
    panel.delete()
    assert text(desk, "a") == "long hair\n"
    desk.undo()
    settle()
    pick(panel, "long hair")
    panel.rename()
    editor = panel.chips.findChild(TagLine)
    assert isinstance(editor, TagLine) and editor.text() == "long hair"
    editor.setText("short hair, bangs")
    QTest.keyClick(editor, Key.Key_Return)
    assert text(desk, "a") == "cat, short hair, bangs, solo\n"
    pick(panel, "solo")
    QTest.keyClick(panel.chips, Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    assert text(desk, "a") == "cat, short hair, solo, bangs\n"
    assert panel.chips.chosen() == ["solo"], "what was moved stays chosen"
    panel.chips._move([0, 3], 1)
    assert text(desk, "a") == "cat, bangs, short hair, solo\n"


def test_a_chip_is_dropped_where_it_is_let_go(panel: CaptionPanel, desk: CaptionDesk) -> None:
    view = panel.chips
    view.grab()
    place = view.visualRect(view.chip_model.index(1))
    assert view.place_at(place.center() - place.center() + place.topLeft()) == 1
    assert view.place_at(place.topRight()) == 2
    assert view.place_at(place.bottomRight() * 5) == 3
    view._move([0], view.place_at(place.topRight()))
    assert text(desk, "a") == "long hair, cat, solo\n"
    view._move([1], 99)
    assert text(desk, "a") == "long hair, cat, solo\n"


def test_several_pictures_have_boxes_of_three_states(panel: CaptionPanel, desk: CaptionDesk) -> None:
    choose(desk, "a", "b", "c")
    chips = {chip.tag: chip for chip in panel.chips.chip_model.chips}
    assert chips["cat"] == Chip("cat", 2, 3) and chips["cat"].state == "some"
    panel.chips._toggle(["cat"])
    assert panel.chips.chip_model.chips[0] == Chip("cat", 3, 3)
    assert text(desk, "c") == "dog, long hair, <img src=probe>, cat"
    panel.chips._toggle(["cat"])
    assert panel.chips.chip_model.chips[-1] == Chip("cat", 0, 3), "an empty box, to put it back"
    assert text(desk, "b") == "hat\r\nsecond line\r\n"
    panel.chips._toggle(["cat"])
    assert text(desk, "a").endswith(", cat\n") and panel.chips.chip_model.chips[0].state == "all"
    panel.chips._toggle(["cat"])
    choose(desk, "a", "b")
    assert "cat" not in tags(panel)


def test_a_click_on_the_box_changes_all(qtbot: QtBot, panel: CaptionPanel, desk: CaptionDesk) -> None:
    choose(desk, "a", "b")
    panel.chips.grab()
    row = tags(panel).index("hat")
    box = panel.chips.cells.box(panel.chips.visualRect(panel.chips.chip_model.index(row)))
    qtbot.mouseClick(panel.chips.viewport(), Qt.MouseButton.LeftButton, pos=box.center())
    assert text(desk, "a") == "cat, long hair, solo, hat\n"


def test_many_pictures_are_looked_at_in_the_worker(qtbot: QtBot, tmp_path: Path) -> None:
    desk = open_captions(qtbot, tmp_path, {f"{i:03d}": f"all, tag {i}" for i in range(130)})
    panel = CaptionPanel(desk)
    qtbot.addWidget(panel)
    desk.select_all()
    assert panel.chosen.tags.is_known is False and tags(panel) == []
    until(qtbot, lambda: bool(tags(panel)))
    assert panel.chips.chip_model.chips[0] == Chip("all", 130, 130) and len(tags(panel)) == 131
    desk.close()
    settle()


def test_a_favourite_key_puts_in_and_takes_out(panel: CaptionPanel, desk: CaptionDesk) -> None:
    actions = panel.tag_actions
    actions.set_favourite(3, "hat")
    panel.chips.setFocus()
    QTest.keyClick(panel.chips, Key.Key_3)
    assert text(desk, "a") == "cat, long hair, solo, hat\n" and panel.pad.buttons[2].isChecked()
    panel.pad.buttons[2].click()
    assert text(desk, "a") == "cat, long hair, solo\n"
    actions.set_favourite(5, "hat")
    assert actions.favourites == ["", "", "", "", "hat", "", "", "", ""]
    QTest.keyClick(panel.add.line, Key.Key_5)
    assert panel.add.line.text() == "5", "a letter while typing"


def test_tags_are_copied_and_pasted(panel: CaptionPanel, desk: CaptionDesk) -> None:
    pick(panel, "cat", "long hair")
    panel.copy()
    assert QGuiApplication.clipboard().text() == "cat, long hair"
    choose(desk, "b")
    panel.tag_actions.paste(append=True)
    assert text(desk, "b") == "cat, hat, long hair\r\nsecond line\r\n"
    panel.tag_actions.paste(append=False)
    assert text(desk, "b") == "cat, long hair\r\nsecond line\r\n"


def test_a_tag_that_stands_twice_keeps_both_places_when_another_moves(qtbot: QtBot, tmp_path: Path) -> None:
    desk = open_captions(qtbot, tmp_path, {"a": "x, y, x, z"})
    panel = CaptionPanel(desk)
    qtbot.addWidget(panel)
    choose(desk, "a")
    panel.chips._move([3], 1)
    assert text(desk, "a") == "x, z, y, x"
    desk.close()
    settle()


def test_what_training_refuses_is_said_and_converted(qtbot: QtBot, tmp_path: Path) -> None:
    desk = open_captions(qtbot, tmp_path, {"a": "长发, 猫".encode("gbk"), "b": "x"})
    panel = CaptionPanel(desk)
    qtbot.addWidget(panel)
    panel.show()
    choose(desk, "a")
    assert "GBK" in panel.problem.said.text() and not panel.add.isEnabled() and panel.text.isReadOnly()
    panel.problem.convert.click()
    settle()
    until(qtbot, panel.add.isEnabled)
    assert tags(panel) == ["长发", "猫"] and not panel.problem.isVisibleTo(panel)
    assert written(desk, tmp_path, "a") == "长发, 猫".encode()
    desk.close()
    settle()


def test_foreign_text_is_never_markup(panel: CaptionPanel, desk: CaptionDesk) -> None:
    choose(desk, "c")
    probe = Chip("<img src=probe>")
    assert "<img src=probe>" in tags(panel)
    assert "<img" in panel.chips.cells.tip(probe) and [chip.tag for chip in chips_of([("a", "a")])] == ["a", "a"]
    assert {label.textFormat() for label in panel.findChildren(QLabel)} <= {Qt.TextFormat.PlainText}


def test_editing_touches_no_file_in_the_window(panel: CaptionPanel, desk: CaptionDesk) -> None:
    settle()
    with io_of_main_thread() as touched:
        panel.tag_actions.add("new")
        choose(desk, "b")
        panel.show_as_text(True)
        panel.add.line.setText("lo")
        panel.add.line.take_first()
        settle()
    assert touched == []


def test_two_hundred_chips_are_shown_within_fifty_milliseconds(panel: CaptionPanel) -> None:
    chips = [Chip(f"tag number {i}") for i in range(200)]
    panel.chips.grab()
    started = time.thread_time()
    panel.chips.show_chips(chips)
    panel.chips.grab()
    assert time.thread_time() - started < 0.05


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_nothing_is_clipped_and_everything_has_a_name(panel: CaptionPanel, desk: CaptionDesk, language: str) -> None:
    panel.tag_actions.set_favourite(1, "a tag with many words in it")
    for stems in (("a",), ("a", "b", "c"), ()):
        choose(desk, *stems)
        for theme in ("light", "dark"):
            desk.desk.language.set(language)
            desk.desk.theme.set(theme)
            panel.grab()
            assert list(clipped(panel)) == []
    reached = [w for w in panel.findChildren(QWidget) if w.focusPolicy() & Qt.FocusPolicy.TabFocus]
    assert [w for w in reached if w.isVisibleTo(panel) and not w.accessibleName()] == []


def test_undo_in_an_empty_line_takes_the_last_tag_back(panel: CaptionPanel, desk: CaptionDesk) -> None:
    desk.keys.bind("history", panel, desk.undo).setShortcuts([QKeySequence(QKeySequence.StandardKey.Undo)])
    panel.begin_to_add()
    QTest.keyClicks(panel.add.line, "wrong")
    QTest.keyClick(panel.add.line, Key.Key_Return)
    assert text(desk, "a").endswith("wrong\n")
    QTest.keyClick(panel.add.line, Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    settle()
    assert text(desk, "a") == "cat, long hair, solo\n"


def test_the_menu_of_a_chip(panel: CaptionPanel, desk: CaptionDesk) -> None:
    asked: list[str] = []
    panel.filter_requested.connect(asked.append)
    panel._open_menu(["long hair"], panel.mapToGlobal(panel.rect().center()))
    menu = panel.findChild(TagMenu)
    assert isinstance(menu, TagMenu)
    entries = {action.text(): action for action in menu.actions()}
    entries["Move to the start"].trigger()
    entries["Show pictures without it"].trigger()
    favourites = entries["Favourite"].menu()
    assert isinstance(favourites, QMenu)
    favourites.actions()[6].trigger()
    assert text(desk, "a") == "long hair, cat, solo\n" and asked == ['NOT tag:"long hair"']
    assert panel.tag_actions.favourites[6] == "long hair"
    menu.close()


def test_translations_follow_the_language_until_somebody_chose(panel: CaptionPanel, desk: CaptionDesk) -> None:
    shown = [panel.chips.cells.shows_translations]
    for language in ("zh_CN", "en"):
        desk.desk.language.set(language)
        shown.append(panel.chips.cells.shows_translations)
    assert shown == [False, True, False]
    panel.show_translations(True)
    desk.desk.language.set("zh_CN")
    desk.desk.language.set("en")
    assert panel.chips.cells.shows_translations and panel.all_tags.cells.shows_translations
