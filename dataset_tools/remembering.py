"""Writes what a shelf knows to its store: whole parts, and only those in which something changed."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from dataset_tools.caption_file import encode
from dataset_tools.columns import NUMBERS
from dataset_tools.index_parts import PART, UNKNOWN, Part
from dataset_tools.index_store import IndexStore
from dataset_tools.reading import hash_of
from dataset_tools.shelf import Shelf, breathe
from kohya_like.schema.errors import UserError


def remember(shelf: Shelf, store: IndexStore) -> None:
    """Bring the store up to date. A caption whose file may hold another text than ours is kept without its text."""
    shelf.settle()
    if not _save(shelf, store) and store.is_empty:  # it was damaged: once more, into a new file
        _save(shelf, store)


def _save(shelf: Shelf, store: IndexStore) -> bool:
    with shelf.lock:
        dirty = set(range(len(shelf.columns))) if store.is_empty else shelf.dirty
        found = [place for number in dirty if (place := shelf.place(number)) is not None]
        shelf.dirty = set()
    parts = sorted({(folder, position // PART) for folder, position in found})
    store.is_empty = False
    for which in range(len(shelf.folders)):
        wanted = [part for of, part in parts if of == which]
        count = -(-len(shelf.listed[which]) // PART)
        if wanted and not store.save(shelf.stored_as(which), _parts(shelf, which, wanted), count):
            with shelf.lock:
                shelf.dirty |= dirty
            return False
    return True


def _parts(shelf: Shelf, place: int, wanted: list[int]) -> Iterator[tuple[int, Part]]:
    listed = shelf.listed[place]
    for number in wanted:
        first = listed.start + number * PART
        yield number, _part(shelf, range(first, min(first + PART, listed.stop)))
        breathe()


def _part(shelf: Shelf, pictures: range) -> Part:
    start, stop = pictures.start, pictures.stop
    with shelf.lock:
        columns = shelf.columns
        numbers = {name: columns.numbers(name)[start:stop] for name in NUMBERS}
        texts = columns.texts[start:stop]
        names = columns.names[start:stop]
        tagged = dict(shelf.index.between(start, stop))
        unknown = {number - start for number in pictures if not _is_known(shelf, number)}
    for i in unknown:
        numbers["mtimes"][i] = UNKNOWN
        numbers["tokens"][i] = numbers["encodings"][i] = numbers["problems"][i] = 0
        texts[i] = ""
    places = {tag: array("i", [one - start for one in of if one - start not in unknown]) for tag, of in tagged.items()}
    return Part(names, texts, numbers, {tag: of for tag, of in places.items() if of})


def _is_known(shelf: Shelf, number: int) -> bool:
    """Whether the caption file, as long as its stamp is the same, holds the text we have."""
    columns = shelf.columns
    stamp = columns.stamp(number)
    if number in shelf.young or not columns.is_editable(number):
        return False
    if number not in shelf.touched:
        return True
    if stamp is None:
        return not columns.texts[number]
    try:
        return hash_of(encode(columns.texts[number], columns.caption(number))) == stamp.hash
    except UserError:
        return False
