"""Building the form leaves the window free: no turn of its event loop is long."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, Qt
from pytestqt.qtbot import QtBot

from gui.desk import Desk
from gui.fields import Field, fields
from gui.form import Form
from tests.gui.desk import make_desk

PRESET = Path(__file__).parent.parent.parent / "presets" / "lora-sd15.toml"
BLOCK_MILLISECONDS = 50


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Desk:
    return make_desk(tmp_path)


def test_no_turn_of_the_event_loop_is_long_while_the_form_is_built(qtbot: QtBot, desk: Desk) -> None:
    desk.document.new(PRESET.read_text(encoding="utf-8"))
    longest = [longest_turn(desk, fields()) for _ in range(3)]
    assert min(longest) < BLOCK_MILLISECONDS, longest


def test_a_form_built_at_once_would_be_seen_as_a_block(
    qtbot: QtBot, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gui.form.TURN_SECONDS", 60)
    assert longest_turn(desk, fields()) > BLOCK_MILLISECONDS


def longest_turn(desk: Desk, wanted: list[Field]) -> float:
    """CPU milliseconds of the longest turn, from an empty form to a complete one that has been drawn."""
    form = Form(desk, wanted)
    form.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
    form.resize(770, 620)
    form.show()
    longest = 0.0
    quiet = 0
    while quiet < 3:
        before = time.thread_time()
        QCoreApplication.processEvents()
        longest = max(longest, time.thread_time() - before)
        quiet = quiet + 1 if form.complete else 0
    form.close()
    form.deleteLater()
    QCoreApplication.sendPostedEvents(None, 52)  # deferred deletions
    return longest * 1000
