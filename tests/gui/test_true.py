"""Signals may be emitted and methods called as often as one likes; PySide6 takes references to True and None away."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
EMITS = """
import gui
from PySide6.QtCore import QCoreApplication, QObject, Signal
class Bell(QObject):
    rung = Signal()
bell = Bell()
application = QCoreApplication([])
for _ in range(20_000):
    {call}
print("alive")
"""


@pytest.mark.parametrize("call", ["bell.rung.emit()", "application.processEvents()"])
def test_twenty_thousand_calls_do_not_end_the_program(call: str) -> None:
    program = EMITS.format(call=call)
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "alive"), done.stderr
