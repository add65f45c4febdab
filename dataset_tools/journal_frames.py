"""The frames of a journal file: how changes of captions are written as bytes, and read back."""

from __future__ import annotations

import base64
import json
import os
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from dataset_tools.reading import Stamp
from kohya_like.schema.errors import FormatError

PART = 256  # changes in one frame: what one call of zlib and json holds Python's lock for stays below 5 ms
MAX_FRAME = 1 << 30
_HEAD = struct.Struct("<2scxII")  # "KJ", kind, length, crc32 of kind and payload
_MARK = b"KJ"
HEAD_SIZE = _HEAD.size

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


def frame(kind: bytes, payload: bytes) -> bytes:
    """A frame as it is written."""
    return _HEAD.pack(_MARK, kind, len(payload), zlib.crc32(payload, zlib.crc32(kind))) + payload


def payload_at(descriptor: int, offset: int) -> tuple[bytes, bytes]:
    """Kind and payload of the frame at `offset`. Raises FormatError where there is no whole one."""
    kind, length, checksum = head_at(descriptor, offset)
    os.lseek(descriptor, offset + _HEAD.size, os.SEEK_SET)
    payload = _read(descriptor, length)
    if len(payload) != length or zlib.crc32(payload, zlib.crc32(kind)) != checksum:
        raise FormatError("a frame of the journal is cut off or damaged")
    return kind, payload


def head_at(descriptor: int, offset: int) -> tuple[bytes, int, int]:
    """Kind, length and sum of the frame at `offset`. Raises FormatError where none stands."""
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


def parted(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """In parts that make a frame each."""
    part: list[Entry] = []
    for entry in entries:
        part.append(entry)
        if len(part) == PART:
            yield part
            part = []
    if part:
        yield part


Cell = str | list[str] | None


def part_frame(part: Sequence[Entry]) -> bytes:
    """A C frame of these entries."""
    rows = [(entry.path, _cell(entry.before), _cell(entry.after), entry.known) for entry in part]
    return frame(b"C", zlib.compress(json.dumps(rows).encode(), 1))


def _cell(raw: Content) -> Cell:
    if not isinstance(raw, bytes):
        return raw
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return [base64.b64encode(raw).decode("ascii")]


def entries_in(payload: bytes) -> Iterator[Entry]:
    """The entries of a C frame."""
    for path, before, after, stamp in json.loads(zlib.decompress(payload)):
        yield Entry(path, _raw(before), _raw(after), stamp_of(stamp))


def _raw(cell: Cell) -> Content:
    return base64.b64decode(cell[0]) if isinstance(cell, list) else cell


def stamp_of(row: Sequence[int] | None) -> Stamp | None:
    """A stamp as JSON keeps it."""
    return None if row is None else Stamp(*row)
