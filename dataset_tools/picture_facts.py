"""What one decoding tells of a picture: its perceptual hash, its sharpness, and whether it is whole.

The hash is the difference hash of Neal Krawetz ("Kind of Like That", hackerfactor.com, 2013), along the rows and along
the columns: is each of 8x8 cells brighter than its neighbour? Two copies of a picture in other sizes, formats or
qualities differ in a few of the 128 bits; two unlike pictures in about half of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kohya_like.data.images import load_picture
from kohya_like.data.records import plain
from kohya_like.schema.errors import FormatError

CELLS = 8  # per direction: 64 bits along the rows, 64 along the columns
SHARPNESS_SIDE = 512  # pixels; sharpness is told at the size a picture is trained in, not at that of its file


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """Of one picture. `fault` says why it could not be decoded; the numbers are then 0.

    `size` is (width, height) upright. `rows`, `columns`: the two hashes, unsigned 64 bits. `sharpness`: variance of the
    Laplacian of the brightness (0..255) at a shorter side of about `SHARPNESS_SIDE` or less; below 60 or so it looks
    soft.
    """

    size: tuple[int, int] = (0, 0)
    rows: int = 0
    columns: int = 0
    sharpness: float = 0.0
    has_alpha: bool = False
    fault: str = ""


def facts_of(path: Path) -> PictureFacts:
    """Decode a picture once and measure it. Nothing is raised for a bad picture: `fault` says what it is."""
    try:
        picture = load_picture(path)
    except FormatError as error:
        return PictureFacts(fault=error.text.removeprefix(f"{plain(str(path))}: "))
    grey = picture.rgb.convert("L")
    rows = grey.resize((CELLS + 1, CELLS), Image.Resampling.BOX)
    columns = grey.resize((CELLS, CELLS + 1), Image.Resampling.BOX)
    return PictureFacts(
        picture.rgb.size,
        _packed(np.diff(np.asarray(rows, dtype=np.int16), axis=1) > 0),
        _packed(np.diff(np.asarray(columns, dtype=np.int16), axis=0) > 0),
        _sharpness(grey),
        picture.alpha is not None,
    )


def _packed(bits: NDArray[np.bool_]) -> int:
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def _sharpness(grey: Image.Image) -> float:
    """Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR 2000."""
    shrink = min(grey.size) // SHARPNESS_SIDE
    if shrink > 1:
        grey = grey.reduce(shrink)
    if min(grey.size) < 3:
        return 0.0
    light = np.asarray(grey, dtype=np.float32)
    middle = light[1:-1, 1:-1]
    return float((4 * middle - light[:-2, 1:-1] - light[2:, 1:-1] - light[1:-1, :-2] - light[1:-1, 2:]).var())
