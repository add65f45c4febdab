"""Latents and prompt encodings kept on disk, so that a picture goes through the VAE once in its life.

An entry's key is a hash of the picture's bytes and of every setting that changes its latents: an edited picture,
another VAE or another bucket has another key, and a stale entry is never found. The cache lies outside the user's
folders; deleting it costs only time.

What is stored is the MEAN of the VAE's posterior, scaled, in float32. kohya samples the posterior once and trains on
that one draw for ever. The posterior's deviation is small against the latents' own, so either trains the same; the
mean needs no dice, and is the same again after a refill.

Pictures are encoded in batches that depend on the list of requests alone, not on what is missing from the cache:
convolution libraries sum a batch of 4 in another order than a batch of 1, and a fill that was killed and taken up
again must end with the same bits. Of a batch with anything missing all is encoded, and what is missing is written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from hashlib import blake2b
from itertools import groupby
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kohya_like.data.augment import Augmentation, place
from kohya_like.data.filling import Filled, Watch, fill
from kohya_like.data.images import LATENT_SCALE, CutOut, cut_out
from kohya_like.data.options import SubsetSettings
from kohya_like.data.prompts import TokenChunks
from kohya_like.data.records import Concept, Fit, ImageRecord, plain
from kohya_like.data.store import EntryStore, Tensors
from kohya_like.schema.errors import UserError

__all__ = [
    "Filled",
    "LatentCache",
    "LatentEncoder",
    "LatentRequest",
    "TextCache",
    "TextRequest",
    "Watch",
    "as_pixels",
    "latent_requests",
    "text_request",
    "uncacheable",
]

VERSION = 1  # to be raised with any change of how pictures are read and scaled, or of what is stored
UNCACHEABLE = ("color_aug", "random_crop")
HASHING_THREADS = 4
SHOWN_CAPTION = 100  # characters

T = TypeVar("T")


@dataclass(frozen=True)
class LatentEncoder:
    """What of the VAE decides the latents."""

    vae: str  # hash of its weights
    dtype: str  # it is run in
    scale: float  # of its latents


@dataclass(frozen=True)
class LatentRequest:
    """One orientation of one picture, as it is to be encoded."""

    key: str
    record: ImageRecord
    fit: Fit
    interpolation: str | None
    flipped: bool

    @property
    def source(self) -> str:
        return plain(str(self.record.path))

    def fits(self, tensors: Tensors) -> bool:
        width, height = self.fit.bucket
        return "latents" in tensors and tensors["latents"].shape[1:] == (height // LATENT_SCALE, width // LATENT_SCALE)


@dataclass(frozen=True)
class TextRequest:
    """One caption, as it is to be encoded."""

    key: str
    chunks: TokenChunks
    source: str

    def fits(self, tensors: Tensors) -> bool:
        return bool(tensors)


def uncacheable(settings: SubsetSettings) -> tuple[str, ...]:
    """The options that make a picture new each time, so that its latents cannot be kept."""
    return tuple(key for key in UNCACHEABLE if getattr(settings, key))


def latent_requests(
    images: Sequence[ImageRecord],
    fits: Sequence[Fit],
    concepts: Sequence[Concept],
    encoder: LatentEncoder,
    fingerprint: Callable[[Path], str],
) -> dict[tuple[int, bool], LatentRequest]:
    """A request for each (image, flipped) that a training can ask for.

    `fingerprint` gives the hash of a file's bytes; threads call it. Masks are no part of a key, as they do not change
    latents.
    """
    with ThreadPoolExecutor(HASHING_THREADS) as pool:
        contents = list(pool.map(fingerprint, [record.path for record in images]))
    requests: dict[tuple[int, bool], LatentRequest] = {}
    for number, (record, one, content) in enumerate(zip(images, fits, contents, strict=True)):
        settings = concepts[record.subset].settings
        for flipped in (False, True) if settings.flip_aug else (False,):
            facts = {
                "version": VERSION,
                "content": content,
                "size": record.size,
                "bucket": one.bucket,
                "scaled": one.scaled,
                "crop": "centre",
                "interpolation": settings.resize_interpolation,
                "flipped": flipped,
                "encoder": asdict(encoder),
            }
            key = _hash(facts)
            requests[number, flipped] = LatentRequest(key, record, one, settings.resize_interpolation, flipped)
    return requests


def text_request(caption: str, chunks: TokenChunks, encoder: str, clip_skip: int | None) -> TextRequest:
    """`encoder` is a hash of the text encoders' weights and of the type they are run in."""
    facts = {
        "version": VERSION,
        "ids": chunks.ids,
        "weights": chunks.weights,
        "lengths": chunks.lengths,
        "encoder": encoder,
        "clip_skip": clip_skip,
    }
    return TextRequest(_hash(facts), chunks, plain(caption[:SHOWN_CAPTION]))


class LatentCache(EntryStore):
    """Entries: `latents` [4, H/8, W/8] float32, scaled, and `alpha` [H/8, W/8] of pictures with transparency."""

    def __init__(self, folder: Path) -> None:
        """`folder` is the root of all caches."""
        super().__init__(folder / "latents")

    def fill(
        self,
        requests: Iterable[LatentRequest],
        encode: Callable[[Tensor], Tensor],
        *,
        batch_size: int = 1,
        threads: int = 2,
        watch: Watch | None = None,
    ) -> Filled:
        """Encode what is missing.

        Args:
            encode: pixels [B, 3, H, W] in -1..1 -> scaled latents [B, 4, H/8, W/8]; the posterior's mean.
            threads: that decode and write beside the encoder.

        Raises:
            FormatError, UserError: a picture cannot be read, its latents are not finite, the cache cannot be written.
        """

        def encode_batch(batch: Sequence[LatentRequest], cuts: Sequence[CutOut]) -> list[Mapping[str, Tensor]]:
            latents = encode(as_pixels([cut.pixels for cut in cuts])).float().cpu()
            return [_entry(request, one, cut) for request, one, cut in zip(batch, latents, cuts, strict=True)]

        by_bucket = sorted(
            _distinct(requests), key=lambda request: (request.fit.bucket, request.record.identity, request.flipped)
        )
        groups = groupby(by_bucket, key=lambda request: request.fit.bucket)
        batches = [batch for _, group in groups for batch in _chunks(list(group), batch_size)]
        return fill(self, batches, _cut, encode_batch, threads, watch or Watch())


class TextCache(EntryStore):
    """Entries: whatever tensors the text encoders give for one caption (hidden states, pooled), float32 or half."""

    def __init__(self, folder: Path) -> None:
        """`folder` is the root of all caches."""
        super().__init__(folder / "text")

    def fill(
        self,
        requests: Iterable[TextRequest],
        encode: Callable[[Sequence[TokenChunks]], Sequence[Mapping[str, Tensor]]],
        *,
        batch_size: int = 16,
        watch: Watch | None = None,
    ) -> Filled:
        """Encode what is missing. Raises UserError if an encoding is not finite or the cache cannot be written."""

        def encode_batch(_: Sequence[TextRequest], chunks: Sequence[TokenChunks]) -> Sequence[Mapping[str, Tensor]]:
            return encode(chunks)

        batches = _chunks(sorted(_distinct(requests), key=lambda request: request.key), batch_size)
        return fill(self, batches, lambda request: request.chunks, encode_batch, 1, watch or Watch())


def as_pixels(pictures: Sequence[NDArray[np.uint8]]) -> Tensor:
    """Pictures [H, W, 3] of one size -> [B, 3, H, W] in -1..1."""
    stacked = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
    return stacked.to(torch.float32, memory_format=torch.contiguous_format).div_(127.5).sub_(1.0)


def _cut(request: LatentRequest) -> CutOut:
    return cut_out(request.record, place(request.fit, Augmentation(request.flipped)), request.interpolation)


def _entry(request: LatentRequest, latents: Tensor, cut: CutOut) -> dict[str, Tensor]:
    entry = {"latents": latents}
    if cut.alpha is not None:
        entry["alpha"] = torch.from_numpy(cut.alpha)
    if not request.fits(entry):
        width, height = request.fit.bucket
        raise UserError(
            f"the VAE makes latents of {tuple(latents.shape)} from a picture of {width}x{height}; it should make "
            f"{LATENT_SCALE} times smaller ones",
            "use a VAE of the model's family",
        )
    return entry


R = TypeVar("R", LatentRequest, TextRequest)


def _distinct(requests: Iterable[R]) -> list[R]:
    """One request per key: a picture that lies in two folders is encoded once."""
    return list({request.key: request for request in requests}.values())


def _chunks(items: Sequence[T], size: int) -> list[Sequence[T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _hash(facts: Mapping[str, object]) -> str:
    return blake2b(json.dumps(facts, sort_keys=True).encode(), digest_size=20).hexdigest()
