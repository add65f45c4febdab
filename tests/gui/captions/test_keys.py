"""The page's keys: what they are, what a person makes of them, and who answers."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from gui.captions.keys import DEFAULTS, SETTING, WINDOWS_OWN, Keys
from gui.settings import Settings


@pytest.fixture
def keys(qtbot: QtBot, tmp_path: Path) -> Keys:
    return Keys(Settings(tmp_path / "settings.json"))


def test_no_key_is_given_twice_at_first(keys: Keys) -> None:
    given = [key for name in DEFAULTS for key in keys.of(name)]
    assert len(given) == len(set(given)) and not set(given) & set(WINDOWS_OWN)
    assert all(keys.label(name) for name in DEFAULTS)


def test_a_key_calls_and_can_be_another(qtbot: QtBot, keys: Keys) -> None:
    page, line, calls = QWidget(), QLineEdit(), []
    layout = QVBoxLayout(page)
    layout.addWidget(line)
    page.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    qtbot.addWidget(page)
    keys.bind("dedupe", page, lambda: calls.append("dedupe"))
    keys.bind("next", page, lambda: calls.append("next"))
    with qtbot.waitActive(page):
        page.show()
        page.activateWindow()
    page.setFocus()
    QTest.keyClick(page, Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier)
    assert calls == ["dedupe"]
    keys.set("dedupe", ["Ctrl+K"])
    QTest.keyClick(page, Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(page, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    assert calls == ["dedupe", "dedupe"]
    line.setFocus()
    QTest.keyClick(line, Qt.Key.Key_J)
    assert line.text() == "j" and len(calls) == 2, "a letter while one writes"
    assert keys.names == ["next", "dedupe"]


def test_a_key_that_is_taken_moves(keys: Keys) -> None:
    changed: list[str] = []
    keys.changed.connect(changed.append)
    assert keys.taken_by("J", "zoom") == "next"
    keys.set("zoom", ["J", "Z"])
    assert keys.of("zoom") == ("J", "Z") and keys.of("next") == ("Alt+Down",)
    assert set(changed) == {"zoom", "next"}
    keys.reset("zoom")
    assert keys.of("zoom") == DEFAULTS["zoom"]
    keys.reset()
    assert keys.of("next") == DEFAULTS["next"]


def test_the_windows_own_keys_are_not_given_away(keys: Keys) -> None:
    assert keys.taken_by("Ctrl+Z") == "window"
    keys.set("zoom", ["Ctrl+Z", "Z"])
    assert keys.of("zoom") == ("Z",)


def test_what_is_kept_is_what_differs_and_nonsense_is_passed_over(qtbot: QtBot, tmp_path: Path) -> None:
    settings = Settings(tmp_path / "settings.json")
    Keys(settings).set("zoom", ["Z"])
    assert settings.get(SETTING, {}) == {"zoom": ["Z"]}
    assert Keys(settings).of("zoom") == ("Z",)
    settings.set(SETTING, {"zoom": "Z", "nobody": ["X"], "crop": [3, "Q"]})
    found = Keys(settings)
    assert (found.of("zoom"), found.of("crop")) == (DEFAULTS["zoom"], ("Q",))
    settings.set(SETTING, ["nonsense"])
    assert Keys(settings).of("zoom") == DEFAULTS["zoom"]
