"""Nothing a person made is lost unasked: by Save as, by rescued work that is opened, by a signal."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtWidgets import QFileDialog, QMessageBox
from pytestqt.qtbot import QtBot

from gui import rescued
from gui.app import make_window
from gui.main_window import MainWindow
from gui.widgets.paths import nearest_folder
from tests.gui import run_folders
from tests.gui.desk import still_desk
from tests.gui.looks import settle
from tests.gui.window import offered, press, shown


def test_save_as_with_an_added_ending_asks_again_before_it_writes_over_a_file(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = shown(qtbot, still_desk(tmp_path))
    other = tmp_path / "mine.toml"
    other.write_text("# months of work\n")
    window.desk.document.set("network.dim", 4)
    starts: list[str] = []

    def dialog(_parent: object, _title: str, start: str, _filter: str) -> tuple[str, str]:
        starts.append(start)
        return (str(tmp_path / "mine") if len(starts) == 1 else "", "")

    monkeypatch.setattr(QFileDialog, "getSaveFileName", dialog)
    window.files.save_as()
    settle()
    assert starts[1:] == [str(other)], "the dialog knows that name, and asks before it gives it"
    assert other.read_text() == "# months of work\n" and window.desk.document.modified


def test_rescued_work_does_not_take_the_place_of_edits_unasked(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = shown(qtbot, still_desk(tmp_path))
    taken: list[str] = []
    window._offer_rescued("a.toml", lambda: taken.append("taken"), lambda: None)
    window.desk.document.set("network.dim", 4)
    answers = [QMessageBox.StandardButton.Cancel, QMessageBox.StandardButton.Discard]
    monkeypatch.setattr(QMessageBox, "exec", lambda _: answers.pop(0))
    press(window.notice, "Open them")
    assert taken == [] and "Open them" in offered(window.notice) and window.desk.document.value("network.dim") == 4
    press(window.notice, "Open them")
    assert taken == ["taken"] and not window.notice.isVisible()


SCRIPT = """
import sys
from PySide6.QtCore import QTimer
from gui import app
make = app.make_window
def made(*given):
    window = make(*given)
    QTimer.singleShot(300, lambda: (window.desk.document.set("network.dim", 4), print("edited", flush=True)))
    return window
app.make_window = made
sys.exit(app.run())
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_window_without_a_question_and_keeps_unsaved_work(tmp_path: Path, number: int) -> None:
    environment = {**os.environ, "KOHYA_LIKE_CONFIG_DIR": str(tmp_path)}
    root = Path(__file__).parents[2]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT], cwd=root, env=environment, stdout=pipe, stderr=pipe, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "edited\n"
        child.send_signal(number)
        _, said = child.communicate(timeout=60)
    assert child.returncode == 0, said
    assert "QProcess" not in said and "QThread" not in said and "Traceback" not in said
    (one,) = rescued.found(tmp_path / "rescued")
    assert "dim = 4" in one.text


def test_a_window_that_is_left_keeps_nothing_that_is_saved(qtbot: QtBot, tmp_path: Path) -> None:
    window = shown(qtbot, still_desk(tmp_path))
    assert isinstance(window, MainWindow)
    window.leave()
    assert not list((tmp_path / "rescued").glob("*"))


def test_settings_from_elsewhere_neither_stop_the_list_of_runs_nor_fill_a_menu(qtbot: QtBot, tmp_path: Path) -> None:
    run = run_folders.make(tmp_path / "out", events=run_folders.DONE)
    body = {"run_roots": ["a\0b", "\ud800", str(tmp_path / "out")], "recent": [f"{n}.toml" for n in range(9000)]}
    (tmp_path / "settings.json").write_text(json.dumps({**body, "paths.model.base": ["x"] * 9000}))
    window = make_window(tmp_path)
    qtbot.addWidget(window, before_close_func=lambda w: setattr(w, "_may_close", True))
    qtbot.waitUntil(lambda: [row.path for row in window.desk.runs.runs] == [str(run)], timeout=10_000)
    assert len(window.desk.settings.recent) == 12 and len(window.desk.settings.path_history("model.base")) == 20


def test_a_path_with_a_zero_byte_begins_a_dialog_in_the_presets_folder(tmp_path: Path) -> None:
    assert nearest_folder("~\0/x", tmp_path) == str(tmp_path)
