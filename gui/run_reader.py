"""Follows the events of one run in a thread; the window is told at most ten times a second."""

from __future__ import annotations

import math
import threading
import time
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from gui.follow import FollowedFile, Follower
from gui.run_data import RunData
from gui.run_events import is_step, parse
from kohya_like.events import EVENTS

BLOCK = 128 << 10  # small, so that reading never holds the interpreter for long
BREATH = 0.0005  # seconds after each block in which the window's thread gets its turn
LONGEST_LINE = 4 << 20
WHOLE = 64 << 20  # of a larger file the middle is thinned
WHOLE_END = 8 << 20  # but never so much at its beginning and at its end
TELL_MILLISECONDS = 100


class EventFile:
    """The thread's part: from the file into `data`. Knows no Qt."""

    def __init__(self, path: Path, whole: int = WHOLE, whole_end: int = WHOLE_END) -> None:
        self.data = RunData()
        self.changes = 0
        self._file = FollowedFile(path)
        self._whole, self._whole_end = whole, whole_end
        self._rest = b""
        self._in_long_line = False
        self._thin, self._thin_until, self._nth = 1, 0, 0

    def look(self, stopped: threading.Event) -> bool:
        """Read what is new; whether there was anything."""
        found = self._file.look()
        if found == "gone":
            return self._note(gone=self._file.is_open)
        if found == "new" and not self._begin():
            return self._note(gone=False)
        self._note(gone=False)
        before = self._file.offset
        while not stopped.is_set() and (block := self._file.read(BLOCK)):
            self._take(block)
            time.sleep(BREATH)
        return self._file.offset != before

    def close(self) -> None:
        self._file.close()

    def _begin(self) -> bool:
        if self._file.is_open:
            self.data.clear()
        self._rest, self._in_long_line, self._nth = b"", False, 0
        if not self._file.reopen():
            return False
        self._thin = math.ceil(self._file.size / self._whole) if self._file.size > self._whole else 1
        self._thin_until = self._file.size - self._whole_end
        self.data.thinned = self._thin
        self.changes += 1
        return True

    def _note(self, gone: bool) -> bool:
        data, trouble = self.data, self._file.trouble
        changed = (data.gone, data.trouble, data.size) != (gone, trouble, self._file.size)
        data.gone, data.trouble, data.size = gone, trouble, self._file.size
        self.changes += changed
        return changed

    def _take(self, block: bytes) -> None:
        whole, newline, rest = block.rpartition(b"\n")
        if not newline:
            self._rest += rest
            if len(self._rest) > LONGEST_LINE:  # nobody's event
                self._rest, self._in_long_line = b"", True
            return
        lines = (self._rest + whole).decode("utf-8", errors="replace").split("\n")
        self._rest = rest
        if self._in_long_line:
            self._in_long_line = False
            self.data.skipped += 1
            lines = lines[1:]
        self.data.add(parse(self._thinned(lines)))
        self.data.read = self._file.offset
        self.changes += 1

    def _thinned(self, lines: list[str]) -> list[str]:
        """In the middle of a huge file every k-th step line and every other event."""
        if self._thin == 1 or not self._whole_end < self._file.offset < self._thin_until:
            return lines
        kept = []
        for line in lines:
            if is_step(line):
                self._nth += 1
                if self._nth % self._thin:
                    continue
            kept.append(line)
        return kept


class RunReader(QObject):
    """`data` grows; `batch_read` says so. Lives as long as somebody looks at the run; `close` ends its thread."""

    batch_read = Signal()

    def __init__(self, run: Path | str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.run = Path(run)
        self._events = EventFile(self.run / EVENTS)
        self._told = 0
        self._follower = Follower(self._events.look, self._events.close)
        self._follower.end_with(self)
        self._timer = QTimer(self, interval=TELL_MILLISECONDS)
        self._timer.timeout.connect(self._tell)
        self._timer.start()
        self._follower.start()

    @property
    def data(self) -> RunData:
        return self._events.data

    def close(self) -> None:
        """Stop following; what was read stays."""
        self._timer.stop()
        self._follower.stop()

    def _tell(self) -> None:
        changes = self._events.changes
        if changes != self._told:
            self._told = changes
            self.batch_read.emit()
