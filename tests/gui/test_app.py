"""The window: what it shows, what it starts, and that it harms nothing when it goes.

Children are small scripts in place of `python -m kohya_like`; the supervisor and the event log are the real ones.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QLabel, QLineEdit, QPlainTextEdit, QWidget
from pytestqt.qtbot import QtBot

from gui.__main__ import obstacle
from gui.app import MainWindow
from kohya_like import supervise

PYTHON = sys.executable
ROOT = Path(__file__).parent.parent.parent
NOT_MARKUP = '<img src="file:///etc/hostname"> <b>bold</b>'
TRAINER = """
import os, sys, time
from pathlib import Path
from kohya_like.events import ControlFile, EVENTS, Finished, Reporter, Started, Step, Warned
run = Path(sys.argv[1])
reporter = Reporter(run / EVENTS)
control = ControlFile(run / "control.jsonl", os.environ["KOHYA_LIKE_PROCESS"])
reporter.emit(Started(1000, 10, 100, {"unet": 1e-4}, 1234))
reporter.emit(Warned('<b>not markup</b>'))
step = 0
while not any(command.verb == "stop" for command in control.poll()):
    step += 1
    reporter.emit(Step(step, 1, 0.125, {"unet": 1e-4}, 0.01, 0, 1.0))
    time.sleep(0.01)
reporter.emit(Finished("stopped", step, "ghost.safetensors"))
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the window starts in place of Python; a test writes the body. It gets `-m kohya_like VERB ... -- PRESET`."""
    script = tmp_path / "python"
    monkeypatch.setattr("gui.app.sys.executable", str(script))
    return script


def write(script: Path, body: str) -> None:
    script.write_text(f"#!{PYTHON}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\n{textwrap.dedent(body)}")
    script.chmod(0o755)


def write_starter(script: Path, run: Path) -> None:
    """A stand-in whose `train --detach` starts the little trainer above under the real supervisor."""
    trainer = script.with_name("trainer.py")
    trainer.write_text(TRAINER)
    write(
        script,
        f"""
        import json
        from pathlib import Path
        from kohya_like import supervise
        sys.executable = {PYTHON!r}
        assert sys.argv[1:-1] == "-m kohya_like train --detach --json --".split()
        supervise.launch(Path({str(run)!r}), [sys.executable, {str(trainer)!r}, {str(run)!r}])
        print(json.dumps({{"run": {str(run)!r}}}))
        """,
    )


@pytest.fixture
def window(qtbot: QtBot, stand_in: Path, monkeypatch: pytest.MonkeyPatch) -> MainWindow:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    window = MainWindow("my preset.toml")
    qtbot.addWidget(window)
    window.show()
    return window


def test_check_shows_the_words_of_check(window: MainWindow, stand_in: Path, qtbot: QtBot) -> None:
    write(stand_in, f"print(sys.argv[1:], {NOT_MARKUP!r})")
    window.check_button.click()
    assert not window.start_button.isEnabled()  # one thing at a time
    qtbot.waitUntil(lambda: window.check_button.isEnabled())
    text = window.log.toPlainText()
    assert "['-m', 'kohya_like', 'check', '--', 'my preset.toml']" in text and NOT_MARKUP in text
    assert window.status_line.text() == "This preset can be trained."


def test_faults_are_shown_and_the_window_stays_usable(window: MainWindow, stand_in: Path, qtbot: QtBot) -> None:
    write(stand_in, "sys.stderr.buffer.write(b'error: no such folder \\xff'); sys.exit(1)")
    window.start_button.click()
    qtbot.waitUntil(lambda: window.start_button.isEnabled())
    assert "error: no such folder" in window.log.toPlainText()
    assert window.status_line.text() == "Not started; see above."
    assert not window.running


@pytest.mark.parametrize("ending", ["killed", "missing"])
def test_a_child_that_dies_is_said_so(window: MainWindow, stand_in: Path, qtbot: QtBot, ending: str) -> None:
    if ending == "killed":
        write(stand_in, "import os; os.kill(os.getpid(), 9)")
    window.check_button.click()
    qtbot.waitUntil(lambda: window.check_button.isEnabled())
    assert ("signal 9" if ending == "killed" else "could not be started") in window.status_line.text()


def test_start_follows_the_run_and_stop_ends_it(
    window: MainWindow, stand_in: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    write_starter(stand_in, run)
    window.start_button.click()
    qtbot.waitUntil(lambda: "loss 0.1250" in window.status_line.text(), timeout=10_000)
    assert " of 1000" in window.status_line.text()
    assert "<b>not markup</b>" in window.log.toPlainText() and str(run) in window.log.toPlainText()
    assert not window.start_button.isEnabled() and window.stop_button.isEnabled()
    window.stop_button.click()
    qtbot.waitUntil(lambda: not window.running, timeout=10_000)
    assert window.status_line.text().startswith("stopped after step")
    assert window.start_button.isEnabled() and not window.stop_button.isEnabled()


def test_a_killed_training_is_not_shown_as_running(
    window: MainWindow, stand_in: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    write_starter(stand_in, run)
    window.start_button.click()
    qtbot.waitUntil(lambda: "loss" in window.status_line.text(), timeout=10_000)
    os.kill(trainer_of(run), signal.SIGKILL)
    qtbot.waitUntil(lambda: not window.running, timeout=10_000)
    assert "killed" in window.status_line.text()


def test_closing_the_window_harms_no_run(window: MainWindow, stand_in: Path, qtbot: QtBot, tmp_path: Path) -> None:
    run = tmp_path / "run"
    write_starter(stand_in, run)
    window.start_button.click()
    qtbot.waitUntil(lambda: "loss" in window.status_line.text(), timeout=10_000)
    window.close()
    again = MainWindow()
    qtbot.addWidget(again)
    assert supervise.status(run) == "running"
    again.follow(run)
    qtbot.waitUntil(lambda: "loss" in again.status_line.text(), timeout=10_000)
    again.stop_button.click()
    qtbot.waitUntil(lambda: not again.running, timeout=10_000)
    assert supervise.status(run) == "finished"


def trainer_of(run: Path) -> int:
    pid: int = json.loads((run / "run.json").read_text())["trainer"]["pid"]
    return pid


def test_nothing_starts_without_a_preset(window: MainWindow) -> None:
    assert window.check_button.isEnabled()
    window.preset.setText("  ")
    assert not window.check_button.isEnabled() and not window.start_button.isEnabled()


def test_a_chosen_file_fills_the_field(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gui.app.QFileDialog.getOpenFileName", lambda *_: ("/presets/a.toml", ""))
    window.choose_button.click()
    assert window.preset.text() == "/presets/a.toml"
    monkeypatch.setattr("gui.app.QFileDialog.getOpenFileName", lambda *_: ("", ""))  # cancelled
    window.choose_button.click()
    assert window.preset.text() == "/presets/a.toml"


def test_every_text_is_plain_and_every_control_has_a_name(window: MainWindow) -> None:
    labels = window.findChildren(QLabel)
    assert len(labels) >= 2
    assert {label.textFormat() for label in labels} == {Qt.TextFormat.PlainText}
    named: list[QWidget] = [*window.findChildren(QLineEdit), *window.findChildren(QPlainTextEdit)]
    assert all(widget.accessibleName() for widget in named)
    assert all(button.text() for button in window.findChildren(QAbstractButton))


def test_no_label_is_clipped(window: MainWindow) -> None:
    for widget in [*window.findChildren(QAbstractButton), *window.findChildren(QLabel)]:
        assert widget.width() >= widget.sizeHint().width(), widget.objectName()


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
