"""Thumbnails on disk: one SQLite file in the cache folder, bounded in size, used by the reading threads only.

A thumbnail is known by path, time and size of its picture and by the side of its box; it is a JPEG (1.3 ms to write,
WebP takes eight times that), or a PNG where the picture has transparent parts. The file is a cache: one that is damaged
or cannot be written is passed over, and thumbnails are simply made anew.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice
from PySide6.QtGui import QImage

NAME = "thumbnails.sqlite"
LIMIT_BYTES = 1 << 30  # of all thumbnails; 100 000 of 192 pixels take about 800 MB
KEPT_SHARE = 0.8  # of the limit, after the oldest were let go
LOOK_EVERY = 500  # thumbnails written between two looks at the size
DAY_SECONDS = 86_400  # a thumbnail's last use is noted once a day
QUALITY = 85


class ThumbnailStore:
    """May be used by several threads, and by several windows at once."""

    def __init__(self, folder: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        """`folder` is made when the first thumbnail is kept."""
        self._file, self._limit = folder / NAME, limit_bytes
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._written = 0

    @staticmethod
    def key(path: str, mtime_ns: int, size: int, side: int) -> bytes:
        """`size` in bytes, `side` in pixels."""
        told = f"{path}\0{mtime_ns}\0{size}\0{side}"
        return blake2b(told.encode("utf-8", "surrogatepass"), digest_size=16).digest()

    def get(self, key: bytes) -> QImage | None:
        with suppress(sqlite3.Error, OSError), self._connection() as connection:
            row = connection.execute("SELECT image, used FROM thumbnail WHERE key = ?", (key,)).fetchone()
            if row is None:
                return None
            raw, used = row
            today = int(time.time()) // DAY_SECONDS
            if used != today:
                connection.execute("UPDATE thumbnail SET used = ? WHERE key = ?", (today, key))
            image = QImage()
            return image if image.loadFromData(raw, "PNG" if raw.startswith(b"\x89PNG") else "JPG") else None
        return None

    def put(self, key: bytes, image: QImage) -> None:
        raw = _encoded(image)
        with suppress(sqlite3.Error, OSError), self._connection() as connection:
            row = (key, int(time.time()) // DAY_SECONDS, raw)
            connection.execute("INSERT OR REPLACE INTO thumbnail VALUES (?, ?, ?)", row)
            with self._lock:
                self._written += 1
                is_time = self._written % LOOK_EVERY == 0
            if is_time:
                _shrink(connection, self._limit)

    def shrink(self) -> None:
        """Let the thumbnails go that were used longest ago, if all together are over the limit."""
        with self._connection() as connection:
            _shrink(connection, self._limit)

    def close(self) -> None:
        """Let go of the file; the next call opens it again."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """One that nobody uses now: a thread of Qt's pool keeps nothing of its own from one call to the next."""
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            connection = self._open()
        try:
            yield connection
        finally:
            with self._lock:
                self._idle.append(connection)

    def _open(self) -> sqlite3.Connection:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        try:
            return _opened(self._file)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):  # locked, or a disk that is full: not damaged
                raise
            self._file.unlink()
            return _opened(self._file)


def _shrink(connection: sqlite3.Connection, limit: int) -> None:
    (total,) = connection.execute("SELECT COALESCE(SUM(LENGTH(image)), 0) FROM thumbnail").fetchone()
    if total <= limit:
        return
    gone: list[tuple[int]] = []
    for number, length in connection.execute("SELECT rowid, LENGTH(image) FROM thumbnail ORDER BY used, rowid"):
        if total <= limit * KEPT_SHARE:
            break
        total -= length
        gone.append((number,))
    connection.executemany("DELETE FROM thumbnail WHERE rowid = ?", gone)


def _opened(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=2.0, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = OFF")  # a cache: the worst that a power cut does is an empty one
    connection.execute(
        "CREATE TABLE IF NOT EXISTS thumbnail (key BLOB UNIQUE NOT NULL, used INTEGER NOT NULL, image BLOB NOT NULL)"
    )
    return connection


def _encoded(image: QImage) -> bytes:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG" if image.hasAlphaChannel() else "JPG", -1 if image.hasAlphaChannel() else QUALITY)  # type: ignore[call-overload]
    return bytes(buffer.data().data())
