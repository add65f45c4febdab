"""Work in a thread: its result, its fault, and nothing at all for an owner that is gone."""

from __future__ import annotations

import threading

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from gui.background import later, wait_for_all
from tests.gui.watch import io_of_main_thread

pytestmark = pytest.mark.quick


def test_work_runs_elsewhere_and_its_result_arrives_here(qtbot: QtBot) -> None:
    seen: list[object] = []
    later(threading.current_thread, lambda thread: seen.extend([thread, threading.current_thread()]))
    qtbot.waitUntil(lambda: len(seen) == 2)
    assert seen[0] is not threading.main_thread() and seen[1] is threading.main_thread()


def test_a_fault_goes_to_the_one_who_waits_for_it(qtbot: QtBot) -> None:
    faults: list[Exception] = []
    later(lambda: 1 // 0, lambda _: faults.append(AssertionError("no result")), faults.append)
    qtbot.waitUntil(lambda: bool(faults))
    assert isinstance(faults[0], ZeroDivisionError)


def test_nobody_is_called_for_an_owner_that_is_gone(qtbot: QtBot) -> None:
    seen: list[str] = []
    gone, there = QObject(), QObject()
    gate = threading.Event()
    later(lambda: gate.wait(5), lambda _: seen.append("gone"), owner=gone)
    later(lambda: gate.wait(5), lambda _: seen.append("there"), owner=there)
    gone.deleteLater()
    qtbot.waitUntil(lambda: not _alive(gone))
    gate.set()
    assert wait_for_all()
    assert seen == ["there"]


def test_files_opened_by_work_are_not_the_main_threads(qtbot: QtBot, tmp_path: object) -> None:
    path = f"{tmp_path}/a.txt"
    with io_of_main_thread() as touched:
        later(lambda: open(path, "w").close(), lambda _: None)
        assert wait_for_all()
    assert touched == []
    with io_of_main_thread() as touched:  # the control: the same in the main thread is seen
        open(path).close()
    assert touched == [f"open {path}"]


def _alive(thing: QObject) -> bool:
    from shiboken6 import isValid

    return bool(isValid(thing))
