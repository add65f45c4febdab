"""Compares the folders with what the library knows: what other programs did since.

Pictures that came or went are taken over at once. Captions are only named: whether theirs is taken or a person is asked
depends on edits that are not written yet, and those are the session's (`CaptionSession.outside`).

A folder that cannot be read any more (a disk taken out, a share gone) loses nothing: its pictures stay in the list.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dataset_tools.caption_names import belonging
from dataset_tools.columns import GONE, READ
from dataset_tools.listing import PictureFolder, find_pictures
from dataset_tools.opening import caption_facts
from dataset_tools.reading import NO_CAPTION, read_caption
from dataset_tools.shelf import SLICE, Shelf, breathe
from kohya_like.data.records import plain
from kohya_like.schema.errors import Fault

if TYPE_CHECKING:
    from dataset_tools.library import Library


@dataclass
class Outside:
    """What one look found; ids of the library.

    `changed`: captions whose file is not as it was when last read or written, or is gone, or is there now. `came`: new
    pictures, their captions are read. `went`: pictures that left the list in this look. `gone`: all whose file is not
    there, those of folders that cannot be read included.
    """

    changed: list[int] = field(default_factory=list)
    came: list[int] = field(default_factory=list)
    went: list[int] = field(default_factory=list)
    gone: set[int] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)

    @property
    def is_other_list(self) -> bool:
        return bool(self.came or self.went)


def look_outside(library: Library, cancelled: Callable[[], bool] = lambda: False) -> Outside:
    """Look at all folders of a library whose captions are read; for a worker thread, about a second for 100,000.

    Nothing is raised; what cannot be read is in `faults`.
    """
    shelf, seen = library.shelf, Outside()
    found = find_pictures(library.given, library.rules, cancelled)
    if cancelled():
        return seen
    seen.faults += [fault for fault in found.faults if fault.severity == "error"]
    now = {folder.folder: folder for folder in found.folders}
    known = {folder.folder: place for place, folder in enumerate(shelf.folders)}
    numbers = _numbers_by_folder(shelf)
    for path, place in known.items():
        folder = now.get(path) or PictureFolder(path, path, [])
        if path not in now and (why := _unreadable(path)):
            seen.gone.update(numbers[place])
            seen.faults += [] if _is_told(seen.faults, path) else [_fault(path, why)]
        else:
            _look_at(library, place, folder, numbers[place], seen)
    for path, folder in now.items():
        if path not in known:
            _new_folder(library, folder, seen)
    shelf.settle()
    return seen


def _numbers_by_folder(shelf: Shelf) -> list[list[int]]:
    with shelf.lock:
        folders = shelf.columns.folders[:]
    numbers: list[list[int]] = [[] for _ in shelf.folders]
    for number, place in enumerate(folders):
        numbers[place].append(number)
    return numbers


def _look_at(library: Library, place: int, folder: PictureFolder, numbers: list[int], seen: Outside) -> None:
    shelf, columns = library.shelf, library.shelf.columns
    known = {columns.names[number]: number for number in numbers}
    there = set(folder.pictures)
    for name, number in known.items():
        if name not in there:
            seen.gone.add(number)
            if columns.states[number] == READ:
                seen.went.append(number)
                with shelf.lock:
                    shelf.forget(number, GONE)
    back = [known[name] for name in folder.pictures if name in known and columns.states[known[name]] == GONE]
    new = [name for name in folder.pictures if name not in known]
    if new:
        with shelf.lock:
            added = columns.add(place, new)
            shelf.read_count += len(added)
        known.update(zip(new, added))
        back += added
    living = [known[name] for name in folder.pictures]
    files = _take_names(library, folder, living)
    _read(shelf, folder, [(number, files[number]) for number in back])
    seen.came += back
    fresh = set(back)
    differ = _changed(shelf, folder, living, files)
    seen.changed += [number for number in differ if number not in fresh and columns.states[number] == READ]


def _take_names(library: Library, folder: PictureFolder, living: Sequence[int]) -> dict[int, str | None]:
    """Which file each picture's caption is now."""
    of = belonging(folder.folder, folder.pictures, living, folder.captions(library.rules.caption_extension))
    columns = library.shelf.columns
    with library.shelf.lock:
        for number in living:
            columns.caption_names.pop(number, None)
            columns.sharing.pop(number, None)
        columns.caption_names.update(of.unusual)
        columns.sharing.update(of.sharing)
    return dict(zip(living, of.found))


def _read(shelf: Shelf, folder: PictureFolder, pictures: list[tuple[int, str | None]]) -> None:
    prefix = folder.folder + os.sep
    for number, caption in pictures:
        read = read_caption(prefix + caption) if caption is not None else NO_CAPTION
        with shelf.lock:
            shelf.read_again(number, read)


def _changed(shelf: Shelf, folder: PictureFolder, living: list[int], files: dict[int, str | None]) -> Iterator[int]:
    prefix, columns = folder.folder + os.sep, shelf.columns
    for start in range(0, len(living), SLICE):
        for number in living[start : start + SLICE]:
            if caption_facts(prefix, files[number]) != (columns.mtimes[number], columns.sizes[number]):
                yield number
        breathe()


def _new_folder(library: Library, folder: PictureFolder, seen: Outside) -> None:
    shelf = library.shelf
    with shelf.lock:
        shelf.folders.append(folder)
        added = shelf.columns.add(len(shelf.folders) - 1, folder.pictures)
        shelf.listed.append(added)
        shelf.read_count += len(added)
    living = list(added)
    files = _take_names(library, folder, living)
    folder.others = []
    _read(shelf, folder, list(files.items()))
    seen.came += living


def _unreadable(path: str) -> str:
    """Why a folder cannot be read; "" where it can."""
    try:
        with os.scandir(path):
            return ""
    except FileNotFoundError:
        return "does not exist any more"
    except OSError as error:
        return f"cannot be read ({error.strerror})"


def _is_told(faults: list[Fault], path: str) -> bool:
    return any(fault.where == plain(path) for fault in faults)


def _fault(path: str, why: str) -> Fault:
    return Fault(why, "", plain(path), "its pictures stay in the list; what is edited waits", code="folder-gone")
