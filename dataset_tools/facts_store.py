"""Facts of pictures remembered in the cache folder, so that a second look at 100,000 pictures takes seconds.

A fact holds as long as the file's size and time are the same. The store is a cache: a damaged or foreign one is made
anew.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path

from dataset_tools.picture_facts import PictureFacts, facts_of

FILE_NAME = "picture-facts-1.sqlite"  # the number grows when the measuring changes
BATCH = 256  # pictures per transaction: what a kill costs
_TABLE = (
    "create table if not exists facts (path text primary key, mtime integer, bytes integer, width integer, "
    "height integer, hash_rows integer, hash_columns integer, sharpness real, alpha integer, fault text) without rowid"
)
_SIGN = 1 << 63

Stamp = tuple[int, int]  # mtime_ns, size in bytes
Progress = Callable[[int, int], None]


class FactsStore:
    """Remembered facts by path. One object for one thread at a time; several processes may share the folder."""

    def __init__(self, folder: Path) -> None:
        """`folder`: the cache folder; made if missing."""
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / FILE_NAME
        try:
            self._connection = self._opened()
        except sqlite3.DatabaseError:
            with suppress(FileNotFoundError):
                self.path.unlink()
            self._connection = self._opened()

    def _opened(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=30, check_same_thread=False)
        try:
            connection.execute("pragma journal_mode=wal")
            connection.execute("pragma synchronous=off")  # a cache: whole after a kill, made anew after a power cut
            connection.execute(_TABLE)
            connection.execute("select * from facts limit 1").fetchall()
        except sqlite3.DatabaseError:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        self._connection.close()

    def known(self, paths: Sequence[Path]) -> dict[Path, PictureFacts]:
        """Those of the pictures whose files are as they were when they were measured."""
        wanted = {str(path): path for path in paths}
        found: dict[Path, PictureFacts] = {}
        with closing(self._connection.cursor()) as cursor:
            for row in self._rows(cursor, wanted):
                path = wanted.get(row[0])
                if path is not None and _stamp(row[0]) == (row[1], row[2]):
                    found[path] = PictureFacts(
                        (row[3], row[4]), row[5] + _SIGN, row[6] + _SIGN, row[7], bool(row[8]), row[9]
                    )
        return found

    @staticmethod
    def _rows(cursor: sqlite3.Cursor, wanted: dict[str, Path]) -> Iterator[tuple]:
        """By folder: one range of the primary key for each, since a folder's pictures stand together."""
        for folder in sorted({os.path.dirname(path) for path in wanted}):
            start, end = folder.rstrip(os.sep) + os.sep, folder.rstrip(os.sep) + chr(ord(os.sep) + 1)
            yield from cursor.execute("select * from facts where path >= ? and path < ?", (start, end))

    def put(self, facts: dict[Path, tuple[Stamp, PictureFacts]]) -> None:
        """Remember these; without a disk to write to, nothing is remembered and nothing is said."""
        rows = [
            (
                str(path),
                *stamp,
                *one.size,
                one.rows - _SIGN,
                one.columns - _SIGN,
                one.sharpness,
                one.has_alpha,
                one.fault,
            )
            for path, (stamp, one) in facts.items()
            if _is_text(str(path))
        ]
        with suppress(sqlite3.Error), self._connection:
            self._connection.executemany("insert or replace into facts values (?,?,?,?,?,?,?,?,?,?)", rows)

    def all_of(
        self,
        paths: Sequence[Path],
        progress: Progress | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        threads: int | None = None,
    ) -> dict[Path, PictureFacts]:
        """The facts of all pictures; those not known are measured, in threads (Pillow decodes outside Python's lock).

        A cancelled call returns what it has; it is remembered as well. `progress` is called with done and total.
        """
        found = self.known(paths)
        missing = iter([path for path in paths if path not in found])
        done = len(found)
        with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
            while batch := list(islice(missing, BATCH)):
                if cancelled():
                    break
                made = dict(zip(batch, pool.map(_measured, batch)))
                self.put(made)
                found |= {path: facts for path, (_, facts) in made.items()}
                done += len(batch)
                if progress is not None:
                    progress(done, len(paths))
        return {path: found[path] for path in paths if path in found}


def _measured(path: Path) -> tuple[Stamp, PictureFacts]:
    before = _stamp(str(path))
    facts = facts_of(path)
    return (before if before == _stamp(str(path)) else (0, -1)), facts  # one that changed meanwhile is not believed


def _stamp(path: str) -> Stamp:
    try:
        status = os.stat(path)
    except OSError:
        return 0, -2
    return status.st_mtime_ns, status.st_size


def _is_text(path: str) -> bool:
    """SQLite keeps text only: a name that is no UTF-8 is measured again each time."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
