"""Seven small pictures, what training makes of them, and batches as plain values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import avg_pool2d

from kohya_like.data.cache import LatentCache, LatentEncoder, latent_requests
from kohya_like.data.dataset import Batch, Loading, Sources, TrainingSet
from kohya_like.data.options import SubsetSettings
from kohya_like.data.plan import BatchPlan
from kohya_like.data.records import Concept, Fit, ImageRecord

WIDE, SQUARE = Fit(bucket=(64, 32), scaled=(64, 40)), Fit(bucket=(40, 40), scaled=(50, 40))
LIVELY = {"shuffle_caption": True, "caption_tag_dropout_rate": 0.2, "flip_aug": True}
WILD = {**LIVELY, "random_crop": True, "color_aug": True}
REPEATS = [2, 2, 2, 2, 2, 1, 1]


def picture(folder: Path, name: str, subset: int, size: tuple[int, int], alpha: bool = False) -> ImageRecord:
    values = np.random.default_rng(len(name) + ord(name[0])).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    image = Image.fromarray(values)
    if alpha:
        image.putalpha(Image.fromarray(np.tile(np.arange(size[0], dtype=np.uint8), (size[1], 1))))
    image.save(folder / name)
    tags = (f"{name[0]}, red, green, blue, small, large",)
    return ImageRecord(folder / name, size, tags, None, None, subset, f"{subset}_x/{name}", alpha)


def pictures_of_two_buckets(folder: Path) -> list[ImageRecord]:
    """Five pictures to learn and two for regularisation."""
    wide, square = (80, 50), (75, 60)
    made = [picture(folder, f"{name}.png", 0, wide if name < "d" else square) for name in "abcde"]
    return [*made, picture(folder, "f.png", 1, wide), picture(folder, "g.png", 1, square)]


def concepts(settings: Mapping[str, object], folder: Path) -> list[Concept]:
    chosen = SubsetSettings(**settings)
    return [
        Concept(folder, "2_sks cat", 2, "sks cat", False, chosen, loss_weight=1.5),
        Concept(folder, "1_cat", 1, "cat", True, chosen, loss_weight=0.25),
    ]


def sources(records: Sequence[ImageRecord], settings: Mapping[str, object], masked: bool = False) -> Sources:
    fits = [WIDE if record.size == (80, 50) else SQUARE for record in records]
    return Sources(records, concepts(settings, records[0].path.parent), fits, masked)


def encode(pixels: Tensor) -> Tensor:
    small = avg_pool2d(pixels, 8)
    return torch.cat([small, small.mean(1, keepdim=True)], 1)


def cached(plain: Sources, folder: Path) -> Sources:
    cache = LatentCache(folder)
    encoder = LatentEncoder("vae", "float32", 1.0)
    requests = latent_requests(
        plain.images, plain.fits, plain.concepts, encoder, lambda path: sha256(path.read_bytes()).hexdigest()
    )
    cache.fill(requests.values(), encode)
    return replace(plain, cache=cache, keys={place: request.key for place, request in requests.items()})


def training_set(
    made: Sources, seed: int = 7, batch_size: int = 2, loading: Loading | None = None, **pace: int
) -> TrainingSet:
    plan = BatchPlan(made.fits, REPEATS[: len(made.images)], batch_size, seed)
    return TrainingSet(made, plan, seed, loading=loading, **pace)


def take(batches: Iterator[Batch], count: int) -> list[Batch]:
    return list(islice(batches, count))


def facts(batch: Batch) -> dict[str, object]:
    """A batch as plain values, tensors bit for bit."""
    return {
        name: (value.dtype, tuple(value.shape), value.numpy().tobytes()) if isinstance(value, Tensor) else value
        for name, value in vars(batch).items()
    }


def same(ours: Sequence[Batch], theirs: Sequence[Batch]) -> bool:
    return [facts(batch) for batch in ours] == [facts(batch) for batch in theirs]
