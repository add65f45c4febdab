"""Signals may be emitted as often as one likes; PySide6 takes a reference to True away with each of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
EMITS = """
import gui
from PySide6.QtCore import QObject, Signal
class Bell(QObject):
    rung = Signal()
bell = Bell()
for _ in range(20_000):
    bell.rung.emit()
print("alive")
"""


def test_twenty_thousand_signals_do_not_end_the_program() -> None:
    done = subprocess.run([sys.executable, "-c", EMITS], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "alive"), done.stderr
