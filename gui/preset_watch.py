"""Notices when another program writes or removes the open preset.

Asked every second in the background: a file system watcher would have to look at the file in the UI thread, and hears
nothing of network disks.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from gui.background import later
from kohya_like.preset_file import Content, Stamp, look

POLL_MILLISECONDS = 1000


class PresetWatch(QObject):
    """Says what stands under a name after each change of it."""

    seen = Signal(object)  # Content

    def __init__(self, parent: QObject, milliseconds: int = POLL_MILLISECONDS) -> None:
        super().__init__(parent)
        self._path: Path | None = None
        self._stamp: Stamp | None = None
        self._turn = 0
        self._missed = False
        self._timer = QTimer(self)
        self._timer.setInterval(milliseconds)
        self._timer.setSingleShot(True)  # not as a keyword: PySide then loses a reference to True
        self._timer.timeout.connect(self._look)

    def follow(self, path: Path | None, stamp: Stamp | None = None) -> None:
        """Watch another file (None: none) that looked like `stamp` last; what is still under way is forgotten."""
        self._path, self._stamp, self._missed = path, stamp, False
        self._turn += 1
        self._go_on()

    def pause(self) -> None:
        """Say nothing until `follow`."""
        self._turn += 1
        self._timer.stop()

    def _go_on(self) -> None:
        if self._path is not None:
            self._timer.start()
        else:
            self._timer.stop()

    def _look(self) -> None:
        path, stamp, turn = self._path, self._stamp, self._turn
        if path is not None:
            later(lambda: look(path, stamp), lambda found: self._on_looked(turn, found), owner=self)

    def _on_looked(self, turn: int, found: Content | None) -> None:
        if turn != self._turn:
            return
        self._go_on()
        missing = found is not None and found.raw is None
        first, self._missed = missing and not self._missed, missing
        if first:  # an editor may be putting a new file in its place
            return
        if found is not None and found.stamp != self._stamp:
            self._stamp = found.stamp
            self.seen.emit(found)
