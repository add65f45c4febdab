"""Fills a shelf: the list of pictures first, then their captions, from the store where the files are still the same."""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from dataset_tools.caption_file import CaptionText
from dataset_tools.caption_names import belonging
from dataset_tools.columns import ENCODINGS, NO_FILE, NUMBERS, PROBLEMS, READ
from dataset_tools.index_parts import Part
from dataset_tools.index_store import IndexStore
from dataset_tools.listing import ListingRules, PictureFolder, find_pictures
from dataset_tools.reading import NO_CAPTION, ReadCaption, Stamp, read_caption
from dataset_tools.shelf import SLICE, Shelf, breathe
from dataset_tools.token_count import token_counts

Progress = Callable[[int, int], None]  # done, of how many
Cancelled = Callable[[], bool]
AT_ONCE = 200  # files read between two breaths

Remembered = dict[str, ReadCaption]


def list_pictures(shelf: Shelf, given: Sequence[str], rules: ListingRules, cancelled: Cancelled) -> None:
    found = find_pictures(given, rules, cancelled)
    with shelf.lock:
        for folder in found.folders:
            shelf.folders.append(folder)
            shelf.listed.append(shelf.columns.add(len(shelf.folders) - 1, folder.pictures))
        shelf.faults += found.faults
        shelf.generation += 1


class Opening:
    """Reads the captions of a shelf's pictures; `go` may be called again after it was cancelled."""

    def __init__(self, shelf: Shelf, store: IndexStore | None) -> None:
        self._shelf, self._store = shelf, store
        self._captions: dict[int, list[str | None]] = {}  # by folder, the caption file of each picture

    def go(self, progress: Progress, cancelled: Cancelled) -> bool:
        """False if cancelled."""
        shelf = self._shelf
        for place, folder in enumerate(shelf.folders):
            if not shelf.unread(shelf.listed[place]):
                continue
            if place not in self._captions:
                self._captions[place] = self._find_captions(place, folder)
            remembered: Remembered | None = {}
            if self._store is not None:
                remembered = self._take_parts(
                    self._store.load(shelf.stored_as(place)), place, folder, progress, cancelled
                )
            if remembered is None or not self._read(place, folder, remembered, progress, cancelled):
                return False
            del self._captions[place]
        shelf.settle()
        progress(shelf.read_count, len(shelf.columns))
        token_counts()  # not read yet where the store knew everything: an edit would have to wait for it
        return True

    def _find_captions(self, place: int, folder: PictureFolder) -> list[str | None]:
        """Which caption file each picture has."""
        shelf = self._shelf
        of = belonging(folder.folder, folder.pictures, shelf.listed[place], folder.captions(shelf.extension))
        with shelf.lock:
            shelf.columns.caption_names.update(of.unusual)
            shelf.columns.sharing.update(of.sharing)
            shelf.faults += of.faults
        folder.others = []
        return of.found

    def _take_parts(
        self, parts: Iterable[Part], place: int, folder: PictureFolder, progress: Progress, cancelled: Cancelled
    ) -> Remembered | None:
        """Take over whole parts as long as the names are the same; what the store knows beyond that is returned.

        Returns: None if cancelled.
        """
        remembered: Remembered = {}
        position = 0
        for part in parts:
            if cancelled():
                return None
            end = position + len(part.names)
            if not remembered and folder.pictures[position:end] == part.names:
                self._take_part(place, folder, position, part)
                progress(self._shelf.read_count, len(self._shelf.columns))
                position = end
            else:
                remembered.update(_captions_of(part))
            breathe()
        return remembered

    def _take_part(self, place: int, folder: PictureFolder, position: int, part: Part) -> None:
        shelf, columns = self._shelf, self._shelf.columns
        first = shelf.listed[place].start + position
        end = first + len(part.names)
        if any(columns.states[first:end]):  # read before an opening was cancelled
            return
        with shelf.lock:
            columns.texts[first:end] = part.texts
            for name in NUMBERS:
                columns.numbers(name)[first:end] = part.numbers[name]
            columns.states[first:end] = array("b", [READ]) * (end - first)
            shelf.read_count += end - first
        tagged = iter(part.tagged.items())
        while some := list(islice(tagged, SLICE)):
            with shelf.lock:
                for tag, places in some:
                    shelf.index.extend(tag, array("i", map(first.__add__, places)))
        prefix = folder.folder + os.sep
        captions = self._captions[place][position : position + len(part.names)]
        for i in _differing(prefix, captions, part.numbers["mtimes"], part.numbers["sizes"]):
            caption = captions[i]
            read = read_caption(prefix + caption) if caption is not None else NO_CAPTION
            with shelf.lock:
                shelf.read_again(first + i, read)

    def _read(
        self, place: int, folder: PictureFolder, remembered: Remembered, progress: Progress, cancelled: Cancelled
    ) -> bool:
        shelf, first = self._shelf, self._shelf.listed[place].start
        unread = shelf.unread(shelf.listed[place])
        prefix, captions = folder.folder + os.sep, self._captions[place]
        for start in range(0, len(unread), AT_ONCE):
            if cancelled():
                return False
            some = unread[start : start + AT_ONCE]
            reads = [self._one(prefix, captions[n - first], remembered.get(folder.pictures[n - first])) for n in some]
            with shelf.lock:
                for number, read in zip(some, reads):
                    shelf.read_first(number, read)
                shelf.generation += 1
            progress(shelf.read_count, len(shelf.columns))
        return True

    def _one(self, prefix: str, caption: str | None, known: ReadCaption | None) -> ReadCaption:
        if caption is None:
            return NO_CAPTION
        if known is not None and known.stamp is not None and caption_facts(prefix, caption) == known.stamp[:2]:
            return known
        return read_caption(prefix + caption)


def _differing(
    prefix: str, captions: Sequence[str | None], mtimes: Sequence[int], sizes: Sequence[int]
) -> Iterator[int]:
    """Places of the captions whose file has not this time and size."""
    stat = os.stat
    for i, (caption, mtime, size) in enumerate(zip(captions, mtimes, sizes)):
        if caption is None:
            if mtime != NO_FILE:
                yield i
            continue
        try:
            facts = stat(prefix + caption)
        except OSError:
            yield i
            continue
        if facts.st_mtime_ns != mtime or facts.st_size != size:
            yield i


def caption_facts(prefix: str, caption: str | None) -> tuple[int, int]:
    """Time (ns) and size of a caption file, as the columns have them."""
    if caption is None:
        return NO_FILE, 0
    try:
        facts = os.stat(prefix + caption)
    except OSError:
        return NO_FILE, 0
    return facts.st_mtime_ns, facts.st_size


def _captions_of(part: Part) -> Remembered:
    numbers = part.numbers
    found: Remembered = {}
    for i, (name, text) in enumerate(zip(part.names, part.texts)):
        if numbers["mtimes"][i] >= 0:
            encoding, has_mark = ENCODINGS[numbers["encodings"][i]]
            caption = CaptionText(text, encoding, has_mark, PROBLEMS[numbers["problems"][i]])
            found[name] = ReadCaption(caption, Stamp(numbers["mtimes"][i], numbers["sizes"][i], numbers["hashes"][i]))
    return found
