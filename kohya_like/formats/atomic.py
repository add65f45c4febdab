"""Files and folders that are either old or new, never half.

    temporary name in the same folder -> write -> fsync(file) -> rename -> fsync(folder)

The temporary file is created with O_EXCL, so no planted symlink is followed, and by the umask, so a model is as
readable as any other file of the user. Its writer holds a lock on it (flock) until it has its final name. The kernel
drops that lock when the writer dies, however it dies: `sweep_orphans` removes exactly the unlocked ones.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from kohya_like.schema.errors import UserError

try:
    import fcntl
except ImportError:  # Windows: an open file cannot be deleted there, which protects it as the lock does here
    fcntl = None  # type: ignore[assignment]

TEMP_PREFIX = ".kohya-like-"
_TEMP_NAME = re.compile(re.escape(TEMP_PREFIX) + r"[0-9a-f]{16}\.tmp")
_UNLOCKABLE_AGE_SECONDS = 24 * 3600
_FOLDER_FLAGS = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
_FILE_FLAGS = os.O_RDWR | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)


def atomic_write(
    path: Path, write: Callable[[BinaryIO], None], *, overwrite: bool = True, durable: bool = True
) -> None:
    """Put what `write` writes under `path`, whole and on the disk when this returns.

    Args:
        path: the final name; a symlink standing there is replaced, not followed.
        write: receives the open temporary file (readable, writable, seekable).
        overwrite: False refuses an existing `path`, even one that appears meanwhile.
        durable: False leaves out the fsyncs, for a cache: whole after any kill, but perhaps not after a power cut.

    Raises:
        UserError: `path` exists and `overwrite` is False.
        OSError: unchanged from the system (ENOSPC, EIO, EACCES ...); the old file is whole, the temporary one gone.
    """
    path = Path(path)
    if not overwrite and os.path.lexists(path):
        raise _exists(path)
    descriptor, temporary = _new_file(path.parent)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            write(file)
            file.flush()
            if durable:
                os.fsync(file.fileno())
            if fcntl is None:
                file.close()
            _publish(temporary, path, overwrite)
        if durable:
            _sync_folder(path.parent)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def atomic_bytes(path: Path, data: bytes, *, overwrite: bool = True, durable: bool = True) -> None:
    """`atomic_write` of bytes at hand."""
    atomic_write(path, lambda file: _write_all(file, data), overwrite=overwrite, durable=durable)


def atomic_text(path: Path, text: str, *, overwrite: bool = True) -> None:
    """`atomic_write` of UTF-8 text; line ends are kept as they are."""
    atomic_bytes(path, text.encode("utf-8"), overwrite=overwrite)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder that becomes `path` when the block ends without an error; else it is removed.

    Raises:
        UserError: `path` exists already.
        OSError: unchanged from the system.
    """
    path = Path(path)
    if os.path.lexists(path):
        raise _exists(path)
    descriptor, temporary = _new_folder(path.parent)
    try:
        yield temporary
        _sync_tree(temporary)
        if os.path.lexists(path):  # rename would silently replace an empty folder
            raise _exists(path)
        os.rename(temporary, path)
        _sync_folder(path.parent)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    finally:
        if descriptor is not None:
            os.close(descriptor)


def sweep_orphans(folder: Path) -> list[Path]:
    """Remove the temporary files and folders of writers that are gone; returns what was removed.

    Only names of our own making are touched, and only directly in `folder`. What a living process still writes, on
    this machine or another one that shares the disk, stays. Where the file system knows no locks, a leftover stays
    for a day.
    """
    try:
        with os.scandir(folder) as entries:
            found = sorted(Path(entry.path) for entry in entries if _TEMP_NAME.fullmatch(entry.name))
    except OSError:
        return []
    return [path for path in found if _remove_orphan(path)]


def _remove_orphan(path: Path) -> bool:
    is_folder = path.is_dir() and not path.is_symlink()
    if fcntl is None:
        if is_folder:
            return False
        with suppress(OSError):
            os.unlink(path)
            return True
        return False
    try:
        descriptor = os.open(path, _FOLDER_FLAGS if is_folder else _FILE_FLAGS)
    except OSError:  # swept by another process, of another user, or a symlink
        return False
    try:
        if not _is_abandoned(descriptor):
            return False
        if is_folder:
            shutil.rmtree(path)
        else:
            os.unlink(path)
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)


def _is_abandoned(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    except OSError:
        return time.time() - os.fstat(descriptor).st_mtime > _UNLOCKABLE_AGE_SECONDS


def _new_file(folder: Path) -> tuple[int, Path]:
    while True:
        path = _temp_path(folder)
        try:
            descriptor = os.open(path, _FILE_FLAGS | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:
            continue
        if _claim(descriptor, path):
            return descriptor, path


def _new_folder(folder: Path) -> tuple[int | None, Path]:
    while True:
        path = _temp_path(folder)
        try:
            os.mkdir(path)
        except FileExistsError:
            continue
        if fcntl is None:
            return None, path
        try:
            descriptor = os.open(path, _FOLDER_FLAGS)
        except FileNotFoundError:
            continue
        except BaseException:
            with suppress(OSError):
                os.rmdir(path)
            raise
        if _claim(descriptor, path):
            return descriptor, path


def _claim(descriptor: int, path: Path) -> bool:
    """Lock the new file or folder; False (and closed) if a sweeper came between its creation and the lock."""
    if fcntl is None:
        return True
    with suppress(OSError):  # some network file systems know no locks; the sweep then goes by age
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        if os.path.samestat(os.fstat(descriptor), os.stat(path, follow_symlinks=False)):
            return True
    except FileNotFoundError:
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return False


def _temp_path(folder: Path) -> Path:
    return folder / f"{TEMP_PREFIX}{os.urandom(8).hex()}.tmp"


def _publish(temporary: Path, path: Path, overwrite: bool) -> None:
    if overwrite:
        os.replace(temporary, path)
        return
    try:
        os.link(temporary, path)  # unlike rename, this fails if the name was taken meanwhile
    except FileExistsError:
        raise _exists(path) from None
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.EACCES):
            raise
        if os.path.lexists(path):  # FAT and some network disks have no hard links: check, then rename
            raise _exists(path) from None
        os.rename(temporary, path)
    else:
        with suppress(OSError):  # the file is saved under its name; a second name is only an orphan to sweep
            os.unlink(temporary)


def _sync_tree(folder: Path) -> None:
    """fsync every file and folder below and including `folder`, contents before the folder that names them."""
    for parent, _, files in os.walk(folder, topdown=False, onerror=_raise):
        for name in files:
            if not os.path.islink(os.path.join(parent, name)):
                _sync(os.path.join(parent, name), _FILE_FLAGS)
        _sync_folder(Path(parent))


def _sync_folder(folder: Path) -> None:
    if fcntl is None:  # Windows has no way to fsync a folder
        return
    try:
        _sync(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # a file system that cannot sync folders
            raise


def _sync(path: Path | str, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(file: BinaryIO, data: bytes) -> None:
    file.write(data)


def _raise(error: OSError) -> None:
    raise error


def _exists(path: Path) -> UserError:
    return UserError(f"{path}: already exists.", hint="Choose another name, or move the old one away.")
