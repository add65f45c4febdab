"""The journal of a session: what was changed, on disk before any caption file is touched.

A file of frames, appended and fsynced. A frame is whole or it is not there: before it stand its length and sum.

    H  folders                               one, at the beginning
    C  zlib of [[path, before, after, stamp], ...]     a part of a batch, at most `PART` files
    B  id, label, kind, of, time, parts, count         ends a batch: its parts before this count from here on
    W  [[path, stamp, settled], ...]         what the caption files hold now
    D                                        every file is as the journal says; nothing is left to do

`before` and `after` are the bytes of the file (text where they are UTF-8, else base64), null where there is none;
`stamp` is the file as it was known when this was written. A living session holds a lock on its journal. One whose lock
is free belongs to a session that has ended or was killed, and is taken over.
"""

from __future__ import annotations

import base64
import json
import os
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from dataset_tools.library import Stamp
from kohya_like.schema.errors import FormatError

try:
    import fcntl
except ImportError:  # Windows: a second editor on one folder takes the first one's journal for that of a dead one
    fcntl = None  # type: ignore[assignment]

SUFFIX = ".journal"
PART = 256  # changes in one frame: what one call of zlib and json holds Python's lock for stays below 5 ms
MAX_FRAME = 1 << 30
_HEAD = struct.Struct("<2scxII")  # "KJ", kind, length, crc32 of kind and payload
_MARK = b"KJ"

Kind = Literal["edit", "undo", "redo", "settle"]


Content = str | bytes | None  # of a file: text stands for its UTF-8; None: no file


def bytes_of(content: Content) -> bytes | None:
    """The bytes of a file."""
    return content.encode() if isinstance(content, str) else content


class Entry(NamedTuple):
    """One caption file in a batch. `known`: the file on disk when the entry was made; None: there was none."""

    path: str
    before: Content
    after: Content
    known: Stamp | None


class Written(NamedTuple):
    """A caption file as it is now; `settled`: as the journal wants it."""

    path: str
    stamp: Stamp | None
    settled: bool


@dataclass(frozen=True)
class BatchHead:
    """A batch without its entries. `of`: the batch that an undo or redo is about. `time`: seconds since 1970."""

    id: str
    label: str
    kind: Kind
    of: str = ""
    time: float = 0.0
    parts: int = 0
    count: int = 0


@dataclass
class Owed:
    """What a journal still owes one file: from `known` (or one of our own `texts`) to `wanted`."""

    before: Content
    known: Stamp | None
    wanted: Content
    texts: list[Content] = field(default_factory=list)  # what it was edited to, in order


@dataclass
class Said:
    """What a journal says. `places` are the offsets of a batch's parts, by its id."""

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
            journal._append(_frame(b"H", json.dumps({"version": 1, "folders": list(folders)}).encode()))
            journal._first = journal._end
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
        except (OSError, FormatError, ValueError, zlib.error):
            os.close(descriptor)
            return None
        journal = cls(path, descriptor, content.end)
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
            for part in _parts(entries):
                places.append(self._end)
                count += len(part)
                self._append(_frame(b"C", zlib.compress(json.dumps([_row(entry) for entry in part]).encode(), 1)))
            whole = BatchHead(head.id, head.label, head.kind, head.of, head.time, len(places), count)
            self._append(_frame(b"B", json.dumps(whole.__dict__).encode()))
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
        self._append(_frame(b"W", json.dumps(written).encode()))

    def append_settled(self) -> None:
        """Nothing is owed any more. Raises OSError."""
        if not self.settled:
            self._append(_frame(b"D", b""))
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
            yield from _entries(_payload(descriptor, place)[1])
    finally:
        os.close(descriptor)


def folders_of(path: Path) -> tuple[str, ...]:
    """The folders that a journal is about; none if it is no journal."""
    try:
        descriptor = os.open(path, _flags())
    except OSError:
        return ()
    try:
        kind, payload = _payload(descriptor, 0)
        return tuple(json.loads(payload)["folders"]) if kind == b"H" else ()
    except (OSError, ValueError, FormatError):
        return ()
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


def _frame(kind: bytes, payload: bytes) -> bytes:
    return _HEAD.pack(_MARK, kind, len(payload), zlib.crc32(payload, zlib.crc32(kind))) + payload


def _payload(descriptor: int, offset: int) -> tuple[bytes, bytes]:
    """Kind and payload of the frame at `offset`. Raises FormatError where there is no whole one."""
    kind, length, checksum = _head(descriptor, offset)
    os.lseek(descriptor, offset + _HEAD.size, os.SEEK_SET)
    payload = _read(descriptor, length)
    if len(payload) != length or zlib.crc32(payload, zlib.crc32(kind)) != checksum:
        raise FormatError("a frame of the journal is cut off or damaged")
    return kind, payload


def _head(descriptor: int, offset: int) -> tuple[bytes, int, int]:
    os.lseek(descriptor, offset, os.SEEK_SET)
    raw = _read(descriptor, _HEAD.size)
    if len(raw) != _HEAD.size:
        raise FormatError("the journal ends here")
    mark, kind, length, checksum = _HEAD.unpack(raw)
    if mark != _MARK or length > MAX_FRAME:
        raise FormatError("no frame of the journal stands here")
    return kind, length, checksum


def _read(descriptor: int, length: int) -> bytes:
    parts = []
    while length and (part := os.read(descriptor, length)):
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def _content(descriptor: int) -> Said:
    """All whole frames. A batch without its end, or behind a damaged frame, does not count."""
    content = Said()
    parts: list[int] = []
    since: list[tuple[int, ...] | list[Written]] = []  # places of batches and notes since nothing was owed
    while True:
        try:
            kind, payload = _payload(descriptor, content.end)
        except FormatError:
            break
        if kind == b"H":
            content.folders = tuple(json.loads(payload)["folders"])
        elif kind == b"C":
            parts.append(content.end)
        elif kind == b"B":
            head = BatchHead(**json.loads(payload))
            if len(parts) >= head.parts:
                content.batches.append(head)
                content.places[head.id] = tuple(parts[len(parts) - head.parts :])
                since.append(content.places[head.id])
            parts = []
        elif kind == b"W":
            since.append([Written(path, _stamp(stamp), done) for path, stamp, done in json.loads(payload)])
        elif kind == b"D":
            since = []
        content.end += _HEAD.size + len(payload)
    if not content.folders:
        raise FormatError("the journal has no head")
    content.owed = _owed(descriptor, since)
    return content


def _owed(descriptor: int, since: Sequence[tuple[int, ...] | list[Written]]) -> dict[str, Owed]:
    """What the batches and notes, in their order, leave to be written."""
    owed: dict[str, Owed] = {}
    for one in since:
        if isinstance(one, list):
            for note in one:
                if note.settled:
                    owed.pop(note.path, None)
                elif note.path in owed:
                    owed[note.path].known = note.stamp
            continue
        for place in one:
            for entry in _entries(_payload(descriptor, place)[1]):
                debt = owed.setdefault(entry.path, Owed(entry.before, entry.known, entry.after))
                debt.known, debt.wanted = entry.known, entry.after
                debt.texts.append(entry.after)
    return owed


def _parts(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    part: list[Entry] = []
    for entry in entries:
        part.append(entry)
        if len(part) == PART:
            yield part
            part = []
    if part:
        yield part


Cell = str | list[str] | None


def _row(entry: Entry) -> tuple[str, Cell, Cell, Stamp | None]:
    return entry.path, _cell(entry.before), _cell(entry.after), entry.known


def _cell(raw: Content) -> Cell:
    if not isinstance(raw, bytes):
        return raw
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return [base64.b64encode(raw).decode("ascii")]


def _entries(payload: bytes) -> Iterator[Entry]:
    for path, before, after, stamp in json.loads(zlib.decompress(payload)):
        yield Entry(path, _raw(before), _raw(after), _stamp(stamp))


def _raw(cell: Cell) -> Content:
    return base64.b64decode(cell[0]) if isinstance(cell, list) else cell


def _stamp(row: Sequence[int] | None) -> Stamp | None:
    return None if row is None else Stamp(*row)
