"""A part of a library as a row of SQLite: names and texts joined by NUL, numbers as arrays, the tag index as arrays."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from dataset_tools.columns import ENCODINGS, NUMBERS, PROBLEMS

PART = 4096  # pictures
FORMAT = 1  # of the table, and of what the columns mean
APPLICATION = 0x6B6C6978  # says whose file it is
UNKNOWN = -2  # mtime of a caption whose text is not kept

_FIELDS = ("checksum", "names", "texts", "tags", "tag_sizes", "tag_places", *NUMBERS)
_CREATE = f"CREATE TABLE parts (folder TEXT, number INTEGER, {', '.join(_FIELDS)}, PRIMARY KEY (folder, number))"
SELECT = f"SELECT number, {', '.join(_FIELDS)} FROM parts WHERE folder = ? ORDER BY number"
REPLACE = f"REPLACE INTO parts (folder, number, {', '.join(_FIELDS)}) VALUES (?, ?, {', '.join('?' * len(_FIELDS))})"


@dataclass(frozen=True)
class Part:
    """Some pictures of a folder, in the order of their names. `tagged`: by tag, their places in the part."""

    names: Sequence[str]
    texts: Sequence[str]
    numbers: Mapping[str, array[int]]  # by the names of `NUMBERS`
    tagged: Mapping[str, array[int]]


def identity(database: sqlite3.Connection) -> tuple[int, int]:
    """Whose file it is, and of which format."""
    (application,) = database.execute("PRAGMA application_id").fetchone()
    (version,) = database.execute("PRAGMA user_version").fetchone()
    return application, version


def make_table(database: sqlite3.Connection) -> None:
    """Make the table in a new file, or in one of an older format. Raises DatabaseError for somebody else's."""
    with database:
        database.execute("BEGIN IMMEDIATE")
        application, version = identity(database)
        if (application, version) == (APPLICATION, FORMAT):  # another window was quicker
            return
        tables = database.execute("SELECT name FROM sqlite_master").fetchall()
        if application != APPLICATION and tables:
            raise sqlite3.DatabaseError("not an index")
        database.execute("DROP TABLE IF EXISTS parts")
        database.execute(_CREATE)
        database.execute(f"PRAGMA application_id = {APPLICATION}")
        database.execute(f"PRAGMA user_version = {FORMAT}")


def folder_key(folder: str) -> str:
    """A folder's path as SQLite takes it: one that is no UTF-8 has surrogates."""
    return folder.encode("utf-8", "surrogatepass").decode("utf-8", "backslashreplace")


def _joined(texts: Iterable[str]) -> bytes:
    return "\0".join(texts).encode("utf-8", "surrogatepass")


def _parted(raw: bytes, count: int) -> list[str]:
    texts = raw.decode("utf-8", "surrogatepass").split("\0") if count else []
    if len(texts) != count:
        raise ValueError("a part is not whole")
    return texts


def packed(part: Part) -> list[bytes]:
    """The fields of its row."""
    places = array("i")
    for numbers in part.tagged.values():
        places.extend(numbers)
    sizes = array("i", map(len, part.tagged.values()))
    columns = [part.numbers[name].tobytes() for name in NUMBERS]
    joined = [_joined(part.names), _joined(part.texts), _joined(part.tagged)]
    fields = [*joined, sizes.tobytes(), places.tobytes(), *columns]
    return [_checksum(fields), *fields]


def _checksum(fields: Iterable[bytes]) -> bytes:
    """SQLite does not notice a byte that changed on the disk, and a wrong text would be taken for the file's."""
    digest = blake2b(digest_size=16)
    for field in fields:
        digest.update(len(field).to_bytes(8, "little"))
        digest.update(field)
    return digest.digest()


def unpacked(row: Sequence[bytes]) -> Part:
    """Raises ValueError, TypeError or AttributeError for what is no part."""
    checksum, *fields = row
    if checksum != _checksum(fields):
        raise ValueError("a part is not whole")
    names, texts, tags, sizes, places, *columns = fields
    numbers = {name: array(kind, column) for (name, kind), column in zip(NUMBERS.items(), columns)}
    count = len(numbers["mtimes"])
    if any(len(column) != count for column in numbers.values()):
        raise ValueError("a part is not whole")
    for name, most in ("encodings", len(ENCODINGS)), ("problems", len(PROBLEMS)):
        if count and not 0 <= min(numbers[name]) <= max(numbers[name]) < most:
            raise ValueError("a part is not whole")
    each, flat = array("i", sizes), array("i", places)
    if sum(each) != len(flat) or (flat and not 0 <= min(flat) <= max(flat) < count):
        raise ValueError("a part is not whole")
    tagged, done = {}, 0
    for tag, size in zip(_parted(tags, len(each)), each):
        tagged[tag] = flat[done : done + size]
        done += size
    return Part(_parted(names, count), _parted(texts, count), numbers, tagged)
