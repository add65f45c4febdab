"""AdaptedLayer: one frozen Linear or Conv2d with a change beside it; the same module for every algorithm."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from kohya_like.networks.adapter import Adapter
from kohya_like.networks.base import BASE, LayerShape, WeightDelta
from kohya_like.networks.patch import Patch


class AdaptedLayer(Adapter):
    """y = base(x) + multiplier · Δy, once attached.

    The base layer is not a submodule: its weights belong to the model and are never among `parameters()`. Δy is
    computed in the number type of x, so bf16 base weights and autocast both work with float32 parameters.
    """

    def __init__(
        self, base: nn.Linear | nn.Conv2d, shape: LayerShape, algorithm: WeightDelta, name: str, part: str, *,
        path: str = "", dtype: torch.dtype = torch.float32, seed: int = 0,
    ) -> None:  # fmt: skip
        object.__setattr__(self, "base", base)
        self.base: nn.Linear | nn.Conv2d
        super().__init__(name, part, algorithm, algorithm.parameters(shape), base.weight.device, dtype, seed)
        self.algorithm: WeightDelta = algorithm
        self.shape, self.path = shape, path
        self.has_dropout = bool(algorithm.dropout or algorithm.rank_dropout or algorithm.module_dropout)
        self._patch = Patch(base, self.forward)

    def _refresh(self) -> None:
        super()._refresh()
        if self.algorithm.reads_base:
            self.weights[BASE] = self.base.weight

    @property
    def attached(self) -> bool:
        return self._patch.inner is not None

    def attach(self) -> None:
        self._refresh()
        self._inner = self._patch.apply()

    def detach(self) -> None:
        self._patch.remove()

    def forward(self, x: Tensor) -> Tensor:
        """Stands in the place of the base layer's forward: x [B, T, I] or [B, I, H, W]."""
        y = self._inner(x)
        if self.multiplier == 0.0:
            return y
        drop = None
        if self.training and self.has_dropout:
            if self._sits_out():
                return y
            drop = self._drop
        weights = self.weights if x.dtype is self.dtype else self.weights_as(x.dtype)
        change = self.algorithm.shortcut(weights, x, self.shape, drop)
        return y + change if self.multiplier == 1.0 else y + change * self.multiplier

    def _sits_out(self) -> bool:
        """Module dropout: this step the layer works without its network."""
        chance = self.algorithm.module_dropout
        return chance > 0.0 and torch.rand(()).item() < chance

    def _drop(self, hidden: Tensor) -> Tensor:
        """Ordinary dropout, then rank dropout: whole ranks for one picture, the rest scaled up by 1 / (1 - p)."""
        algorithm = self.algorithm
        if algorithm.dropout:
            hidden = dropout(hidden, algorithm.dropout)
        if algorithm.rank_dropout:
            batch, axis = hidden.shape[0], 1 if self.shape.kind == "conv2d" else hidden.ndim - 1
            size = [batch if i == 0 else hidden.shape[axis] if i == axis else 1 for i in range(hidden.ndim)]
            kept = torch.rand(size, device=hidden.device) >= algorithm.rank_dropout
            hidden = hidden * kept * (1.0 / (1.0 - algorithm.rank_dropout))
        return hidden

    @torch.no_grad()
    def delta(self) -> Tensor:
        """ΔW in float32, without the multiplier."""
        return self.algorithm.delta(self.weights_as(torch.float32), self.shape)

    @torch.no_grad()
    def merge(self, multiplier: float = 1.0) -> None:
        """Add ΔW to the base weight for good. Raises RuntimeError while attached: the change would count twice."""
        if self.attached:
            raise RuntimeError(f"{self.name}: detach before merging")
        weight = self.base.weight
        weight.copy_((weight.float() + multiplier * self.delta().to(weight.device)).to(weight.dtype))
