"""Run folders as their runs leave them, for tests of the window: live, dead, finished, and in every other way."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from kohya_like import supervise
from kohya_like.events import EVENTS, EXIT, RUN, Event, Finished, Saved, Started, encode
from tests.gui.fake_trainer import step_line

ME: dict[str, object] = {"pid": os.getpid(), "started": supervise.start_time(os.getpid())}
DEAD: dict[str, object] = {"pid": 2**22 + 1, "started": 1}
BEGUN = Started(100, 10, 10, {"unet": 1e-4}, 7)


def text_of(events: Sequence[Event | str]) -> str:
    """The log of these events; a text stands for itself."""
    return "".join(e if isinstance(e, str) else encode(e, 50.0 + n) for n, e in enumerate(events))


def make(
    folder: Path,
    name: str = "ghost-20260101-120000",
    trainer: dict[str, object] | None = DEAD,
    ended: dict[str, object] | None = None,
    events: Sequence[Event | str] = (),
    events_from: int = 0,
    state: bool = False,
) -> Path:
    """A run folder as one of its ends leaves it; `trainer` None: nothing was ever written."""
    run = folder / "runs" / name
    run.mkdir(parents=True)
    (run / "config.toml").write_text("")
    if trainer is not None:
        body = {"token": "t", "boot_id": supervise.boot_id(), "trainer": trainer, "events_from": events_from}
        (run / RUN).write_text(json.dumps(body))
    if ended is not None:
        (run / EXIT).write_text(json.dumps({"token": "t", "signal": 0, "code": 0} | ended))
    (run / EVENTS).write_text(text_of(events), encoding="utf-8")
    if state:
        (run / "checkpoints" / "state-00000003").mkdir(parents=True)
    return run


DONE = (BEGUN, step_line(100), Saved(100, "ghost.safetensors", "network"), Finished("done", 100, "ghost.safetensors"))
