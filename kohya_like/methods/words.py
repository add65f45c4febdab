"""Words of vectors that are trained: what the methods with an embedding have in common.

Shapes: N vectors of a word, D width of a text encoder.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from kohya_like.data.placeholders import Placeholder, Placeholders
from kohya_like.data.tokens import clip_tokenizer
from kohya_like.families.backbone import Backbone
from kohya_like.families.placeholders import PlaceholderVectors, embedding_width, token_embedding
from kohya_like.formats.embeddings import Embedding, read_embedding
from kohya_like.schema.errors import UserError

Vectors = dict[str, Tensor]  # text encoder part -> [N, D]
_HASH_DIGITS = 10  # of a base model's sha256, as webui shows them


@dataclass(frozen=True)
class Word:
    """A word to be trained: first values and learning rates by text encoder; `group` names it among several."""

    name: str
    vectors: Mapping[str, Tensor]
    rates: Mapping[str, float]
    group: str = ""


class TrainedWords(nn.Module):
    """The vectors of some words as parameters, float32, known to the text encoders while attached."""

    def __init__(self, backbone: Backbone, words: Sequence[Word]) -> None:
        super().__init__()
        self._words = tuple(words)
        self.vectors = nn.ModuleList(nn.ParameterDict(_parameters(word.vectors, backbone.device)) for word in words)
        self._lookup = PlaceholderVectors(backbone, {w.name: self._of(i) for i, w in enumerate(words)})
        self.placeholders = Placeholders([Placeholder(w.name, len(next(iter(w.vectors.values())))) for w in words])
        self._lookup.attach()

    def groups(self) -> list[dict[str, Any]]:
        """Optimizer groups, one for each text encoder and word."""
        return [
            {"name": f"{part} {word.group}".strip(), "params": [rows], "lr": word.rates[part]}
            for i, word in enumerate(self._words)
            for part, rows in self._of(i).items()
            if word.rates[part] > 0
        ]

    def embedding(self, index: int, metadata: Mapping[str, str]) -> Embedding:
        """A word as it stands now, with what the metadata tells of its making."""
        steps, model = metadata.get("ss_steps", ""), metadata.get("ss_sd_model_name", "")
        return Embedding(
            self._words[index].name,
            {part: rows.detach().cpu().clone() for part, rows in self._of(index).items()},
            step=int(steps) if steps.isdecimal() else None,
            model=Path(model).stem if model != "None" else "",
            model_hash=metadata.get("ss_new_sd_model_hash", "")[:_HASH_DIGITS],
            metadata=metadata,
        )

    def state(self) -> dict[str, Tensor]:
        return {f"words.{key}": value.detach().clone() for key, value in self.vectors.state_dict().items()}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take `state` back. Raises UserError where names or shapes differ; nothing is then changed."""
        own = dict(self.vectors.named_parameters())
        given = {key.removeprefix("words."): value for key, value in tensors.items()}
        if {k: v.shape for k, v in given.items()} != {k: v.shape for k, v in own.items()}:
            raise UserError(
                "the state is of another embedding: its words or the number of their vectors differ",
                "resume with the settings it was begun with, or start a new training",
            )
        with torch.no_grad():
            for key, parameter in own.items():
                parameter.copy_(given[key])

    def anchor(self) -> Tensor:
        """0, with a gradient of 0 for every vector: a batch in which no word stands has a gradient all the same."""
        return torch.stack([(rows * 0).sum() for rows in self.vectors.parameters()]).sum()

    @contextlib.contextmanager
    def detached(self) -> Iterator[None]:
        """Inside, the text encoders do not know the words."""
        self._lookup.detach()
        try:
            yield
        finally:
            self._lookup.attach()

    def _of(self, index: int) -> dict[str, nn.Parameter]:
        return dict(cast(nn.ParameterDict, self.vectors[index]).items())


def _parameters(vectors: Mapping[str, Tensor], device: torch.device) -> dict[str, nn.Parameter]:
    return {part: nn.Parameter(rows.detach().to(device, torch.float32).clone()) for part, rows in vectors.items()}


def first_vectors(backbone: Backbone, init_word: str, count: int) -> Vectors:
    """webui's first values: of L tokens of `init_word`, vector i is that of token ⌊i·L / count⌋. Raises UserError."""
    ids = clip_tokenizer().encode(init_word)
    if not ids:
        raise UserError(
            f"method.init_word = {init_word!r} has no tokens", "choose a word, such as the class (cat), or *"
        )
    chosen = [ids[i * len(ids) // count] for i in range(count)]
    parts = [spec.part for spec in backbone.family.text_encoders]
    return {part: token_embedding(backbone, part).weight[chosen].detach().float().clone() for part in parts}


def vectors_from_file(backbone: Backbone, path: Path, count: int) -> Vectors:
    """The vectors of an embedding to go on from. Raises FormatError, and UserError where they do not fit."""
    found = read_embedding(path)
    parts = [spec.part for spec in backbone.family.text_encoders]
    wanted = {part: embedding_width(backbone, part) for part in parts}
    widths = {part: int(rows.shape[1]) for part, rows in found.vectors.items()}
    if widths != wanted:
        raise UserError(
            f"{path}: its vectors are {_listed(widths)} wide; this {backbone.family.label} model wants "
            f"{_listed(wanted)}",
            "choose an embedding that was made for this family of models",
        )
    if len(found) != count:
        raise UserError(
            f"{path}: has {len(found)} vectors, method.num_vectors_per_token is {count}",
            f"set method.num_vectors_per_token = {len(found)}",
        )
    return dict(found.vectors)


def _listed(widths: Mapping[str, int]) -> str:
    return " and ".join(map(str, widths.values()))
