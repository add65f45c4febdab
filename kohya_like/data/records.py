"""What a scan finds, as values: pictures, the concepts they belong to, and all that is wrong with them."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kohya_like.data.options import SubsetSettings
from kohya_like.schema.errors import Fault

Size = tuple[int, int]  # (width, height) in pixels


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One picture.

    `size` is (width, height) as seen, after the EXIF rotation. `captions` are the lines of its caption file, more than
    one only with enable_wildcard; empty where the concept's class words stand in. `identity` is the folder and file
    name, NFC, with forward slashes ("10_sks ghost/a.png"): order, shuffles and captions hang on it and on no absolute
    path. `mask_path` is a picture in mask_dir; `alpha_mask` uses the picture itself where `has_alpha`.
    """

    path: Path
    size: Size
    captions: tuple[str, ...]
    caption_path: Path | None
    mask_path: Path | None
    subset: int  # index into Dataset.concepts
    identity: str
    has_alpha: bool = False


@dataclass(frozen=True, slots=True)
class Fit:
    """The size a picture is trained in, and the size it is resized to before the bucket is cut out of it."""

    bucket: Size
    scaled: Size  # covers the bucket, touching it on two sides


@dataclass(frozen=True)
class Concept:
    """A folder of pictures that share repeats, class words and settings.

    `loss_weight` is final: the folder's own, times prior_loss_weight for regularisation pictures.
    """

    folder: Path
    name: str
    repeats: int
    class_tokens: str
    is_reg: bool
    settings: SubsetSettings
    loss_weight: float = 1.0
    captions: Mapping[str, tuple[str, ...]] | None = None  # of a metadata file: only the pictures it names are used


@dataclass(frozen=True)
class ConceptReport:
    """The numbers of one concept, for a table."""

    images: int = 0
    captions: dict[str, int] = field(default_factory=dict)  # pictures that have a caption file, by its extension
    missing_captions: int = 0
    empty_captions: int = 0
    unreadable: int = 0
    too_small: int = 0
    too_large: int = 0


@dataclass(frozen=True)
class Skipped:
    """What a scan left out without a word each: hidden files and symlinks that leave the folder or lead nowhere."""

    hidden: int = 0
    symlinks: int = 0


@dataclass(frozen=True)
class Dataset:
    """All usable pictures, sorted by identity, and every fault found on the way."""

    concepts: tuple[Concept, ...] = ()
    images: tuple[ImageRecord, ...] = ()
    faults: tuple[Fault, ...] = ()
    reports: tuple[ConceptReport, ...] = ()  # one per concept
    skipped: Skipped = Skipped()

    @property
    def errors(self) -> tuple[Fault, ...]:
        """The faults that forbid a training."""
        return tuple(fault for fault in self.faults if fault.severity == "error")

    def concept_of(self, image: ImageRecord) -> Concept:
        return self.concepts[image.subset]


def plain(name: str) -> str:
    """A file name as text: NFC, valid UTF-8, control and text-direction characters spelt out.

    A file name on Linux is bytes; one that is no UTF-8 arrives with surrogates that no terminal or JSON takes. Marks
    that turn the direction of text would let a name show as another one.
    """
    if name.isascii() and name.isprintable():
        return name
    text = unicodedata.normalize("NFC", name)
    return "".join(_spelt(c) if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") else c for c in text)


def _spelt(character: str) -> str:
    if character == "\u200d":  # zero-width joiner: part of many emoji, harmless
        return character
    return f"\\u{ord(character):04x}"
