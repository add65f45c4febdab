"""Where `check` gets what lies outside the preset: folders, headers, token counts, the machine.

`check` reads everything anew with these; the window's child gives readers that remember (`preflight.remembered`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kohya_like.data.concept import ConceptReader, Reading
from kohya_like.data.fingerprint import Fingerprints
from kohya_like.data.tokens import clip_tokenizer
from kohya_like.formats.headers import FileFacts, identify
from kohya_like.preflight.machine import Machine, find_machine
from kohya_like.preflight.shapes import Shapes, model_shapes


def count_tokens(text: str) -> int:
    """How many CLIP tokens a text is, without start and end."""
    return clip_tokenizer().count(text)


def hashes(cache: Path) -> Callable[[Path], str]:
    """Gives the hash of a picture's bytes; those in the cache folder's list are not made again."""
    return Fingerprints(cache).of


@dataclass(frozen=True)
class Readers:
    """One function for each thing that is read. `progress` is told a concept and how many of its pictures are read."""

    concept: Callable[[ConceptReader], Reading] = ConceptReader.read
    identify: Callable[[Path], FileFacts] = identify
    shapes: Callable[[Path, str], Mapping[str, Shapes]] = model_shapes
    count_tokens: Callable[[str], int] = count_tokens
    hashes: Callable[[Path], Callable[[Path], str]] = hashes
    machine: Callable[[str], Machine] = find_machine
    progress: Callable[[str, int], None] | None = None


FRESH = Readers()
