"""Requests as JSON lines from a pipe, read in a thread, and answers as JSON lines back.

The thread looks ahead: it knows whether a newer request waits, and refuses a second start while one is being made.
"""

from __future__ import annotations

import json
import re
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, BinaryIO, TextIO

from kohya_like.schema.errors import Fault

VERBS = ("check", "start", "resume", "look_up", "forget", "sample")
LINE_CAP = 8 << 20  # bytes; a preset has at most 256 KiB


@dataclass(frozen=True)
class Request:
    """One line of the window. What a verb does not need is empty."""

    id: int
    do: str
    text: str = ""
    source: str = ""
    folder: str = ""
    run: str = ""
    name: str = ""
    concept: int = 0
    picture: int = 0
    epoch: int = 1
    repeat: int = 0


class Mailbox:
    """Requests come in by a thread; `answer` may be called from any. `on_closed` is called by it after the last."""

    def __init__(self, lines: BinaryIO, answers: TextIO, on_closed: Callable[[], None] = lambda: None) -> None:
        self._lines, self._answers, self._on_closed = lines, answers, on_closed
        self._writing = threading.Lock()
        self._changed = threading.Condition()
        self._waiting: deque[Request] = deque()
        self._closed = False
        self._starting = False

    def open(self) -> None:
        """Say that requests are taken, and take them."""
        self._write({"ready": True})
        threading.Thread(target=self._read, name="requests", daemon=True).start()

    def take(self) -> Request | None:
        """The next request; None when there will be none."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            while self._closed and self._waiting and self._waiting[0].do not in ("start", "resume"):
                self._waiting.popleft()  # nobody is there to read the answer; a run that was asked for is made
            return self._waiting.popleft() if self._waiting else None

    def waiting(self) -> bool:
        """Whether there is something newer to do, or nobody to do it for."""
        with self._changed:
            return bool(self._waiting) or self._closed

    def newer_check(self) -> Request | None:
        """The newest check that waits, if any."""
        with self._changed:
            return next((request for request in reversed(self._waiting) if request.do == "check"), None)

    def answer(self, id: int | None, body: Mapping[str, Any]) -> None:
        self._write({"id": id, **body})

    def start_is_over(self) -> None:
        with self._changed:
            self._starting = False

    def _write(self, body: Mapping[str, Any]) -> None:
        line = json.dumps(body) + "\n"
        with self._writing:
            try:
                self._answers.write(line)
                self._answers.flush()
            except OSError:  # the window is gone; its stdin says so as well
                return

    def _read(self) -> None:
        while line := self._lines.readline(LINE_CAP):
            if not line.endswith(b"\n") and len(line) == LINE_CAP:
                while (rest := self._lines.readline(LINE_CAP)) and not rest.endswith(b"\n"):
                    continue
                self._refuse(_id_in(line), f"the request is longer than {LINE_CAP:,} bytes")
            elif line.strip():
                self._put(line)
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._on_closed()

    def _put(self, line: bytes) -> None:
        found = parsed(line)
        if isinstance(found, str):
            return self._refuse(_id_in(line), found)
        with self._changed:
            refused = found.do == "start" and self._starting
            if not refused:
                self._starting = self._starting or found.do == "start"
                self._waiting.append(found)
                self._changed.notify_all()
        if refused:
            self._refuse(found.id, "a training is being started already", "wait for it to appear among the runs")

    def _refuse(self, id: int | None, text: str, mend: str = "") -> None:
        fault = Fault(text, mend=mend, code="request")
        self.answer(id, {"ok": False, "faults": [{**fault.as_dict(), "fix": None}]})


def parsed(line: bytes) -> Request | str:
    """The request of a line, or what is wrong with it."""
    try:
        body = json.loads(line)
    except (ValueError, RecursionError):
        return "the request is not a line of JSON"
    if not isinstance(body, dict) or type(body.get("id")) is not int:
        return "the request is no table with a whole number as its id"
    if body.get("do") not in VERBS:
        return f"the request asks for {str(body.get('do'))[:40]!r}; there are {', '.join(VERBS)}"
    known = {field.name: type(field.default) for field in fields(Request) if field.name not in ("id", "do")}
    values = {name: value for name, value in body.items() if name in known}
    wrong = sorted(name for name, value in values.items() if type(value) is not known[name])
    if wrong:
        return f"the request's {', '.join(wrong)} must be {'text' if known[wrong[0]] is str else 'a whole number'}"
    return Request(body["id"], body["do"], **values)


def _id_in(line: bytes) -> int | None:
    """The id of a request that is not whole: the window writes it first."""
    found = re.match(rb'\s*\{\s*"id":\s*(\d{1,15})\b', line[:100])
    return int(found[1]) if found else None
