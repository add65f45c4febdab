"""The window's end of the tagging process (`dataset_tools.tagging`): one request at a time, results as they come."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from gui.process import Child, Outcome

ROOT = Path(__file__).parent.parent.parent
COMMAND = (sys.executable, "-m", "dataset_tools.tagging")
CLOSING_MS = 40
KILLED_MS = 1000


class TaggingChild(QObject):
    """Started at the first request; it stays, with its model open, until `close`. Ending it loses nothing that came.

    Signals:
        opened(dict): facts of the tagger, once its model is open.
        proposed(dict): one picture's result, as `proposals.proposal_from` reads it.
        skipped(str, str): a picture that could not be tagged, and why.
        progressed(int, int, float): done, of how many, seconds.
        looked_up(dict): what the hub offers.   fetching(str, int, int): a file's name, bytes here, of how many.
        ended(dict): the request is over; "ok", "cancelled", "faults" as the process says them.
    """

    opened = Signal(object)
    proposed = Signal(object)
    skipped = Signal(str, str)
    progressed = Signal(int, int, float)
    looked_up = Signal(object)
    fetching = Signal(str, object, object)
    ended = Signal(object)

    def __init__(self, parent: QObject | None = None, command: Sequence[str] = COMMAND) -> None:
        super().__init__(parent)
        self._command = tuple(command)
        self._number = 0
        self._do = ""  # of the request under way
        self._child = Child("The tagger", self)
        self._child.line_received.connect(self._on_line)
        self._child.ended.connect(self._on_ended)

    @property
    def is_busy(self) -> bool:
        return bool(self._do)

    def tag(self, tagger: Mapping[str, Any], pictures: Sequence[str]) -> None:
        """`tagger`: values of `tagger_settings`, with its key if it needs one: the pipe is the only place it goes."""
        self._ask("tag", {"tagger": dict(tagger), "pictures": list(pictures)})

    def look_up(self, name: str) -> None:
        """Ask the hub; nothing is downloaded."""
        self._ask("look_up", {"name": name})

    def fetch(self, name: str, to: str) -> None:
        self._ask("fetch", {"name": name, "to": to})

    def cancel(self) -> None:
        """The request ends soon; its results stay."""
        if self.is_busy:
            self._child.send(json.dumps({"id": self._number, "do": "cancel"}))

    def close(self) -> None:
        """End the process. Nothing is emitted any more. It blocks for a moment."""
        self._do = ""
        self._number += 1
        if self._child.is_running:
            self._child.close_input()
            if not self._child.wait(CLOSING_MS):
                self._child.kill()
                self._child.wait(KILLED_MS)

    def _ask(self, do: str, values: Mapping[str, Any]) -> None:
        if self.is_busy:
            return
        self._number += 1
        self._do = do
        if not self._child.is_running:
            program, *arguments = self._command
            self._child.start(program, arguments, folder=str(ROOT))
        self._child.send(json.dumps({"id": self._number, "do": do, **values}))

    def _on_line(self, line: str) -> None:
        try:
            answer = json.loads(line)
        except ValueError:
            return
        if not isinstance(answer, dict) or answer.get("id") not in (None, self._number) or not self._do:
            return
        if "proposal" in answer:
            self.proposed.emit(answer["proposal"])
        elif "skipped" in answer:
            self.skipped.emit(str(answer["skipped"]["picture"]), str(answer["skipped"]["text"]))
        elif "progress" in answer:
            done, of = answer["progress"]
            self.progressed.emit(int(done), int(of), float(answer["seconds"]))
        elif "tagger" in answer:
            self.opened.emit(answer["tagger"])
        elif "file" in answer:
            self.fetching.emit(str(answer["file"]), *answer["bytes"])
        elif "ok" in answer:
            self._end(answer)

    def _end(self, answer: dict[str, Any]) -> None:
        do, self._do = self._do, ""
        if do == "look_up" and answer["ok"]:
            self.looked_up.emit(answer)
        self.ended.emit({**answer, "do": do})

    def _on_ended(self, outcome: Outcome) -> None:
        if self._do:
            last = outcome.last_words.splitlines()[-1:]
            self._end({"ok": False, "faults": [{"text": str(outcome), "mend": last[0] if last else ""}]})
