"""A follower's thread ends with its owner, however that goes, and is never called after it was freed."""

from __future__ import annotations

import subprocess
import sys
import weakref
from pathlib import Path

import pytest
import shiboken6
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from gui.follow import Follower

ROOT = Path(__file__).parent.parent.parent
COMES_AND_GOES = """
import threading, time
from PySide6.QtCore import QCoreApplication
from gui.run_reader import RunReader
application = QCoreApplication([])
for n in range(6_000):
    reader = RunReader("/nowhere")
    if n % 3:
        reader.close()
    if n % 2:
        time.sleep(0.0003 * (n % 5))  # now and then the thread has ended when the reader goes
    del reader
for thread in threading.enumerate()[1:]:
    thread.join(60)
print("alive", threading.active_count())
"""


def quick() -> Follower:
    follower = Follower(lambda stopped: True, quick=0.001)
    follower.start()
    return follower


def test_the_thread_ends_when_qt_deletes_the_owner(qtbot: QtBot) -> None:
    owner, follower = QObject(), quick()
    follower.end_with(owner)
    assert follower.is_alive()
    shiboken6.delete(owner)
    follower.join(60)
    assert not follower.is_alive()


def test_the_thread_ends_when_python_forgets_the_owner(qtbot: QtBot) -> None:
    owner, follower = QObject(), quick()
    follower.end_with(owner)
    del owner
    follower.join(60)
    assert not follower.is_alive()


@pytest.mark.parametrize("held", [True, False])
def test_the_owner_holds_the_follower_to_its_end(held: bool, qtbot: QtBot) -> None:
    """The control: a bound method is not held, and is called though its object is gone."""
    owner, follower = QObject(), quick()
    if held:
        follower.end_with(owner)
    else:
        owner.destroyed.connect(follower.stop)
    follower.stop()
    follower.join(60)
    there = weakref.ref(follower)
    del follower
    assert (there() is not None) is held
    if not held:
        owner.destroyed.disconnect()
    del owner
    assert there() is None


def test_readers_come_and_go(qtbot: QtBot) -> None:
    done = subprocess.run([sys.executable, "-c", COMES_AND_GOES], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, ["alive", "1"]), done.stderr
    assert done.stderr == ""


def test_only_functions_are_called_when_something_is_destroyed() -> None:
    """PySide forgets to look whether the object of a bound method is still there."""
    text = "".join(path.read_text() for path in sorted((ROOT / "gui").rglob("*.py")))
    assert text.count("destroyed.connect(") == text.count("destroyed.connect(lambda") > 0
