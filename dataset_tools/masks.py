"""Masks for the masked loss: where the mask of a picture is, or would be, and writing one without losing another.

The places are those that training looks in (`kohya_like.data.concept`): a folder of the concept's name in mask_dir, or
mask_dir itself; or, without mask_dir, a file beside the picture whose name ends with mask_suffix.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dataset_tools.writer import Backup
from kohya_like.data.folders import is_picture
from kohya_like.data.records import plain
from kohya_like.data.sidecar import masks_beside, picture_stems
from kohya_like.formats.atomic import atomic_bytes
from kohya_like.schema.errors import UserError


@dataclass(frozen=True)
class MaskRules:
    """The configuration's `data.mask_dir` (absolute) and `data.mask_suffix`; "" where it has none."""

    mask_dir: str = ""
    mask_suffix: str = ""

    @property
    def has_place(self) -> bool:
        return bool(self.mask_dir or self.mask_suffix)


def find_mask(picture: Path, rules: MaskRules) -> Path | None:
    """The mask that training would use; None where there is none.

    Raises:
        OSError: a folder cannot be read.
    """
    stem = picture_stems(picture.name)[0]
    if rules.mask_dir:
        folder = _folder(picture, rules)
        found = {picture_stems(name)[0]: name for name in _pictures_in(folder)}
        return folder / found[stem] if stem in found else None
    if rules.mask_suffix:
        beside = masks_beside(_pictures_in(picture.parent), rules.mask_suffix)
        return picture.parent / beside[stem] if stem in beside else None
    return None


def new_mask(picture: Path, rules: MaskRules) -> Path:
    """Where a mask is written so that training finds it; not there yet.

    Raises:
        UserError: the configuration names no place for masks, or that of the pictures themselves.
        OSError: a folder cannot be read.
    """
    if rules.mask_dir:
        folder = _folder(picture, rules)
        if folder == Path(rules.mask_dir) and not _pictures_in(folder):
            folder /= picture.parent.name  # nothing lies there yet: each concept gets a folder of its own
        if folder.exists() and os.path.samefile(folder, picture.parent):
            raise UserError("mask_dir is the folder of the pictures", "masks need a folder of their own")
        return folder / f"{picture.stem}.png"
    if rules.mask_suffix:
        return picture.with_name(f"{picture.stem}{rules.mask_suffix}.png")
    raise UserError("the configuration names no place for masks", "set data.mask_dir")


def write_mask(place: Path, png: bytes, backup: Path) -> None:
    """Write a mask, whole or not at all. What is there is copied into `backup` before it is first written over.

    Raises:
        UserError: something of that name is no file.
        OSError: it cannot be written; what was there stays.
    """
    if place.is_dir():
        raise UserError(f"{plain(str(place))}: is a folder", "rename it")
    if place.exists():
        Backup(backup).keep(str(place.absolute()), place.read_bytes())
    place.parent.mkdir(parents=True, exist_ok=True)
    atomic_bytes(place, png)


def remove_mask(place: Path, backup: Path) -> None:
    """Take a mask away; a copy of it stays in `backup`. Raises OSError."""
    Backup(backup).keep(str(place.absolute()), place.read_bytes())
    place.unlink()


def _folder(picture: Path, rules: MaskRules) -> Path:
    own = Path(rules.mask_dir) / picture.parent.name
    return own if own.is_dir() else Path(rules.mask_dir)


def _pictures_in(folder: Path) -> list[str]:
    return list(_names(folder)) if folder.is_dir() else []


def _names(folder: Path) -> Iterator[str]:
    with os.scandir(folder) as entries:
        yield from sorted(entry.name for entry in entries if is_picture(entry.name) and entry.name[:1] != ".")
