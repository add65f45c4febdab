"""Files of unsaved work, one per window: written, found again, and judged. No Qt; everything here touches files."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from kohya_like.formats.atomic import atomic_write, sweep_orphans
from kohya_like.schema.toml_file import MAX_BYTES
from kohya_like.supervise import boot_id, start_time

MOST_BYTES = 8 * MAX_BYTES  # six bytes for each character that is not ASCII, and the frame
FIRST_LINES = 6


@dataclass(frozen=True)
class Owner:
    """A process, told from a later one of the same number by its start and the boot."""

    pid: int
    start: int | None
    boot: str

    @classmethod
    def me(cls) -> Owner:
        return cls(os.getpid(), start_time(os.getpid()), boot_id())

    @property
    def lives(self) -> bool:
        if self.boot != boot_id():
            return False
        if self.start is not None:
            return start_time(self.pid) == self.start
        try:  # a system without /proc
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except OSError:
            return True
        return True


@dataclass(frozen=True)
class Work:
    """Unsaved text, the file it belongs to ("" for a new one), and what that file held when it was edited."""

    path: str
    text: str
    base: str  # sha256 of the file's text; "" where there was none
    time: float


@dataclass(frozen=True)
class Rescued:
    """Unsaved work of a window that is gone."""

    file: Path  # where it is kept
    path: Path | None  # the preset it belongs to; None: it never had a file
    text: str
    time: float
    changed_on_disk: bool  # the preset was written since: it may be newer than the rescued text

    @property
    def first_lines(self) -> str:
        return "\n".join(self.text.splitlines()[:FIRST_LINES])


def digest(text: str | None) -> str:
    return "" if text is None else hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).hexdigest()


def write(file: Path, work: Work) -> None:
    """Whole or not at all, for nobody else to read. JSON in ASCII: no encoding can spoil it."""
    body = json.dumps({**asdict(work), **asdict(Owner.me())}).encode("ascii")

    def put(opened: BinaryIO) -> None:
        os.fchmod(opened.fileno(), 0o600)
        opened.write(body)

    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    atomic_write(file, put)


def remove(*files: Path) -> None:
    for file in files:
        with suppress(OSError):
            file.unlink()


def found(folder: Path) -> list[Rescued]:
    """What dead windows left behind, newest first. What is on the disk already, word for word, is cleared away."""
    sweep_orphans(folder)
    rescued = []
    for file in sorted(folder.glob("*.json")):
        with suppress(OSError, ValueError, KeyError, TypeError):  # no file of ours: left alone
            if (one := _judged(file)) is not None:
                rescued.append(one)
    return sorted(rescued, key=lambda one: one.time, reverse=True)


def _judged(file: Path) -> Rescued | None:
    if file.stat().st_size > MOST_BYTES:
        return None
    body = json.loads(file.read_bytes())
    owner = Owner(int(body["pid"]), body["start"], str(body["boot"]))
    work = Work(str(body["path"]), str(body["text"]), str(body["base"]), float(body["time"]))
    if owner.lives:
        return None
    present = _text_of(Path(work.path)) if work.path else None
    if present == work.text:
        remove(file)
        return None
    changed = present is not None and digest(present) != work.base
    return Rescued(file, Path(work.path) if work.path else None, work.text, work.time, changed)


def _text_of(path: Path) -> str | None:
    try:
        if not path.is_file():
            return None
        with path.open("rb") as opened:
            return opened.read(MAX_BYTES + 1).decode("utf-8", errors="replace")
    except OSError:
        return None
