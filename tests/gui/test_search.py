"""The search box: an option by either language, by key, by kohya's name, by a word of its help."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from gui.desk import Desk
from gui.field_index import MOST, every_entry, find
from gui.search import DETAIL, SearchBox
from tests.gui.desk import make_desk


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Desk:
    return make_desk(tmp_path)


@pytest.fixture
def box(qtbot: QtBot, desk: Desk) -> SearchBox:
    box = SearchBox(desk)
    qtbot.addWidget(box)
    box.show()
    box.activateWindow()
    box.setFocus()
    return box


@pytest.mark.parametrize(
    "text, key",
    [
        ("learning rate", "optimizer.learning_rate"), ("学习率", "optimizer.learning_rate"), ("seed", "train.seed"),
        ("optimizer.unet_lr", "optimizer.unet_lr"), ("unet_lr", "optimizer.unet_lr"), ("network_dim", "network.dim"),
        ("pretrained_model_name_or_path", "model.base"), ("Network Rank", "network.dim"),
        ("min_snr", "objective.min_snr_gamma"),
        ("constraint", "network.constraint"), ("2303.09556", "objective.min_snr_gamma"),
    ],
)  # fmt: skip
def test_what_is_meant_comes_first(text: str, key: str) -> None:
    assert find(text)[0].key == key


def test_every_option_is_found_by_its_key_and_by_its_name_in_both_languages() -> None:
    for entry in every_entry():
        for text in (entry.key, *entry.labels):
            assert any(found.key == entry.key for found in find(text)) or len(find(text)) == MOST, text


def test_every_word_must_match_and_nothing_matches_nothing() -> None:
    assert find("") == [] and find("   ") == [] and find("zzzz") == [] and find("rank zzzz") == []
    assert "optimizer.text_encoder_lr" in {entry.key for entry in find("text encoder rate")}
    assert len(find("a")) == MOST
    assert find("[.*(") == []  # no pattern


def test_enter_asks_for_the_first_result(qtbot: QtBot, desk: Desk, box: SearchBox) -> None:
    asked: list[str] = []
    desk.wishes.field_requested.connect(asked.append)
    QTest.keyClicks(box, "network_dim")
    assert box.popup.isVisible() and box.results.entries[0].key == "network.dim"
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert asked == ["network.dim"] and not box.popup.isVisible()
    qtbot.waitUntil(lambda: box.text() == "")


def test_arrows_choose_another_result(qtbot: QtBot, desk: Desk, box: SearchBox) -> None:
    QTest.keyClicks(box, "seed")
    second = box.results.entries[1].key
    for _ in range(2):
        QTest.keyClick(box.popup, Qt.Key.Key_Down)
    with qtbot.waitSignal(box.field_requested) as asked:
        QTest.keyClick(box.popup, Qt.Key.Key_Return)
    assert asked.args == [second]


def test_a_click_chooses_a_result_once(qtbot: QtBot, desk: Desk, box: SearchBox) -> None:
    asked: list[str] = []
    box.field_requested.connect(asked.append)
    QTest.keyClicks(box, "seed")
    third = box.results.entries[2].key
    place = box.popup.visualRect(box.popup.model().index(2, 0)).center()
    QTest.mouseClick(box.popup.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert asked == [third]


def test_escape_closes_the_list_and_then_empties_the_box(box: SearchBox) -> None:
    QTest.keyClicks(box, "seed")
    QTest.keyClick(box.popup, Qt.Key.Key_Escape)
    assert not box.popup.isVisible() and box.text() == "seed"
    QTest.keyClick(box, Qt.Key.Key_Escape)
    assert box.text() == ""


def test_an_option_of_another_network_says_whose_it_is(qtbot: QtBot, desk: Desk, box: SearchBox) -> None:
    QTest.keyClicks(box, "constraint")
    detail = box.results.index(0).data(DETAIL)
    assert "network.constraint" in detail and "only with BOFT, OFT" in detail
    with qtbot.waitSignals([desk.wishes.said, desk.wishes.field_requested]):
        asked: list[str] = []
        box.field_requested.connect(asked.append)
        QTest.keyClick(box, Qt.Key.Key_Return)
    assert asked == ["network.name"]
    qtbot.waitUntil(lambda: box.text() == "")
    desk.document.set("network.name", "oft")
    QTest.keyClicks(box, "constraint")
    assert "only with" not in box.results.index(0).data(DETAIL)


def test_results_speak_the_language_of_the_window(desk: Desk, box: SearchBox) -> None:
    QTest.keyClicks(box, "network_dim")
    english = box.results.index(0).data()
    desk.language.set("zh_CN")
    assert box.results.index(0).data() != english and "network.dim" in box.results.index(0).data(DETAIL)
    assert box.results.index(0).data(Qt.ItemDataRole.AccessibleTextRole).startswith(box.results.index(0).data())
    desk.language.set("en")
    assert box.accessibleName() == "Search options" and not box.grab().isNull() and not box.popup.grab().isNull()
