"""One picture with its caption as a sample, and samples as a batch."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kohya_like.data.augment import AUGMENT_NOTHING, draw, place
from kohya_like.data.cache import LatentCache, as_pixels, uncacheable
from kohya_like.data.images import LATENT_SCALE, Mask, choose_mask, prepare
from kohya_like.data.records import Concept, Fit, ImageRecord, plain
from kohya_like.schema.errors import UserError

Pair = tuple[int, int]


@dataclass(frozen=True)
class Sources:
    """What samples are made of.

    `fits` runs parallel to `images`. `masked`: masks are read (masked loss). With `cache`, latents come from it by
    `keys` {(image, flipped): key} and no picture is opened; without, samples have pixels.
    """

    images: Sequence[ImageRecord]
    concepts: Sequence[Concept]
    fits: Sequence[Fit]
    masked: bool = False
    cache: LatentCache | None = None
    keys: Mapping[tuple[int, bool], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.cache is None:
            return
        for concept in self.concepts:
            if options := uncacheable(concept.settings):
                raise UserError(
                    f"{plain(concept.name)}: {' and '.join(options)} makes a picture new each time, so that latents "
                    "cannot be cached",
                    "set data.cache_latents = false, or switch it off",
                )


@dataclass(frozen=True)
class Sample:
    """One picture as it goes into a batch: either `pixels` or `latents`."""

    record: ImageRecord
    concept: Concept
    caption: str
    pixels: NDArray[np.uint8] | None  # [H, W, 3]
    latents: Tensor | None  # [4, H/8, W/8]
    mask: Mask | None
    original: Pair
    crop: Pair
    target: Pair


@dataclass
class Batch:
    """Samples of one bucket. Sizes are (height, width), crops (top, left), as SDXL is told them."""

    epoch: int  # from 1; 0 for validation
    index: int  # number of the batch in the whole run, from 0
    identities: list[str]
    captions: list[str]
    pixels: Tensor | None  # [B, 3, H, W] in -1..1
    latents: Tensor | None  # [B, 4, H/8, W/8], scaled
    masks: Tensor | None  # [B, 1, H/8, W/8] in 0..1; None: everything counts
    loss_weights: Tensor  # [B]
    is_reg: Tensor  # [B] bool
    original: list[Pair]
    crop: list[Pair]
    target: list[Pair]

    def pin_memory(self) -> Batch:
        """The batch in page-locked memory, from where a GPU can fetch it while it computes (called by DataLoader)."""
        pinned = copy(self)
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                setattr(pinned, name, value.pin_memory())
        return pinned


def read_sample(sources: Sources, image: int, caption: str, rng: random.Random | None) -> Sample:
    """Image number `image` with all that chance does to it; without `rng`, nothing.

    Raises UserError with the picture's name, whatever went wrong with it.
    """
    record = sources.images[image]
    try:
        return (
            _from_pixels(sources, image, caption, rng)
            if sources.cache is None
            else _from_cache(sources, sources.cache, image, caption, rng)
        )
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"{plain(str(record.path))}: could not be prepared: {type(error).__name__}: {error}",
            "this should not happen: please report it, with the picture if you can",
        ) from error


def collate(samples: Sequence[Sample], epoch: int, index: int) -> Batch:
    """Samples of one bucket as a batch."""
    pixels = [sample.pixels for sample in samples if sample.pixels is not None]
    latents = [sample.latents for sample in samples if sample.latents is not None]
    return Batch(
        epoch=epoch,
        index=index,
        identities=[sample.record.identity for sample in samples],
        captions=[sample.caption for sample in samples],
        pixels=as_pixels(pixels) if pixels else None,
        latents=torch.stack(latents) if latents else None,
        masks=_masks(samples),
        loss_weights=torch.tensor([sample.concept.loss_weight for sample in samples]),
        is_reg=torch.tensor([sample.concept.is_reg for sample in samples]),
        original=[sample.original for sample in samples],
        crop=[sample.crop for sample in samples],
        target=[sample.target for sample in samples],
    )


def _from_pixels(sources: Sources, image: int, caption: str, rng: random.Random | None) -> Sample:
    record, fit = sources.images[image], sources.fits[image]
    concept = sources.concepts[record.subset]
    made = prepare(record, fit, concept.settings, rng, masked=sources.masked)
    return Sample(record, concept, caption, made.pixels, None, made.mask, made.original, made.crop, made.target)


def _from_cache(sources: Sources, cache: LatentCache, image: int, caption: str, rng: random.Random | None) -> Sample:
    """The same sample with latents for pixels: same dice, same geometry, same mask."""
    record, fit = sources.images[image], sources.fits[image]
    concept = sources.concepts[record.subset]
    augmentation = draw(concept.settings, rng) if rng else AUGMENT_NOTHING
    entry = cache.get(sources.keys[image, augmentation.flipped])
    if entry is None:
        raise UserError(
            f"{plain(str(record.path))}: its cached latents are gone or damaged ({cache.folder})",
            "start again: what is missing is made again, and the training resumes",
        )
    placement, mask = place(fit, augmentation), None
    if sources.masked:
        alpha = entry["alpha"].numpy() if "alpha" in entry else None
        mask = choose_mask(record, concept.settings, placement, alpha)
    (width, height), (bucket_w, bucket_h) = record.size, fit.bucket
    geometry = (height, width), placement.crop, (bucket_h, bucket_w)
    return Sample(record, concept, caption, None, entry["latents"], mask, *geometry)


def _masks(samples: Sequence[Sample]) -> Tensor | None:
    """A picture without a mask counts whole beside one that has one."""
    if all(sample.mask is None for sample in samples):
        return None
    height, width = samples[0].target
    everything = np.ones((height // LATENT_SCALE, width // LATENT_SCALE), np.float32)
    masks = [everything if sample.mask is None else sample.mask for sample in samples]
    return torch.from_numpy(np.stack(masks)).unsqueeze(1)
