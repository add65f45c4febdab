"""Nothing is cut off: every page, both languages, both themes, 100, 150 and 200 %, in 1280x720 logical pixels."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QLabel, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from tests.gui.looks import chinese_fonts, clipped

ROOT = Path(__file__).parents[2]


def survey(folder: Path, scale: str) -> dict[str, Any]:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "QT_SCALE_FACTOR": scale}
    command = [sys.executable, "-m", "tests.gui.looks", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-4000:]
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


@pytest.mark.parametrize(
    "scale", ["1", pytest.param("1.5", marks=pytest.mark.full), pytest.param("2", marks=pytest.mark.full)]
)
def test_no_text_is_clipped(tmp_path: Path, scale: str) -> None:
    seen = survey(tmp_path, scale)
    assert seen["fonts"] > 0, "no Chinese font: install fonts-noto-cjk"
    assert seen["checked"], "the service never answered"
    assert len(seen["clipped"]) == 2 * 2 * 19
    assert {view: texts for view, texts in seen["clipped"].items() if texts} == {}


def test_there_is_a_chinese_font(qtbot: QtBot) -> None:
    assert chinese_fonts(), "no Chinese font: install fonts-noto-cjk"


def test_a_clipped_text_is_found(qtbot: QtBot) -> None:
    page = QWidget()
    qtbot.addWidget(page)
    label, button, wrapped, fine = (
        QLabel("long words", page),
        QPushButton("press", page),
        QLabel("a b c " * 20, page),
        QLabel("ok", page),
    )
    wrapped.setWordWrap(True)
    label.setFixedSize(20, 20)
    button.setFixedSize(15, 30)
    wrapped.setFixedSize(50, 20)
    fine.resize(fine.sizeHint())
    page.show()
    assert [text.split("'")[1][:5] for text in clipped(page)] == ["long ", "a b c", "press"]
