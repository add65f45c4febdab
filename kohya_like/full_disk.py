"""What a run does when the disk is full: it says what is missing and waits, instead of losing a night's training."""

from __future__ import annotations

import errno
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from kohya_like.events import ControlFile, Controlled, Phase, Reporter, Warned
from kohya_like.schema.errors import UserError

FULL = (errno.ENOSPC, errno.EDQUOT)
POLL_SECONDS = 0.2

T = TypeVar("T")


@dataclass(frozen=True)
class Patience:
    """`save` asks for another try, `stop` and `pause` give up; nothing that was saved before is touched."""

    reporter: Reporter
    control: ControlFile

    def write(self, write: Callable[[], T], path: Path, needed_bytes: int, step: int, total: int) -> T:
        """Do it, however often it takes.

        Args:
            path: what is written, for the sentence.
            needed_bytes: about as much as it takes.

        Raises:
            UserError: a stop or a pause was asked for while the disk was full.
            OSError: anything but a full disk.
        """
        while True:
            try:
                return write()
            except OSError as error:
                if error.errno not in FULL:
                    raise
            text = f"the disk is full: {path} needs about {megabytes(needed_bytes)}, {free(path)}"
            self.reporter.emit(
                Warned(f"{text}. Training waits; nothing is lost", "free some space, then Save; or Stop")
            )
            self.reporter.emit(Phase("waiting for disk space", step, total))
            self._wait(step)

    def _wait(self, step: int) -> None:
        while True:
            for command in self.control.poll():
                self.reporter.emit(Controlled(command.id, command.verb, step))
                if command.verb in ("stop", "pause"):
                    raise UserError("stopped while the disk was full; the newest whole file and state are kept")
                if command.verb == "save":
                    return
                if command.verb == "stop_after_epoch":
                    self.control.stop_after_epoch = True
            time.sleep(POLL_SECONDS)


def megabytes(size: int) -> str:
    return f"{max(size, 1e5) / 1e6:.1f} MB"


def free(path: Path) -> str:
    """How much there is where a path lies, or will lie."""
    there = next(folder for folder in path.absolute().parents if folder.exists())
    return f"{there} has {shutil.disk_usage(there).free / 1e6:.1f} MB"
