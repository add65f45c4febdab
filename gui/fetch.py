"""Fetching a model from the hub in a child process: `python -m kohya_like fetch NAME --yes`, followed and cancelled."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from gui.background import later
from gui.process import Child, Outcome

ROOT = Path(__file__).parent.parent
LOOK_MS = 500  # between two looks at how much has arrived
MOST_FILES = 2000  # looked at in a target folder
MOST_LINES = 20_000  # of the plan that is printed at the end
_HUB_NAME = re.compile(r"[\w-][\w.-]{0,95}/[\w-][\w.-]{0,95}", re.ASCII)
_CHOICE = re.compile(r"^\s*--file (\S.*?)\s{2,}(\S.*)$", re.MULTILINE)
_ENDINGS = (".safetensors", ".ckpt", ".pt", ".pth", ".bin")


def is_hub_name(text: object) -> bool:
    """Whether a base model reads like "owner/name" of a hub, and not like a file."""
    return isinstance(text, str) and bool(_HUB_NAME.fullmatch(text)) and not text.lower().endswith(_ENDINGS)


def choices_in(sentence: str) -> list[tuple[str, str]]:
    """(file, size) pairs out of the sentence that asks which of several files is meant."""
    return _CHOICE.findall(sentence)[:200]


class Fetch(QObject):
    """One download.

    Signals:
        arrived(object): bytes in the target folder so far.
        fetched(str): the file or folder that is now there.
        failed(str, str): a sentence and a hint. After a cancel both are empty.
    """

    arrived = Signal(object)
    fetched = Signal(str)
    failed = Signal(str, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lines: list[str] = []
        self._folder = ""
        self._is_looking = False
        self._child = Child("The download", self)
        self._child.line_received.connect(self._on_line_received)
        self._child.ended.connect(self._on_ended)
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)

    @property
    def is_running(self) -> bool:
        return self._child.is_running

    def start(self, name: str, target: str, files: Sequence[str] = ()) -> None:
        """Bring a model into `target`/owner--name; `files` where it has several to choose from."""
        self._lines = []
        self._folder = os.path.join(target, name.replace("/", "--"))
        named = [f"--file={file}" for file in files]
        command = ["-m", "kohya_like", "fetch", "--yes", "--json", f"--to={target}", *named, "--", name]
        self._child.start(sys.executable, command, {"PYTHONIOENCODING": "utf-8"}, str(ROOT))
        self._timer.start()

    def cancel(self) -> None:
        """What has arrived is kept; the next fetch goes on with it."""
        self._child.stop()

    def _look(self) -> None:
        if not self._is_looking:
            self._is_looking = True
            folder = self._folder
            later(lambda: bytes_in(folder), self._on_looked, self._on_looked, owner=self)

    def _on_looked(self, found: int | Exception) -> None:
        self._is_looking = False
        if isinstance(found, int) and self.is_running:
            self.arrived.emit(found)

    def _on_line_received(self, line: str) -> None:
        if len(self._lines) < MOST_LINES:
            self._lines.append(line)

    def _on_ended(self, outcome: Outcome) -> None:
        self._timer.stop()
        if outcome.state == "stopped":
            self.failed.emit("", "")
        elif not outcome.is_good:
            text, _, hint = outcome.last_words.rpartition("error: ")[2].partition("\n")
            self.failed.emit(text or str(outcome), hint)
        elif path := path_in("\n".join(self._lines)):
            self.fetched.emit(path)
        else:
            self.failed.emit("The download ended without saying where it lies.", "")


def path_in(plan: str) -> str:
    """Out of what `fetch --json` printed: the file, or the folder where there are several; "" if it says neither."""
    try:
        values = json.loads(plan)
        folder, files = values["folder"], values["files"]
        return os.path.abspath(folder if len(files) > 1 else os.path.join(folder, files[0]["local"]))
    except (ValueError, LookupError, TypeError):
        return ""


def bytes_in(folder: str) -> int:
    """The size of a folder's files; for a thread."""
    total, seen = 0, 0
    for place, _, names in os.walk(folder):
        for name in names:
            seen += 1
            if seen > MOST_FILES:
                return total
            try:
                total += os.lstat(os.path.join(place, name)).st_size
            except OSError:  # renamed in this moment
                continue
    return total
