"""The pictures of one or several folders in memory, with their captions, tags and token counts; no Qt.

    library = Library(folders, store=IndexStore(index_file(folders)))
    library.list_pictures()                    # names only: what a first screen needs
    library.read_captions(progress)   # in a thread: texts, tags, tokens; what the store knows is not read again
    library.read_sizes(progress)      # in a thread, when somebody asks for sizes
    library.remember()                # in a thread, after these and before closing

A picture is a number, its `id`: 0 .. len - 1, by folder and name when listed, stable while the library lives; pictures
found later follow, those that vanish keep their number and are no longer in `ids()`. What is known of pictures lies in
columns; `picture(id)` makes a value of one row. All methods may be called from any thread: one lock, held shortly.

A change of a text (`set_text`, `set_texts`) is seen at once by `text`; tag index and token counts follow: at once for
few pictures, and for many at the next question or when a worker calls `settle()`.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dataset_tools.caption_faults import caption_faults
from dataset_tools.caption_file import CaptionText, line_of, tags_of
from dataset_tools.columns import EMPTY, FINE, GONE, NO_FILE, PROBLEMS, UNREADABLE
from dataset_tools.index_store import IndexStore
from dataset_tools.listing import ListingRules
from dataset_tools.measuring import measure
from dataset_tools.opening import Cancelled, Opening, Progress, list_pictures
from dataset_tools.reading import ReadCaption, Stamp, hash_of
from dataset_tools.remembering import remember
from dataset_tools.shelf import SLICE, Shelf
from dataset_tools.token_count import token_counts
from kohya_like.data.records import Size
from kohya_like.data.sidecar import Problem
from kohya_like.schema.errors import Fault

__all__ = ["Library", "Picture", "Stamp", "hash_of"]


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture and its caption, as a value of one moment."""

    id: int
    folder: str  # absolute
    name: str
    size: Size | None  # (width, height) in pixels as seen; None until read, or where it cannot be read
    text: str  # everything in the caption file; "" where there is none
    tags: tuple[str, ...]
    tokens: int  # CLIP tokens of the line that training reads, without START and END; the same for SDXL's two encoders
    problem: Problem | None  # of the caption file; None: there is no caption file
    caption_stamp: Stamp | None  # None: there is no caption file, or it cannot be opened
    picture_stamp: Stamp | None  # its hash is always 0; None until the size was read


def _never() -> bool:
    return False


def _nobody(done: int, total: int) -> None:
    pass


class Library:
    """See the module."""

    def __init__(
        self,
        folders: Sequence[str],
        *,
        caption_extension: str = ".txt",
        recursive: bool = False,
        mask_suffix: str = "",
        store: IndexStore | None = None,
    ) -> None:
        """
        Args:
            folders: as training takes them: each may hold pictures, or concept folders (`10_sks cat`), or both.
            recursive: all folders below, whatever their names.
            mask_suffix: pictures named like another one and this suffix are masks, and left out.
            store: where captions are remembered; None: nowhere.
        """
        self.given = tuple(folders)
        self.rules = ListingRules(caption_extension.lower(), recursive, mask_suffix)
        self.store = store
        self.shelf = Shelf(self.rules.caption_extension)
        self._opening = Opening(self.shelf, store)

    # opening

    def list_pictures(self, cancelled: Cancelled = _never) -> None:
        """Find the pictures: names only. What is wrong with the folders is in `faults`; nothing is raised. Once."""
        list_pictures(self.shelf, self.given, self.rules, cancelled)

    def read_captions(self, progress: Progress = _nobody, cancelled: Cancelled = _never) -> bool:
        """Read all captions that are not read yet; False if cancelled (a second call goes on)."""
        return self._opening.go(progress, cancelled)

    def read_sizes(
        self, progress: Progress = _nobody, cancelled: Cancelled = _never, ids: Iterable[int] | None = None
    ) -> bool:
        """Read width and height of these pictures, or of all, from their headers where the files are not the same as
        when that was last done; False if cancelled."""
        return measure(self.shelf, self.path, self.ids() if ids is None else ids, progress, cancelled)

    def remember(self) -> None:
        """Write what is new to the store; for a worker thread, after opening and before closing."""
        if self.store is not None:
            remember(self.shelf, self.store)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What is wrong with folders, names and captions, as sentences; complete after `read_captions`. Looks at all
        pictures: for a worker thread."""
        with self.shelf.lock:
            found = list(self.shelf.faults)
        if self.store is not None and self.store.problem:
            found.append(Fault(self.store.problem, severity="hint", code="index"))
        return (*found, *caption_faults(self.shelf, self.ids(), self.caption_path))

    @property
    def captions_read(self) -> int:
        """Of how many pictures the caption is known."""
        return self.shelf.read_count

    # asking

    def __len__(self) -> int:
        """Numbers given out; those of vanished pictures included."""
        return len(self.shelf.columns)

    def ids(self) -> array[int]:
        """The pictures that exist, in order of folder and name (those found later at the end)."""
        with self.shelf.lock:
            states = self.shelf.columns.states[:]
        if GONE not in states:
            return array("i", range(len(states)))
        return array("i", [number for number, state in enumerate(states) if state != GONE])

    def folders(self) -> tuple[str, ...]:
        """The folders that hold pictures, absolute, in order."""
        with self.shelf.lock:
            return tuple(folder.folder for folder in self.shelf.folders)

    def ids_in(self, folder: str) -> array[int]:
        """The pictures directly in this folder."""
        with self.shelf.lock:
            places = [place for place, one in enumerate(self.shelf.folders) if one.folder == folder]
            of, states = self.shelf.columns.folders[:], self.shelf.columns.states[:]
        return array("i", [i for i, place in enumerate(of) if place in places and states[i] != GONE])

    def picture(self, id: int) -> Picture:
        with self.shelf.lock:
            columns = self.shelf.columns
            caption, stamp = self.caption(id), columns.stamp(id)
            editable = columns.is_editable(id)
            picture_size = columns.picture_sizes[id]
            return Picture(
                id,
                self.shelf.folders[columns.folders[id]].folder,
                columns.names[id],
                (columns.widths[id], columns.heights[id]) if columns.widths[id] > 0 else None,
                caption.text,
                tags_of(caption.text) if editable else (),
                self.tokens(id),
                caption.problem if self.has_caption(id) else None,
                stamp,
                Stamp(columns.picture_mtimes[id], picture_size, 0) if picture_size else None,
            )

    def path(self, id: int) -> str:
        """The picture file."""
        columns = self.shelf.columns
        return self.shelf.folders[columns.folders[id]].folder + os.sep + columns.names[id]

    def caption_path(self, id: int) -> str:
        """The caption file that training reads for it, or where it would be written."""
        columns = self.shelf.columns
        folder = self.shelf.folders[columns.folders[id]].folder
        name = columns.caption_names.get(id)
        return folder + os.sep + (name or os.path.splitext(columns.names[id])[0] + self.rules.caption_extension)

    def text(self, id: int) -> str:
        return self.shelf.columns.texts[id]

    def texts(self, ids: Iterable[int]) -> list[str]:
        """Of many at once: references only."""
        return list(map(self.shelf.columns.texts.__getitem__, ids))

    def caption(self, id: int) -> CaptionText:
        """Text, encoding, mark and problem; what `encode` needs."""
        with self.shelf.lock:
            caption = self.shelf.columns.caption(id)
            if not caption.editable or not self.has_caption(id):
                return caption
            problem = PROBLEMS[FINE if line_of(caption.text) else EMPTY]
        return CaptionText(caption.text, caption.encoding, caption.has_mark, problem)

    def tags(self, id: int) -> tuple[str, ...]:
        """Of the line that training reads; none where training refuses the file."""
        with self.shelf.lock:
            return tags_of(self.shelf.columns.texts[id]) if self.shelf.columns.is_editable(id) else ()

    def tokens(self, id: int) -> int:
        with self.shelf.lock:
            line = line_of(self.shelf.columns.texts[id]) if self.shelf.columns.is_editable(id) else ""
        return token_counts().of(line) if line else 0

    def all_tokens(self) -> array[int]:
        """Token counts of all pictures, by id (a copy). Settles first."""
        self._be_settled()
        with self.shelf.lock:
            return self.shelf.columns.tokens[:]

    def all_sizes(self) -> tuple[array[int], array[int]]:
        """Widths and heights of all pictures, by id; 0 where not known, -1 where they cannot be read (copies)."""
        with self.shelf.lock:
            return self.shelf.columns.widths[:], self.shelf.columns.heights[:]

    def has_caption(self, id: int) -> bool:
        """Whether a caption file exists, as last seen."""
        columns = self.shelf.columns
        return columns.mtimes[id] != NO_FILE or columns.problems[id] == UNREADABLE

    def sharing(self, id: int) -> tuple[int, ...]:
        """All pictures whose caption is this picture's file (a.png and a.jpg; crops of a): itself included."""
        return self.shelf.columns.sharing.get(id, (id,))

    def ids_with(self, tag: str) -> array[int]:
        """The pictures that have this tag, ascending (a copy). Settles first."""
        self._be_settled()
        with self.shelf.lock:
            return self.shelf.index.numbers(tag)

    def counts(self) -> dict[str, int]:
        """In how many pictures each tag is. Settles first."""
        self._be_settled()
        with self.shelf.lock:
            return self.shelf.index.counts()

    @property
    def generation(self) -> int:
        """Grows with every change; equal numbers mean equal answers."""
        return self.shelf.generation

    # changing

    def set_text(self, id: int, text: str) -> tuple[int, ...]:
        """Another text, in memory. Returns the pictures that changed: `sharing(id)`, or none if it was the same, if the
        caption is not read yet, or if training refuses the file."""
        return self.set_texts((id,), (text,))

    def set_texts(self, ids: Sequence[int], texts: Sequence[str]) -> tuple[int, ...]:
        """Many at once. Returns the pictures that changed."""
        changed: list[int] = []
        for start in range(0, len(ids), SLICE):
            with self.shelf.lock:
                changed += self.shelf.change(ids[start : start + SLICE], texts[start : start + SLICE])
        self.shelf.settle_few()
        return tuple(dict.fromkeys(changed))

    def set_caption(self, id: int, caption: CaptionText) -> tuple[int, ...]:
        """Another text, encoding and problem: a converted file. Returns the pictures that changed."""
        with self.shelf.lock:
            changed = self.shelf.change_caption(id, caption)
        self.shelf.settle_few()
        return tuple(changed)

    def settle(self) -> None:
        """Bring index and token counts up to date with all texts, in short slices; for a worker thread."""
        self.shelf.settle()

    def _be_settled(self) -> None:
        if not self.shelf.is_settled:
            self.shelf.settle()

    # the files

    def caption_stamp(self, id: int) -> Stamp | None:
        """The caption file as last read or written; None if there was none."""
        with self.shelf.lock:
            return self.shelf.columns.stamp(id)

    def saved(self, id: int, stamp: Stamp | None) -> None:
        """The caption file was written and has this stamp now (None: it was removed)."""
        with self.shelf.lock:
            for one in self.sharing(id):
                self.shelf.saved(one, stamp)

    def reread(self, id: int, read: ReadCaption) -> tuple[int, ...]:
        """The caption file holds something else now (`reading.read_caption`), and that is taken over."""
        with self.shelf.lock:
            for one in self.sharing(id):
                self.shelf.read_again(one, read)
        self.shelf.settle_few()
        return self.sharing(id)
