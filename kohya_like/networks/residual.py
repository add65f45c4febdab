"""ContextResidual: one net of a hypernetwork, shared by all to_k (or all to_v) layers of one width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from kohya_like.networks.adapter import Adapter
from kohya_like.networks.base import InputResidual
from kohya_like.networks.patch import Forward, Patch

Side = Literal["k", "v"]


class ContextResidual(Adapter):
    """k = to_k(x'), where x' = x + multiplier · (transform(x) - x) is computed in the parameters' number type."""

    def __init__(
        self, layers: Sequence[nn.Linear], side: Side, algorithm: InputResidual, *, dtype: torch.dtype = torch.float32,
        seed: int = 0,
    ) -> None:  # fmt: skip
        self_width = layers[0].in_features
        specs, device = algorithm.parameters(self_width), layers[0].weight.device
        super().__init__(residual_name(self_width, side), "unet", algorithm, specs, device, dtype, seed)
        self.algorithm: InputResidual = algorithm
        self.width, self.side = self_width, side
        self._patches = [Patch(layer, _Wrapped(self)) for layer in layers]

    @property
    def attached(self) -> bool:
        return any(patch.inner for patch in self._patches)

    def attach(self) -> None:
        self._refresh()
        for patch in self._patches:
            patch.forward.inner = patch.apply()  # type: ignore[attr-defined]

    def detach(self) -> None:
        for patch in self._patches:
            patch.remove()

    def forward(self, context: Tensor) -> Tensor:
        """context [B, T, width] -> the same shape and number type."""
        chance = self.algorithm.module_dropout
        if self.multiplier == 0.0 or (self.training and chance and torch.rand(()).item() < chance):
            return context
        x = context.to(self.dtype)
        changed = self.algorithm.transform(self.weights, x, self.training)
        if self.multiplier != 1.0:
            changed = x + self.multiplier * (changed - x)
        return changed.to(context.dtype)


class _Wrapped:
    """The forward of one to_k or to_v while its net is attached."""

    def __init__(self, net: ContextResidual) -> None:
        self.net = net
        self.inner: Forward | None = None

    def __call__(self, context: Tensor, *rest: Any) -> Tensor:
        assert self.inner is not None
        return self.inner(self.net(context), *rest)


def residual_name(width: int, side: Side) -> str:
    return f"hypernetwork_{width}_{side}"


def attention_layers(unet: nn.Module) -> dict[tuple[int, Side], list[nn.Linear]]:
    """All to_k and to_v layers by the width of what they read, narrowest first."""
    found: dict[tuple[int, Side], list[nn.Linear]] = {}
    sides: dict[str, Side] = {"to_k": "k", "to_v": "v"}
    for path, module in unet.named_modules():
        side = sides.get(path.rpartition(".")[2])
        if side and isinstance(module, nn.Linear):
            found.setdefault((module.in_features, side), []).append(module)
    return dict(sorted(found.items()))
