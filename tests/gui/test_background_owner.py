"""A QObject whose last reference went in a worker thread would be destroyed there, and that crashes."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject, QTimer
from pytestqt.qtbot import QtBot

from gui.background import later, wait_for_all


class Owner(QObject):
    def __init__(self, destroyed_in: list[threading.Thread]) -> None:
        super().__init__()
        self.destroyed_in = destroyed_in
        self.timer = QTimer(self)
        self.timer.start(5)

    def __del__(self) -> None:
        self.destroyed_in.append(threading.current_thread())

    def work(self) -> int:
        return 1

    def done(self, result: int) -> None:
        self.result = result


@pytest.fixture
def hurried() -> Iterator[None]:
    """Threads take turns as often as possible, so that every order of events is met."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hurried")
def test_who_asked_for_work_is_never_destroyed_in_a_worker(qtbot: QtBot) -> None:
    destroyed_in: list[threading.Thread] = []
    for _ in range(500):
        owner = Owner(destroyed_in)
        later(owner.work, owner.done, owner=owner)
        del owner
        assert wait_for_all()
    assert len(destroyed_in) == 500
    assert set(destroyed_in) == {threading.main_thread()}
