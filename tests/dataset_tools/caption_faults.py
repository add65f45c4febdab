"""Kills and errors at the n-th file operation of a caption session, in this process; and what a killed one leaves."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dataset_tools.library import Library
from dataset_tools.session import CaptionSession

OPERATIONS = ("open", "fsync", "replace", "rename", "link", "unlink", "mkdir", "ftruncate")


class Killed(BaseException):
    """In place of SIGKILL: nothing of the program may run after it, so every further operation raises it as well."""


class Faults:
    """Counts file operations; from the one with number `at` on, `fault` is called (once, or for ever)."""

    def __init__(self, at: int, fault: Callable[[], None], forever: bool = True) -> None:
        self.at, self.fault, self.forever = at, fault, forever
        self.count = 0

    @property
    def hit(self) -> bool:
        return self.count >= self.at

    def step(self) -> None:
        self.count += 1
        if self.count == self.at or (self.forever and self.hit):
            self.fault()


def killed() -> None:
    raise Killed


def raising(number: int) -> Callable[[], None]:
    def fail() -> None:
        raise OSError(number, os.strerror(number))

    return fail


@contextmanager
def injected(faults: Faults) -> Iterator[Faults]:
    """Within the block, what writes goes through `faults`; a write that is hit writes half of its bytes first."""
    write, fdopen = os.write, os.fdopen

    def half_written(descriptor: int, data: bytes) -> int:
        try:
            faults.step()
        except BaseException:
            write(descriptor, data[: len(data) // 2])
            raise
        return write(descriptor, data)

    with pytest.MonkeyPatch.context() as patch:
        for name in OPERATIONS:
            patch.setattr(os, name, _counted(getattr(os, name), faults))
        patch.setattr(os, "write", half_written)
        patch.setattr(os, "fdopen", lambda *given: _Watched(fdopen(*given), faults))
        yield faults


def _counted(function: Callable[..., Any], faults: Faults) -> Callable[..., Any]:
    def counted(*given: Any, **more: Any) -> Any:
        faults.step()
        return function(*given, **more)

    return counted


class _Watched:
    def __init__(self, file: Any, faults: Faults) -> None:
        self._file, self._faults = file, faults

    def __enter__(self) -> _Watched:
        self._file.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._file.__exit__(*error)

    def write(self, data: bytes) -> int:
        try:
            self._faults.step()
        except BaseException:
            self._file.write(data[: len(data) // 2])
            raise
        return int(self._file.write(data))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def drop(session: CaptionSession) -> None:
    """What the kernel does to a killed process: its descriptors are closed, and with them its locks go."""
    behind = session._autosave
    for journal in [*behind.older, *([behind.journal] if behind.journal else [])]:
        os.close(journal._descriptor)
    behind.older, behind.journal = [], None


def opened(folder: Path, **options: Any) -> Library:
    """A library of this folder with its captions read."""
    library = Library([str(folder)], **options)
    library.list_pictures()
    library.read_captions()
    return library
