"""Train the base model's own weights: DreamBooth and native fine-tune. What is saved is a whole model, or its LoRA."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from kohya_like.formats.metadata import with_hashes
from kohya_like.formats.tensors import save_safetensors
from kohya_like.methods.base import Adapter, FamilyPrediction
from kohya_like.methods.extracted import extracted_lora
from kohya_like.methods.whole_model import WholeModel
from kohya_like.schema.errors import UserError


@dataclass(frozen=True)
class Saving:
    """How the result is written: like the base in one file, as a diffusers folder, or as a LoRA of rank `rank`."""

    model: WholeModel
    kind: Literal["safetensors", "diffusers", "lora"] = "safetensors"
    rank: int = 64


class Finetuning(FamilyPrediction):
    """`parts` are the modules that are trained, `rates` their learning rates, by name.

    `text_steps`: the text encoders are trained in the first so many steps only; None is to the end.
    """

    def __init__(
        self, parts: Mapping[str, nn.Module], rates: Mapping[str, float], saving: Saving, text_steps: int | None = None
    ) -> None:
        self._parts, self._rates, self._saving, self._text_steps = dict(parts), rates, saving, text_steps
        self.trains_text_encoders = any(map(_is_text, parts))
        for part in self._parts.values():
            own_weights(part)
            part.train().requires_grad_(True)

    def parameter_groups(self) -> list[dict[str, Any]]:
        return [
            {"name": name, "params": list(part.parameters()), "lr": self._rates[name]}
            for name, part in self._parts.items()
        ]

    def modules(self) -> Mapping[str, nn.Module]:
        return self._parts

    def before_step(self, step: int) -> None:
        """The text encoders stop: their weights get no gradient any more, so that no optimizer moves them."""
        if self._text_steps is not None:
            for name, part in self._parts.items():
                if _is_text(name):
                    part.requires_grad_(step < self._text_steps)

    def after_step(self) -> None:
        """Nothing to do."""

    def state(self) -> dict[str, Tensor]:
        return {f"{name}.{key}": tensor.detach() for name, key, tensor in self._weights()}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        own = self.state()
        wrong = sorted(own.keys() ^ tensors.keys())
        wrong += [key for key in own if key in tensors and own[key].shape != tensors[key].shape]
        if wrong:
            raise UserError(
                f"the state is of another model: {len(wrong)} weights differ, the first is {wrong[0]}",
                "continue with the base model and the parts this run began with",
            )
        with torch.no_grad():
            for key, tensor in own.items():
                tensor.copy_(tensors[key])

    def save(self, path: Path, metadata: Mapping[str, str], overwrite: bool) -> None:
        model, kind = self._saving.model, self._saving.kind
        if kind == "lora":
            with model.opened() as base:
                tensors = extracted_lora(base, self._parts, self._saving.rank, model.dtype)
            save_safetensors(path, tensors, with_hashes(tensors, metadata), overwrite=overwrite)
            return
        trained: dict[str, dict[str, Tensor]] = {}
        for name, key, tensor in self._weights():
            trained.setdefault(name, {})[key] = tensor.detach()
        if kind == "diffusers":
            model.save_folder(path, trained, overwrite)
        else:
            model.save_file(path, trained, metadata, overwrite)

    def try_saving(self, path: Path) -> None:
        """The base must still be there, and the folder take a file; a whole model would take minutes."""
        with self._saving.model.opened():
            file = path.with_name(f"{path.name}.tensors")
            try:
                save_safetensors(file, {"nothing": torch.zeros(1)})
            finally:
                file.unlink(missing_ok=True)

    def adapter(self) -> Adapter:
        return "lora" if self._saving.kind == "lora" else ""

    def about(self) -> dict[str, object]:
        if self._saving.kind != "lora":
            return {}
        rank = self._saving.rank
        arguments = {"conv_dim": str(rank), "conv_alpha": str(rank)}
        return {
            "network_module": "networks.lora",
            "network_dim": rank,
            "network_alpha": float(rank),
            "network_args": arguments,
        }

    def disabled(self) -> AbstractContextManager[None]:
        return self._untrained()

    @contextlib.contextmanager
    def _untrained(self) -> Iterator[None]:
        kept = {key: tensor.to("cpu", copy=True) for key, tensor in self.state().items()}
        with self._saving.model.opened() as base, torch.no_grad():
            for name, key, tensor in self._weights():
                tensor.copy_(base.tensor(name, key))
        try:
            yield
        finally:
            self.load_state(kept)

    def _weights(self) -> Iterator[tuple[str, str, nn.Parameter]]:
        """(part, diffusers' name, weight) of all that is trained."""
        for name, part in self._parts.items():
            for key, parameter in part.named_parameters():
                yield name, key, parameter


def own_weights(part: nn.Module) -> None:
    """Weights of a file on a CPU may be pages of it: training wants them for itself."""
    for parameter in part.parameters():
        if parameter.device.type == "cpu":
            parameter.data = parameter.data.clone()


def _is_text(part: str) -> bool:
    return part.startswith("text_encoder")
