"""Captions to what the UNet reads: tokenize, encode, remember, and tell SDXL the geometry of each picture."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from kohya_like.data.cache import TextCache, Watch, text_request
from kohya_like.data.dataset import Batch
from kohya_like.data.prompts import TokenChunks
from kohya_like.families.backbone import Backbone, Conditioning
from kohya_like.schema.errors import UserError

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

    def prepare(self, captions: Iterable[str], cache: TextCache, encoder: str, watch: Watch) -> None:
        """Encode captions ahead and keep them for good, so that the encoders can leave the memory.

        What is on disk from an earlier run is not encoded again: the encoders are then not even read. `encoder` is a
        hash of their weights and number type.
        """
        backbone = self._backbone
        requests = {c: text_request(c, self._tokenize(c), encoder, backbone.clip_skip) for c in dict.fromkeys(captions)}

        @torch.no_grad()
        def encode(prompts: Sequence[TokenChunks]) -> list[dict[str, Tensor]]:
            rows = backbone.encode_prompts(prompts)
            pooled = [{} if rows.pooled is None else {"pooled": rows.pooled[i]} for i in range(len(rows))]
            return [{"hidden": rows.hidden[i], **pooled[i]} for i in range(len(rows))]

        cache.fill(requests.values(), encode, watch=watch)
        for caption, request in requests.items():
            entry = cache.get(request.key)
            if entry is None:
                raise UserError(f"{cache.folder}: an entry of the caption cache is gone", "start again")
            pooled = entry["pooled"][None] if "pooled" in entry else None
            self._known[caption] = Conditioning(entry["hidden"][None], pooled).to(backbone.device)
        self._limit = max(self._limit, len(self._known))

    def _remember(self, captions: Sequence[str]) -> None:
        with torch.no_grad():
            encoded = self._backbone.encode_prompts([self._tokenize(caption) for caption in captions])
        for i, caption in enumerate(captions):
            self._known[caption] = encoded.index([i])
