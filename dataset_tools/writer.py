"""Writes one caption file: only over the text it is known to hold, and whole or not at all.

    read -> the same hash as known? -> copy of the first state into the backup folder -> write aside, fsync
         -> still the same time and size? -> rename, fsync of the folder

A hash is compared and not only time and size, since two writes within one tick of the clock leave both as they were.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from dataset_tools.library import Stamp, hash_of
from kohya_like.data.records import plain
from kohya_like.data.sidecar import CAPTION_LIMIT
from kohya_like.formats.atomic import atomic_bytes, atomic_write
from kohya_like.schema.errors import UserError

_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
_WAITING = "; what you wrote is kept in the journal and is tried again"


class Changed(Exception):
    """The file is not what it was known to be: `raw` is what it holds now, None if it is gone."""

    def __init__(self, raw: bytes | None, stamp: Stamp | None) -> None:
        super().__init__("changed outside")
        self.raw, self.stamp = raw, stamp


class Vanished(OSError):
    """The folder of the file is not there: an unplugged disk, a renamed folder."""


@dataclass
class Backup:
    """First-touch copies: what a file held before this day's first write to it, under the same name in `folder`."""

    folder: Path
    done: set[str] = field(default_factory=set)

    def keep(self, path: str, raw: bytes) -> None:
        """Copy once. Raises OSError: without its copy, a file is not written."""
        if path in self.done:
            return
        place = self.folder.joinpath(*Path(path).parts[1:])
        if not place.exists():
            os.makedirs(place.parent, exist_ok=True)
            atomic_bytes(place, raw, durable=False)
        self.done.add(path)


def read_caption_file(path: str) -> tuple[bytes | None, Stamp | None]:
    """The bytes and stamp of a caption file; None, None where there is none.

    Raises:
        Vanished: its folder is not there.
        OSError: it cannot be read.
    """
    try:
        descriptor = os.open(path, _READ)
    except (FileNotFoundError, NotADirectoryError):
        if not os.path.isdir(os.path.dirname(path)):
            raise Vanished(errno.ENOENT, "the folder is not there", os.path.dirname(path)) from None
        return None, None
    with os.fdopen(descriptor, "rb") as file:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise OSError(errno.EINVAL, "is no ordinary file", path)
        raw = file.read(CAPTION_LIMIT + 1)
    return raw, Stamp(facts.st_mtime_ns, facts.st_size, hash_of(raw))


def write_caption_file(path: str, wanted: bytes | None, known: Stamp | None, backup: Backup) -> Stamp | None:
    """Bring a caption file from what it is known to hold to `wanted` (None: no file). Returns its new stamp.

    Raises:
        Changed: it holds something else than known, and than wanted.
        Vanished, PermissionError, OSError: it could not be written, and is as it was.
    """
    raw, stamp = read_caption_file(path)
    if raw == wanted:
        return stamp
    if (stamp and stamp.hash) != (known and known.hash):
        raise Changed(raw, stamp)
    if raw is None or stamp is None:
        backup.done.add(path)
        return _created(path, wanted or b"")
    target = os.path.realpath(path) if os.path.islink(path) else path
    facts = os.stat(target)
    if (facts.st_mtime_ns, facts.st_size) != stamp[:2]:
        raise Changed(*read_caption_file(path))
    if not facts.st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError(errno.EACCES, "is read-only", path)
    backup.keep(path, raw)
    if wanted is None:
        os.unlink(target)
        return None
    made: list[Stamp] = []

    def write(file: BinaryIO) -> None:
        file.write(wanted)
        file.flush()
        with suppress(OSError):  # file systems without modes
            os.chmod(file.fileno(), stat.S_IMODE(facts.st_mode))
        made.append(Stamp(os.fstat(file.fileno()).st_mtime_ns, len(wanted), hash_of(wanted)))
        if _moment(target) != (facts.st_mtime_ns, facts.st_size, facts.st_ino):
            raise Changed(*read_caption_file(path))

    atomic_write(Path(target), write)
    return made[0]


def _created(path: str, wanted: bytes) -> Stamp:
    try:
        atomic_bytes(Path(path), wanted, overwrite=False)
    except UserError:  # it appeared meanwhile
        raise Changed(*read_caption_file(path)) from None
    return Stamp(os.stat(path).st_mtime_ns, len(wanted), hash_of(wanted))


def _moment(path: str) -> tuple[int, int, int] | None:
    try:
        facts = os.stat(path)
    except OSError:
        return None
    return facts.st_mtime_ns, facts.st_size, facts.st_ino


def sentence_of(error: OSError, path: str) -> str:
    """Why a caption could not be written, for a person; the same sentence for all files of a folder or disk."""
    folder = plain(os.path.dirname(path))
    if isinstance(error, Vanished):
        return f"{folder} is not there any more: is its disk unplugged, or was it renamed?" + _WAITING
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full: captions in {folder} cannot be saved" + _WAITING
    if error.errno == errno.EROFS:
        return f"the disk of {folder} cannot be written to" + _WAITING
    if isinstance(error, PermissionError):
        return f"{plain(path)} is read-only, or another program holds it" + _WAITING
    return f"{plain(path)} cannot be saved ({error.strerror or error})" + _WAITING
