"""AdaptedLayer: one frozen layer with a change beside it; the same module for every algorithm."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import dropout

from kohya_like.networks.adapter import Adapter, in_type
from kohya_like.networks.base import BASE, MAGNITUDE, LayerShape, WeightDelta
from kohya_like.networks.magnitude import decomposed_delta, decomposed_shortcut, lengths
from kohya_like.networks.patch import Patch
from kohya_like.networks.targets import Layer


class AdaptedLayer(Adapter):
    """y = base(x) + multiplier · Δy, once attached.

    The base layer is not a submodule: its weights belong to the model and are never among `parameters()`. Δy is
    computed in the number type of x, so bf16 base weights and autocast both work with float32 parameters.
    """

    def __init__(
        self, base: Layer, shape: LayerShape, algorithm: WeightDelta, name: str, part: str, *,
        path: str = "", dtype: torch.dtype = torch.float32, seed: int = 0,
    ) -> None:  # fmt: skip
        object.__setattr__(self, "base", base)
        self.base: Layer
        super().__init__(name, part, algorithm, algorithm.parameters(shape), base.weight.device, dtype, seed)
        self.algorithm: WeightDelta = algorithm
        self.shape, self.path = shape, path
        self.has_dropout = bool(algorithm.dropout or algorithm.rank_dropout or algorithm.module_dropout)
        self._patch = Patch(base, self.forward)
        if MAGNITUDE in self.weights and not base.weight.is_meta:
            with torch.no_grad():
                length = self.weights[MAGNITUDE]
                length.copy_(lengths(base.weight, tuple(length.shape)))

    def _refresh(self) -> None:
        super()._refresh()
        if self.algorithm.reads_base or self.algorithm.decomposed:
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
        weights = self.folded(self.weights)
        if self.training:
            weights = self.algorithm.while_training(weights)
        cast = weights if x.dtype is self.dtype else in_type(weights, x.dtype)
        if self.algorithm.decomposed:
            change = decomposed_shortcut(weights, cast, self.algorithm, x, self.shape, drop)
        else:
            change = self.algorithm.shortcut(cast, x, self.shape, drop)
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
            batch, axis = hidden.shape[0], self.shape.channel_axis % hidden.ndim
            size = [batch if i == 0 else hidden.shape[axis] if i == axis else 1 for i in range(hidden.ndim)]
            kept = torch.rand(size, device=hidden.device) >= algorithm.rank_dropout
            hidden = hidden * kept * (1.0 / (1.0 - algorithm.rank_dropout))
        return hidden

    @torch.no_grad()
    def delta(self) -> Tensor:
        """W' - W in float32, without the multiplier."""
        weights = self.weights_as(torch.float32)
        if self.algorithm.decomposed:
            return decomposed_delta(weights, self.algorithm, self.shape)
        return self.algorithm.delta(weights, self.shape)

    @torch.no_grad()
    def limit_norm(self, largest: float) -> tuple[Tensor, Tensor]:
        """Scale ΔW down to this norm where it is above it: its norm afterwards, and 1 where it was scaled.

        kohya's rule: ‖ΔW‖ counts as at least half the limit, so a layer that learnt nothing is not divided by zero.
        """
        algorithm = self.algorithm
        norm = algorithm.delta(self.weights_as(torch.float32), self.shape).norm()
        counted = norm.clamp(min=largest / 2)
        ratio = counted.clamp(max=largest) / counted
        for key, share in (algorithm.shares or dict.fromkeys(algorithm.folds, 1.0)).items():
            if key in self.weights:  # a LoKr has its small matrix whole or as a product
                self.weights[key].mul_(ratio**share)
        return norm * ratio, (ratio < 1.0).float()

    @torch.no_grad()
    def bias_delta(self) -> Tensor | None:
        """Δb in float32, without the multiplier; None where the bias stays as it is."""
        return self.algorithm.bias_delta(self.weights_as(torch.float32), self.shape)

    @torch.no_grad()
    def merge(self, multiplier: float = 1.0) -> None:
        """Add ΔW to the base weight, and Δb to the bias, for good.

        Raises RuntimeError while attached: the change would count twice.
        """
        if self.attached:
            raise RuntimeError(f"{self.name}: detach before merging")
        for base, change in ((self.base.weight, self.delta()), (self.base.bias, self.bias_delta())):
            if change is not None:
                assert base is not None
                base.copy_((base.float() + multiplier * change.to(base.device)).to(base.dtype))
