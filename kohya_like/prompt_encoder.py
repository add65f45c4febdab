"""Prompts of pictures to what the UNet reads: chunks, emphasis and embeddings as docs/prompts.md tells."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from kohya_like.data.cache import TextCache, Watch, text_request
from kohya_like.data.placeholders import Placeholders
from kohya_like.data.prompts import CHUNK, TokenChunks
from kohya_like.data.tokens import clip_tokenizer
from kohya_like.families.backbone import Backbone, Conditioning
from kohya_like.prompts.chunks import chunked
from kohya_like.prompts.prompt import Prompt
from kohya_like.schema.errors import UserError

REMEMBERED = 1024  # texts
ROWS_AT_ONCE = 128  # chunks that go through the text encoders together
Key = tuple[str, int]  # a text and the chunks it is filled up to


class PromptEncoder:
    """`trained`: the text encoders change meanwhile, so that nothing is remembered.

    Args:
        placeholders: names of embeddings that the text encoders know.
        max_token_length: as the model is trained: a shorter prompt is filled up to so many words.
        encode_prompts: encodes tokenised prompts; by default the backbone.
    """

    def __init__(
        self,
        backbone: Backbone,
        trained: bool = False,
        placeholders: Placeholders | None = None,
        max_token_length: int = CHUNK,
        encode_prompts: Callable[[Sequence[TokenChunks]], Conditioning] | None = None,
    ) -> None:
        self._backbone, self._trained, self._placeholders = backbone, trained, placeholders
        self._encode_prompts = encode_prompts or backbone.encode_prompts
        self._at_least = max_token_length // CHUNK
        self._known: OrderedDict[Key, Conditioning] = OrderedDict()
        self._limit = REMEMBERED

    def chunks(self, prompt: Prompt) -> int:
        """How many chunks the texts of a picture have, negative ones included: all get as many."""
        return max(len(self._chunked((text, self._at_least)).ids) for text in prompt.texts())

    def encode(self, texts: Sequence[str], chunks: int) -> Conditioning:
        """Conditioning of the texts, one row each, all of `chunks` chunks."""
        keys = [(text, chunks) for text in texts]
        if self._trained:
            return self._encoded(keys)
        if missing := [key for key in dict.fromkeys(keys) if key not in self._known]:
            encoded = self._encoded(missing)
            self._known.update((key, encoded.index([i])) for i, key in enumerate(missing))
        rows = Conditioning.cat([self._known[key] for key in keys])
        while len(self._known) > max(self._limit, len(keys)):
            self._known.popitem(last=False)
        return rows

    def forget(self) -> None:
        """The text encoders are others from now on."""
        self._known.clear()

    def prepare(self, prompts: Iterable[Prompt], cache: TextCache, encoder: str, watch: Watch) -> None:
        """Encode what the prompts ask for, or take it from the cache, and keep it for good."""
        backbone = self._backbone
        keys = dict.fromkeys((text, self.chunks(prompt)) for prompt in prompts for text in prompt.texts())
        requests = {key: text_request(key[0], self._chunked(key), encoder, backbone.clip_skip) for key in keys}

        @torch.no_grad()
        def encode(chunks: Sequence[TokenChunks]) -> list[dict[str, Tensor]]:
            entries = []
            for one in chunks:  # one by one: they are of different lengths
                row = backbone.encode_prompts([one])
                entries.append({"hidden": row.hidden[0]} | ({} if row.pooled is None else {"pooled": row.pooled[0]}))
            return entries

        cache.fill(requests.values(), encode, watch=watch)
        for key, request in requests.items():
            entry = cache.get(request.key)
            if entry is None:
                raise UserError(f"{cache.folder}: an entry of the caption cache is gone", "start again")
            pooled = entry["pooled"][None] if "pooled" in entry else None
            self._known[key] = Conditioning(entry["hidden"][None], pooled).to(backbone.device)
        self._limit = max(self._limit, len(self._known))

    @torch.no_grad()
    def _encoded(self, keys: Sequence[Key]) -> Conditioning:
        count = max(1, ROWS_AT_ONCE // keys[0][1])
        slices = [keys[start : start + count] for start in range(0, len(keys), count)]
        rows = [self._encode_prompts([self._chunked(key) for key in part]) for part in slices]
        return rows[0] if len(rows) == 1 else Conditioning.cat(rows)

    def _chunked(self, key: Key) -> TokenChunks:
        return chunked(key[0], clip_tokenizer(), self._placeholders, key[1])
