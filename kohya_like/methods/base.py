"""The verbs of a training method: what is attached, which parameters move, what is saved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal, Protocol

from torch import Tensor, nn

Adapter = Literal["", "lora", "textual-inversion"]  # of modelspec; "" is a whole model


class TrainingMethod(Protocol):
    """A promise, not a toolbox. The trainer knows nothing else of what it trains."""

    trains_text_encoders: bool  # what the encoders give changes with the training, so that it cannot be remembered

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
