"""A child process of the window, owned by one object: lines come out of it, and at the end a sentence how it ended."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QByteArray, QObject, QProcess, QProcessEnvironment, QTimer, Signal

LONGEST_LINE = 8 << 20  # bytes; what is longer is cut, the rest of the line is dropped
LAST_WORDS = 4096  # bytes of stderr that are kept
DATASET_TOOL = "The dataset tool"  # what a verb of dataset_tools is called when it crashes
PATIENCE_MS = 3000  # between asking it to end and killing it

State = Literal["finished", "failed", "killed", "stopped", "not started"]


class AlreadyRunning(RuntimeError):
    """A second start of a child that runs."""


@dataclass(frozen=True)
class Outcome:
    """How a child ended. `last_words` is the end of what it wrote to stderr."""

    what: str
    state: State
    code: int = 0
    signal: int = 0
    reason: str = ""
    last_words: str = ""

    @property
    def is_good(self) -> bool:
        return self.state == "finished"

    @property
    def sentences(self) -> list[str]:
        """What a verb of our own said when it failed, and how to mend it; how it ended, where it said nothing."""
        lines = self.last_words.splitlines()
        for start in range(len(lines) - 1, -1, -1):
            if lines[start].startswith("error: "):
                return [lines[start].removeprefix("error: "), *lines[start + 1 :]]
        return lines[-1:] or [str(self)]

    def __str__(self) -> str:
        if self.state == "not started":
            return f"{self.what} could not be started: {self.reason}"
        if self.state == "stopped":
            return f"{self.what} was stopped"
        if self.state == "finished":
            return f"{self.what} ended in order"
        if self.state == "failed":
            return f"{self.what} ended with code {self.code}"
        if self.signal == signal.SIGKILL:
            return f"{self.what} was killed (SIGKILL): most often the machine ran out of memory"
        return f"{self.what} crashed ({_signal_name(self.signal)})"


class Child(QObject):
    """One QProcess at a time. Bytes that are no UTF-8 are replaced; stderr is kept for the outcome only.

    Signals:
        line_received(str): a line of stdout without its end.
        ended(Outcome): once for each start, after the last line.
    """

    line_received = Signal(str)
    ended = Signal(object)

    def __init__(self, what: str, parent: QObject | None = None) -> None:
        """`what` begins the sentence of the outcome: "The service"."""
        super().__init__(parent)
        self._what = what
        self._partial = bytearray()
        self._words = b""
        self._is_stopped = False
        self._program = ""
        self._process = QProcess(self)
        self._process.readyReadStandardOutput.connect(self._on_output_came)
        self._process.readyReadStandardError.connect(self._on_words_came)
        self._process.errorOccurred.connect(self._on_error_occurred)
        self._process.finished.connect(self._on_finished)
        self._killer = QTimer(self)
        self._killer.setSingleShot(True)
        self._killer.timeout.connect(self._process.kill)

    @property
    def is_running(self) -> bool:
        return self._process.state() != QProcess.ProcessState.NotRunning

    @property
    def pid(self) -> int:
        """0 while there is none."""
        return int(self._process.processId())

    def start(
        self, program: str, arguments: Sequence[str], environment: Mapping[str, str] | None = None, folder: str = ""
    ) -> None:
        """Start it; `environment` is added to the window's own. Raises AlreadyRunning."""
        if self.is_running:
            raise AlreadyRunning(f"{self._what} is running already")
        self._partial.clear()
        self._words, self._is_stopped, self._program = b"", False, program
        variables = QProcessEnvironment.systemEnvironment()
        for name, value in (environment or {}).items():
            variables.insert(name, value)
        self._process.setProcessEnvironment(variables)
        self._process.setWorkingDirectory(folder)
        self._process.start(program, list(arguments))

    def send(self, line: str) -> None:
        """Write a line to its stdin; without a child that runs nothing happens."""
        if self.is_running:
            self._process.write(QByteArray(f"{line}\n".encode("utf-8", "surrogatepass")))

    def close_input(self) -> None:
        """Its stdin ends: a child that reads requests ends by itself."""
        self._process.closeWriteChannel()

    def stop(self) -> None:
        """Ask it to end; kill it after `PATIENCE_MS`."""
        if self.is_running:
            self._is_stopped = True
            self._process.terminate()
            self._killer.start(PATIENCE_MS)

    def kill(self) -> None:
        """End it now."""
        if self.is_running:
            self._is_stopped = True
            self._process.kill()

    def wait(self, milliseconds: int) -> bool:
        """For closing the program only, since it blocks: whether the child has ended in time."""
        return not self.is_running or self._process.waitForFinished(milliseconds)

    def _on_output_came(self) -> None:
        *whole, rest = bytes(self._process.readAllStandardOutput().data()).split(b"\n")
        for part in whole:
            self._take(part)
            self._finish_line()
        self._take(rest)

    def _take(self, part: bytes) -> None:
        room = LONGEST_LINE - len(self._partial)
        self._partial += part[:room]

    def _finish_line(self) -> None:
        line = self._partial.decode("utf-8", "replace").removesuffix("\r")
        self._partial.clear()
        self.line_received.emit(line)

    def _on_words_came(self) -> None:
        self._words = (self._words + bytes(self._process.readAllStandardError().data()))[-LAST_WORDS:]

    def _on_error_occurred(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:  # no `finished` follows
            said = self._process.errorString().rpartition(": ")[2]
            reason = f"{os.path.basename(self._program)}: {said}"
            outcome = Outcome(self._what, "not started", reason=reason)
            QTimer.singleShot(0, self, lambda: self.ended.emit(outcome))  # so that it may be started again at once

    def _on_finished(self, code: int, status: QProcess.ExitStatus) -> None:
        self._killer.stop()
        self._on_output_came()
        self._on_words_came()
        if self._partial:
            self._finish_line()
        has_crashed = status == QProcess.ExitStatus.CrashExit
        state: State = "killed" if has_crashed else "failed" if code else "finished"
        if self._is_stopped and state != "finished":
            state = "stopped"
        self.ended.emit(
            Outcome(
                self._what,
                state,
                code=0 if has_crashed else code,
                signal=code if has_crashed else 0,
                last_words=self._words.decode("utf-8", "replace").strip(),
            )
        )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
