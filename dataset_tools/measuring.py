"""Width and height of pictures from their headers, read when asked for and remembered by the file's time and size."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from dataset_tools.opening import AT_ONCE, Cancelled, Progress
from dataset_tools.shelf import Shelf
from kohya_like.data.picture_header import read_header
from kohya_like.schema.errors import FormatError

CANNOT_BE_READ = (-1, -1)


def measure(
    shelf: Shelf, path: Callable[[int], str], ids: Iterable[int], progress: Progress, cancelled: Cancelled
) -> bool:
    """Fill in the sizes of these pictures where their files are not as they were; False if cancelled."""
    numbers = list(ids)
    for start in range(0, len(numbers), AT_ONCE):
        if cancelled():
            return False
        some = numbers[start : start + AT_ONCE]
        found = [(number, measured) for number in some if (measured := _measured(shelf, number, path(number)))]
        with shelf.lock:
            columns = shelf.columns
            for number, (width, height, mtime, size) in found:
                columns.widths[number], columns.heights[number] = width, height
                columns.picture_mtimes[number], columns.picture_sizes[number] = mtime, size
                shelf.dirty.add(number)
            shelf.generation += bool(found)
        progress(min(start + AT_ONCE, len(numbers)), len(numbers))
    return True


def _measured(shelf: Shelf, number: int, path: str) -> tuple[int, int, int, int] | None:
    """Width, height, time and size; None where the file is as it was."""
    columns = shelf.columns
    try:
        facts = os.stat(path)
    except OSError:
        return None if columns.widths[number] < 0 else (*CANNOT_BE_READ, 0, 0)
    mtime, size = facts.st_mtime_ns, facts.st_size
    if columns.widths[number] and (columns.picture_mtimes[number], columns.picture_sizes[number]) == (mtime, size):
        return None
    try:
        return (*read_header(path).size, mtime, size)
    except (FormatError, OSError):
        return (*CANNOT_BE_READ, mtime, size)
