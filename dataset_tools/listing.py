"""Which pictures lie in the folders that somebody opened, and where the caption of each is.

Folders are read as training reads them (`kohya_like.data.folders`): hidden files, foreign links and masks are left out.
A folder may hold pictures, or concept folders such as `10_sks cat`, or both; `recursive` takes every folder below.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import compress
from operator import not_
from pathlib import Path

from dataset_tools.caption_names import CaptionNames
from kohya_like.data.folders import (
    Listing,
    Walk,
    is_picture,
    list_folder,
    open_folder,
    read_name,
    refusals,
)
from kohya_like.data.records import plain
from kohya_like.data.sidecar import masks_beside
from kohya_like.schema.errors import Fault


@dataclass(frozen=True)
class ListingRules:
    """How folders are read: as the options of a training's data section say."""

    caption_extension: str = ".txt"
    recursive: bool = False
    mask_suffix: str = ""  # cat_mask.png is the mask of cat.png, and no picture, where the suffix is "_mask"


@dataclass
class PictureFolder:
    """One folder that holds pictures; `pictures` sorted by name."""

    folder: str  # absolute
    root: str  # the folder that was given
    pictures: list[str]
    others: list[str] = field(default_factory=list)  # its further files, until the captions are found

    def captions(self, extension: str) -> CaptionNames:
        return CaptionNames.among(self.others, extension)


@dataclass
class Found:
    """All folders with pictures, and what is wrong with those that have none."""

    folders: list[PictureFolder] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def find_pictures(
    given: Sequence[str], rules: ListingRules = ListingRules(), cancelled: Callable[[], bool] = lambda: False
) -> Found:
    """List the folders that were given; a folder that is named twice, or lies in another one, is read once."""
    found, seen = Found(), set[str]()
    for one in given:
        walk = Walk()
        opened = open_folder(one, "", walk)
        found.faults += walk.faults
        if opened is None or cancelled():
            continue
        top, listing = opened
        is_new, before = os.path.realpath(top) not in seen, len(found.folders)
        for folder, inside in _folders_of(top, listing, rules.recursive, found.faults):
            real = os.path.realpath(folder)
            if cancelled() or real in seen:
                continue
            seen.add(real)
            kinds = [is_picture(name) for name in inside.files]
            pictures = list(compress(inside.files, kinds))
            if masks := set(masks_beside(pictures, rules.mask_suffix).values()):
                pictures = [name for name in pictures if name not in masks]
            if pictures:
                others = list(compress(inside.files, map(not_, kinds)))
                found.folders.append(PictureFolder(str(folder), str(top), pictures, others))
        if is_new and len(found.folders) == before and not cancelled():
            found.faults.append(_nothing(top, listing))
    return found


def _folders_of(top: Path, listing: Listing, recursive: bool, faults: list[Fault]) -> Iterator[tuple[Path, Listing]]:
    yield top, listing
    inner = listing.folders
    if not recursive:
        readings = {name: read_name(name) for name in inner}
        inner = [name for name, reading in readings.items() if not reading.refusal]
        faults += refusals(readings, "", plain(str(top)))
    waiting = [top / name for name in reversed(inner)]
    seen = {os.path.realpath(top)}
    while waiting:
        folder = waiting.pop()
        real = os.path.realpath(folder)
        if real in seen:  # links that lead to one another
            continue
        seen.add(real)
        try:
            inside = list_folder(folder, top, Walk())
        except OSError as error:
            text = f"cannot be read ({error.strerror})"
            faults.append(Fault(text, "", plain(str(folder)), "check its permissions", "error", "unreadable-folder"))
            continue
        yield folder, inside
        if recursive:
            waiting += [folder / name for name in reversed(inside.folders)]


def _nothing(top: Path, listing: Listing) -> Fault:
    text = "holds no pictures" if listing.files or listing.folders else "is empty"
    mend = "put pictures into a folder such as 10_sks cat in it"
    return Fault(text, "", plain(str(top)), mend, code="no-pictures")
