"""Find and replace: plain text is plain, groups are groups, and only what was shown is done. History and keys."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from gui.captions.desk import CaptionDesk
from gui.captions.find_replace import FindReplace
from gui.captions.history_panel import STEPS_ROLE, HistoryPanel
from gui.captions.shortcut_sheet import ShortcutSheet
from gui.captions.tag_dialogs import EverywhereDialog, TranslationDialog
from tests.gui.captions.opened import choose, open_captions, settle, text
from tests.gui.looks import clipped

CAPTIONS = {"a": "cat (1), a.b, solo", "b": "dog, axb\nsolo cat", "c": "CAT (2)"}


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[CaptionDesk]:
    desk = open_captions(qtbot, tmp_path, CAPTIONS)
    yield desk
    desk.close()
    settle()


@pytest.fixture
def tool(qtbot: QtBot, desk: CaptionDesk) -> FindReplace:
    tool = FindReplace(desk)
    qtbot.addWidget(tool)
    tool.resize(640, 300)
    tool.show()
    return tool


def look(tool: FindReplace, wanted: str, replacement: str, **checks: bool) -> str:
    """Fill it in; what it says."""
    tool.wanted.setText(wanted)
    tool.replacement.setText(replacement)
    tool.is_regex.setChecked(checks.get("regex", False))
    tool.any_case.setChecked(checks.get("any_case", False))
    tool.look()
    settle()
    return tool.said.text()


def test_plain_text_is_looked_for_as_it_is(tool: FindReplace, desk: CaptionDesk) -> None:
    assert look(tool, "a.b", "\\1 (x)") == "Captions that would change: 1"
    assert "\\1 (x)" in tool.diff.toPlainText()
    assert text(desk, "a") == CAPTIONS["a"]
    tool.apply.click()
    settle()
    assert text(desk, "a") == "cat (1), \\1 (x), solo" and text(desk, "b") == CAPTIONS["b"]
    assert len(desk.history) == 1 and not tool.apply.isEnabled()


def test_groups_and_letters_of_any_case(tool: FindReplace, desk: CaptionDesk) -> None:
    assert look(tool, r"^cat \((\d)\)$", r"\1 cats", regex=True) == "Captions that would change: 1"
    assert look(tool, r"^cat \((\d)\)$", r"\1 cats", regex=True, any_case=True) == "Captions that would change: 2"
    tool.apply.click()
    settle()
    assert (text(desk, "a"), text(desk, "c")) == ("1 cats, a.b, solo", "2 cats")


def test_where_and_in_which_pictures(tool: FindReplace, desk: CaptionDesk) -> None:
    choose(desk, "b")
    tool.pictures.setCurrentIndex(0)
    assert look(tool, "solo", "alone") == "Nothing is found."
    tool.where.setCurrentIndex(2)
    assert look(tool, "solo", "alone") == "Captions that would change: 1"
    tool.apply.click()
    settle()
    assert text(desk, "b") == "dog, axb\nalone cat" and text(desk, "a") == CAPTIONS["a"]


def test_what_was_not_shown_is_not_done(tool: FindReplace, desk: CaptionDesk) -> None:
    look(tool, "dog", "x")
    assert tool.apply.isEnabled()
    tool.replacement.setText("y")
    assert not tool.apply.isEnabled()
    tool._do()
    assert text(desk, "b") == CAPTIONS["b"] and desk.history == ()


@pytest.mark.parametrize(("wanted", "replacement"), [("(a", ""), ("a", r"\7")])
def test_a_wrong_expression_is_a_sentence(tool: FindReplace, wanted: str, replacement: str) -> None:
    assert look(tool, wanted, replacement, regex=True) not in ("", "Nothing is found.")
    assert not tool.apply.isEnabled() and tool.diff.toPlainText() == ""


def test_the_history_goes_back_and_forward(qtbot: QtBot, desk: CaptionDesk, tool: FindReplace) -> None:
    panel = HistoryPanel(desk)
    qtbot.addWidget(panel)
    for word in ("one", "two", "three"):
        look(tool, "dog", f"dog {word}")
        tool.apply.click()
        settle()
    rows = [panel.entries.index(row) for row in range(panel.entries.rowCount())]
    assert [row.data(STEPS_ROLE) for row in rows] == [0, -1, -2, -3]
    assert rows[-1].data() == "As it was at first"
    panel.go_to(rows[2])
    settle()
    assert text(desk, "b") == "dog one, axb\nsolo cat"
    rows = [panel.entries.index(row) for row in range(panel.entries.rowCount())]
    assert [row.data(STEPS_ROLE) for row in rows] == [2, 1, 0, -1] and "(undone)" in rows[0].data()
    panel.go_to(rows[0])
    settle()
    assert text(desk, "b") == "dog three two one, axb\nsolo cat" and not panel.redo.isEnabled()


def test_keys_can_be_others_but_not_the_windows(qtbot: QtBot, desk: CaptionDesk) -> None:
    widget = QWidget()
    qtbot.addWidget(widget)
    done: list[str] = []
    for name in ("add_tag", "rename"):
        desk.keys.bind(name, widget, partial(done.append, name))
    sheet = ShortcutSheet(desk)
    qtbot.addWidget(sheet)
    assert list(sheet.lines) == ["add_tag", "first_suggestion", "rename"]

    def give(name: str, key: str) -> None:
        sheet.lines[name].setKeySequence(QKeySequence(key))
        sheet.lines[name].editingFinished.emit()

    give("rename", "A")
    assert desk.keys.of("rename") == ("A",) and desk.keys.of("add_tag") == ()
    assert sheet.said.text() == "A was taken from: Add a tag"
    assert sheet.lines["add_tag"].keySequence().isEmpty()
    give("add_tag", "F5")
    assert desk.keys.of("add_tag") == () and "window" in sheet.said.text()
    sheet.reset.click()
    assert desk.keys.of("add_tag") == ("A",) and sheet.lines["rename"].keySequence() == QKeySequence("F2")


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_nothing_is_clipped(qtbot: QtBot, desk: CaptionDesk, tool: FindReplace, language: str) -> None:
    desk.desk.language.set(language)
    look(tool, "cat", "x")
    widgets = [
        HistoryPanel(desk),
        ShortcutSheet(desk),
        EverywhereDialog(desk, ["cat"], True),
        TranslationDialog(desk, "x"),
    ]
    for widget in (tool, *widgets):
        qtbot.addWidget(widget)
        widget.show()
        widget.grab()
        assert list(clipped(widget)) == []
