"""Small libraries for tests, and files whose times lie in the past, so that the store may keep them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from dataset_tools.index_store import IndexStore
from dataset_tools.library import Library
from tests.data.folders_made import make

LONG_AGO = 1_600_000_000
PICTURE = (64, 64)


def old(path: Path, seconds: int = LONG_AGO) -> None:
    """Let a file look as if it had been written then."""
    os.utime(path, (seconds, seconds))


def made(root: Path, captions: Mapping[str, str | bytes | None], folder: str = "10_cat") -> Path:
    """Pictures by their stems, each with its caption (None: without); the folder that holds the concept folder."""
    files: dict[str, str | bytes | tuple[int, int]] = {}
    for stem, text in captions.items():
        files[f"{folder}/{stem}.png"] = PICTURE
        if text is not None:
            files[f"{folder}/{stem}.txt"] = text
    make(root, files)
    for name in files:
        if name.endswith(".txt"):
            old(root / name)
    return root


def opened(
    *folders: Path,
    store: IndexStore | None = None,
    recursive: bool = False,
    caption_extension: str = ".txt",
    mask_suffix: str = "",
) -> Library:
    """A library with all captions read."""
    library = Library(
        [str(folder) for folder in folders],
        store=store,
        recursive=recursive,
        caption_extension=caption_extension,
        mask_suffix=mask_suffix,
    )
    library.list_pictures()
    assert library.read_captions()
    return library


def by_name(library: Library) -> dict[str, int]:
    """Ids by the names of the pictures."""
    return {library.picture(number).name: number for number in library.ids()}


def said(library: Library, code: str) -> str:
    """The one fault of that code, as the person sees it."""
    (fault,) = [fault for fault in library.faults if fault.code == code]
    return str(fault)


def same_index(library: Library) -> bool:
    """Whether index and token counts are what a fresh look at all texts would give."""
    counts: dict[str, set[int]] = {}
    for number in library.ids():
        for tag in library.tags(number):
            counts.setdefault(tag, set()).add(number)
    tokens = library.all_tokens()
    return (
        library.counts() == {tag: len(numbers) for tag, numbers in counts.items()}
        and all(library.ids_with(tag).tolist() == sorted(numbers) for tag, numbers in counts.items())
        and all(tokens[number] == library.tokens(number) for number in library.ids())
    )
