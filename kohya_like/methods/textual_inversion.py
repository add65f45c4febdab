"""Textual Inversion: train a new word's vectors and nothing else. Gal et al., arXiv:2208.01618.

The gradient goes through the frozen UNet and text encoders to a few rows of their input. A prompt without the word
never touches those rows, so it draws what it drew before, to the bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kohya_like.formats.embeddings import Embedding, write_embedding
from kohya_like.methods.base import Adapter, FamilyPrediction, Guess
from kohya_like.methods.words import TrainedWords


@dataclass(frozen=True)
class EmbeddingFiles:
    """The files that are written: endings, number type of .safetensors and .bin, the picture of .png and .webp."""

    suffixes: Sequence[str]
    dtype: torch.dtype = torch.float32
    picture: Path | None = None

    def write(self, path: Path, embedding: Embedding, overwrite: bool) -> None:
        for suffix in self.suffixes:
            write_embedding(path.with_suffix(suffix), embedding, self.dtype, self.picture, overwrite)


class TextualInversion(FamilyPrediction):
    """One word; what is written says its file's name to webui and its word to diffusers."""

    trains_text_encoders = True

    def __init__(self, words: TrainedWords, files: EmbeddingFiles) -> None:
        self._words, self._files = words, files
        self.placeholders = words.placeholders

    def extra_loss(self, guess: Guess) -> Tensor | None:
        return self._words.anchor()

    def parameter_groups(self) -> list[dict[str, Any]]:
        return self._words.groups()

    def modules(self) -> Mapping[str, nn.Module]:
        return {"words": self._words}

    def before_step(self, step: int) -> None:
        """Nothing to do."""

    def after_step(self) -> dict[str, float] | None:
        return None

    def state(self) -> dict[str, Tensor]:
        return self._words.state()

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        self._words.load(tensors)

    def save(self, path: Path, metadata: Mapping[str, str], overwrite: bool) -> None:
        self._files.write(path, self._words.embedding(0, metadata), overwrite)

    def try_saving(self, path: Path) -> None:
        self.save(path, {}, True)

    def adapter(self) -> Adapter:
        return "textual-inversion"

    def about(self) -> dict[str, object]:
        return {}

    def disabled(self) -> AbstractContextManager[None]:
        return self._words.detached()
