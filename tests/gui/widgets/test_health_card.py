"""The look over the pictures, and its plan: a clean copy that the preset may name. The originals are never touched."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from gui.widgets.health_card import COMMAND, HealthCard
from tests.dataset_tools.made_pictures import put, scene
from tests.gui.desk import still_desk

PATIENCE = 30_000


def make_card(qtbot: QtBot, tmp_path: Path, command: tuple[str, ...] = COMMAND) -> HealthCard:
    desk = still_desk(tmp_path)
    desk.document.set("data.train_data_dir", str(tmp_path / "set"))
    card = HealthCard(desk, command)
    qtbot.addWidget(card)
    card.resize(900, 600)
    card.show()
    folder = str(tmp_path / "set" / "10_a")
    card.show_report({"model": {"resolution": [128, 128]}, "concepts": [{"folder": folder, "images": 3}]})
    return card


def saying(*lines: str, code: int = 0, error: str = "") -> tuple[str, ...]:
    script = f"import sys\nprint({chr(10).join(lines)!r})\nprint({error!r}, file=sys.stderr)\nsys.exit({code})"
    return sys.executable, "-c", script


def press(qtbot: QtBot, card: HealthCard, button: Any) -> None:
    with qtbot.waitSignal(card.child.ended, timeout=PATIENCE):
        button.click()


def rows(card: HealthCard) -> list[str]:
    model = card.results.model()
    return [model.index(row, 0).data() for row in range(model.rowCount())]


def test_look_plan_copy_and_train_it(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "set" / "10_a"
    put(folder, "one.png", scene(1, (300, 300)), "a caption")
    put(folder, "twin.png", scene(1, (300, 300)).resize((200, 200)))
    put(folder, "other.png", scene(2, (300, 300)))
    before = {path: path.read_bytes() for path in folder.iterdir()}
    card = make_card(qtbot, tmp_path)
    press(qtbot, card, card.look)
    assert rows(card) == ["Near-duplicates: 1 groups, 1 pictures could go"]
    assert not card.plan.isHidden() and card.target.text() == f"{tmp_path / 'set'} clean"
    press(qtbot, card, card.make)
    assert card.said.text() == "2 pictures copied, 0 were there already, 1 left out, 0 failed."
    clean = tmp_path / "set clean" / "10_a"
    assert {path.name for path in clean.iterdir()} == {"one.png", "one.txt", "other.png"}
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    card.use.click()
    assert card._desk.document.value("data.train_data_dir") == str(tmp_path / "set clean")


def test_progress_and_a_stop(qtbot: QtBot, tmp_path: Path) -> None:
    waiting = sys.executable, "-c", 'import sys\nprint(\'{"done": 3, "of": 9}\', flush=True)\nsys.stdin.read()'
    card = make_card(qtbot, tmp_path, waiting)
    card.look.click()
    qtbot.waitUntil(lambda: card.bar.value() == 3, timeout=PATIENCE)
    assert card.bar.maximum() == 9 and not card.look.isEnabled() and not card.stop.isHidden()
    press(qtbot, card, card.stop)
    assert card.said.text().startswith("Stopped.") and card.look.isEnabled() and card.stop.isHidden()


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (saying(code=1, error="error: holds no pictures"), "holds no pictures"),
        (saying("garbage", "[1]"), "ended in order"),
        (("no-such-program",), "could not be started"),
    ],
)
def test_a_child_that_fails_is_a_sentence(qtbot: QtBot, tmp_path: Path, command: tuple[str, ...], words: str) -> None:
    card = make_card(qtbot, tmp_path, command)
    press(qtbot, card, card.look)
    assert words in card.said.text() and card.results.isHidden() and card.look.isEnabled()


def test_without_pictures_there_is_nothing_to_look_at(qtbot: QtBot, tmp_path: Path) -> None:
    card = make_card(qtbot, tmp_path)
    card.show_report({})
    assert not card.look.isEnabled()


def test_foreign_names_are_text_and_long_lists_are_cut(qtbot: QtBot, tmp_path: Path) -> None:
    card = make_card(qtbot, tmp_path)
    finding = {"path": "/x/<img src=y>\u202e.png", "kind": "soft", "value": 1.0, "text": "sharpness 5, under 60"}
    card.results.show_health({"pictures": 900, "groups": [], "findings": [finding] * 900})
    top = card.results.model().index(0, 0)
    assert top.data() == "Blurred, it seems: 900" and card.results.model().rowCount(top) == 200
    assert card.results.model().index(0, 0, top).data() == "x/<img src=y>\ufffd.png: sharpness 5, under 60"
    card._desk.language.set("zh_CN")
    assert "900" in rows(card)[0] and "Blurred" not in rows(card)[0]
