"""Work that would stop the window (files, folders, pictures) done in a thread; its result comes back in the UI thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from PySide6.QtCore import QCoreApplication, QObject, QRunnable, QThreadPool, Signal, Slot

T = TypeVar("T")


class _Back(QObject):
    """Lives in the UI thread; a queued signal carries the result to it."""

    ended = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.moveToThread(_ui_thread())
        self.ended.connect(self._run)

    @Slot(object)
    def _run(self, call: Callable[[], None]) -> None:
        call()


class _Work(QRunnable):
    def __init__(self, work: Callable[[], object], ended: Callable[[object, Exception | None], None]) -> None:
        super().__init__()
        self._work, self._ended = work, ended

    def run(self) -> None:
        result, error = None, None
        try:
            result = self._work()
        except Exception as fault:  # every fault goes to `failed` or to the caller's traceback
            error = fault
        self._ended(result, error)


_back: _Back | None = None
_pending: set[int] = set()
_lock = threading.Lock()
_number = 0


def later(
    work: Callable[[], T],
    done: Callable[[T], None],
    failed: Callable[[Exception], None] | None = None,
    owner: QObject | None = None,
) -> None:
    """Call `work` in a thread, then `done` with its result (or `failed` with its exception) in the UI thread.

    Nothing is called when `owner` was deleted in between. Without `failed` an exception is raised in the UI thread.
    """
    global _back, _number
    if _back is None:
        _back = _Back()
    back = _back
    with _lock:
        _number += 1
        number = _number
        _pending.add(number)

    def deliver(result: object, error: Exception | None) -> None:
        _pending.discard(number)
        if owner is not None and not _alive(owner):
            return
        if error is None:
            done(result)  # type: ignore[arg-type]
        elif failed is not None:
            failed(error)
        else:
            raise error

    def ended(result: object, error: Exception | None) -> None:
        try:
            back.ended.emit(lambda: deliver(result, error))
        except RuntimeError:  # the application is gone
            _pending.discard(number)

    QThreadPool.globalInstance().start(_Work(work, ended))


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


def _ui_thread() -> object:
    application = QCoreApplication.instance()
    if application is None:
        raise RuntimeError("there is no application to bring a result back to")
    return application.thread()
