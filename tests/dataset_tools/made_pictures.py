"""Pictures with content that a perceptual hash can tell apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def scene(seed: int, size: tuple[int, int] = (256, 256)) -> Image.Image:
    """Soft coloured hills with fine grain: every seed another picture."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)).resize(size, Image.Resampling.BICUBIC)
    grain = rng.normal(0, 12, (size[1], size[0], 1))
    return Image.fromarray((np.asarray(coarse, dtype=np.float32) + grain).clip(0, 255).astype(np.uint8))


def put(folder: Path, name: str, image: Image.Image, caption: str | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    image.save(folder / name)
    if caption is not None:
        (folder / name).with_suffix(".txt").write_text(caption, encoding="utf-8")
    return folder / name
