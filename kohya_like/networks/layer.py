"""AdaptedLayer: one frozen layer with a change beside it; the same module for every algorithm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import dropout

from kohya_like.networks.adapter import Adapter, in_type
from kohya_like.networks.base import BASE, MAGNITUDE, LayerShape, WeightDelta
from kohya_like.networks.magnitude import decomposed_delta, decomposed_shortcut, lengths
from kohya_like.networks.merging import add_change, change_of_bias, change_of_weight
from kohya_like.networks.patch import Patch
from kohya_like.networks.targets import Layer

if TYPE_CHECKING:
    from kohya_like.networks.base import Drop, Weights


class AdaptedLayer(Adapter):
    """y = base(x) + multiplier · Δy, once attached; or x times W + multiplier · ΔW where that is cheaper.

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
        self._alone = self._patch.alone

    def detach(self) -> None:
        self._patch.remove()

    def forward(self, x: Tensor) -> Tensor:
        """Stands in the place of the base layer's forward: x [B, T, I] or [B, I, H, W]."""
        drop = self._drop if self.training and self.has_dropout else None
        if self.multiplier == 0.0 or (drop and self._sits_out()):
            return self._inner(x)
        weights, algorithm = self.folded(self.weights), self.algorithm
        if self.training:
            weights = algorithm.while_training(weights)
        cast = weights if x.dtype is self.dtype else in_type(weights, x.dtype)
        if drop is None and self._can_replace(x) and algorithm.replaces(self.shape, x.numel() // self.shape.in_):
            return self._replaced(cast, x)
        y = self._inner(x)
        if algorithm.decomposed:
            change = decomposed_shortcut(weights, cast, algorithm, x, self.shape, drop)
        else:
            change = self._beside(cast, x, y, drop)
        return y + change if self.multiplier == 1.0 else y + change * self.multiplier

    def _beside(self, weights: Weights, x: Tensor, y: Tensor, drop: Drop | None) -> Tensor:
        """Δy."""
        change = self.algorithm.from_output(weights, y, self.base.bias, self.shape) if self._alone else None
        if change is None:
            return self.algorithm.shortcut(weights, x, self.shape, drop)
        return drop(change) if drop else change

    def _can_replace(self, x: Tensor) -> bool:
        """Whether the layer may work with W + ΔW: nothing lies between, and the sum loses no small change.

        In half precision a change of less than half a step of W would be gone.
        """
        full = x.dtype is self.dtype is self.base.weight.dtype and x.dtype.itemsize >= 4
        return self._alone and full and not self.algorithm.decomposed and not torch.is_autocast_enabled(x.device.type)

    def _replaced(self, weights: Weights, x: Tensor) -> Tensor:
        """The layer's output with W + ΔW and b + Δb in the places of W and b."""
        weight, bias = self.base.weight, self.base.bias
        change, moved = self.algorithm.delta(weights, self.shape), self.algorithm.bias_delta(weights, self.shape)
        weight = torch.add(weight, change, alpha=self.multiplier)
        if bias is not None and moved is not None:
            bias = torch.add(bias, moved, alpha=self.multiplier)
        return self.shape.apply(x, weight, bias)

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
    def factors(self) -> tuple[Tensor, Tensor] | None:
        """W' - W as [O, R] times [R, I·k·k] in float32 where the algorithm has such factors, without the multiplier."""
        return None if self.algorithm.decomposed else self.algorithm.factors(self.weights_as(torch.float32), self.shape)

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
        weight, bias, changes = self.base.weight, self.base.bias, [(self, multiplier)]
        add_change(weight, change_of_weight(weight, changes), weight)
        if bias is not None:
            add_change(bias, change_of_bias(changes), bias)
