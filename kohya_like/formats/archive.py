"""The table of contents of a torch archive: a zip file whose members are stored, not compressed.

Our own reader of the central directory. Being stored, every member is a range of the file, so tensors can be mapped
in place; a member that is compressed (a 2 MB file can unpack to 2 GB), overlaps another or bears a name torch does not
write refuses the file.  Zip layout: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
"""

from __future__ import annotations

import os
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from kohya_like.formats.opening import DOWNLOAD_AGAIN
from kohya_like.formats.safetensors_header import MAX_TENSORS
from kohya_like.schema.errors import FormatError

MAX_MEMBERS = MAX_TENSORS + 8
ZIP_START = b"PK\x03\x04"

_END = struct.Struct("<4sHHHHIIH")
_END_64_LOCATOR = struct.Struct("<4sIQI")
_END_64 = struct.Struct("<4sQHHIIQQQQ")
_ENTRY = struct.Struct("<4sHHHHHHIIIHHHHHII")
_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_MEMBER_NAME = re.compile(
    r"data\.pkl|version|byteorder|data/[0-9]{1,9}|\.[a-z_]{1,40}(/[a-z_]{1,40})?"  # torch keeps adding dotted ones
)
MAX_DIRECTORY_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Member:
    """A member of the archive: `size` bytes of the file from `start`."""

    start: int
    size: int


def torch_members(path: Path, file: BinaryIO) -> dict[str, Member]:
    """Members of a torch archive by name, without the folder all of them lie in ("data.pkl", "data/0", ...).

    Raises:
        FormatError: no intact zip file, or one that torch did not write.
    """
    file_bytes = os.fstat(file.fileno()).st_size
    count, offset, size = _find_directory(path, file, file_bytes)
    if count > MAX_MEMBERS:
        raise FormatError(f"{path}: holds {count} members; at most {MAX_MEMBERS} are accepted.")
    if size > MAX_DIRECTORY_BYTES:
        raise FormatError(f"{path}: its table of members has {size} bytes; at most {MAX_DIRECTORY_BYTES} are accepted.")
    file.seek(offset)
    directory = file.read(size)
    folder, members = None, {}
    position = 0
    for _ in range(count):
        name, member, position = _entry(path, directory, position)
        top, _, rest = name.partition("/")
        folder = top if folder is None else folder
        if top != folder or not _MEMBER_NAME.fullmatch(rest):
            raise FormatError(f"{path}: holds {name[:100]!r}, which is no part of a torch file.")
        if rest in members:
            raise FormatError(f"{path}: names {name[:100]!r} twice; a file that says two things is refused.")
        members[rest] = _locate(path, file, name, member)
    _refuse_overlap(path, members, offset)
    if "data.pkl" not in members:
        raise FormatError(f"{path}: is a zip file, but not one that torch wrote (no data.pkl).")
    return members


def _find_directory(path: Path, file: BinaryIO, file_bytes: int) -> tuple[int, int, int]:
    """Number of entries, offset and size of the central directory."""
    file.seek(max(0, file_bytes - _END.size - 0xFFFF))
    tail_start = file.tell()
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise FormatError(f"{path}: is truncated: the table at the end of the zip file is missing.", DOWNLOAD_AGAIN)
    _, disk, disk_2, _, count, size, offset, comment = _END.unpack_from(tail, at)
    end = tail_start + at
    if disk or disk_2 or end + _END.size + comment != file_bytes:
        raise FormatError(f"{path}: its zip table does not fit the file.", DOWNLOAD_AGAIN)
    if end >= _END_64_LOCATOR.size:
        file.seek(end - _END_64_LOCATOR.size)
        signature, _, end_64, _ = _END_64_LOCATOR.unpack(file.read(_END_64_LOCATOR.size))
        if signature == b"PK\x06\x07":
            file.seek(min(end_64, file_bytes))
            raw = file.read(_END_64.size)
            if len(raw) < _END_64.size or raw[:4] != b"PK\x06\x06":
                raise FormatError(f"{path}: its zip table does not fit the file.", DOWNLOAD_AGAIN)
            count, size, offset = _END_64.unpack(raw)[7:]
            end = end_64
    if offset + size > end or count * _ENTRY.size > size:
        raise FormatError(f"{path}: its zip table does not fit the file.", DOWNLOAD_AGAIN)
    return count, offset, size


def _entry(path: Path, directory: bytes, position: int) -> tuple[str, Member, int]:
    """One entry of the central directory: name, member (`start` is still that of its local header), next position."""
    broken = FormatError(f"{path}: its zip table is broken.", DOWNLOAD_AGAIN)
    if position + _ENTRY.size > len(directory):
        raise broken
    fields = _ENTRY.unpack_from(directory, position)
    flags, method, packed, size = fields[3], fields[4], fields[8], fields[9]
    name_size, extra_size, comment_size, offset = fields[10], fields[11], fields[12], fields[16]
    name_end = position + _ENTRY.size + name_size
    next_position = name_end + extra_size + comment_size
    if fields[0] != b"PK\x01\x02" or next_position > len(directory):
        raise broken
    try:
        name = directory[position + _ENTRY.size : name_end].decode("utf-8")
    except UnicodeDecodeError:
        raise broken from None
    size, packed, offset = _zip64(directory[name_end : name_end + extra_size], size, packed, offset)
    if flags & 1:
        raise FormatError(f"{path}: its member {name[:100]!r} is encrypted.")
    if method != 0 or packed != size:
        raise FormatError(
            f"{path}: its member {name[:100]!r} is compressed ({packed} bytes that unpack to {size}); "
            "torch stores members plainly, so this file is refused."
        )
    return name, Member(offset, size), next_position


def _zip64(extra: bytes, *fields: int) -> list[int]:
    """Replace each field that reads 0xFFFFFFFF by its 64-bit value from the extra block, in zip's fixed order."""
    values = list(fields)
    position = 0
    while position + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, position)
        block = extra[position + 4 : position + 4 + size]
        if kind == 1:
            wide = [value for (value,) in struct.iter_unpack("<Q", block[: len(block) // 8 * 8])]
            for index, value in enumerate(values):
                if value == 0xFFFFFFFF and wide:
                    values[index] = wide.pop(0)
        position += 4 + size
    return values


def _locate(path: Path, file: BinaryIO, name: str, member: Member) -> Member:
    """Turn the offset of the local header into the offset of the data behind it."""
    file.seek(member.start)
    raw = file.read(_LOCAL.size)
    if len(raw) < _LOCAL.size or raw[:4] != ZIP_START:
        raise FormatError(f"{path}: its member {name[:100]!r} is not where the table says.", DOWNLOAD_AGAIN)
    name_size, extra_size = _LOCAL.unpack(raw)[9:]
    if file.read(name_size) != name.encode("utf-8"):
        raise FormatError(f"{path}: its member {name[:100]!r} bears another name inside.")
    return Member(member.start + _LOCAL.size + name_size + extra_size, member.size)


def _refuse_overlap(path: Path, members: dict[str, Member], end: int) -> None:
    position = 0
    for name, member in sorted(members.items(), key=lambda item: (item[1].start, item[1].size)):
        if member.start < position:
            raise FormatError(f"{path}: its member {name!r} overlaps another.")
        position = member.start + member.size
        if position > end:
            raise FormatError(f"{path}: is truncated: its member {name!r} does not fit the file.", DOWNLOAD_AGAIN)
