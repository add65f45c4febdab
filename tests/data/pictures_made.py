"""Pictures whose every pixel is known, and the record a scan would make of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from kohya_like.data.records import ImageRecord

RED, WHITE = (255, 0, 0), (255, 255, 255)


def record(path: Path, size: tuple[int, int], mask: Path | None = None) -> ImageRecord:
    return ImageRecord(path, size, ("a cat",), None, mask, 0, f"1_cat/{path.name}")


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values)


def gradient(width: int, height: int) -> Image.Image:
    """Red grows to the right, green downwards."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([x, y, np.zeros_like(x)], -1).astype(np.uint8))
