"""Pivotal tuning: a new word's vectors and a network beside the frozen model, in one training and one file.

The embedding lies inside the network's file under `bundle_emb.*`, where webui and ComfyUI look for it, and also in a
file of its own for the programs that do not.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kohya_like.formats.embeddings import bundle, write_embedding
from kohya_like.formats.metadata import with_hashes
from kohya_like.formats.tensors import save_safetensors
from kohya_like.methods.base import Adapter, FamilyPrediction
from kohya_like.methods.network import NetworkTraining
from kohya_like.methods.pivotal_options import EMBEDDING_SUFFIX
from kohya_like.methods.words import TrainedWords

_WORDS = "words."


class Pivotal(FamilyPrediction):
    """`word_steps`: the vectors are trained in the first so many steps only; None is to the end."""

    trains_text_encoders = True

    def __init__(
        self, network: NetworkTraining, words: TrainedWords, dtype: torch.dtype, word_steps: int | None = None
    ) -> None:
        self._training, self._words, self._dtype, self._word_steps = network, words, dtype, word_steps
        self.placeholders = words.placeholders

    def parameter_groups(self) -> list[dict[str, Any]]:
        words = [{**group, "name": f"embedding {group['name']}"} for group in self._words.groups()]
        return [*self._training.parameter_groups(), *words]

    def modules(self) -> Mapping[str, nn.Module]:
        return {**self._training.modules(), "words": self._words}

    def before_step(self, step: int) -> None:
        """A word that is done gets no gradient any more, so that no optimizer moves it."""
        self._training.before_step(step)
        self._words.requires_grad_(self._word_steps is None or step < self._word_steps)

    def after_step(self) -> dict[str, float] | None:
        return self._training.after_step()

    def state(self) -> dict[str, Tensor]:
        return {**self._training.state(), **self._words.state()}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        self._words.load({key: value for key, value in tensors.items() if key.startswith(_WORDS)})
        self._training.load_state({key: value for key, value in tensors.items() if not key.startswith(_WORDS)})

    def save(self, path: Path, metadata: Mapping[str, str], overwrite: bool) -> None:
        network, embedding = self._training.network, self._words.embedding(0, metadata)
        tensors = {**network.tensors(self._dtype), **bundle(embedding)}
        about = with_hashes(tensors, {**metadata, **network.algorithm.metadata()})
        save_safetensors(path, tensors, about, overwrite)
        write_embedding(path.with_suffix(EMBEDDING_SUFFIX), embedding, overwrite=overwrite)

    def try_saving(self, path: Path) -> None:
        self.save(path, {}, True)

    def adapter(self) -> Adapter:
        return "lora"

    def about(self) -> dict[str, object]:
        return self._training.about()

    def disabled(self) -> AbstractContextManager[None]:
        return self._without()

    @contextlib.contextmanager
    def _without(self) -> Iterator[None]:
        with self._training.disabled(), self._words.detached():
            yield
