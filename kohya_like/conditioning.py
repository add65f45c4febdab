"""Captions to what the UNet reads: tokenize, encode, remember, and tell SDXL the geometry of each picture."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence

import torch

from kohya_like.data.dataset import Batch
from kohya_like.data.prompts import TokenChunks
from kohya_like.families.backbone import Backbone, Conditioning

REMEMBERED = 4096  # captions; an SDXL prompt of 77 tokens is 0.3 MB in bf16


class Conditioner:
    """`trained`: the text encoders learn, so each batch is encoded anew, with gradient. Otherwise once per caption."""

    def __init__(self, backbone: Backbone, tokenize: Callable[[str], TokenChunks], trained: bool) -> None:
        self._backbone, self._tokenize, self._trained = backbone, tokenize, trained
        self._known: OrderedDict[str, Conditioning] = OrderedDict()
        self._limit = REMEMBERED

    def __call__(self, batch: Batch) -> Conditioning:
        return self.encode(batch.captions).with_geometry(batch.original, batch.crop, batch.target)

    def encode(self, captions: Sequence[str]) -> Conditioning:
        """Conditioning of the captions, one row each."""
        if self._trained:
            return self._backbone.encode_prompts([self._tokenize(caption) for caption in captions])
        missing = [caption for caption in dict.fromkeys(captions) if caption not in self._known]
        if missing:
            self._remember(missing)
        for caption in captions:
            self._known.move_to_end(caption)
        rows = Conditioning.cat([self._known[caption] for caption in captions])
        while len(self._known) > max(self._limit, len(captions)):
            self._known.popitem(last=False)
        return rows

    def prepare(self, captions: Iterable[str]) -> None:
        """Encode captions ahead and keep them for good, so that the encoders can leave the memory."""
        wanted = [caption for caption in dict.fromkeys(captions) if caption not in self._known]
        for start in range(0, len(wanted), 16):
            self._remember(wanted[start : start + 16])
        self._limit = max(self._limit, len(self._known))

    def _remember(self, captions: Sequence[str]) -> None:
        with torch.no_grad():
            encoded = self._backbone.encode_prompts([self._tokenize(caption) for caption in captions])
        for i, caption in enumerate(captions):
            self._known[caption] = encoded.index([i])
