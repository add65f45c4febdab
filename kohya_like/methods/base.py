"""The verbs of a training method: what is attached, which parameters move, what is saved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from torch import Tensor, nn

from kohya_like.data.placeholders import Placeholders
from kohya_like.families.backbone import Backbone, Conditioning

Adapter = Literal["", "lora", "textual-inversion"]  # of modelspec; "" is a whole model


@dataclass(frozen=True)
class Guess:
    """What the model said of a noisy batch: latents, noisy latents and prediction [B, 4, h, w], steps t [B]."""

    latents: Tensor
    noisy: Tensor
    t: Tensor
    prediction: Tensor


class FamilyPrediction:
    """A method that leaves the questions to the model as they are: what most of them want."""

    needs_vae = False
    placeholders: Placeholders | None = None

    def texts(self, captions: Sequence[str]) -> Sequence[str]:
        return captions

    def predict(self, backbone: Backbone, noisy: Tensor, t: Tensor, conditioning: Conditioning) -> Tensor:
        return backbone.predict(noisy, t, conditioning)

    def mask_weights(self, masks: Tensor) -> Tensor:
        return masks

    def extra_loss(self, guess: Guess) -> Tensor | None:
        return None


class TrainingMethod(Protocol):
    """A promise, not a toolbox. The trainer knows nothing else of what it trains."""

    trains_text_encoders: bool  # what the encoders give changes with the training, so that it cannot be remembered
    needs_vae: bool  # while it trains, even where latents are cached
    placeholders: Placeholders | None  # words of its own, for the tokenizer

    def texts(self, captions: Sequence[str]) -> Sequence[str]:
        """What is encoded for a batch: its captions, or a multiple of as many texts, for `predict` to use."""

    def predict(self, backbone: Backbone, noisy: Tensor, t: Tensor, conditioning: Conditioning) -> Tensor:
        """The noise or v [B, 4, h, w] that is compared with the truth; `conditioning` is that of `texts`."""

    def mask_weights(self, masks: Tensor) -> Tensor:
        """How much each place counts, from masks [B, 1, h, w] in 0..1."""

    def extra_loss(self, guess: Guess) -> Tensor | None:
        """What is added to the loss of a batch, if anything."""

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Optimizer groups: {"name": part, "params": [...], "lr": rate}; only what is trained."""

    def modules(self) -> Mapping[str, nn.Module]:
        """What holds trainable parameters, by name."""

    def before_step(self, step: int) -> None:
        """Called before the first batch of an optimizer step; `step` counts from 0, on a resume as well."""

    def after_step(self) -> dict[str, float] | None:
        """Called when the optimizer has moved the parameters. May return numbers for the log, by name."""

    def state(self) -> dict[str, Tensor]:
        """The trained tensors exactly as they are, for a resume."""

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Take `state` back. Raises UserError where names or shapes differ; nothing is then changed."""

    def save(self, path: Path, metadata: Mapping[str, str], overwrite: bool) -> None:
        """Write the file that other programs read, its twins beside it, or the folder; whole or not at all."""

    def try_saving(self, path: Path) -> None:
        """Write something like it, as little as tells whether `save` will work; OSError or UserError where not."""

    def adapter(self) -> Adapter:
        """What kind of file `save` writes."""

    def about(self) -> dict[str, object]:
        """What its files say of it, by kohya's names without `ss_`: {"network_module": ...}."""

    def disabled(self) -> AbstractContextManager[None]:
        """Inside, the base model is as it was before training."""


def trainable(groups: list[dict[str, Any]]) -> Iterator[nn.Parameter]:
    for group in groups:
        yield from group["params"]
