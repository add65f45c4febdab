"""Reads one caption file: its text and its stamp, by which a later change is seen."""

from __future__ import annotations

import os
from hashlib import blake2b
from typing import NamedTuple

from dataset_tools.caption_file import CaptionText, decode
from kohya_like.data.sidecar import CAPTION_LIMIT, OPEN_FLAGS


class Stamp(NamedTuple):
    """A file as it was when last read or written: `hash` is `hash_of` its bytes."""

    mtime_ns: int
    size: int  # bytes
    hash: int


class ReadCaption(NamedTuple):
    """A caption file. Without a stamp it is not there, or, where the caption has a problem, cannot be opened."""

    caption: CaptionText
    stamp: Stamp | None


NO_CAPTION = ReadCaption(CaptionText(), None)
UNREADABLE = ReadCaption(CaptionText(problem="unreadable"), None)


def hash_of(raw: bytes) -> int:
    """64 bits of blake2b of a caption file's bytes; of a file that is too long, of its first mebibyte and one byte."""
    return int.from_bytes(blake2b(raw[: CAPTION_LIMIT + 1], digest_size=8).digest(), "little")


def read_caption(path: str) -> ReadCaption:
    """What the file holds now; nothing is raised, and nothing is waited for (a pipe is not a caption)."""
    try:
        descriptor = os.open(path, OPEN_FLAGS)
        try:
            facts = os.fstat(descriptor)
            raw = os.read(descriptor, min(facts.st_size, CAPTION_LIMIT) + 1)
        finally:
            os.close(descriptor)
    except (FileNotFoundError, NotADirectoryError):
        return NO_CAPTION
    except OSError:
        return UNREADABLE
    return ReadCaption(decode(raw), Stamp(facts.st_mtime_ns, facts.st_size, hash_of(raw)))
