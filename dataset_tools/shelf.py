"""The library's memory: columns, tag index and the lock, kept in step with each other.

A changed text is in its column at once. Index, token count and problem follow in `settle`: it takes the changed
pictures in slices, works their tags out without the lock, and then brings one tag at a time up to date. So a rename
over 100,000 pictures is a matter of milliseconds for the caller, and no other thread waits long for the lock.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from itertools import islice

from dataset_tools.caption_file import CaptionText, line_of, tags_in, tags_of
from dataset_tools.columns import EDITABLE, EMPTY, FINE, READ, UNREAD, Columns
from dataset_tools.listing import PictureFolder
from dataset_tools.reading import ReadCaption, Stamp
from dataset_tools.tag_index import TagChanges, TagIndex
from dataset_tools.token_count import token_counts
from kohya_like.schema.errors import Fault

FEW = 64  # changed pictures that are settled at once, by the caller
SLICE = 500  # pictures between two breaths
PAUSE_SECONDS = 0.0002  # lets a window that waits for Python or for the lock have it
COARSE_NS, FINE_NS = 3_000_000_000, 20_000_000  # a file younger than this may change again within one tick of its clock


def breathe() -> None:
    time.sleep(PAUSE_SECONDS)


class Shelf:
    """Shared by the modules of the library; everything but `lock` and `settle` is used with the lock held."""

    def __init__(self, extension: str) -> None:
        """`extension` of the caption files."""
        self.extension = extension
        self.lock = threading.RLock()
        self.columns = Columns()
        self.index = TagIndex()
        self.folders: list[PictureFolder] = []
        self.listed: list[range] = []  # by folder, the pictures found in the first listing
        self.faults: list[Fault] = []
        self.generation = 0
        self.read_count = 0
        self.touched: set[int] = set()  # changed by an edit: the file may hold another text
        self.young: set[int] = set()  # the file could change again without its time showing it
        self.dirty: set[int] = set()  # not in the store as they are here
        self._stale: dict[int, str] = {}  # changed pictures, with the text that the index knows
        self._settling = threading.Lock()

    # reading

    def read_first(self, number: int, read: ReadCaption) -> None:
        """A picture whose number is higher than those read before."""
        self.columns.put(number, read)
        self.read_count += 1
        self.dirty.add(number)
        self._note_age(number, read.stamp)
        if read.caption.text and read.caption.editable:
            line = line_of(read.caption.text)
            self.columns.tokens[number] = token_counts().of(line)
            self.index.append(number, tags_in(line))

    def read_again(self, number: int, read: ReadCaption) -> None:
        """Another content of the file, for a picture whose caption is known."""
        self._before_change(number)
        self.columns.put(number, read)
        self._note_age(number, read.stamp)

    def _note_age(self, number: int, stamp: Stamp | None) -> None:
        if stamp is not None and is_young(stamp.mtime_ns):
            self.young.add(number)
        else:
            self.young.discard(number)

    # changing

    def change(self, numbers: Sequence[int], texts: Iterable[str]) -> list[int]:
        """Put texts in; the numbers of those that are another now. What training refuses is left alone."""
        changed: list[int] = []
        columns, stale = self.columns, self._stale
        known, states, problems, sharing = columns.texts, columns.states, columns.problems, columns.sharing
        for number, text in zip(numbers, texts):  # a hundred thousand times in a large edit: few calls in here
            if known[number] == text or states[number] != READ or problems[number] not in EDITABLE:
                continue
            for one in sharing.get(number, (number,)):
                if one not in stale:
                    stale[one] = known[one]
                known[one] = text
                changed.append(one)
        self.touched.update(changed)
        self.dirty.update(changed)
        self.generation += bool(changed)
        return changed

    def change_caption(self, number: int, caption: CaptionText) -> list[int]:
        group = self.columns.sharing.get(number, (number,))
        if self.columns.states[number] != READ or all(self.columns.caption(one) == caption for one in group):
            return []
        for one in group:
            self._before_change(one)
            self.columns.put_caption(one, caption)
        self.touched.update(group)
        return list(group)

    def _before_change(self, number: int) -> None:
        if number not in self._stale:
            self._stale[number] = self.columns.texts[number] if self.columns.is_editable(number) else ""
        self.dirty.add(number)
        self.generation += 1

    def saved(self, number: int, stamp: Stamp | None) -> None:
        """The file was written by us."""
        self.columns.put_stamp(number, stamp)
        self.touched.add(number)
        self.dirty.add(number)
        self._note_age(number, stamp if stamp is not None and stamp.mtime_ns % 1_000_000 == 0 else None)

    def forget(self, number: int, state: int) -> None:
        """A picture that is gone: it has no tags any more."""
        self._before_change(number)
        self.columns.put_caption(number, CaptionText())
        self.columns.states[number] = state

    # settling

    def settle_few(self) -> None:
        """Settle if that is a matter of a millisecond and nobody does it already."""
        if len(self._stale) <= FEW and self._settling.acquire(blocking=False):
            try:
                self._settle()
            finally:
                self._settling.release()

    def settle(self) -> None:
        """Bring everything up to date; waits for another thread that does so."""
        with self._settling:
            self._settle()

    def _settle(self) -> None:
        while self._stale:
            changes = TagChanges()
            many = len(self._stale) > FEW
            while some := self._taken():
                for number, before, after in some:
                    self._note(changes, number, before, after)
                if many:
                    breathe()
            for tag in changes.tags():
                with self.lock:
                    self.index.change(changes, tag)
                if many:
                    breathe()

    def _taken(self) -> list[tuple[int, str, str]]:
        with self.lock:
            some = [(number, self._stale.pop(number)) for number in list(islice(self._stale, SLICE))]
            columns = self.columns
            return [
                (number, before, columns.texts[number] if columns.is_editable(number) else "")
                for number, before in some
            ]

    def _note(self, changes: TagChanges, number: int, before: str, after: str) -> None:
        line = line_of(after)
        changes.note(number, tags_of(before), tags_in(line))
        tokens = token_counts().of(line) if line else 0
        with self.lock:
            self.columns.tokens[number] = tokens
            if self.columns.is_editable(number):
                self.columns.problems[number] = FINE if line else EMPTY

    @property
    def is_settled(self) -> bool:
        return not self._stale and not self._settling.locked()

    # numbers

    def place(self, number: int) -> tuple[int, int] | None:
        """Folder and place in its first listing; None for a picture found later."""
        folder = self.columns.folders[number]
        listed = self.listed[folder]
        return (folder, number - listed.start) if number in listed else None

    def stored_as(self, place: int) -> str:
        """What the store calls a folder: captions of another extension are other captions."""
        return f"{self.folders[place].folder}\n{self.extension}"

    def unread(self, numbers: range) -> list[int]:
        states = self.columns.states
        return [number for number in numbers if states[number] == UNREAD]


def is_young(mtime_ns: int) -> bool:
    """Whether a file with this time could change again and have the same time: some disks count in whole seconds."""
    return time.time_ns() - mtime_ns < (FINE_NS if mtime_ns % 1_000_000 else COARSE_NS)
