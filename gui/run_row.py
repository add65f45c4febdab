"""How one run stands, in one row, from a few small reads. Never in the UI thread.

Who lives is decided by process id, start time and boot id alone; how a dead one ended by `exit.json` and by the last
word of its log. No clock decides it, but for a run whose supervisor never wrote a word: that one is new for half a
minute.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gui.run_events import Told, is_step, parse
from kohya_like import supervise
from kohya_like.events import EVENTS, RUN, Event, Failed, Finished, Phase, Saved, Started
from kohya_like.runs import CONFIG, exit_text

Status = Literal["new", "running", "finished", "failed", "interrupted", "stopped", "paused"]
ENDS = 64 << 10  # bytes read at the beginning and at the end of a log, however long it is
GRACE = 30.0  # seconds in which a supervisor has surely written that it is there
NOT_BEGUN = "the training never began: its supervisor died before it could start"
NO_WORD = "the training ended without a word and without a file"


@dataclass(frozen=True)
class RunRow:
    """`text` is a sentence: why it failed or was cut off, what it wrote, what takes the time now."""

    path: str
    name: str
    status: Status
    started: float
    step: int
    total: int
    text: str
    can_resume: bool
    hint: str = ""


@dataclass(frozen=True)
class _Ends:
    """The first and the last events of a log."""

    first: list[Told]
    last: list[Event]
    mine: list[Event]  # those of `last` that the newest process wrote


def is_run(folder: Path) -> bool:
    return (folder / CONFIG).is_file() or (folder / RUN).is_file()


def row_of(run: Path, clock: Callable[[], float] = time.time) -> RunRow:
    """Look at a run folder. Raises OSError if it is gone."""
    there = os.stat(run)
    alive = supervise.status(run)  # before the events, so that nothing written before the end is missed
    noted = supervise.read_json(run / RUN)
    ends = _ends(run / EVENTS, noted.get("events_from"))
    status, text, hint = _ending(run, alive, ends, clock)
    step = next((number for event in reversed(ends.last) if (number := _step(event)) is not None), 0)
    total = next((e.total_steps for e in reversed([*_events(ends.first), *ends.last]) if isinstance(e, Started)), 0)
    resumable = status in ("interrupted", "stopped", "paused", "failed") and (step == 0 or _has_state(run))
    started = next((item.time for item in ends.first if item.time == item.time), 0)
    started = started or _changed(run / CONFIG, there.st_mtime)
    resumable = resumable and (run / CONFIG).is_file()
    return RunRow(str(run), run.name, status, started, step, total, text, resumable, hint)


def _ending(run: Path, alive: str, ends: _Ends, clock: Callable[[], float]) -> tuple[Status, str, str]:
    """Status, sentence and hint."""
    if alive == "running":
        phase = next((event.name for event in reversed(ends.mine) if isinstance(event, Phase)), "")
        return "running", phase, ""
    if alive == "new" and not ends.last:
        age = clock() - _changed(run / CONFIG, 0)
        return ("new", "", "") if -1 < age < GRACE else ("interrupted", NOT_BEGUN, "")
    word = next((event for event in reversed(ends.mine) if isinstance(event, Finished | Failed)), None)
    if isinstance(word, Failed):
        return "failed", word.text, word.hint
    if isinstance(word, Finished):
        return _finished(word, ends)
    if alive == "finished":
        return "failed", NO_WORD, "see console.log in the run folder"
    return ("failed" if alive == "failed" else "interrupted"), exit_text(run), ""


def _finished(word: Finished, ends: _Ends) -> tuple[Status, str, str]:
    where = f"after step {word.step}" + (f": {word.path}" if word.path else "")
    if word.reason != "done":
        return word.reason, f"{word.reason} {where}", ""
    saved = any(isinstance(event, Saved) and event.path == word.path for event in ends.mine)
    if not word.path or not (saved or Path(word.path).exists()):
        return "failed", "the training said that it had finished, but wrote no file", "see console.log"
    return "finished", f"finished {where}", ""


def _step(event: Event) -> int | None:
    """How far the run was when it said this."""
    if isinstance(event, Phase):
        return event.done if event.name in ("train", "save") else None
    return getattr(event, "step", None)


def _events(told: list[Told]) -> list[Event]:
    return [item.event for item in told]


def _ends(path: Path, mine_from: object) -> _Ends:
    """Read both ends of the log; steps but the last one are left out unread."""
    try:
        if not path.is_file():
            return _Ends([], [], [])
        with path.open("rb") as file:
            first = file.read(ENDS)
            size = os.fstat(file.fileno()).st_size
            begin = max(0, size - ENDS)
            file.seek(begin)
            last = file.read(ENDS)
    except OSError:
        return _Ends([], [], [])
    if begin:
        torn = last.find(b"\n") + 1
        begin, last = begin + torn, last[torn:]
    told = _whole_lines(last, begin)
    limit = mine_from if isinstance(mine_from, int) else 0
    opening = [item for _, item in _whole_lines(first[: first.rfind(b"\n") + 1], 0)]
    return _Ends(opening, [item.event for _, item in told], [item.event for at, item in told if at >= limit])


def _whole_lines(data: bytes, at: int) -> list[tuple[int, Told]]:
    """The events in the data, each with its place in the file: the newest step, and whatever is no step."""
    found: list[tuple[int, Told]] = []
    has_step = False
    lines = data.split(b"\n")[:-1]
    place = at + sum(len(line) + 1 for line in lines)
    for line in reversed(lines):
        place -= len(line) + 1
        text = line.decode("utf-8", errors="replace")
        if has_step and is_step(text):
            continue
        for item in parse([text]).items:
            if isinstance(item, Told):
                found.append((place, item))
            elif item.last is not None:
                has_step = True
                found.append((place, Told(item.times[-1], item.last)))
    return found[::-1]


def _has_state(run: Path) -> bool:
    try:
        with os.scandir(run / "checkpoints") as entries:
            return any(entry.name.startswith("state-") and entry.is_dir() for entry in entries)
    except OSError:
        return False


def _changed(path: Path, otherwise: float) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return otherwise
