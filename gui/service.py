"""The window's side of the service child: edits in, the newest answer out; a child that hangs or crashes is replaced.

The child (`kohya_like.window_service`) checks presets, starts and resumes runs and asks the hub, so that none of this
stops the window. It is started at the first request. What it says of its progress is in that module's docstring.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from gui.process import Child, Outcome

DEBOUNCE_MS = 150
PATIENCE_MS = 2000  # without a word, while a newer request waits
CLOSING_MS = 40
KILLED_MS = 1000  # the system takes a killed child away in a few
STARTING_MS = 10_000  # a run that is being made when the window is closed is made to its end
CRASHES_AT_MOST = 3
COMMAND = (sys.executable, "-m", "kohya_like.window_service")
ROOT = Path(__file__).parent.parent
RUNS = ("start", "resume")

Answer = dict[str, Any]


@dataclass
class _Sent:
    """A request that has no answer yet."""

    do: str
    values: dict[str, str | int] = field(default_factory=dict)
    has_begun: bool = False


class Service(QObject):
    """Checks, starts, resumes and looks up in a child process.

    Signals:
        checked(dict): the answer to the newest check; again with "refreshed" when the folders turned out to differ.
        checking(bool): whether an answer to the newest text is awaited.
        started(str): the run folder of a start or a resume.
        refused(list): the faults that forbid a start or a resume.
        sampled(dict), sample_refused(list): a sample as training will see it (`kohya_like.sample_preview`); the faults.
        looked_up(dict), look_up_failed(str, str): what the hub offers; a sentence and a hint.
        died(str): the child crashed three times in a row. The next request tries once more.

    Attributes:
        latest: the newest answer to a check, for a page that is built after it came; None before the first.
    """

    checked = Signal(object)
    checking = Signal(bool)
    started = Signal(str)
    refused = Signal(object)
    sampled = Signal(object)
    sample_refused = Signal(object)
    looked_up = Signal(object)
    look_up_failed = Signal(str, str)
    died = Signal(str)

    def __init__(
        self,
        parent: QObject | None = None,
        debounce_ms: int = DEBOUNCE_MS,
        patience_ms: int = PATIENCE_MS,
        command: Sequence[str] = COMMAND,
    ) -> None:
        super().__init__(parent)
        self.latest: Answer | None = None
        self._command = tuple(command)
        self._number = 0
        self._sent: dict[int, _Sent] = {}  # in the order they were sent
        self._wanted: dict[str, str] | None = None  # a check that waits for a pause in typing
        self._newest_check = 0
        self._is_checking = False
        self._is_ready = False
        self._is_closing = False
        self._crashes = 0
        self._child = Child("The service", self)
        self._child.line_received.connect(self._on_line_received)
        self._child.ended.connect(self._on_ended)
        self._debounce = _timer(self, debounce_ms, self._on_typing_paused)
        self._patience = _timer(self, patience_ms, self._on_patience_ended)

    def check(self, text: str, source: str, folder: str) -> None:
        """Check a preset's text after a pause in typing; relative paths in it are relative to `folder`."""
        self._wanted = {"text": text, "source": source, "folder": folder}
        self._debounce.start()
        self._set_checking(True)

    def start(self, text: str, source: str, folder: str) -> None:
        """Check everything anew and start a training; ignored while another one is being started."""
        if not any(sent.do == "start" for sent in self._sent.values()):
            self._send("start", {"text": text, "source": source, "folder": folder})

    def resume(self, run: str) -> None:
        """Go on with a run; ignored while this is being done already."""
        if not any(sent.do == "resume" and sent.values["run"] == run for sent in self._sent.values()):
            self._send("resume", {"run": run})

    def look_up(self, name: str) -> None:
        """Ask the hub what a model of that name has; nothing is downloaded."""
        self._send("look_up", {"name": name})

    def sample(self, text: str, folder: str, concept: int, picture: int, epoch: int, repeat: int) -> None:
        """Ask for one sample as a training of this preset will see it; numbers as in `sample_preview`."""
        numbers = {"concept": concept, "picture": picture, "epoch": epoch, "repeat": repeat}
        self._send("sample", {"text": text, "source": "", "folder": folder, **numbers})

    def forget(self) -> None:
        """The next check reads all folders anew."""
        if self._child.is_running:
            self._send("forget", {})

    def close(self, wait_ms: int = CLOSING_MS) -> None:
        """Let the child end; runs go on. Nothing is emitted any more. It blocks, though longer only for a start."""
        self._is_closing = True
        self._debounce.stop()
        self._patience.stop()
        if self._child.is_running:
            self._child.close_input()
            is_making_a_run = any(sent.do in RUNS for sent in self._sent.values())
            if not self._child.wait(max(wait_ms, STARTING_MS if is_making_a_run else 0)):
                self._child.kill()
                self._child.wait(KILLED_MS)

    def _send(self, do: str, values: Mapping[str, str | int]) -> None:
        if self._is_closing:
            return
        self._number += 1
        if do == "check":
            self._newest_check = self._number
        self._sent[self._number] = _Sent(do, dict(values))
        if not self._child.is_running:
            self._start_child()
        elif self._is_ready:
            self._write(self._number)

    def _write(self, number: int) -> None:
        """A request goes out; the child has to begin it before long, or say what it is busy with."""
        sent = self._sent[number]
        self._child.send(json.dumps({"id": number, "do": sent.do, **sent.values}))
        if not self._patience.isActive():  # typing on does not give a child that hangs more time
            self._patience.start()

    def _start_child(self) -> None:
        """What has no answer is sent once the child is ready; of the checks only the newest."""
        self._is_ready = False
        self._sent = {
            number: _Sent(sent.do, sent.values)
            for number, sent in self._sent.items()
            if sent.do != "check" or number == self._newest_check
        }
        program, *arguments = self._command
        self._child.start(program, arguments, folder=str(ROOT))

    def _set_checking(self, value: bool) -> None:
        if value != self._is_checking:
            self._is_checking = value
            self.checking.emit(value)

    def _on_typing_paused(self) -> None:
        wanted, self._wanted = self._wanted, None
        if wanted is not None:
            self._send("check", wanted)

    def _on_line_received(self, line: str) -> None:
        try:
            answer = json.loads(line)
        except ValueError:
            return
        if not isinstance(answer, dict) or self._is_closing:
            return
        if answer.get("ready"):
            self._is_ready = True
            for number in list(self._sent):
                self._write(number)
            return
        self._on_answered(answer)

    def _on_answered(self, answer: Answer) -> None:
        number = answer.get("id")
        sent = self._sent.get(number) if isinstance(number, int) else None
        if "begun" in answer or "reading" in answer:
            if sent is not None:
                sent.has_begun = True
            self._expect_more()
            return
        self._crashes = 0
        if isinstance(number, int):
            self._sent.pop(number, None)
        self._expect_more()
        if "skipped" in answer or (sent is None and "refreshed" not in answer):
            return
        self._tell(sent.do if sent else "check", number == self._newest_check, answer)

    def _expect_more(self) -> None:
        """A sign of life: the patience begins anew while a request waits to be begun."""
        if any(not sent.has_begun for sent in self._sent.values()):
            self._patience.start()
        else:
            self._patience.stop()

    def _tell(self, do: str, is_newest: bool, answer: Answer) -> None:
        faults = answer.get("faults") or []
        if do == "check" and is_newest and self._wanted is None:
            self._set_checking(False)
            self.latest = answer
            self.checked.emit(answer)
        elif do in RUNS and answer["ok"]:
            self.started.emit(answer["run"])
        elif do in RUNS:
            self.refused.emit(faults)
        elif do == "sample" and answer["ok"]:
            self.sampled.emit(answer)
        elif do == "sample":
            self.sample_refused.emit(faults)
        elif do == "look_up" and answer["ok"]:
            self.looked_up.emit(answer)
        elif do == "look_up":
            self.look_up_failed.emit(faults[0]["text"], faults[0]["mend"])

    def _on_patience_ended(self) -> None:
        """Something older hangs in the child: a folder on a dead disk, a hash of a thousand pictures."""
        if any(sent.do in RUNS and sent.has_begun for sent in self._sent.values()):
            self._patience.start()  # a run in the making is never torn
        else:
            self._child.kill()

    def _on_ended(self, outcome: Outcome) -> None:
        self._patience.stop()
        if self._is_closing:
            return
        if outcome.state != "stopped":
            self._crashes += 1
            self._give_up_begun_runs(outcome)
        if self._crashes >= CRASHES_AT_MOST:
            self._give_up(outcome)
        elif self._sent and not self._child.is_running:  # a request may have started it already
            self._start_child()

    def _give_up_begun_runs(self, outcome: Outcome) -> None:
        """A run that was being made may be there or not; making it again could make two."""
        for number, sent in list(self._sent.items()):
            if sent.do in RUNS and sent.has_begun:
                del self._sent[number]
                text = f"{outcome} while the training was being started"
                self.refused.emit([_fault(text, "look whether it is among the runs, then try again")])

    def _give_up(self, outcome: Outcome) -> None:
        lost, self._sent = self._sent, {}
        self._set_checking(False)
        for sent in lost.values():
            if sent.do in RUNS:
                self.refused.emit([_fault(str(outcome))])
            elif sent.do == "sample":
                self.sample_refused.emit([_fault(str(outcome))])
            elif sent.do == "look_up":
                self.look_up_failed.emit(str(outcome), "")
        last = outcome.last_words.splitlines()[-1:] or [""]
        self.died.emit(f"{outcome}, {CRASHES_AT_MOST} times in a row" + (f": {last[0]}" if last[0] else ""))


def _timer(parent: QObject, milliseconds: int, call: Any) -> QTimer:
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(milliseconds)
    timer.timeout.connect(call)
    return timer


def _fault(text: str, mend: str = "") -> Answer:
    return {"text": text, "key": "", "where": "", "mend": mend, "severity": "error", "code": "service", "fix": None}
