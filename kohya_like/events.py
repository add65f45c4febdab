"""What a run says and what it is told: an append-only event log, and a control file, both plain lines of JSON.

`<run>/events.jsonl` holds one object a line, `protocol: 1`. It is flushed to the OS at every event and fsynced when
something was saved or the run finished. A reader keeps only whole lines, and drops what a resumed run did again:
events of a step above the step it resumed from (`settled`).

`<run>/control.jsonl` holds commands. Each names the trainer process it is meant for by the token in `run.json`, so
that a file left by an earlier process is ignored; each has an id that a `control` event echoes.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

PROTOCOL = 1
EVENTS, CONTROL, RUN, EXIT, CONSOLE = "events.jsonl", "control.jsonl", "run.json", "exit.json", "console.log"
TOKEN_VARIABLE = "KOHYA_LIKE_PROCESS"

Verb = Literal["stop", "stop_after_epoch", "save", "sample", "pause"]
VERBS: tuple[Verb, ...] = get_args(Verb)


@dataclass(frozen=True)
class Event:
    kind: ClassVar[str] = ""
    durable: ClassVar[bool] = False


@dataclass(frozen=True)
class Started(Event):
    """The run is known: how long it will be and what is trained."""

    kind: ClassVar[str] = "started"
    total_steps: int
    epochs: int
    steps_per_epoch: int
    groups: dict[str, float]  # learning rate by part
    parameters: int
    version: str = ""


@dataclass(frozen=True)
class Phase(Event):
    """What takes the time now; `done` of `total` where that is known."""

    kind: ClassVar[str] = "phase"
    name: str
    done: int = 0
    total: int = 0


@dataclass(frozen=True)
class Step(Event):
    """One optimizer step. `seconds` is its duration, `memory_bytes` the peak so far, `numbers` what the method adds."""

    kind: ClassVar[str] = "step"
    step: int
    epoch: int
    loss: float
    lr: dict[str, float]
    seconds: float
    memory_bytes: int
    gradient_norm: float
    numbers: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Validation(Event):
    kind: ClassVar[str] = "validation"
    step: int
    epoch: int
    loss: float


@dataclass(frozen=True)
class Sample(Event):
    kind: ClassVar[str] = "sample"
    step: int
    prompt: str
    index: int
    seed: int
    path: str


@dataclass(frozen=True)
class Saved(Event):
    kind: ClassVar[str] = "saved"
    durable: ClassVar[bool] = True
    step: int
    path: str
    what: Literal["model", "network", "embedding", "state"]


@dataclass(frozen=True)
class Warned(Event):
    kind: ClassVar[str] = "warning"
    text: str
    hint: str = ""


@dataclass(frozen=True)
class Resumed(Event):
    kind: ClassVar[str] = "resumed"
    step: int
    state: str = ""


@dataclass(frozen=True)
class Controlled(Event):
    """A command was taken; `id` is the command's."""

    kind: ClassVar[str] = "control"
    id: str
    verb: str
    step: int


@dataclass(frozen=True)
class Failed(Event):
    kind: ClassVar[str] = "failed"
    durable: ClassVar[bool] = True
    text: str
    hint: str = ""


@dataclass(frozen=True)
class Finished(Event):
    kind: ClassVar[str] = "finished"
    durable: ClassVar[bool] = True
    reason: Literal["done", "stopped", "paused"]
    step: int
    path: str = ""


KINDS: dict[str, type[Event]] = {
    cls.kind: cls
    for cls in (Started, Phase, Step, Validation, Sample, Saved, Warned, Resumed, Controlled, Failed, Finished)
}


@dataclass(frozen=True)
class Record:
    """An event and when it was written (seconds since the epoch)."""

    time: float
    event: Event


def encode(event: Event, now: float) -> str:
    body = {"protocol": PROTOCOL, "time": round(now, 3), "event": event.kind, **asdict(event)}
    return json.dumps(body, ensure_ascii=False) + "\n"


def decode(line: str) -> Record | None:
    """The record of a line; None for a line that is no event of ours (foreign, torn, of a later protocol)."""
    try:
        body = json.loads(line)
        kind = KINDS[body.pop("event")]
        now = float(body.pop("time"))
        if body.pop("protocol") != PROTOCOL:
            return None
        return Record(now, kind(**body))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


class Reporter:
    """Writes events to the log and hands each to the listeners (a terminal, a test)."""

    def __init__(self, path: Path | None, listeners: Iterable[Callable[[Event], None]] = ()) -> None:
        self._listeners = list(listeners)
        self._file = None
        if path is not None:
            end_torn_line(path)
            self._file = path.open("a", encoding="utf-8")

    def listen(self, listener: Callable[[Event], None]) -> None:
        self._listeners.append(listener)

    def emit(self, event: Event) -> None:
        if self._file is not None:
            # a full disk must not end a run over its diary: what is unwritten stays buffered for the next event
            with contextlib.suppress(OSError):
                self._file.write(encode(event, time.time()))
                self._file.flush()
                if event.durable:
                    os.fsync(self._file.fileno())
        for listener in self._listeners:
            listener(event)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def end_torn_line(path: Path) -> None:
    """A killed writer may leave half a line; the next one starts on a line of its own."""
    if path.exists() and path.stat().st_size:
        with path.open("rb+") as file:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")


def read_lines(path: Path, offset: int, limit: int = 4 << 20) -> tuple[list[str], int]:
    """Whole lines after `offset` (at most `limit` bytes of them) and the offset to go on from."""
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read(limit)
    end = data.rfind(b"\n") + 1
    if end == 0 and len(data) == limit:  # one line longer than the limit is nobody's event: step over it
        return [], offset + limit
    # not splitlines(): JSON leaves U+2028 and the like in a prompt as they are
    return data[:end].decode("utf-8", errors="replace").split("\n")[:-1], offset + end


def read_events(path: Path, offset: int = 0) -> tuple[list[Record], int]:
    """The records after `offset` and the offset to go on from; a torn last line waits for its end."""
    records: list[Record] = []
    while path.exists():
        lines, following = read_lines(path, offset)
        records += [record for line in lines if (record := decode(line)) is not None]
        if following == offset:
            break
        offset = following
    return records, offset


def settled(records: Iterable[Record]) -> list[Record]:
    """The history without the steps that a resumed run went back over."""
    kept: list[Record] = []
    for record in records:
        if isinstance(record.event, Resumed):
            limit = record.event.step
            kept = [r for r in kept if getattr(r.event, "step", 0) <= limit]
        kept.append(record)
    return kept


@dataclass(frozen=True)
class Command:
    verb: Verb
    process: str
    id: str = field(default_factory=lambda: secrets.token_hex(4))


def send(run: Path, verb: Verb) -> Command:
    """Ask the trainer of a run folder for something. Raises OSError if the folder holds no `run.json`."""
    token = json.loads((run / RUN).read_text(encoding="utf-8")).get("token", "")
    command = Command(verb, token)
    line = json.dumps(asdict(command)) + "\n"
    handle = os.open(run / CONTROL, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(handle, line.encode())
    finally:
        os.close(handle)
    return command


class EndRequested(Exception):
    """A stop or a pause was asked for before there is a trainer to obey it."""

    def __init__(self, command: Command) -> None:
        super().__init__(command.verb)
        self.command = command


class ControlFile:
    """The trainer's end: `poll` costs one stat call when nothing was asked."""

    def __init__(self, path: Path | None, token: str) -> None:
        self._path, self._token, self._offset = path, token, 0
        self._waiting: list[Command] = []
        self.stop_after_epoch = False

    def ask(self, verb: Verb) -> None:
        """Queue a command from inside the process (a signal handler); `poll` yields it."""
        self._waiting.append(Command(verb, self._token))

    def poll(self) -> Iterator[Command]:
        self._read()
        while self._waiting:
            yield self._waiting.pop(0)

    def end_if_asked(self) -> None:
        """For long work before the first step: raises EndRequested. Any other command waits for the first step."""
        self._read()
        for command in self._waiting:
            if command.verb in ("stop", "pause"):
                raise EndRequested(command)

    def _read(self) -> None:
        if self._path is None:
            return
        try:
            if os.stat(self._path).st_size <= self._offset:
                return
        except FileNotFoundError:
            return
        lines, self._offset = read_lines(self._path, self._offset)
        commands = (_command(line) for line in lines)
        self._waiting += [command for command in commands if command is not None and command.process == self._token]


def _command(line: str) -> Command | None:
    try:
        body: Mapping[str, Any] = json.loads(line)
        command = Command(**body)
    except (ValueError, TypeError, RecursionError):
        return None
    return command if command.verb in VERBS else None
