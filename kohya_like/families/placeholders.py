"""Vectors of their own for words of a prompt: the text encoders' token embedding reads ids from 49408 on from them.

An image is worth one word (textual inversion): Gal et al., arXiv:2208.01618.  Shapes: N vectors of a word, D width of a
text encoder, B prompts, T tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from kohya_like.families.backbone import Backbone
from kohya_like.families.components import CLIP_VOCABULARY, text_body
from kohya_like.schema.errors import UserError


class PlaceholderEmbedding(nn.Module):
    """A token embedding [49408, D] followed by rows that live elsewhere; ids [B, T] to [B, T, D]."""

    def __init__(self, base: nn.Embedding, rows: list[Tensor]) -> None:
        super().__init__()
        self.base = base
        self._rows = rows  # not parameters of the encoder: they belong to whoever trains them

    @property
    def weight(self) -> Tensor:
        return self.base.weight

    def forward(self, ids: Tensor) -> Tensor:
        known = ids < CLIP_VOCABULARY
        if bool(known.all()):  # a prompt without such words gets exactly what the model itself makes of it
            return cast(Tensor, self.base(ids))
        found = cast(Tensor, self.base(ids.where(known, 0)))
        own = torch.cat([rows.to(found.device, found.dtype) for rows in self._rows])  # [ΣN, D]
        return torch.where(known[..., None], found, own[(ids - CLIP_VOCABULARY).clamp(min=0)])


class PlaceholderVectors:
    """Vectors by name and text encoder: {"my-cat": {"text_encoder": [N, D], "text_encoder_2": [N, D2]}}.

    The n-th vector over all names, in their order, has id 49408 + n, as in `data.placeholders.Placeholders`. The
    tensors are read where they are, with gradient where they want one.

    Raises:
        UserError: a name lacks vectors for a text encoder of the family, or theirs have another width.
    """

    def __init__(self, backbone: Backbone, vectors: Mapping[str, Mapping[str, Tensor]]) -> None:
        self._backbone, self.vectors = backbone, {name: dict(parts) for name, parts in vectors.items()}
        self._attached: dict[str, PlaceholderEmbedding] = {}
        for name, parts in self.vectors.items():
            _check(backbone, name, parts)

    def attach(self) -> None:
        """From now on the text encoders know the vectors; only one set at a time."""
        if not self.vectors:
            return
        for spec in self._backbone.family.text_encoders:
            embeddings = _embeddings(self._backbone, spec.part)
            if isinstance(embeddings.token_embedding, PlaceholderEmbedding):
                raise RuntimeError(f"{spec.part} already has placeholders attached")
            rows = [parts[spec.part] for parts in self.vectors.values()]
            wrapped = PlaceholderEmbedding(cast(nn.Embedding, embeddings.token_embedding), rows)
            embeddings.token_embedding = wrapped
            self._attached[spec.part] = wrapped

    def detach(self) -> None:
        """The text encoders as they were, to the bit."""
        for part, wrapped in self._attached.items():
            if self._backbone.is_loaded(part):
                _embeddings(self._backbone, part).token_embedding = wrapped.base
        self._attached.clear()


def embedding_width(backbone: Backbone, part: str) -> int:
    """Width D of a text encoder's word vectors."""
    return int(token_embedding(backbone, part).weight.shape[1])


def token_embedding(backbone: Backbone, part: str) -> nn.Embedding:
    """The word vectors of a text encoder [49408, D], as the base model has them."""
    found = _embeddings(backbone, part).token_embedding
    return found.base if isinstance(found, PlaceholderEmbedding) else cast(nn.Embedding, found)


def _embeddings(backbone: Backbone, part: str) -> nn.Module:
    return cast(nn.Module, text_body(backbone.part(part)).embeddings)


def _check(backbone: Backbone, name: str, parts: Mapping[str, Tensor]) -> None:
    family = backbone.family
    missing = [spec.part for spec in family.text_encoders if spec.part not in parts]
    unknown = sorted(parts.keys() - {spec.part for spec in family.text_encoders})
    if missing or unknown:
        raise UserError(
            f"the embedding {name!r} has vectors for {', '.join(sorted(parts))}; {family.label} reads "
            f"{', '.join(spec.part for spec in family.text_encoders)}",
            "use an embedding that was made for this family of models",
        )
    counts = {len(rows) for rows in parts.values()}
    if len(counts) != 1:
        raise UserError(f"the embedding {name!r} has a different number of vectors for each text encoder")
    for part, rows in parts.items():
        width = embedding_width(backbone, part)
        if rows.ndim != 2 or rows.shape[1] != width:
            raise UserError(
                f"the embedding {name!r} is {rows.shape[-1]} wide; the {part} of this {family.label} model is {width}",
                "use an embedding that was made for this family of models",
            )
