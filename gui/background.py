"""Work that would stop the window (files, folders, pictures) done in a thread; its result comes to the UI thread."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TypeVar

from PySide6.QtCore import QCoreApplication, QObject, QRunnable, QThread, QThreadPool, Signal, Slot

T = TypeVar("T")


class _Back(QObject):
    """Lives in the UI thread; a queued signal carries the result to it."""

    ended = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.moveToThread(_ui_thread())
        self.ended.connect(self._run)

    @Slot(object)
    def _run(self, outcome: tuple[int, object, Exception | None]) -> None:
        number, result, error = outcome
        _, deliver = _pending.pop(number)
        deliver(result, error)


class _Work(QRunnable):
    """Holds nothing of the window when it ends: a QObject whose last reference went in this thread would be destroyed
    in it, and that crashes. `_pending` keeps what was given until the UI thread has the result."""

    def __init__(self, number: int, work: Callable[[], object], back: _Back) -> None:
        super().__init__()
        self._number, self._work, self._back = number, work, back

    def run(self) -> None:
        result, error = None, None
        if (trace := threading.gettrace()) is not sys.gettrace():  # two threads at once must not set one
            sys.settrace(trace)  # a thread of Qt's pool does not take over a debugger or a coverage tool
        try:
            result = self._work()
        except Exception as fault:  # every fault goes to `failed` or to the caller's traceback
            error = fault
        del self._work
        try:
            self._back.ended.emit((self._number, result, error))
        except RuntimeError:  # the application is gone
            _pending.pop(self._number, None)


Deliver = Callable[[object, "Exception | None"], None]
_back: _Back | None = None
_pending: dict[int, tuple[Callable[[], object], Deliver]] = {}
_lock = threading.Lock()
_number = 0


def later(
    work: Callable[[], T],
    done: Callable[[T], None],
    failed: Callable[[Exception], None] | None = None,
    owner: QObject | None = None,
    pool: QThreadPool | None = None,
) -> None:
    """Call `work` in a thread, then `done` with its result (or `failed` with its exception) in the UI thread.

    Nothing is called when `owner` was deleted in between. Without `failed` an exception is raised in the UI thread.
    `pool`: threads of one's own, for work that must keep its order or must not make others wait.
    """
    global _back, _number
    if _back is None:
        _back = _Back()

    def deliver(result: object, error: Exception | None) -> None:
        if owner is not None and not _alive(owner):
            return
        if error is None:
            done(result)  # type: ignore[arg-type]
        elif failed is not None:
            failed(error)
        else:
            raise error

    with _lock:
        _number += 1
        number = _number
        _pending[number] = work, deliver
    (pool or QThreadPool.globalInstance()).start(_Work(number, work, _back))


def wait_for_all(milliseconds: int = 5000) -> bool:
    """Let everything under way end and deliver its result; whether it did in time. For closing, and for tests."""
    from PySide6.QtCore import QDeadlineTimer, QEventLoop

    deadline = QDeadlineTimer(milliseconds)
    while _pending and not deadline.hasExpired():
        QThreadPool.globalInstance().waitForDone(20)
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
    return not _pending


def _alive(owner: QObject) -> bool:
    from shiboken6 import isValid

    return isValid(owner)


def _ui_thread() -> QThread:
    application = QCoreApplication.instance()
    if application is None:
        raise RuntimeError("there is no application to bring a result back to")
    return application.thread()
