"""Hashes of files' bytes, remembered in the cache folder so that no picture is read twice for its hash.

    fingerprints.txt:   hash <tab> mtime_ns <tab> ctime_ns <tab> size <tab> path as JSON       one line each, appended

A remembered hash holds as long as size and both times of the file are the same. A file changed within the last seconds
is not remembered: it could change again without its times showing it. The list is a cache: a line cut off by a kill
is skipped, and where the folder cannot be written, hashes are simply made anew.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b, file_digest
from pathlib import Path
from threading import Lock

from kohya_like.data.records import plain
from kohya_like.formats.atomic import atomic_text
from kohya_like.schema.errors import UserError

LIST_NAME = "fingerprints.txt"
SETTLED_SECONDS = 3.0  # FAT keeps times to two seconds
WASTE_ALLOWED = 10_000  # lines that were overtaken by later ones


def default_cache_dir() -> Path:
    """The cache folder of this user."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or os.path.join(os.path.expanduser("~"), "AppData", "Local")
    elif sys.platform == "darwin":
        base = os.path.join(os.path.expanduser("~"), "Library", "Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "kohya-like"


def hash_file(path: Path) -> str:
    """blake2b of the bytes, 40 hex digits. Raises OSError."""
    with open(path, "rb") as file:
        return file_digest(file, lambda: blake2b(digest_size=20)).hexdigest()  # type: ignore[arg-type,return-value]


@dataclass(frozen=True, slots=True)
class _Remembered:
    hash: str
    stamp: tuple[int, int, int]  # mtime_ns, ctime_ns, size


class Fingerprints:
    """Hashes by path. May be used by several threads, and by several processes with one folder."""

    def __init__(self, folder: Path, now: Callable[[], float] = time.time) -> None:
        """`folder` is the cache folder; it is made when the first hash is remembered. `now`: seconds since 1970."""
        self.path = Path(folder) / LIST_NAME
        self._now = now
        self._lock = Lock()
        self._known: dict[str, _Remembered] | None = None

    def of(self, path: Path) -> str:
        """The hash of a file's bytes. Raises UserError if it cannot be read."""
        name = os.path.abspath(path)
        try:
            stamp = _stamp(name)
            with self._lock:
                self._known = self._load() if self._known is None else self._known
                known = self._known.get(name)
            if known and known.stamp == stamp:
                return known.hash
            made = _Remembered(hash_file(Path(name)), stamp)
            if _stamp(name) != stamp:  # changed while it was read
                return hash_file(Path(name))
        except OSError as error:
            text = f"{plain(name)}: cannot be read: {error.strerror}"
            raise UserError(text, "check the file, then start again") from error
        with self._lock:
            self._known[name] = made
            if max(stamp[:2]) / 1e9 < self._now() - SETTLED_SECONDS:
                self._append(name, made)
        return made.hash

    def _load(self) -> dict[str, _Remembered]:
        known: dict[str, _Remembered] = {}
        lines = 0
        with suppress(OSError):
            for lines, line in enumerate(self.path.read_text("ascii", errors="replace").split("\n")):  # noqa: B007
                with suppress(ValueError):
                    digest, modified, changed, size, name = line.split("\t")
                    stamp = (int(modified), int(changed), int(size))
                    known[json.loads(name)] = _Remembered(digest, stamp)
        if lines > 2 * len(known) + WASTE_ALLOWED:
            with suppress(OSError):
                atomic_text(self.path, "".join(_line(name, one) for name, one in known.items()))
        return known

    def _append(self, name: str, made: _Remembered) -> None:
        with suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(descriptor, _line(name, made).encode("ascii"))
            finally:
                os.close(descriptor)


def _line(name: str, made: _Remembered) -> str:
    return "\t".join((made.hash, *map(str, made.stamp), json.dumps(name))) + "\n"


def _stamp(name: str) -> tuple[int, int, int]:
    facts = os.stat(name)
    return facts.st_mtime_ns, facts.st_ctime_ns, facts.st_size
