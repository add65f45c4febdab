"""Cycles with a QObject in them are collected where Qt can bear it."""

from __future__ import annotations

import gc
import json
import threading

from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from gui.garbage import Garbage


class Knot(QObject):
    """Keeps itself alive until the garbage collector comes."""

    def __init__(self, collected_in: list[threading.Thread]) -> None:
        super().__init__()
        self.me = self
        self.collected_in = collected_in

    def __del__(self) -> None:
        self.collected_in.append(threading.current_thread())


def knots_and_a_busy_thread(kept: list[object]) -> list[threading.Thread]:
    """What the thread makes goes into `kept`: what is thrown away again makes no collection due."""
    collected_in: list[threading.Thread] = []
    for _ in range(20):
        Knot(collected_in)
    thread = threading.Thread(target=lambda: kept.extend(json.loads("[[], {}, [1]]") for _ in range(20_000)))
    thread.start()
    thread.join()
    return collected_in


def test_a_busy_thread_collects_nothing(qtbot: QtBot) -> None:
    garbage = Garbage()
    try:
        kept: list[object] = []
        collected_in = knots_and_a_busy_thread(kept)
        assert collected_in == []
        garbage.collect()
        assert collected_in == [threading.main_thread()] * 20
    finally:
        garbage.stop()
    assert gc.isenabled()


def test_without_it_a_busy_thread_does(qtbot: QtBot) -> None:
    gc.collect()
    gc.enable()
    assert threading.main_thread() not in knots_and_a_busy_thread([])[:1]


def test_what_is_not_due_is_left_alone(qtbot: QtBot) -> None:
    garbage = Garbage()
    try:
        gc.collect()
        collected_in: list[threading.Thread] = []
        Knot(collected_in)
        garbage.collect()
        assert collected_in == []
    finally:
        garbage.stop()
