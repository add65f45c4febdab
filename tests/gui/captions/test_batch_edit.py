"""Edits of many captions: each operation shows what it would do before it does exactly that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QLineEdit
from pytestqt.qtbot import QtBot

from gui.background import wait_for_all
from gui.captions.batch_edit import BatchEdit
from gui.captions.batch_operations import OPERATIONS
from gui.captions.desk import CaptionDesk
from gui.captions.diff_view import COMES, GOES, SAME, pieces
from tests.gui.captions.datasets import make_folder, open_desk, text

CAPTIONS: dict[str, str | bytes | None] = {
    "a": "cat, Long_Hair, cat, sky\r\nsecond line",
    "b": "dog, hat",
    "c": "长发".encode("gbk"),
}
CASES = [  # operation, inputs, the first caption after it
    ("add", {"tags": "sun, moon", "place": "start"}, "sun, moon, cat, Long_Hair, cat, sky\r\nsecond line"),
    ("add", {"tags": "sun", "place": "end"}, "cat, Long_Hair, cat, sky, sun\r\nsecond line"),
    ("remove", {"tags": "cat"}, "Long_Hair, sky\r\nsecond line"),
    ("rename", {"old": "sky", "new": "blue sky"}, "cat, Long_Hair, cat, blue sky\r\nsecond line"),
    ("replace", {"old": "sky", "tags": "sun, moon"}, "cat, Long_Hair, cat, sun, moon\r\nsecond line"),
    ("move", {"old": "sky", "place": "start"}, "sky, cat, Long_Hair, cat\r\nsecond line"),
    ("trigger", {"word": "sks"}, "sks, cat, Long_Hair, cat, sky\r\nsecond line"),
    ("dedupe", {}, "cat, Long_Hair, sky\r\nsecond line"),
    ("sort", {"order": "length"}, "cat, cat, sky, Long_Hair\r\nsecond line"),
    ("case", {"case": "lower"}, "cat, long_hair, cat, sky\r\nsecond line"),
    ("underscores", {"spaces": "spaces"}, "cat, Long Hair, cat, sky\r\nsecond line"),
    ("prefix", {"text": "art of "}, "art of cat, Long_Hair, cat, sky\r\nsecond line"),
    ("suffix", {"text": " at night"}, "cat, Long_Hair, cat, sky at night\r\nsecond line"),
]


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[CaptionDesk]:
    desk = open_desk(qtbot, tmp_path, make_folder(tmp_path / "set", CAPTIONS))
    yield desk
    desk.close()
    assert wait_for_all()


@pytest.fixture
def tool(qtbot: QtBot, desk: CaptionDesk) -> BatchEdit:
    tool = BatchEdit(desk)
    qtbot.addWidget(tool)
    tool.resize(700, 300)
    tool.show()
    tool.choose_scope("all")
    return tool


def fill(tool: BatchEdit, name: str, inputs: dict[str, str]) -> None:
    tool.choose(name)
    for key, value in inputs.items():
        widget = tool.inputs[key]
        if isinstance(widget, QLineEdit):
            widget.setText(value)
        else:
            assert isinstance(widget, QComboBox)
            widget.setCurrentIndex(widget.findData(value))
    tool._look()
    assert wait_for_all()


@pytest.mark.parametrize(("name", "inputs", "wanted"), CASES, ids=[case[0] for case in CASES])
def test_an_operation(tool: BatchEdit, desk: CaptionDesk, name: str, inputs: dict[str, str], wanted: str) -> None:
    fill(tool, name, inputs)
    assert text(desk, "a") == CAPTIONS["a"], "a preview changes nothing"
    assert tool.apply.isEnabled() and "a.png" in tool.diff.toPlainText()
    tool.apply.click()
    assert wait_for_all()
    assert text(desk, "a") == wanted and len(desk.history) == 1
    desk.undo()
    assert wait_for_all()
    assert text(desk, "a") == CAPTIONS["a"]


def test_implied_tags_of_a_table(tool: BatchEdit, desk: CaptionDesk, tmp_path: Path) -> None:
    table = tmp_path / "implied.txt"
    fill(tool, "implied", {"table": str(table)})
    assert not tool.apply.isEnabled()
    table.write_text("sky -> outdoors\n", encoding="utf-8")
    fill(tool, "implied", {"table": str(table)})
    tool.apply.click()
    assert wait_for_all()
    assert text(desk, "a") == "cat, Long_Hair, cat, sky, outdoors\r\nsecond line"
    table.write_text("broken\n", encoding="utf-8")
    fill(tool, "implied", {"table": str(table)})
    assert not tool.apply.isEnabled(), "the file is another now"


def test_every_operation_has_its_words(tool: BatchEdit, desk: CaptionDesk) -> None:
    for language in ("en", "zh_CN"):
        desk.desk.language.set(language)
        assert all(tool.operation.itemText(row) for row in range(len(OPERATIONS)))
        assert set(tool._input_names()) == set(tool.inputs)
        boxes = [box for box in tool.inputs.values() if isinstance(box, QComboBox)]
        assert all(box.itemText(row) for box in boxes for row in range(box.count()))
    desk.desk.language.set("en")


def test_rare_tags_and_a_number_that_is_none(tool: BatchEdit, desk: CaptionDesk) -> None:
    fill(tool, "rare", {"minimum": "x"})
    assert not tool.apply.isEnabled() and "number" in tool.said.text()
    fill(tool, "rare", {"minimum": "2"})
    tool.apply.click()
    assert wait_for_all()
    assert text(desk, "b") == ""


def test_what_training_cannot_read_is_left_out_and_named(tool: BatchEdit, desk: CaptionDesk) -> None:
    fill(tool, "add", {"tags": "sun"})
    assert "2 captions would change." in tool.said.text() and "c.png" in tool.said.text()


def test_scopes(tool: BatchEdit, desk: CaptionDesk) -> None:
    desk.select([1])
    desk.set_filter("tag:dog")
    assert wait_for_all()
    for scope, count in (("selection", 1), ("shown", 1), ("all", 2)):
        tool.choose_scope(scope)
        fill(tool, "add", {"tags": "sun"})
        assert tool.apply.text() == f"Change {count}"


def test_enter_in_a_line_does_it(tool: BatchEdit, desk: CaptionDesk) -> None:
    fill(tool, "trigger", {"word": "sks"})
    QTest.keyClick(tool.inputs["word"], Qt.Key.Key_Return)
    assert wait_for_all()
    assert text(desk, "b") == "sks, dog, hat"


def test_only_what_differs_is_marked() -> None:
    found = list(pieces("cat, hat, sky", "cat, red hat, sky"))
    assert found == [(SAME, "cat, "), (GOES, "hat"), (COMES, "red hat"), (SAME, ", sky")]
    for before, after in (("", "a"), ("a", ""), ("a, b", "b, a"), ("a\nb", "a\nc")):
        parts = list(pieces(before, after))
        assert "".join(text for kind, text in parts if kind != COMES) == before
        assert "".join(text for kind, text in parts if kind != GOES) == after
