"""Bytes from one file into another, by the system where it can: they never pass through this process."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import BinaryIO

_CHUNK_BYTES = 1 << 20
# what the systems say when they cannot copy between two such files: another disk, an old kernel, a network disk
_CANNOT = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EBADF, errno.ETXTBSY}


def copy_bytes(path: Path, start: int, size: int, target: BinaryIO) -> None:
    """Append `size` bytes of a file from `start` on to the open file `target`, whose end is where it stands.

    Raises OSError: as the system says it, or the file has become shorter.
    """
    with open(path, "rb", buffering=0) as source:
        target.flush()
        done = _by_the_system(source.fileno(), start, size, target.fileno())
        target.seek(0, os.SEEK_END)
        source.seek(start + done)
        while done < size:
            chunk = source.read(min(_CHUNK_BYTES, size - done))
            if not chunk:
                raise OSError(errno.EIO, "the file has become shorter", str(path))
            target.write(chunk)
            done += len(chunk)


def _by_the_system(source: int, start: int, size: int, target: int) -> int:
    """How many bytes the system copied by itself; all, or as far as it can."""
    done = 0
    while done < size and hasattr(os, "copy_file_range"):
        try:
            count = os.copy_file_range(source, target, size - done, offset_src=start + done)
        except OSError as error:
            if error.errno not in _CANNOT:
                raise
            break
        if not count:  # the end of the file; a few file systems of the kernel's own say so at once
            break
        done += count
    return done
