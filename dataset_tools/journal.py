"""The journal of a session: what was changed, on disk before any caption file is touched.

A file of frames, appended and fsynced. A frame is whole or it is not there: before it stand its length and sum.

    H  folders, as "folder/*.txt"             one, at the beginning
    C  zlib of [[path, before, after, stamp], ...]     a part of a batch, at most `PART` files
    B  id, label, kind, of, time, parts, count         ends a batch: its parts before this count from here on
    W  [[path, stamp, settled], ...]         what the caption files hold now
    D                                        every file is as the journal says; nothing is left to do

`before` and `after` are the bytes of the file (text where they are UTF-8, else base64), null where there is none;
`stamp` is the file as it was known when this was written. A living session holds a lock on its journal. One whose lock
is free belongs to a session that has ended or was killed, and is taken over.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from dataset_tools.journal_frames import (
    HEAD_SIZE,
    BatchHead,
    Content,
    Entry,
    Written,
    entries_in,
    frame,
    head_at,
    part_frame,
    parted,
    payload_at,
    stamp_of,
)
from dataset_tools.reading import Stamp
from kohya_like.schema.errors import FormatError

try:
    import fcntl
except ImportError:  # Windows: a second editor on one folder takes the first one's journal for that of a dead one
    fcntl = None  # type: ignore[assignment]

SUFFIX = ".journal"


@dataclass
class Owed:
    """What a journal still owes one file: from `known` (or one of our own `texts`) to `wanted`."""

    before: Content
    known: Stamp | None
    wanted: Content
    texts: list[Content] = field(default_factory=list)  # what it was edited to, in order


@dataclass
class Said:
    """What a journal says: the folders it is about; its batches; the offsets of their parts, by id; what it owes."""

    folders: tuple[str, ...] = ()
    batches: list[BatchHead] = field(default_factory=list)
    places: dict[str, tuple[int, ...]] = field(default_factory=dict)
    owed: dict[str, Owed] = field(default_factory=dict)
    end: int = 0  # where the last whole frame ends


class Journal:
    """An open, locked journal file. Not for two threads at once."""

    def __init__(self, path: Path, descriptor: int, end: int) -> None:
        self.path, self._descriptor, self._end, self._first = path, descriptor, end, 0
        self.settled = True

    @classmethod
    def create(cls, folder: Path, folders: Sequence[str], now: float) -> Journal:
        """A new journal in `folder`. `now`: seconds since 1970, for its name. Raises OSError."""
        os.makedirs(folder, exist_ok=True)
        name = f"{int(now * 1000):014d}-{os.urandom(4).hex()}{SUFFIX}"
        descriptor = os.open(folder / name, _flags() | os.O_CREAT | os.O_EXCL, 0o600)
        journal = cls(folder / name, descriptor, 0)
        try:
            _lock(descriptor)
            journal._append(frame(b"H", json.dumps({"version": 1, "folders": list(folders)}).encode()))
            journal._first = journal._end
            _sync_folder(folder)
        except BaseException:
            os.close(descriptor)
            raise
        return journal

    @classmethod
    def take_over(cls, path: Path) -> tuple[Journal, Said] | None:
        """The journal of a session that is no more, and what it says; None if it is alive or this is no journal."""
        try:
            descriptor = os.open(path, _flags())
        except OSError:
            return None
        try:
            if not _lock(descriptor):
                os.close(descriptor)
                return None
            content = _content(descriptor)
        except (OSError, FormatError, ValueError):
            os.close(descriptor)
            return None
        journal = cls(path, descriptor, content.end)
        with suppress(OSError):
            os.ftruncate(descriptor, content.end)  # what a kill left half written
        journal.settled = not content.owed
        return journal, content

    def append_batch(self, head: BatchHead, entries: Iterable[Entry]) -> tuple[BatchHead, tuple[int, ...]]:
        """Write a batch and fsync: after this it survives anything. Returns its head, completed, and its places.

        Raises:
            OSError: as the system said it (a full disk); the batch is not there, a second try is possible.
        """
        start = self._end
        places: list[int] = []
        count = 0
        try:
            for part in parted(entries):
                places.append(self._end)
                count += len(part)
                self._append(part_frame(part))
            whole = BatchHead(head.id, head.label, head.kind, head.of, head.time, len(places), count)
            self._append(frame(b"B", json.dumps(whole.__dict__).encode()))
            os.fsync(self._descriptor)
        except BaseException:
            self._end = start
            with suppress(OSError):
                os.ftruncate(self._descriptor, start)
            raise
        self.settled = False
        return whole, tuple(places)

    def append_written(self, written: Sequence[Written]) -> None:
        """Note what files hold now. Not fsynced: after a power cut the files themselves tell. Raises OSError."""
        self._append(frame(b"W", json.dumps(written).encode()))

    def append_settled(self) -> None:
        """Nothing is owed any more. Raises OSError."""
        if not self.settled:
            self._append(frame(b"D", b""))
            self.settled = True

    @property
    def empty(self) -> bool:
        """Whether no batch was ever written to it."""
        return self._end == self._first

    def close(self, delete: bool = False) -> None:
        """Let go of it; `delete` where it says nothing that somebody could want."""
        if delete:
            with suppress(OSError):
                os.unlink(self.path)
        os.close(self._descriptor)

    def _append(self, data: bytes) -> None:
        done = 0
        while done < len(data):
            done += _write_at(self._descriptor, data[done:], self._end + done)
        self._end += len(data)


def read_entries(path: Path, places: Sequence[int]) -> Iterator[Entry]:
    """The entries of a batch, by the places of its parts. Raises OSError, FormatError."""
    descriptor = os.open(path, _flags())
    try:
        for place in places:
            yield from entries_in(payload_at(descriptor, place)[1])
    finally:
        os.close(descriptor)


def folders_of(path: Path) -> tuple[str, ...]:
    """What a journal is about ("folder/*.txt"); none if it is no journal."""
    try:
        descriptor = os.open(path, _flags())
    except OSError:
        return ()
    try:
        kind, payload = payload_at(descriptor, 0)
        return tuple(json.loads(payload)["folders"]) if kind == b"H" else ()
    except (OSError, ValueError, FormatError):
        return ()
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    """The name of a new journal on the disk: after a power cut, fsync of the file alone need not be enough."""
    with suppress(OSError):  # Windows has no way to do so
        descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _flags() -> int:
    return os.O_RDWR | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


def _lock(descriptor: int) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks: as on Windows
        return True
    return True


def _write_at(descriptor: int, data: bytes, offset: int) -> int:
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.write(descriptor, data)


def _content(descriptor: int) -> Said:
    """All whole frames. A batch without its end, or behind a damaged frame, does not count."""
    content = Said()
    parts: list[int] = []
    since: list[tuple[BatchHead, tuple[int, ...]] | list[Written]] = []  # batches and notes since nothing was owed
    size = os.fstat(descriptor).st_size
    while True:
        try:
            kind, length, _ = head_at(descriptor, content.end)
            following = content.end + HEAD_SIZE + length
            payload = payload_at(descriptor, content.end)[1] if kind != b"C" else b""
        except FormatError:
            break
        if following > size:
            break
        if kind == b"H":
            content.folders = tuple(json.loads(payload)["folders"])
        elif kind == b"C":  # read when somebody wants to know
            parts.append(content.end)
        elif kind == b"B":
            head = BatchHead(**json.loads(payload))
            if len(parts) >= head.parts:
                since.append((head, tuple(parts[len(parts) - head.parts :])))
            parts = []
        elif kind == b"W":
            since.append([Written(path, stamp_of(stamp), done) for path, stamp, done in json.loads(payload)])
        elif kind == b"D":
            _take(content, since)
            since = []
        content.end = following
    if not content.folders:
        raise FormatError("the journal has no head")
    _take(content, since)
    _owe(content, descriptor, since)
    return content


def _take(said: Said, since: Sequence[tuple[BatchHead, tuple[int, ...]] | list[Written]]) -> None:
    for one in since:
        if isinstance(one, tuple):
            said.batches.append(one[0])
            said.places[one[0].id] = one[1]


def _owe(said: Said, descriptor: int, since: Sequence[tuple[BatchHead, tuple[int, ...]] | list[Written]]) -> None:
    """What the batches and notes, in their order, leave to be written."""
    for one in since:
        if isinstance(one, list):
            for note in one:
                if note.settled:
                    said.owed.pop(note.path, None)
                elif note.path in said.owed:
                    said.owed[note.path].known = note.stamp
            continue
        try:
            entries = [entry for place in one[1] for entry in entries_in(payload_at(descriptor, place)[1])]
        except FormatError:  # a power cut before the fsync: no file was touched for it yet
            said.batches.remove(one[0])
            continue
        for entry in entries:
            debt = said.owed.setdefault(entry.path, Owed(entry.before, entry.known, entry.after))
            debt.known, debt.wanted = entry.known, entry.after
            debt.texts.append(entry.after)
