"""Following a file that another process writes: it grows, is cut, replaced or deleted. For threads of their own."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from io import FileIO
from pathlib import Path

from PySide6.QtCore import QObject

QUICK, SLOW = 0.1, 0.4  # seconds between two looks: while something comes, and while nothing does


class FollowedFile:
    """Reads on from where it stopped. The open file keeps its number from being used again by another one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.offset = self.size = 0
        self.trouble = ""
        self._file: FileIO | None = None

    @property
    def is_open(self) -> bool:
        return self._file is not None

    def look(self) -> str:
        """ "same", "new" (there is another file than before, or it was cut: call `reopen`), or "gone"."""
        try:
            there = os.stat(self.path)
        except OSError:
            return "gone"
        if not stat.S_ISREG(there.st_mode):  # opening a pipe would wait for ever
            return "gone"
        if self._file is None or there.st_size < self.offset:
            return "new"
        mine = os.fstat(self._file.fileno())
        if (mine.st_dev, mine.st_ino) != (there.st_dev, there.st_ino):
            return "new"
        self.size = there.st_size
        return "same"

    def reopen(self) -> bool:
        """Open what is there now, from its beginning; whether that went well. If not, `trouble` says why."""
        self.close()
        try:
            self._file = FileIO(self.path)
        except OSError as error:
            self.trouble = f"{self.path}: {error.strerror}"
            return False
        self.offset, self.trouble = 0, ""
        self.size = os.fstat(self._file.fileno()).st_size
        return True

    def read(self, limit: int) -> bytes:
        """At most `limit` bytes more; empty at the end."""
        assert self._file is not None
        try:
            self._file.seek(self.offset)
            data = self._file.read(limit) or b""
        except OSError as error:
            self.trouble = f"{self.path}: {error.strerror}"
            return b""
        self.offset += len(data)
        return data

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class Follower(threading.Thread):
    """Calls `look` again and again until `stop`, soon if it found something. `look` is given the word to stop."""

    def __init__(
        self,
        look: Callable[[threading.Event], bool],
        end: Callable[[], None] = lambda: None,
        quick: float = QUICK,
        slow: float = SLOW,
    ) -> None:
        super().__init__(daemon=True)
        self._look, self._end, self._quick, self._slow = look, end, quick, slow
        self._stopped, self._wake = threading.Event(), threading.Event()

    def run(self) -> None:
        while not self._stopped.is_set():
            self._wake.clear()
            self._wake.wait(self._quick if self._look(self._stopped) else self._slow)
        self._end()

    def end_with(self, owner: QObject) -> None:
        """Stop when `owner` is deleted, by Qt or by Python."""
        # PySide holds no reference for a bound method, and would call that of a freed follower; a lambda it does hold
        owner.destroyed.connect(lambda: self.stop())

    def look_now(self) -> None:
        """Do not wait for the next time."""
        self._wake.set()

    def stop(self) -> None:
        self._stopped.set()
        self._wake.set()
