"""The smallest true window: choose a preset, check it, start it, watch it. English only, one page.

The window holds no model and no training. Check and Start are short children (`python -m kohya_like ...`); the training
belongs to its own supervisor, and the window tails the run folder. Closing the window never harms a run.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QProcess, Qt, QTimer
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMainWindow,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from kohya_like.console import described
from kohya_like.events import EVENTS, Event, Failed, Finished, Started, Step, read_events, send
from kohya_like.runs import exit_text
from kohya_like.supervise import status

POLL_MILLISECONDS = 250
LOG_LINES = 10_000


class MainWindow(QMainWindow):
    """Preset field, Check, Start and Stop, a status line, and a log. All of it plain text."""

    def __init__(self, preset: str = "") -> None:
        super().__init__()
        self.setWindowTitle("kohya-like")
        self.resize(900, 640)
        self.preset = QLineEdit(preset, placeholderText="a preset file (.toml)")
        self.preset.setAccessibleName("Preset")
        self.choose_button = _button("&Open ...", self._choose)
        self.check_button = _button("&Check", self.check, "F6")
        self.start_button = _button("&Start", self.start, "F5")
        self.stop_button = _button("S&top", self._stop)
        self.stop_button.setToolTip("Ends the training after this step and saves.")
        self.status_line = QLabel("Ready.", textFormat=Qt.TextFormat.PlainText)
        self.log = QPlainTextEdit(readOnly=True, maximumBlockCount=LOG_LINES)
        self.log.setAccessibleName("Log")
        self.log.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self._lay_out()

        self._child: QProcess | None = None
        self._run: Path | None = None
        self._offset = self._total = 0
        self._timer = QTimer(self, interval=POLL_MILLISECONDS)
        self._timer.timeout.connect(self._read_events)
        self.preset.textChanged.connect(self._show_what_is_possible)
        self._show_what_is_possible()

    def _lay_out(self) -> None:
        label = QLabel("&Preset", textFormat=Qt.TextFormat.PlainText)
        label.setBuddy(self.preset)
        top = QHBoxLayout()
        for widget in (label, self.preset, self.choose_button, self.check_button, self.start_button, self.stop_button):
            top.addWidget(widget)
        column = QVBoxLayout()
        column.addLayout(top)
        column.addWidget(self.log)
        column.addWidget(self.status_line)
        middle = QWidget()
        middle.setLayout(column)
        self.setCentralWidget(middle)

    @property
    def running(self) -> bool:
        """A training that this window started or attached to has not ended."""
        return self._timer.isActive()

    def _show_what_is_possible(self) -> None:
        free = bool(self.preset.text().strip()) and self._child is None
        self.check_button.setEnabled(free)
        self.start_button.setEnabled(free and not self.running)
        self.stop_button.setEnabled(self.running)

    def _choose(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open a preset", self.preset.text(), "Presets (*.toml)")
        if path:
            self.preset.setText(path)

    def check(self) -> None:
        """Run `check` on the preset and show its words."""
        self._call(["check"], "Checking ...", self._checked)

    def start(self) -> None:
        """Start the training in a run folder of its own, then follow it."""
        self._call(["train", "--detach", "--json"], "Starting ...", self._started)

    def _call(self, verb: list[str], words: str, ended: Callable[[int, bytes], None]) -> None:
        child = QProcess(self)
        child.readyReadStandardError.connect(lambda: self._append(bytes(child.readAllStandardError().data())))
        child.finished.connect(lambda code, how: self._child_ended(child, code, how, ended))
        child.errorOccurred.connect(self._child_failed)
        self._child = child
        self.status_line.setText(words)
        self._show_what_is_possible()
        child.start(sys.executable, ["-m", "kohya_like", *verb, "--", self.preset.text().strip()])

    def _child_ended(
        self, child: QProcess, code: int, how: QProcess.ExitStatus, ended: Callable[[int, bytes], None]
    ) -> None:
        self._child = None
        child.deleteLater()
        if how == QProcess.ExitStatus.CrashExit:
            self.status_line.setText(f"The program ended by signal {code}.")
        else:
            ended(code, bytes(child.readAllStandardOutput().data()))
        self._show_what_is_possible()

    def _child_failed(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart and self._child is not None:
            self.status_line.setText(f"{sys.executable} could not be started: {self._child.errorString()}")
            self._child = None
            self._show_what_is_possible()

    def _checked(self, code: int, output: bytes) -> None:
        self._append(output)
        self.status_line.setText(
            "This preset can be trained." if code == 0 else "This preset needs a change; see above."
        )

    def _started(self, code: int, output: bytes) -> None:
        if code:
            self._append(output)
            self.status_line.setText("Not started; see above.")
            return
        self.follow(Path(json.loads(output)["run"]))

    def follow(self, run: Path) -> None:
        """Show a run folder's events from the first one on, until the run ends."""
        self._run, self._offset = run, 0
        self._append(f"run folder: {run}")
        self._timer.start()
        self._read_events()
        self._show_what_is_possible()

    def _read_events(self) -> None:
        assert self._run is not None
        how = status(self._run)  # before the reading, so that nothing written before the end is missed
        records, self._offset = read_events(self._run / EVENTS, self._offset)
        for record in records:
            self._show(record.event)
        if how not in ("running", "new"):
            self._timer.stop()
            if words := exit_text(self._run):
                self.status_line.setText(words)
            self._show_what_is_possible()

    def _show(self, event: Event) -> None:
        match event:
            case Step():
                where = f"step {event.step} of {self._total}   epoch {event.epoch}"
                self.status_line.setText(f"{where}   loss {event.loss:.4f}   {event.seconds:.2f} s a step")
                return
            case Started():
                self._total = event.total_steps
            case Finished() | Failed():
                self.status_line.setText(described(event).partition("\n")[0])
        if words := described(event):
            self._append(words)

    def _stop(self) -> None:
        if self._run is not None:
            send(self._run, "stop")
            self.status_line.setText("Stopping after this step ...")

    def _append(self, said: bytes | str) -> None:
        text = said if isinstance(said, str) else said.decode("utf-8", errors="replace")
        if text.strip():
            self.log.appendPlainText(text.rstrip("\n"))


def _button(text: str, pressed: Callable[[], None], shortcut: str = "") -> QPushButton:
    button = QPushButton(text)
    button.clicked.connect(pressed)
    button.setShortcut(shortcut or button.shortcut())
    return button


def run(preset: str = "") -> int:
    """Open the window and stay until it is closed."""
    application = QApplication.instance() or QApplication(sys.argv[:1])
    window = MainWindow(preset)
    window.show()
    return int(application.exec())
