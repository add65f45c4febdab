"""What a library knows, kept in SQLite in the cache folder, so that a second opening need not read 100,000 files.

A folder's pictures are kept in parts of `PART`, each a row: names and texts joined by NUL, numbers as arrays, the tag
index as arrays. A part is read in milliseconds, and only parts that changed are written. The file is a cache: one that
is damaged or not ours is put aside and made anew, and several windows may use one.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path

from dataset_tools.index_parts import (
    APPLICATION,
    FORMAT,
    REPLACE,
    SELECT,
    Part,
    folder_key,
    identity,
    make_table,
    packed,
    unpacked,
)
from kohya_like.data.records import plain

WAIT_SECONDS = 5.0  # for another window that writes
ASIDE = ".damaged"


class IndexStore:
    """One file; opened for each call, so that any thread may call."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.problem = ""  # a sentence, where the file was damaged or cannot be used
        self.is_empty = False  # it was put aside: nothing of what was loaded is in it

    def load(self, folder: str) -> Iterator[Part]:
        """The parts of a folder (see `Shelf.stored_as`), in order, as long as they are whole."""
        if not self.path.exists():
            return
        try:
            with closing(self._open()) as database:
                for expected, (number, *row) in enumerate(database.execute(SELECT, (folder_key(folder),))):
                    if number != expected:
                        return
                    yield unpacked(row)
        except (OSError, sqlite3.Error, ValueError, TypeError, AttributeError) as error:
            if is_damage(error):
                self._put_aside()
            else:
                name = plain(str(self.path))
                self.problem = f"{name}: cannot be read ({error}); the captions are read anew"

    def save(self, folder: str, parts: Iterable[tuple[int, Part]], count: int) -> bool:
        """Keep these parts under their numbers; those from `count` on are dropped.

        Returns: False if that failed. Where the file was damaged, it is put aside: save everything then.
        """
        try:
            self._save(folder, parts, count)
        except (OSError, sqlite3.Error) as error:
            if is_damage(error):
                self._put_aside()
            else:
                name = plain(str(self.path))
                self.problem = f"{name}: cannot be written ({error}); the next opening takes longer"
            return False
        return True

    def _save(self, folder: str, parts: Iterable[tuple[int, Part]], count: int) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(self._open()) as database, database:
            database.execute("DELETE FROM parts WHERE folder = ? AND number >= ?", (folder_key(folder), count))
            for number, part in parts:
                database.execute(REPLACE, (folder_key(folder), number, *packed(part)))

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.path, timeout=WAIT_SECONDS)
        try:
            database.execute("PRAGMA synchronous = OFF")  # a cache: whole after a kill, made anew after a power cut
            if identity(database) != (APPLICATION, FORMAT):
                make_table(database)
        except BaseException:
            database.close()
            raise
        return database

    def _put_aside(self) -> None:
        aside, self.is_empty = f"{self.path.name}{ASIDE}", True
        with suppress(OSError):
            os.replace(self.path, self.path.with_name(aside))
        self.problem = f"{plain(str(self.path))}: was damaged or not an index; it was kept as {aside} and is made anew"


def is_damage(error: Exception) -> bool:
    """Whether the file itself is at fault, and not a lock, a permission or a full disk."""
    if isinstance(error, sqlite3.OperationalError):
        return error.sqlite_errorcode == sqlite3.SQLITE_ERROR  # no such table
    return not isinstance(error, OSError)
