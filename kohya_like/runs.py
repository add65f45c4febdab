"""Run folders from the outside: make one, start it, resume it, follow it. No torch; the window uses it as well."""

from __future__ import annotations

import datetime
import hashlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from kohya_like import supervise
from kohya_like.events import EVENTS, EXIT, Finished, Record, decode, read_events
from kohya_like.formats.atomic import atomic_text
from kohya_like.schema.errors import UserError

CONFIG = "config.toml"
LAST_BYTES = 64 << 10  # of the event log: enough for its last lines


def new_run_folder(output_dir: Path, name: str) -> Path:
    """A fresh folder `<output_dir>/runs/<name>-<date>-<time>`; a second run in the same second gets a number."""
    stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    parent = output_dir / "runs"
    parent.mkdir(parents=True, exist_ok=True)
    for number in range(1, 1000):
        folder = parent / (f"{name}-{stamp}" + (f"-{number}" if number > 1 else ""))
        try:
            folder.mkdir()
            return folder
        except FileExistsError:
            continue
    raise UserError(f"{parent}: no free name for a run folder")


def trainer_command(run: Path, resume: bool = False) -> list[str]:
    return [sys.executable, "-m", "kohya_like", "run-trainer", str(run), *(["--resume"] if resume else [])]


def start(run: Path, config_toml: str) -> subprocess.Popen[bytes]:
    """Write the config into a new run folder and start its supervisor, detached."""
    atomic_text(run / CONFIG, config_toml)
    return supervise.launch(run, trainer_command(run))


def resume(run: Path) -> subprocess.Popen[bytes]:
    """Go on with a run that was paused, stopped or killed. Raises UserError if it still runs, is done, or is none."""
    if not (run / CONFIG).is_file():
        raise UserError(f"{run} is no run folder: it holds no {CONFIG}", "choose a folder below <output_dir>/runs")
    if supervise.status(run) == "running":
        raise UserError(f"{run} is still running", "stop or pause it first")
    if is_done(run):
        raise UserError(
            f"{run} has finished: there is nothing left to train",
            f"for more, raise train.max_train_epochs or train.max_train_steps in its {CONFIG}, then resume",
        )
    (run / EXIT).unlink(missing_ok=True)
    return supervise.launch(run, trainer_command(run, resume=True))


def is_done(run: Path) -> bool:
    """All steps were trained and saved, and the config was not changed since, which may ask for more."""
    try:
        ended, asked = (run / EXIT).stat().st_mtime_ns, (run / CONFIG).stat().st_mtime_ns
        size = event_offset(run)
        with (run / EVENTS).open("rb") as file:
            file.seek(max(0, size - LAST_BYTES))
            lines = file.read().decode("utf-8", errors="replace").split("\n")
    except OSError:
        return False
    last = next((record for line in reversed(lines) if (record := decode(line)) is not None), None)
    done = last is not None and isinstance(last.event, Finished) and last.event.reason == "done"
    return done and asked <= ended


def follow(run: Path, supervisor: subprocess.Popen[bytes], offset: int = 0) -> Iterator[Record]:
    """The run's events as they come, until its supervisor has ended and everything was read."""
    while True:
        ended = supervisor.poll() is not None
        records, offset = read_events(run / EVENTS, offset)
        yield from records
        if ended:
            return
        time.sleep(0.05)


def event_offset(run: Path) -> int:
    path = run / EVENTS
    return path.stat().st_size if path.exists() else 0


def exit_text(run: Path) -> str:
    """How a run ended, in words; empty while it runs or when it ended well."""
    body = supervise.read_json(run / EXIT)
    if not body:
        return "" if supervise.status(run) == "running" else "the training process vanished without a word"
    if body.get("signal") == 9:
        return "the training process was killed (SIGKILL): most often the machine ran out of memory"
    if body.get("signal"):
        return f"the training process was ended by signal {body['signal']}"
    return f"the training process ended with code {body['code']}" if body.get("code") else ""


def fingerprint(*parts: object) -> str:
    """A short stable hash of plain values."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()
