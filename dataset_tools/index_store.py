"""What a library knows, kept in SQLite in the cache folder, so that a second opening need not read 100,000 files.

A folder's pictures are kept in parts of `PART`, each a row: names and texts joined by NUL, numbers as arrays, the tag
index as arrays. A part is read in milliseconds, and only parts that changed are written. The file is a cache: one that
is damaged or not ours is put aside and made anew, and several windows may use one.
"""

from __future__ import annotations

import os
import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from dataset_tools.columns import ENCODINGS, NUMBERS, PROBLEMS
from kohya_like.data.records import plain

PART = 4096  # pictures
FORMAT = 1  # of the table, and of what the columns mean
APPLICATION = 0x6B6C6978  # says whose file it is
UNKNOWN = -2  # mtime of a caption whose text is not kept
WAIT_SECONDS = 5.0  # for another window that writes
ASIDE = ".damaged"

_FIELDS = ("names", "texts", "tags", "tag_sizes", "tag_places", *NUMBERS)
_CREATE = f"CREATE TABLE parts (folder TEXT, number INTEGER, {', '.join(_FIELDS)}, PRIMARY KEY (folder, number))"
_SELECT = f"SELECT number, {', '.join(_FIELDS)} FROM parts WHERE folder = ? ORDER BY number"
_REPLACE = f"REPLACE INTO parts (folder, number, {', '.join(_FIELDS)}) VALUES (?, ?, {', '.join('?' * len(_FIELDS))})"


@dataclass(frozen=True)
class Part:
    """Some pictures of a folder, in the order of their names. `tagged`: by tag, their places in the part."""

    names: Sequence[str]
    texts: Sequence[str]
    numbers: Mapping[str, array[int]]  # by the names of `NUMBERS`
    tagged: Mapping[str, array[int]]


class IndexStore:
    """One file; opened for each call, so that any thread may call."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.problem = ""  # a sentence, where the file was damaged or cannot be used

    def load(self, folder: str) -> Iterator[Part]:
        """The parts of a folder, in order, as long as they are whole; nothing where nothing is known."""
        if not self.path.exists():
            return
        try:
            with closing(self._open()) as database:
                for expected, (number, *row) in enumerate(database.execute(_SELECT, (_key(folder),))):
                    if number != expected:
                        return
                    yield _unpacked(row)
        except (sqlite3.OperationalError, OSError) as error:  # locked for long, or no permission
            self.problem = f"{plain(str(self.path))}: cannot be read ({error}); the captions are read anew"
        except (sqlite3.DatabaseError, ValueError, TypeError, AttributeError):
            self._put_aside()

    def save(self, folder: str, parts: Iterable[tuple[int, Part]], count: int) -> bool:
        """Keep these parts under their numbers; those from `count` on are dropped. False if that failed."""
        try:
            self._save(folder, parts, count)
            return True
        except (sqlite3.OperationalError, OSError) as error:
            self.problem = f"{plain(str(self.path))}: cannot be written ({error}); the next opening takes longer"
        except sqlite3.DatabaseError:
            self._put_aside()
        return False

    def _save(self, folder: str, parts: Iterable[tuple[int, Part]], count: int) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(self._open()) as database, database:
            database.execute("DELETE FROM parts WHERE folder = ? AND number >= ?", (_key(folder), count))
            for number, part in parts:
                database.execute(_REPLACE, (_key(folder), number, *_packed(part)))

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.path, timeout=WAIT_SECONDS)
        try:
            database.execute("PRAGMA synchronous = OFF")  # a cache: whole after a kill, made anew after a power cut
            if _identity(database) != (APPLICATION, FORMAT):
                _found(database)
        except BaseException:
            database.close()
            raise
        return database

    def _put_aside(self) -> None:
        aside = f"{self.path.name}{ASIDE}"
        with suppress(OSError):
            os.replace(self.path, self.path.with_name(aside))
        self.problem = f"{plain(str(self.path))}: was damaged or not an index; it was kept as {aside} and is made anew"


def _identity(database: sqlite3.Connection) -> tuple[int, int]:
    (application,) = database.execute("PRAGMA application_id").fetchone()
    (version,) = database.execute("PRAGMA user_version").fetchone()
    return application, version


def _found(database: sqlite3.Connection) -> None:
    """Make the table in a new file, or in one of an older format. Raises DatabaseError for somebody else's."""
    with database:
        database.execute("BEGIN IMMEDIATE")
        application, version = _identity(database)
        if (application, version) == (APPLICATION, FORMAT):  # another window was quicker
            return
        tables = database.execute("SELECT name FROM sqlite_master").fetchall()
        if application != APPLICATION and tables:
            raise sqlite3.DatabaseError("not an index")
        database.execute("DROP TABLE IF EXISTS parts")
        database.execute(_CREATE)
        database.execute(f"PRAGMA application_id = {APPLICATION}")
        database.execute(f"PRAGMA user_version = {FORMAT}")


def _key(folder: str) -> str:
    """A folder's path as SQLite takes it: one that is no UTF-8 has surrogates."""
    return folder.encode("utf-8", "surrogatepass").decode("utf-8", "backslashreplace")


def _joined(texts: Iterable[str]) -> bytes:
    return "\0".join(texts).encode("utf-8", "surrogatepass")


def _parted(raw: bytes, count: int) -> list[str]:
    texts = raw.decode("utf-8", "surrogatepass").split("\0") if count else []
    if len(texts) != count:
        raise ValueError("a part is not whole")
    return texts


def _packed(part: Part) -> list[bytes]:
    places = array("i")
    for numbers in part.tagged.values():
        places.extend(numbers)
    sizes = array("i", map(len, part.tagged.values()))
    columns = [part.numbers[name].tobytes() for name in NUMBERS]
    return [_joined(part.names), _joined(part.texts), _joined(part.tagged), sizes.tobytes(), places.tobytes(), *columns]


def _unpacked(row: Sequence[bytes]) -> Part:
    """Raises ValueError, TypeError or AttributeError for what is no part."""
    names, texts, tags, sizes, places, *columns = row
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
