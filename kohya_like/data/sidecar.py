"""Caption files: the text beside a picture, in whatever encoding it was saved.

UTF-8 is read, with or without a mark, and UTF-16 and UTF-32 where their mark says so. Anything else is refused and
named: a wrong guess would train on letters that nobody wrote.
"""

from __future__ import annotations

import codecs
import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

CAPTION_LIMIT = 1 << 20  # bytes
KNOWN_EXTENSIONS = (".txt", ".caption", ".tags", ".json")
CROP_PARTS = 4  # kohya: a_0_0_512_512.png is a crop of a and may use a's caption

Problem = Literal["", "empty", "too-long", "gbk", "utf-16", "encoding", "not-text", "unreadable"]

PROBLEMS: dict[str, tuple[str, str]] = {  # "3 caption files ...", and the cure
    "empty": ("with no content", "write a caption, or delete them: without one the class words are used"),
    "too-long": (f"of more than {CAPTION_LIMIT // 1024} KiB", "a caption is a line or two; is this another file?"),
    "gbk": ("not in UTF-8 but, it seems, in GBK", "save them as UTF-8: iconv -f GB18030 -t UTF-8 old.txt > new.txt"),
    "utf-16": ("in UTF-16 without its mark", "save them as UTF-8"),
    "encoding": ("not in UTF-8", "save them as UTF-8"),
    "not-text": ("without readable text", "save the captions as UTF-8 text"),
    "unreadable": ("that cannot be opened", "check their permissions"),
}  # fmt: skip

_MARKS = (  # longest first: the mark of UTF-16 begins that of UTF-32
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MARK_BEGINS = frozenset(mark[:1] for mark, _ in _MARKS)
LINE_END = re.compile(r"\r\n|\r|\n")
CONTROLS = {code: " " for code in (*range(32), 127, *range(0x80, 0xA0))}
OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)


@dataclass(frozen=True, slots=True)
class Sidecar:
    """A caption file. `lines` without blank ones and outer spaces; none if there is a problem."""

    lines: tuple[str, ...] = ()
    problem: Problem = ""
    encoding: str = "utf-8"


def read_sidecar(path: Path | str) -> Sidecar:
    """Read a caption file; whatever is wrong with it is a value, nothing is raised."""
    try:
        descriptor = os.open(path, OPEN_FLAGS)
        try:
            raw = os.read(descriptor, CAPTION_LIMIT + 1)
        finally:
            os.close(descriptor)
    except OSError:
        return Sidecar(problem="unreadable")
    return parse_sidecar(raw)


def parse_sidecar(raw: bytes) -> Sidecar:
    """The caption in these bytes."""
    if len(raw) > CAPTION_LIMIT:
        return Sidecar(problem="too-long")
    encoding = "utf-8"
    if raw[:1] in _MARK_BEGINS:
        encoding = next((name for mark, name in _MARKS if raw.startswith(mark)), "utf-8")
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        return Sidecar(problem=_foreign_encoding(raw))
    if "\0" in text:
        return Sidecar(problem=_foreign_encoding(raw))
    lines = tuple(line for part in LINE_END.split(text) if (line := clean_line(part)))
    return Sidecar(lines, "" if lines else "empty", "utf-8" if encoding == "utf-8-sig" else encoding)


def clean_line(line: str) -> str:
    """Outer spaces and marks off; control characters, which no tokenizer knows, become spaces."""
    if not line.isprintable():
        line = line.translate(CONTROLS).strip("\ufeff")
    return line.strip()


def _foreign_encoding(raw: bytes) -> Problem:
    """A guess for the sentence only; nothing is read by it."""
    if b"\0" in raw:
        even, odd = raw[::2].count(0), raw[1::2].count(0)
        looks_so = len(raw) % 2 == 0 and max(even, odd) > len(raw) // 4 and min(even, odd) == 0
        return "utf-16" if looks_so else "not-text"
    try:
        text = raw.decode("gb18030")
    except UnicodeDecodeError:
        return "encoding"
    foreign = [c for c in text if c > "\x7f"]
    chinese = sum("\u4e00" <= c <= "\u9fff" or "\u3000" <= c <= "\u303f" or "\uff00" <= c <= "\uffef" for c in foreign)
    return "gbk" if foreign and chinese >= 0.9 * len(foreign) else "encoding"


def stem_key(stem: str) -> str:
    """Stems are compared in NFC: one archive stores é as one character, another as two."""
    return stem if stem.isascii() else unicodedata.normalize("NFC", stem)


def caption_stems(stem: str) -> tuple[str, ...]:
    """Under which stems kohya looks for a caption: the picture's, and that of the picture it was cut from."""
    parts = stem.split("_")
    if len(parts) <= CROP_PARTS:
        return (stem,)
    return stem, "_".join(parts[:-CROP_PARTS])


def picture_stems(picture: str) -> tuple[str, ...]:
    """The stems under which a picture's caption may lie, its own first."""
    return caption_stems(stem_key(os.path.splitext(picture)[0]))


def sidecars_by_stem(names: Iterable[str], extension: str) -> dict[str, str]:
    """The files with this extension, in any mixture of cases, by their stem; of two with one stem, the later one."""
    return {stem_key(name[: -len(extension)]): name for name in names if name.lower().endswith(extension)}


def masks_beside(pictures: Sequence[str], suffix: str) -> dict[str, str]:
    """Masks among the pictures, by the stem of theirs: cat_att.png of cat.png, where that is asked for."""
    ending = stem_key(suffix)
    own = {picture_stems(name)[0]: name for name in pictures} if ending else {}
    return {
        stem.removesuffix(ending): name
        for stem, name in own.items()
        if stem.endswith(ending) and stem.removesuffix(ending) in own
    }
