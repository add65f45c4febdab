"""All runs of the output folders in use, how each stands, and the commands to them.

A thread looks: at running ones each second, at new folders each second, at the others now and then.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from gui.background import later
from gui.follow import Follower
from gui.run_row import RunRow, is_run, row_of
from kohya_like import events, supervise

__all__ = ["RunIndex", "RunRow"]

SECOND = 1.0
MOST_RUNS = 2000
LOOKS = 100  # finished runs looked at in a second: the newest ones, and as many of the others in turn
ATTENDED = 30  # looks at a run that was just started or resumed
TELL_MILLISECONDS = 200
STAMP = re.compile(r"\d{8}-\d{6}(-\d+)?$")


@dataclass
class _Known:
    row: RunRow | None  # None: a folder that is no run
    changed: int  # of the folder, in nanoseconds
    live: bool


class Survey:
    """The thread's part. `rows` is replaced, never changed, so the window may read it at any time."""

    def __init__(self, row: Callable[[Path], RunRow] = row_of) -> None:
        self.rows: tuple[RunRow, ...] = ()
        self.hidden = 0
        self.lost: deque[str] = deque(maxlen=MOST_RUNS)
        self.changes = 0
        self.roots: set[str] = set()  # output folders
        self.single: set[str] = set()  # run folders elsewhere
        self.attended: dict[str, int] = {}  # run -> looks to come
        self.all = False  # the next look is at every run
        self._row = row
        self._known: dict[str, _Known] = {}
        self._turn = 0

    def look(self, stopped: threading.Event) -> bool:
        everything = self._folders()
        found, hidden = everything[:MOST_RUNS], max(0, len(everything) - MOST_RUNS)
        due = self._due(found)
        there = set(everything)
        lost = [path for path, known in self._known.items() if path not in there and known.row is not None]
        self._known = {path: known for path in found if (known := self._known.get(path)) is not None}
        for path in due:
            if stopped.is_set():
                return False
            if not self._look_at(path) and path in self._known:
                lost += [path] if self._known.pop(path).row is not None else []
        rows = [known.row for known in self._known.values() if known.row is not None]
        self._publish(tuple(sorted(rows, key=lambda row: (row.started, row.path), reverse=True)), hidden, lost)
        return False

    def _folders(self) -> list[str]:
        """Folders that may be runs, newest first by the date in their names: no look into them is needed for it."""
        found = {path for path in list(self.single) if os.path.isdir(path)}
        for root in list(self.roots):
            folder = os.path.join(root, "runs")
            try:
                with os.scandir(folder) as entries:
                    found.update(e.path for e in entries if not e.name.startswith(".") and e.is_dir())
            except (FileNotFoundError, NotADirectoryError):
                continue
            except ValueError:  # no path at all: settings from elsewhere
                continue
            except OSError:  # a disk that does not answer now has lost nothing yet
                found.update(path for path in self._known if os.path.dirname(path) == folder)
        return sorted(found, key=lambda path: (_stamp(path), path), reverse=True)

    def _due(self, found: list[str]) -> list[str]:
        """The runs to look at now: unknown ones, live ones, attended ones, and others in turn."""
        everyone, self.all = self.all, False
        now = {path for path in found if (known := self._known.get(path)) is None or known.live}
        for run, looks in list(self.attended.items()):
            now.add(run)
            self.attended[run] = looks - 1
            if looks <= 1:
                del self.attended[run]
        rest = found if everyone else [*found[:LOOKS], *found[self._turn : self._turn + LOOKS]]
        self._turn = self._turn + LOOKS if self._turn + LOOKS < len(found) else 0
        now.update(path for path in rest if path not in now and self._was_touched(path))
        return [path for path in found if path in now]

    def _was_touched(self, path: str) -> bool:
        """Whatever starts or ends makes or replaces a file in the folder."""
        try:
            return os.stat(path).st_mtime_ns != self._known[path].changed
        except OSError:
            return True

    def _look_at(self, path: str) -> bool:
        """Whether it is there."""
        run = Path(path)
        try:
            changed = os.stat(run).st_mtime_ns
            row = self._row(run) if is_run(run) else None
        except OSError:
            return False
        unsure = row is not None and (row.status in ("running", "new") or not (run / events.RUN).exists())
        self._known[path] = _Known(row, changed, unsure or row is None)
        return True

    def _publish(self, rows: tuple[RunRow, ...], hidden: int, lost: list[str]) -> None:
        if rows != self.rows or hidden != self.hidden or lost:
            self.rows, self.hidden = rows, hidden
            self.lost.extend(lost)
            self.changes += 1


class RunIndex(QObject):
    """The runs of the output folders given to `add_root`, newest first."""

    changed = Signal()
    run_lost = Signal(str, str)  # run folder, sentence: it is not there any more
    command_failed = Signal(str)
    command_sent = Signal(str, str)  # run folder, verb; that it was taken is said by a `Controlled` event of the run

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._survey = Survey()
        self._runs: tuple[RunRow, ...] = ()
        self._told = 0
        self._follower: Follower | None = None
        self._timer = QTimer(self, interval=TELL_MILLISECONDS)
        self._timer.timeout.connect(self._tell)

    @property
    def runs(self) -> tuple[RunRow, ...]:
        return self._runs

    @property
    def hidden(self) -> int:
        """How many older runs are not listed, because there are too many."""
        return self._survey.hidden

    def row(self, run: str) -> RunRow | None:
        return next((row for row in self._runs if row.path == run), None)

    def add_root(self, folder: str | Path) -> None:
        """List the runs of an output folder, too: `<folder>/runs/*`."""
        self._survey.roots.add(os.path.abspath(folder))
        self._look_now()

    def attend(self, run: str | Path) -> None:
        """Look at this run each second for half a minute: it was just started or resumed. Lists its folder, too."""
        path = os.path.abspath(run)
        if os.path.basename(os.path.dirname(path)) == "runs":
            self._survey.roots.add(os.path.dirname(os.path.dirname(path)))
        else:
            self._survey.single.add(path)
        self._survey.attended[path] = ATTENDED
        self._look_now()

    def refresh(self) -> None:
        """Look at every run now."""
        self._survey.all = True
        self._look_now()

    def close(self) -> None:
        self._timer.stop()
        if self._follower is not None:
            self._follower.stop()
            self._follower = None

    def stop(self, run: str) -> None:
        self._send(run, "stop")

    def stop_after_epoch(self, run: str) -> None:
        self._send(run, "stop_after_epoch")

    def save_now(self, run: str) -> None:
        self._send(run, "save")

    def sample_now(self, run: str) -> None:
        self._send(run, "sample")

    def pause(self, run: str) -> None:
        self._send(run, "pause")

    def kill(self, run: str) -> None:
        """End a trainer that does not answer. What it saved stays; the run is then interrupted."""
        self._command(run, "kill", lambda: _kill(Path(run)))

    def _send(self, run: str, verb: events.Verb) -> None:
        self._command(run, verb, lambda: _ask(Path(run), verb))

    def _command(self, run: str, verb: str, work: Callable[[], str]) -> None:
        def done(sentence: str) -> None:
            if sentence:
                self.command_failed.emit(sentence)
            else:
                self.command_sent.emit(run, verb)
                self.attend(run)

        later(work, done, owner=self)

    def _look_now(self) -> None:
        if self._follower is None:
            self._follower = Follower(self._survey.look, quick=SECOND, slow=SECOND)
            self._follower.end_with(self)
            self._follower.start()
            self._timer.start()
        self._follower.look_now()

    def _tell(self) -> None:
        changes = self._survey.changes
        if changes == self._told:
            return
        self._told = changes
        self._runs = self._survey.rows
        self.changed.emit()
        while self._survey.lost:
            run = self._survey.lost.popleft()
            self.run_lost.emit(run, f"the run folder {Path(run).name} is not there any more: it was deleted or moved")


def _stamp(path: str) -> str:
    stamp = STAMP.search(path)
    return stamp[0] if stamp else ""


def _ask(run: Path, verb: events.Verb) -> str:
    """Send a command; a sentence if that is not possible."""
    if reason := _not_running(run):
        return reason
    try:
        events.send(run, verb)
    except (OSError, ValueError, AttributeError) as error:
        return f"{run.name}: the command could not be written: {error}"
    return ""


def _kill(run: Path) -> str:
    trainer = supervise.read_json(run / events.RUN).get("trainer")
    if not isinstance(trainer, dict) or not supervise.alive(trainer):
        return _not_running(run) or f"{run.name}: its training process has ended already"
    with contextlib.suppress(ProcessLookupError):
        os.kill(trainer["pid"], signal.SIGKILL)
    return ""


def _not_running(run: Path) -> str:
    how = supervise.status(run)
    if how == "running":
        return ""
    if how == "new" and run.is_dir():
        return f"{run.name}: the training is only starting; ask again in a moment"
    return f"{run.name}: no training is running there"
