"""A new dataset out of loose pictures: folders named `N_name`, filled by copying or by hard links.

Symbolic links are not offered: a training leaves out those that lead out of its folder. What is there is only read.
The plan is a value that can be shown before anything is written.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, Literal

from dataset_tools.copies import pictures_in
from kohya_like.data.folders import MAX_REPEATS, read_name
from kohya_like.data.records import plain
from kohya_like.data.sidecar import KNOWN_EXTENSIONS
from kohya_like.formats.atomic import atomic_write
from kohya_like.schema.errors import UserError

How = Literal["copy", "link"]
FORBIDDEN = frozenset('<>:"/\\|?*')


@dataclass(frozen=True)
class NewConcept:
    """A folder to be made: `repeats`_`name`, out of the pictures in `sources` (folders, with those below, or files)."""

    name: str
    repeats: int
    sources: tuple[Path, ...]

    @property
    def folder_name(self) -> str:
        return f"{self.repeats}_{self.name}" if self.name else str(self.repeats)


@dataclass(frozen=True)
class Filling:
    """One file to be put in its place."""

    source: Path
    target: Path


@dataclass(frozen=True)
class DatasetPlan:
    """Everything that would be made, and the numbers of it."""

    parent: Path
    fillings: tuple[Filling, ...]
    pictures: dict[str, int]  # by folder name
    bytes: int


def plan_dataset(parent: Path, concepts: Sequence[NewConcept]) -> DatasetPlan:
    """Plan the folders below `parent`.

    Raises:
        UserError: a name or number that kohya's tools would not read back, a source that is not there or holds no
            picture, two concepts of one folder name, or a folder that exists already and is not empty.
    """
    fillings: list[Filling] = []
    counts: dict[str, int] = {}
    for concept in concepts:
        folder = parent / _checked_name(concept)
        if concept.folder_name in counts:
            raise UserError(f'"{concept.folder_name}" is named twice', "give each concept words of its own")
        if folder.exists() and any(folder.iterdir()):
            raise UserError(f"{plain(str(folder))}: holds files already", "choose another name or parent folder")
        found = [pair for source in concept.sources for pair in _files_of(source, parent)]
        if not found:
            raise UserError(f'"{concept.folder_name}": its sources hold no picture', "choose others")
        counts[concept.folder_name] = len(found)
        fillings += _placed(folder, found)
    size = sum(filling.source.stat().st_size for filling in fillings)
    return DatasetPlan(parent, tuple(fillings), counts, size)


def _checked_name(concept: NewConcept) -> str:
    name = concept.folder_name
    if not 1 <= concept.repeats <= MAX_REPEATS:
        raise UserError(f"{concept.repeats} repeats", f"give 1 to {MAX_REPEATS}")
    foreign = set(concept.name) & FORBIDDEN or any(ord(c) < 32 for c in concept.name)
    if foreign or concept.name != concept.name.strip(" ."):
        text = f'"{plain(concept.name)}" cannot be the name of a folder everywhere'
        raise UserError(text, 'leave out < > : " / \\ | ? * and blanks or dots at its ends')
    if read_name(name).class_tokens != concept.name:
        raise UserError(f'"{plain(name)}" would be read back as other words', "choose other words")
    return name


def _files_of(source: Path, parent: Path) -> list[tuple[Path, list[Path]]]:
    if source.is_dir():
        if parent.resolve() == source.resolve():
            raise UserError(f"{plain(str(source))}: is the parent folder itself", "choose another parent folder")
        return list(pictures_in(source))
    if source.is_file():
        return [pair for pair in pictures_in(source.parent) if pair[0] == source]
    raise UserError(f"{plain(str(source))}: is not there", "choose another source")


def _placed(folder: Path, found: Sequence[tuple[Path, list[Path]]]) -> list[Filling]:
    """Each picture with its captions under one stem that no other picture of the folder has."""
    fillings: list[Filling] = []
    taken: set[str] = set()
    for picture, captions in found:
        stem, number = picture.stem, 2
        while stem.casefold() in taken:
            stem, number = f"{picture.stem}_{number}", number + 1
        taken.add(stem.casefold())
        fillings += [Filling(source, folder / (stem + source.suffix)) for source in (picture, *captions)]
    return fillings


def make_dataset(plan: DatasetPlan, how: How, progress: Callable[[int, int], None] | None = None) -> None:
    """Make the folders. Captions are always copied, so that editing them never alters those of the sources.

    A file that is there already from an interrupted time, with the same bytes' count, is kept.

    Raises:
        UserError: too little room; links are not possible between these places; a foreign file is in the way.
        OSError: the disk cannot be written.
    """
    plan.parent.mkdir(parents=True, exist_ok=True)
    if how == "copy" and shutil.disk_usage(plan.parent).free < plan.bytes * 1.02:
        text = f"{plain(str(plan.parent))}: {plan.bytes / 2**30:.1f} GiB are to be copied, and less is free"
        raise UserError(text, "choose another disk, or links instead of copies")
    for number, filling in enumerate(plan.fillings, 1):
        filling.target.parent.mkdir(exist_ok=True)
        _fill(filling, how)
        if progress is not None:
            progress(number, len(plan.fillings))


def _fill(filling: Filling, how: How) -> None:
    source, target = filling.source, filling.target
    if os.path.lexists(target):
        if target.stat().st_size != source.stat().st_size:
            raise UserError(f"{plain(str(target))}: is there already", "choose another folder")
        return
    is_caption = target.suffix.lower() in KNOWN_EXTENSIONS
    try:
        if how == "link" and not is_caption:
            os.link(source, target)
        else:
            atomic_write(target, partial(_copied, source), overwrite=False)
    except OSError as error:
        if how == "copy" or is_caption:
            raise
        text = f"{plain(str(target))}: a hard link is not possible there ({error.strerror})"
        raise UserError(text, "copy instead") from error


def _copied(source: Path, file: BinaryIO) -> None:
    with source.open("rb") as opened:
        shutil.copyfileobj(opened, file, 1 << 20)
