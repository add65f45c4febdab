"""Watching the UI thread: which files it touches, which processes it starts, and how long its longest block is.

A Python audit hook sees every open, listing and process start with the thread that asks for it. Reading modules that
are imported for the first time does not count.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

from PySide6.QtCore import QAbstractEventDispatcher, QObject

EVENTS = ("open", "os.listdir", "os.scandir", "subprocess.Popen", "os.posix_spawn", "os.fork", "os.rename", "os.remove")
CODE = (".py", ".pyc", ".so", ".pyi", "/METADATA", "/RECORD")
_seen: list[str] | None = None
_installed = False


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _seen is None or event not in EVENTS or threading.current_thread() is not threading.main_thread():
        return
    what = str(arguments[0]) if arguments else ""
    if event == "open" and (what.endswith(CODE) or what.startswith("/proc/self") or what.isdigit()):
        return
    if event in ("os.listdir", "os.scandir") and "importlib" in sys._getframe(1).f_code.co_filename:
        return
    _seen.append(f"{event} {what}")


@contextlib.contextmanager
def io_of_main_thread() -> Iterator[list[str]]:
    """What the UI thread opens, lists or starts inside the `with`; an audit hook cannot be taken out, only asleep."""
    global _seen, _installed
    if not _installed:
        sys.addaudithook(_hook)
        _installed = True
    found: list[str] = []
    _seen = found
    try:
        yield found
    finally:
        _seen = None


class Blocks(QObject):
    """CPU time of the main thread between two turns of its event loop; `longest` in milliseconds.

    Each turn begins with `awake` and may wait after `aboutToBlock`; waiting takes no processor time.
    """

    def __init__(self) -> None:
        super().__init__()
        self.longest = 0.0
        self._since = time.thread_time()
        dispatcher = QAbstractEventDispatcher.instance()
        assert dispatcher is not None
        dispatcher.awake.connect(self._on_turn)
        dispatcher.aboutToBlock.connect(self._on_turn)

    def begin(self) -> None:
        """Count from now on."""
        self.longest, self._since = 0.0, time.thread_time()

    def _on_turn(self) -> None:
        now = time.thread_time()
        self.longest = max(self.longest, (now - self._since) * 1000)
        self._since = now
