"""The last lines of a console log, followed in a thread, however fast it grows and whatever bytes it holds.

Progress bars that redraw themselves with carriage returns are one line: the last one. Escape sequences and control
characters are taken out, undecodable bytes replaced. Of what comes faster than it can be shown, the newest is kept.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from gui.follow import FollowedFile, Follower

MOST_BYTES = 2 << 20  # read in one go, and kept
MOST_LINES = 10_000
MOST_PIECES = 8  # of a file that another one took the place of
LONGEST = 10_000  # characters of a line
LONGEST_BYTES = 4 * LONGEST
STATES = 5  # so many last states of a bar are tried: a bar that was wiped shows what stood there before
TOLD_LINES, TOLD_CHARACTERS = 1_000, 200_000  # given to the window in one go
TELL_MILLISECONDS = 100
# CSI (colours, cursor), OSC (titles, links), and the two-character escapes
ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -~]?")
CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")


def shown(line: bytes) -> str:
    """A raw line as text that can be shown: the last state of a progress bar, without control characters."""
    for state in reversed(line.rsplit(b"\r", STATES)[-STATES:]):
        text = state[:LONGEST_BYTES].decode("utf-8", errors="replace")
        text = CONTROLS.sub("", ESCAPES.sub("", text))
        if text.strip():
            return text if len(text) <= LONGEST and len(state) <= LONGEST_BYTES else text[: LONGEST - 1] + "…"
    return ""


class LogLines:
    """The thread's part: `kept` is what can be looked at, `fresh` what the window was not told yet."""

    def __init__(self, path: Path) -> None:
        self.unfinished = ""  # the last line, as long as its end has not come
        self.kept: deque[str] = deque()
        self.fresh: deque[str] = deque()
        self.lock = threading.Lock()
        self._characters = self._left_out = 0
        self._file = FollowedFile(path)
        self._rest = b""

    def look(self, stopped: threading.Event) -> bool:
        found = self._file.look()
        if found == "gone":
            return False
        if found == "new":
            self._open()
        if not self._file.is_open:
            return False
        return self._read_on()

    def close(self) -> None:
        self._file.close()

    def take(self) -> list[str]:
        """Lines for the window, few enough to be added without a pause."""
        taken: list[str] = []
        characters = 0
        with self.lock:
            if self._left_out:
                taken.append(f"... {self._left_out} lines skipped")
                self._left_out = 0
            while self.fresh and len(taken) < TOLD_LINES and characters < TOLD_CHARACTERS:
                taken.append(self.fresh.popleft())
                characters += len(taken[-1])
        return taken

    def _open(self) -> None:
        """Another file is there: the first one, or the next one after a rotation; the old one is read to its end."""
        if self._file.is_open:
            for _ in range(MOST_PIECES):
                if not self._read_on():
                    break
            self._file.reopen()
        elif self._file.reopen() and self._file.size < MOST_BYTES:
            older = FollowedFile(self._file.path.with_name(self._file.path.name + ".1"))
            if older.look() == "new" and older.reopen():
                begin = older.offset = max(0, older.size - (MOST_BYTES - self._file.size))
                self._take(older.read(MOST_BYTES), torn=begin > 0)
                older.close()

    def _read_on(self) -> bool:
        file = self._file
        skipped = max(0, file.size - file.offset - MOST_BYTES)
        if skipped:
            if file.offset or self.kept:
                self._add([f"... {max(1, skipped >> 20)} MB skipped"])
            file.offset += skipped
            self._rest = b""
        data = file.read(MOST_BYTES)
        self._take(data, torn=skipped > 0)
        return bool(data)

    def _take(self, data: bytes, torn: bool) -> None:
        """Take on bytes; `torn`: they begin in the middle of a line."""
        if torn:
            data = data.partition(b"\n")[2] or data
        first, *more = (self._rest + data).rsplit(b"\n", MOST_LINES + 1)
        left_out = 0
        if len(more) <= MOST_LINES:
            more.insert(0, first)
        else:
            left_out = first.count(b"\n") + 1
        self._rest = more.pop()
        if len(self._rest) > LONGEST_BYTES:  # of a bar the newest state counts, of any other line its beginning
            self._rest = self._rest.rstrip(b"\r").rpartition(b"\r")[2][: LONGEST_BYTES + 1]
        self.unfinished = shown(self._rest)
        self._add([shown(line) for line in more], left_out)

    def _add(self, lines: list[str], left_out: int = 0) -> None:
        with self.lock:
            at_opening = not self.kept
            self.kept.extend(lines)
            self.fresh.extend(lines)
            self._characters += sum(len(line) + 1 for line in lines)
            while len(self.kept) > MOST_LINES or self._characters > MOST_BYTES:
                self._characters -= len(self.kept.popleft()) + 1
            while len(self.fresh) > len(self.kept):
                self.fresh.popleft()
                left_out += 1
            if not at_opening:
                self._left_out += left_out


class LogTail(QObject):
    """`lines_added` brings whole lines; `unfinished_changed` the last line while it is still being written."""

    lines_added = Signal(list)
    unfinished_changed = Signal(str)

    def __init__(self, path: Path | str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._log = LogLines(Path(path))
        self._unfinished = ""
        self._follower = Follower(self._log.look, self._log.close)
        self._follower.end_with(self)
        self._timer = QTimer(self, interval=TELL_MILLISECONDS)
        self._timer.timeout.connect(self._tell)
        self._timer.start()
        self._follower.start()

    @property
    def lines(self) -> list[str]:
        """Everything that is kept: for a filter, and for a view that was just made."""
        with self._log.lock:
            return list(self._log.kept)

    @property
    def unfinished(self) -> str:
        return self._log.unfinished

    def close(self) -> None:
        """Stop following; what was read stays."""
        self._timer.stop()
        self._follower.stop()

    def _tell(self) -> None:
        if lines := self._log.take():
            self.lines_added.emit(lines)
        if self._unfinished != self._log.unfinished:
            self._unfinished = self._log.unfinished
            self.unfinished_changed.emit(self._unfinished)
