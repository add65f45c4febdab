"""Pictures and a stand-in for a VAE, and what a cache is asked to make of them."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import avg_pool2d

from kohya_like.data.cache import Filled, LatentCache, LatentEncoder, LatentRequest, latent_requests
from kohya_like.data.options import SubsetSettings
from kohya_like.data.records import Concept, Fit, ImageRecord

VAE = LatentEncoder(vae="a" * 64, dtype="float32", scale=0.18215)
SIZES = [(64, 64), (64, 64), (64, 64), (96, 64), (96, 64), (64, 96)]


class Encoder:
    """Stands for a VAE: the mean over 8x8 pixels. Remembers how often and for how many pictures it was asked."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def __call__(self, pixels: Tensor) -> Tensor:
        self.batches.append(len(pixels))
        small = avg_pool2d(pixels, 8)
        return torch.cat([small, small.mean(1, keepdim=True)], 1)

    @property
    def pictures(self) -> int:
        return sum(self.batches)


def content(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def make_picture(path: Path, size: tuple[int, int], seed: int) -> ImageRecord:
    values = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(values).save(path)
    return ImageRecord(path, size, ("a cat",), None, None, 0, f"1_cat/{path.name}")


def make_pictures(folder: Path) -> list[ImageRecord]:
    """Six pictures of three sizes in a concept folder."""
    (folder / "1_cat").mkdir()
    return [make_picture(folder / "1_cat" / f"{i}.png", size, i) for i, size in enumerate(SIZES)]


def requests_for(
    records: Sequence[ImageRecord], settings: SubsetSettings | None = None, encoder: LatentEncoder = VAE
) -> dict[tuple[int, bool], LatentRequest]:
    concept = Concept(records[0].path.parent, "1_cat", 1, "cat", False, settings or SubsetSettings())
    return latent_requests(records, [Fit(r.size, r.size) for r in records], [concept], encoder, content)


def filled(cache: LatentCache, requests: dict[tuple[int, bool], LatentRequest], **how: int) -> tuple[Filled, Encoder]:
    encoder = Encoder()
    return cache.fill(requests.values(), encoder, **how), encoder


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
