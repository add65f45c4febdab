"""What is known of all pictures, a column for each fact: a hundred thousand pictures in some 40 MB.

An object for each picture would cost three times that, and seconds to make. The library owns the columns and the lock.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import get_args

from dataset_tools.caption_file import CaptionText
from dataset_tools.reading import ReadCaption, Stamp
from kohya_like.data.sidecar import Problem

UNREAD, READ, GONE = 0, 1, 2  # states
NO_FILE = -1  # mtime of a caption that is not there
PROBLEMS: tuple[Problem, ...] = get_args(Problem)
FINE = PROBLEMS.index("")
EMPTY = PROBLEMS.index("empty")
EDITABLE = (FINE, EMPTY)
UNREADABLE = PROBLEMS.index("unreadable")
ENCODINGS = (  # what `decode` gives: codec, has_mark
    ("utf-8", False),
    ("utf-8", True),
    ("utf-16-le", True),
    ("utf-16-be", True),
    ("utf-32-le", True),
    ("utf-32-be", True),
    ("gb18030", False),
    ("latin-1", False),
    ("utf-16-le", False),
    ("utf-16-be", False),
)
_CODE = {encoding: code for code, encoding in enumerate(ENCODINGS)}

NUMBERS = {  # columns of numbers that the store keeps, with their type
    "tokens": "i",  # CLIP tokens of the line that training reads
    "encodings": "b",
    "problems": "b",
    "mtimes": "q",  # of the caption file, ns
    "sizes": "q",  # of the caption file, bytes
    "hashes": "Q",  # of the caption file
    "widths": "i",  # pixels as seen; 0: not read, -1: cannot be read
    "heights": "i",
    "picture_mtimes": "q",
    "picture_sizes": "q",  # bytes; 0: not looked at
}


class Columns:
    """By picture; see `NUMBERS`."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.texts: list[str] = []
        self.folders: array[int] = array("i")  # index into the library's folders
        self.states: array[int] = array("b")
        self.tokens: array[int] = array("i")
        self.encodings: array[int] = array("b")
        self.problems: array[int] = array("b")
        self.mtimes: array[int] = array("q")
        self.sizes: array[int] = array("q")
        self.hashes: array[int] = array("Q")
        self.widths: array[int] = array("i")
        self.heights: array[int] = array("i")
        self.picture_mtimes: array[int] = array("q")
        self.picture_sizes: array[int] = array("q")
        self.caption_names: dict[int, str] = {}  # where it is not the picture's stem and the extension
        self.sharing: dict[int, tuple[int, ...]] = {}  # pictures that have their caption file in common

    def __len__(self) -> int:
        return len(self.names)

    def add(self, folder: int, names: Sequence[str]) -> range:
        """Rows for further pictures, nothing known of their captions."""
        first, count = len(self.names), len(names)
        self.names += names
        self.texts += [""] * count
        self.folders.extend(array("i", [folder]) * count)
        self.states.extend(array("b", [UNREAD]) * count)
        for name, kind in NUMBERS.items():
            value = NO_FILE if name == "mtimes" else 0
            self.numbers(name).extend(array(kind, [value]) * count)
        return range(first, first + count)

    def numbers(self, name: str) -> array[int]:
        """One of the columns of `NUMBERS`."""
        column: array[int] = getattr(self, name)
        return column

    def caption(self, number: int) -> CaptionText:
        encoding, has_mark = ENCODINGS[self.encodings[number]]
        return CaptionText(self.texts[number], encoding, has_mark, PROBLEMS[self.problems[number]])

    def put_caption(self, number: int, caption: CaptionText) -> None:
        """Raises KeyError for an encoding that `decode` never gives."""
        self.encodings[number] = _CODE[caption.encoding, caption.has_mark]
        self.problems[number] = PROBLEMS.index(caption.problem)
        self.texts[number] = caption.text

    def is_editable(self, number: int) -> bool:
        return self.problems[number] in EDITABLE

    def stamp(self, number: int) -> Stamp | None:
        if self.mtimes[number] == NO_FILE:
            return None
        return Stamp(self.mtimes[number], self.sizes[number], self.hashes[number])

    def put_stamp(self, number: int, stamp: Stamp | None) -> None:
        self.mtimes[number], self.sizes[number], self.hashes[number] = stamp or (NO_FILE, 0, 0)

    def put(self, number: int, read: ReadCaption) -> None:
        """A caption file as it was read."""
        self.put_caption(number, read.caption)
        self.put_stamp(number, read.stamp)
        self.states[number] = READ
