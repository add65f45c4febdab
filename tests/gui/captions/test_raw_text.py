"""The caption file as text: what is typed is written, and nothing else of the file becomes another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QTextCursor
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from gui.captions.caption_panel import CaptionPanel
from gui.captions.desk import CaptionDesk
from gui.captions.raw_text import LONGEST, RawText, with_line_ends
from tests.gui.captions.opened import choose, open_captions, settle, text, written

CAPTIONS = {
    "a": "one, two\r\nsecond\nthird\r\n",
    "b": "plain",
    "c": "\u00a0hard\u00a0space, x\n",
    "d": "x" * (LONGEST + 1),
    "e": "odd\u2028line\u2029ends\n",
}


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[CaptionDesk]:
    desk = open_captions(qtbot, tmp_path, CAPTIONS)
    yield desk
    desk.close()
    settle()


@pytest.fixture
def raw(qtbot: QtBot, desk: CaptionDesk) -> RawText:
    panel = CaptionPanel(desk)
    qtbot.addWidget(panel)
    panel.show_as_text(True)
    panel.show()
    return panel.text


def type_at_end_of_first_line(raw: RawText, words: str) -> None:
    raw.moveCursor(QTextCursor.MoveOperation.Start)
    raw.moveCursor(QTextCursor.MoveOperation.EndOfLine)
    QTest.keyClicks(raw, words)


def test_what_is_typed_is_one_edit_and_other_lines_keep_their_ends(
    raw: RawText, desk: CaptionDesk, tmp_path: Path
) -> None:
    choose(desk, "a")
    type_at_end_of_first_line(raw, ", three")
    assert text(desk, "a") == CAPTIONS["a"], "not before the pause"
    raw.commit()
    assert desk.history == ("write the caption",)
    assert written(desk, tmp_path, "a") == b"one, two, three\r\nsecond\nthird\r\n"
    assert not raw.is_edited


def test_typing_is_kept_when_another_picture_is_chosen(raw: RawText, desk: CaptionDesk) -> None:
    choose(desk, "b")
    type_at_end_of_first_line(raw, ", more")
    choose(desk, "c")
    assert text(desk, "b") == "plain, more" and text(desk, "c") == CAPTIONS["c"]
    type_at_end_of_first_line(raw, "y")
    raw.commit()
    assert text(desk, "c") == "\u00a0hard\u00a0space, xy\n", "hard spaces stay"


def test_undo_comes_back_into_the_text(raw: RawText, desk: CaptionDesk) -> None:
    choose(desk, "b")
    type_at_end_of_first_line(raw, "!")
    raw.commit()
    desk.undo()
    settle()
    assert raw.typed() == "plain"


@pytest.mark.parametrize("stem", ["d", "e"])
def test_what_cannot_be_shown_as_it_is_is_not_edited_here(raw: RawText, desk: CaptionDesk, stem: str) -> None:
    choose(desk, stem)
    assert raw.isReadOnly()
    type_at_end_of_first_line(raw, "y")
    raw.commit()
    assert text(desk, stem) == CAPTIONS[stem]


def test_several_pictures_have_no_text(raw: RawText, desk: CaptionDesk) -> None:
    choose(desk, "a", "b")
    assert raw.toPlainText() == "" and not raw.isEnabled()


LINES = st.lists(st.text("ab", max_size=2), min_size=1, max_size=6)


@settings(max_examples=300, deadline=None)
@given(LINES, st.lists(st.sampled_from(["\n", "\r\n", "\r"]), min_size=6, max_size=6), st.data())
def test_only_lines_that_were_typed_get_another_end(lines: list[str], ends: list[str], data: st.DataObject) -> None:
    numbered = [f"{row}{line}" for row, line in enumerate(lines)]
    original = "".join(line + end for line, end in zip(numbered[:-1], ends)) + numbered[-1]
    assert with_line_ends(original, "\n".join(numbered)) == original
    place = data.draw(st.integers(0, len(lines) - 1))
    typed = [*numbered[:place], "new", *numbered[place:]]
    written_ = with_line_ends(original, "\n".join(typed))
    for line, end in zip(numbered[:-1], ends):
        assert line + end in written_
    assert written_.replace("\r\n", "\n").replace("\r", "\n").split("\n") == typed


def test_undo_while_typing_is_the_pages(raw: RawText, desk: CaptionDesk) -> None:
    """Ctrl+Z in the text goes on to the window's shortcut, and what was typed is one step of it."""
    choose(desk, "b")
    action = desk.keys.bind("history", raw.window(), desk.undo)
    action.setShortcuts([QKeySequence(QKeySequence.StandardKey.Undo)])
    raw.window().activateWindow()
    raw.setFocus()
    type_at_end_of_first_line(raw, " words")
    QTest.keyClick(raw, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    settle()
    assert text(desk, "b") == "plain" == raw.typed() and desk.redoable == ("write the caption",)


def test_what_is_being_typed_survives_another_change(raw: RawText, desk: CaptionDesk) -> None:
    choose(desk, "b")
    type_at_end_of_first_line(raw, " typed")
    desk.apply_texts("from elsewhere", {desk.selection[0]: "other"})
    settle()
    assert raw.typed() == "plain typed" and text(desk, "b") == "other"
    raw.commit()
    assert text(desk, "b") == "plain typed"
    desk.undo()
    settle()
    assert text(desk, "b") == "other" == raw.typed()
