"""Opening the window: what is said where none can open, and what a start reads and imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from gui.__main__ import obstacle
from gui.app import make_window
from gui.background import wait_for_all

ROOT = Path(__file__).parent.parent.parent
HEAVY = (
    "torch",
    "diffusers",
    "transformers",
    "accelerate",
    "safetensors",
    "numpy",
    "PIL",
    "pyqtgraph",
    "rich",
    "psutil",
)
START = """
import json, sys
from pathlib import Path
from PySide6.QtWidgets import QApplication
application = QApplication(sys.argv[:1])
from gui.app import make_window
window = make_window(Path(sys.argv[1]))
window.show()
for name in json.loads(sys.argv[2]):
    window.show_page(name)
    for _ in range(20):
        application.processEvents()
print(json.dumps([name for name in json.loads(sys.argv[3]) if name in sys.modules]))
window.desk.service.close(2000)
"""


def imported(folder: Path, pages: list[str]) -> list[str]:
    """Which of the heavy libraries a window process has imported after these pages were shown."""
    command = [sys.executable, "-c", START, str(folder), json.dumps(pages), json.dumps(HEAVY)]
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_the_window_imports_nothing_heavy_at_its_start(tmp_path: Path) -> None:
    assert imported(tmp_path, ["train", "dataset", "captions", "settings"]) == []


def test_the_run_page_imports_the_plot_and_nothing_that_trains(tmp_path: Path) -> None:
    assert set(imported(tmp_path, ["runs"])) <= {"numpy", "pyqtgraph", "PIL"}


def test_a_preset_named_at_the_start_is_opened(qtbot: QtBot, tmp_path: Path) -> None:
    preset = tmp_path / "a.toml"
    preset.write_text("[save]\noutput_name = 'named'\n")
    window = make_window(tmp_path / "settings", str(preset))
    qtbot.addWidget(window)
    assert wait_for_all()
    assert window.desk.document.value("save.output_name") == "named"
    assert window.desk.settings.recent == [str(preset)]
    window.desk.service.close()


@pytest.mark.parametrize("option", ["--listen", "--server_port=7860", "--inbrowser", "--share"])
def test_the_browser_options_are_refused_in_one_sentence(option: str) -> None:
    done = subprocess.run([sys.executable, "-m", "gui", option, "0.0.0.0"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "not there yet" in done.stderr


@pytest.mark.parametrize(
    "environment, missing, words",
    [
        ({}, [], "no screen here"),
        ({"DISPLAY": ":0"}, ["libegl1"], "sudo apt install libegl1"),
        ({"DISPLAY": ":0"}, [], ""),
        ({"WAYLAND_DISPLAY": "wayland-0"}, ["libxcb-cursor0"], ""),
        ({"QT_QPA_PLATFORM": "offscreen"}, ["libegl1"], ""),
    ],
)
def test_what_keeps_the_window_from_opening_is_said(
    environment: dict[str, str], missing: list[str], words: str
) -> None:
    said = obstacle(environment, missing)
    assert words in said and bool(said) == bool(words)


def test_without_a_screen_the_program_ends_with_a_sentence() -> None:
    bare = {k: v for k, v in os.environ.items() if k not in ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY")}
    done = subprocess.run([sys.executable, "-m", "gui"], cwd=ROOT, capture_output=True, text=True, env=bare)
    assert done.returncode == 1 and "no screen here" in done.stderr and "Traceback" not in done.stderr
