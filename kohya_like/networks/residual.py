"""ContextResidual: one net of a hypernetwork, shared by all to_k (or all to_v) layers of one width."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from kohya_like.formats.a1111 import Side, residual_name
from kohya_like.networks.adapter import Adapter
from kohya_like.networks.base import InputResidual
from kohya_like.schema.errors import UserError

__all__ = ["ContextResidual", "attention_layers", "misplaced", "new_residuals", "residual_name"]

Contexts = dict[tuple[int, Side], list[nn.Linear]]
_CROSS_WIDTHS = {768: "SD1", 1024: "SD2", 2048: "SDXL"}  # of the prompt; the pictures' widths are in all families


class ContextResidual(Adapter):
    """k = to_k(x'), where x' = x + multiplier · change(x) is computed in the parameters' number type.

    It hooks in before the forward of its layers. So several chain in the order they were attached, as in webui, and
    whatever else changes those layers (LoRA) sees x'.
    """

    def __init__(
        self, layers: Sequence[nn.Linear], side: Side, algorithm: InputResidual, *, dtype: torch.dtype = torch.float32,
        seed: int = 0,
    ) -> None:  # fmt: skip
        width = layers[0].in_features
        specs, device = algorithm.parameters(width), layers[0].weight.device
        super().__init__(residual_name(width, side), "unet", algorithm, specs, device, dtype, seed)
        self.algorithm: InputResidual = algorithm
        self.width, self.side = width, side
        self._layers = tuple(layers)
        self._hooks: list[RemovableHandle] = []

    @property
    def attached(self) -> bool:
        return bool(self._hooks)

    def attach(self) -> None:
        self._refresh()
        if not self._hooks:
            self._hooks = [layer.register_forward_pre_hook(self._before) for layer in self._layers]

    def detach(self) -> None:
        for hook in self._hooks:
            hook.remove()
        self._hooks = []

    def _before(self, _layer: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
        context, *rest = given
        return (self(context), *rest)

    def forward(self, context: Tensor) -> Tensor:
        """context [B, T, width] -> the same shape and number type."""
        chance = self.algorithm.module_dropout
        if self.multiplier == 0.0 or (self.training and chance and torch.rand(()).item() < chance):
            return context
        x = context.to(self.dtype)
        change = self.algorithm.change(self.weights, x, self.training)
        return (x + (change if self.multiplier == 1.0 else change * self.multiplier)).to(context.dtype)


def attention_layers(unet: nn.Module) -> Contexts:
    """All to_k and to_v layers by the width of what they read, narrowest first."""
    found: Contexts = {}
    sides: dict[str, Side] = {"to_k": "k", "to_v": "v"}
    for path, module in unet.named_modules():
        side = sides.get(path.rpartition(".")[2])
        if side and isinstance(module, nn.Linear):
            found.setdefault((module.in_features, side), []).append(module)
    return dict(sorted(found.items()))


def new_residuals(algorithm: InputResidual, unet: nn.Module, seed: int, dtype: torch.dtype) -> list[ContextResidual]:
    """The nets of a new hypernetwork. Raises UserError for sizes that the model does not have."""
    contexts = attention_layers(unet)
    widths = sorted({width for width, _ in contexts})
    if absent := sorted(set(algorithm.sizes) - set(widths)):
        raise UserError(
            f"network.sizes names {_joined(absent)}, but the attention of this model reads {_joined(widths)}",
            "leave the others out, or leave sizes empty for all of them",
        )
    chosen = algorithm.chosen(widths)
    return [
        ContextResidual(layers, side, algorithm, dtype=dtype, seed=seed)
        for (width, side), layers in contexts.items()
        if width in chosen
    ]


def misplaced(names: Mapping[str, int], placed: Iterable[str], unet: nn.Module | None) -> tuple[list[str], str]:
    """Faults, and whom the file is for, of nets {name: width} for widths this model does not read.

    webui passes over such nets; so they are no fault beside nets for the width of this model's prompts.
    """
    prompts = {
        m.in_features for path, m in (unet.named_modules() if unet else ()) if path.endswith("attn2.to_k")
        and isinstance(m, nn.Linear)
    }  # fmt: skip
    if {residual_name(width, side) for width in prompts for side in ("k", "v")} & set(placed):  # type: ignore[arg-type]
        return [], ""
    reads = _joined(sorted({width for width, _ in attention_layers(unet)})) if unet else "none"
    faults = [f"{name} is for contexts of width {width}; this model's attention reads {reads}"
              for name, width in names.items()]  # fmt: skip
    families = {_CROSS_WIDTHS[width] for width in names.values() if width in _CROSS_WIDTHS}
    return faults, f"it was made for {' or '.join(sorted(families))}" if families else ""


def _joined(widths: Iterable[int]) -> str:
    return ", ".join(map(str, widths))
