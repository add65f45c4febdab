"""The window's lines to the tagging process: read in a thread, so that a cancel is heard while a model works."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, TextIO

VERBS = ("tag", "cancel", "look_up", "fetch")
LINE_CAP = 64 << 20  # bytes: 100,000 long paths are 20 MB
MOST_PICTURES = 1_000_000


@dataclass(frozen=True)
class Request:
    """One line. What a verb does not need is empty. A tagger's values may hold a key: they are never shown."""

    id: int
    do: str
    tagger: Mapping[str, Any] = field(default_factory=dict, repr=False)
    pictures: tuple[str, ...] = field(default=(), repr=False)
    name: str = ""
    to: str = ""


class Requests:
    """`take` gives requests one after another; a cancel is no request but a fact: `cancelled`."""

    def __init__(self, lines: BinaryIO, answers: TextIO, on_closed: Callable[[], None] = lambda: None) -> None:
        self._lines, self._answers, self._on_closed = lines, answers, on_closed
        self._writing = threading.Lock()
        self._changed = threading.Condition()
        self._waiting: deque[Request] = deque()
        self._cancelled: set[int] = set()
        self._closed = False

    def open(self) -> None:
        self.answer(None, {"ready": True})
        threading.Thread(target=self._read, name="requests", daemon=True).start()

    def take(self) -> Request | None:
        """The next request; None when nobody is there any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            return None if self._closed else self._waiting.popleft()

    def cancelled(self, id: int) -> bool:
        """Whether this request is no longer wanted, by a cancel or because the window is gone."""
        with self._changed:
            return self._closed or id in self._cancelled

    def answer(self, id: int | None, body: Mapping[str, Any]) -> None:
        line = json.dumps({"id": id, **body}) + "\n"
        with self._writing:
            try:
                self._answers.write(line)
                self._answers.flush()
            except OSError:  # the window is gone; its end of the other pipe says so as well
                return

    def _read(self) -> None:
        while line := self._lines.readline(LINE_CAP):
            if not line.endswith(b"\n") and len(line) == LINE_CAP:
                while (rest := self._lines.readline(LINE_CAP)) and not rest.endswith(b"\n"):
                    continue
                self._refuse(None, f"the request is longer than {LINE_CAP:,} bytes")
            elif line.strip():
                self._put(line)
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._on_closed()

    def _put(self, line: bytes) -> None:
        found = parsed(line)
        if isinstance(found, str):
            self._refuse(None, found)
            return
        with self._changed:
            if found.do == "cancel":
                self._cancelled.add(found.id)
            else:
                self._waiting.append(found)
            self._changed.notify_all()

    def _refuse(self, id: int | None, text: str) -> None:
        self.answer(id, {"ok": False, "faults": [{"text": text, "mend": ""}]})


def parsed(line: bytes) -> Request | str:
    """The request of a line, or what is wrong with it; nothing of the line is repeated, it may hold a key."""
    try:
        body = json.loads(line)
    except (ValueError, RecursionError):
        return "the request is not a line of JSON"
    if not isinstance(body, dict) or type(body.get("id")) is not int:
        return "the request is no table with a whole number as its id"
    if body.get("do") not in VERBS:
        return f"the request asks for something unknown; there are {', '.join(VERBS)}"
    tagger, pictures = body.get("tagger", {}), body.get("pictures", [])
    if not isinstance(tagger, dict):
        return "the request's tagger is no table"
    if not isinstance(pictures, list) or not all(isinstance(picture, str) for picture in pictures):
        return "the request's pictures are no list of paths"
    if len(pictures) > MOST_PICTURES:
        return f"the request names more than {MOST_PICTURES:,} pictures"
    name, to = body.get("name", ""), body.get("to", "")
    if not isinstance(name, str) or not isinstance(to, str):
        return "the request's name and to must be text"
    return Request(body["id"], body["do"], tagger, tuple(pictures), name, to)
