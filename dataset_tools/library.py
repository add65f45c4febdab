"""The pictures of one or several folders in memory, with their captions, tags and token counts; no Qt.

    library = Library(folders, store=IndexStore.of(folders))
    library.list_pictures()                    # names only: what a first screen needs
    library.read_captions(progress)   # in a thread: texts, tags, tokens; what the store knows is not read again
    library.read_sizes(progress)      # in a thread, when somebody asks for sizes

A picture is a number, its `id`: 0 .. len - 1, by folder and name when listed, stable while the library lives; pictures
found later follow, those that vanish keep their number and are no longer in `ids()`. What is known of pictures lies in
columns; `picture(id)` makes a value of one row. All methods may be called from any thread: one lock, held shortly.

A change of a text (`set_text`, `set_texts`) is seen at once by `text`; tag index and token counts follow: at once for
few pictures, and for many at the next question or when a worker calls `settle()`.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from dataset_tools.caption_file import CaptionText
from kohya_like.data.records import Size
from kohya_like.data.sidecar import Problem
from kohya_like.schema.errors import Fault

Progress = Callable[[int, int], None]  # done, of how many
Cancelled = Callable[[], bool]


class Stamp(NamedTuple):
    """A file as it was when last read or written: `hash` is `hash_of` its bytes."""

    mtime_ns: int
    size: int  # bytes
    hash: int


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture and its caption, as a value of one moment."""

    id: int
    folder: str  # absolute
    name: str
    size: Size | None  # (width, height) in pixels as seen; None until read, or where it cannot be read
    text: str  # everything in the caption file; "" where there is none
    tags: tuple[str, ...]
    tokens: int  # CLIP words of the line that training reads, without START and END; the same for both encoders of SDXL
    problem: Problem | None  # of the caption file; None: there is no caption file
    caption_stamp: Stamp | None  # None: there is no caption file
    picture_stamp: Stamp | None  # its hash is 0 until somebody asked for it; None until the picture was looked at


def hash_of(raw: bytes) -> int:
    """64 bits of blake2b of a caption file's bytes."""
    raise NotImplementedError


class Library:
    """See the module."""

    def __init__(
        self,
        folders: Sequence[str],
        *,
        caption_extension: str = ".txt",
        recursive: bool = False,
    ) -> None:
        """
        Args:
            folders: as training takes them: each may hold pictures, or concept folders (`10_sks cat`), or both.
            recursive: all folders below, whatever their names.
        """
        raise NotImplementedError

    # opening

    def list_pictures(self, cancelled: Cancelled | None = None) -> None:
        """Find the pictures: names only. What is wrong with the folders is in `faults`; nothing is raised."""
        raise NotImplementedError

    def read_captions(self, progress: Progress | None = None, cancelled: Cancelled | None = None) -> bool:
        """Read all captions that are not read yet; False if cancelled (a second call goes on)."""
        raise NotImplementedError

    def read_sizes(
        self, progress: Progress | None = None, cancelled: Cancelled | None = None, ids: Iterable[int] | None = None
    ) -> bool:
        """Read width and height of these pictures, or of all, from their headers; False if cancelled."""
        raise NotImplementedError

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What is wrong with folders, names and captions, as sentences; complete after `read_captions`."""
        raise NotImplementedError

    @property
    def captions_read(self) -> int:
        """Of how many pictures the caption is known."""
        raise NotImplementedError

    # asking

    def __len__(self) -> int:
        """Numbers given out; those of vanished pictures included."""
        raise NotImplementedError

    def ids(self) -> array[int]:
        """The pictures that exist, in order of folder and name (those found later at the end)."""
        raise NotImplementedError

    def folders(self) -> tuple[str, ...]:
        """The folders that hold pictures, absolute, in order."""
        raise NotImplementedError

    def ids_in(self, folder: str) -> array[int]:
        """The pictures directly in this folder."""
        raise NotImplementedError

    def picture(self, id: int) -> Picture:
        raise NotImplementedError

    def path(self, id: int) -> str:
        """The picture file."""
        raise NotImplementedError

    def caption_path(self, id: int) -> str:
        """The caption file that training reads for it, or where it would be written."""
        raise NotImplementedError

    def text(self, id: int) -> str:
        raise NotImplementedError

    def texts(self, ids: Iterable[int]) -> list[str]:
        """Of many at once: one lock, references only."""
        raise NotImplementedError

    def caption(self, id: int) -> CaptionText:
        """Text, encoding, mark and problem; what `encode` needs."""
        raise NotImplementedError

    def tags(self, id: int) -> tuple[str, ...]:
        raise NotImplementedError

    def tokens(self, id: int) -> int:
        raise NotImplementedError

    def all_tokens(self) -> array[int]:
        """Token counts of all pictures, by id (a copy)."""
        raise NotImplementedError

    def all_sizes(self) -> tuple[array[int], array[int]]:
        """Widths and heights of all pictures, by id; 0 where not known (copies)."""
        raise NotImplementedError

    def has_caption(self, id: int) -> bool:
        """Whether a caption file exists, as last seen."""
        raise NotImplementedError

    def sharing(self, id: int) -> tuple[int, ...]:
        """All pictures whose caption is this picture's file (a.png and a.jpg; crops of a): itself included."""
        raise NotImplementedError

    def ids_with(self, tag: str) -> array[int]:
        """The pictures that have this tag, ascending (a copy)."""
        raise NotImplementedError

    def counts(self) -> dict[str, int]:
        """In how many pictures each tag is."""
        raise NotImplementedError

    @property
    def generation(self) -> int:
        """Grows with every change; equal numbers mean equal answers."""
        raise NotImplementedError

    # changing

    def set_text(self, id: int, text: str) -> tuple[int, ...]:
        """Another text, in memory. Returns the pictures that changed: `sharing(id)`, or none if it was the same."""
        raise NotImplementedError

    def set_texts(self, ids: Sequence[int], texts: Sequence[str]) -> tuple[int, ...]:
        """Many at once. Returns the pictures that changed."""
        raise NotImplementedError

    def set_caption(self, id: int, caption: CaptionText) -> tuple[int, ...]:
        """Another text, encoding and problem: a converted file, or one that was changed outside."""
        raise NotImplementedError

    def settle(self) -> None:
        """Bring index and token counts up to date with all texts, in short slices; for a worker thread."""
        raise NotImplementedError

    def saved(self, id: int, stamp: Stamp | None) -> None:
        """The caption file now holds the text given by `set_*` (None: the file is gone)."""
        raise NotImplementedError

    def caption_stamp(self, id: int) -> Stamp | None:
        """The caption file as last read or written; None if there was none."""
        raise NotImplementedError

    def remember(self) -> None:
        """Write what is new to the store; for a worker thread, after opening and before closing."""
        raise NotImplementedError
