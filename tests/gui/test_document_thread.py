"""Nothing of the document touches a file in the UI thread, and no step of it holds the window up."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from gui.background import wait_for_all
from gui.document import PresetDocument
from gui.recovery import Recovery
from gui.settings import Settings
from tests.gui.watch import Blocks, io_of_main_thread

PRESET = Path(__file__).parents[2] / "presets" / "lora-sd15.toml"


@pytest.fixture
def document(qtbot: QtBot) -> Iterator[PresetDocument]:
    yield (document := PresetDocument(poll_milliseconds=5))
    document.new()
    wait_for_all()
    document.deleteLater()


def test_files_are_touched_in_the_background_only(document: PresetDocument, tmp_path: Path, qtbot: QtBot) -> None:
    path = tmp_path / "preset.toml"
    path.write_bytes(PRESET.read_bytes())
    Recovery(document, tmp_path / "recovery", 1)
    settings = Settings(tmp_path / "settings.json", 1)
    assert document.config is not None  # what it imports when it is first asked
    with io_of_main_thread() as touched:
        with qtbot.waitSignal(document.opened):
            document.open(path)
        document.set("network.dim", 4)
        assert document.faults == ()
        qtbot.waitUntil(lambda: os.path.isdir(tmp_path / "recovery"))
        with qtbot.waitSignal(document.saved):
            document.save()
        document.undo()
        os.utime(path, (1, 1))
        settings.theme = "dark"
        wait_for_all()
        qtbot.wait(30)
        document.restore("[train]\nseed = 1\n", path)
        wait_for_all()
    assert touched == []


def test_the_control_a_read_in_the_ui_thread_is_seen(qtbot: QtBot) -> None:
    with io_of_main_thread() as touched:
        PRESET.read_text()
    assert touched == [f"open {PRESET}"]


def test_no_edit_of_a_usual_preset_holds_the_window_up(document: PresetDocument, qtbot: QtBot) -> None:
    """Fails only where the CPU time of one turn of the event loop is too long in three of three repeats."""
    with qtbot.waitSignal(document.opened):
        document.open(PRESET)
    longest = []
    for turn in range(3):
        blocks = Blocks()
        for step in (
            lambda turn=turn: document.set("network.dim", 30 + turn),
            lambda turn=turn: document.set("network.conv_dim", 4 + turn),
            lambda: document.add_item("data.subsets", {"image_dir": "a"}),
            lambda: document.faults,
            document.undo,
            lambda: document.reset("network.conv_dim"),
        ):
            step()
            qtbot.wait(1)
        longest.append(blocks.longest)
    assert min(longest) <= 50, longest
