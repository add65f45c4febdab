"""Adafactor: second moments kept as one row and one column per matrix.

    V̂ = R ⊗ C / mean(R)        U = G / √V̂,  shortened to RMS(U) <= d        W ← W − α U

R and C are averages of G² over columns and rows, with decay 1 − t^τ. Shapes: W, G [O, I], R [O], C [I]; a convolution
[O, I, k, k] counts as [O, I·k·k]; vectors keep all of V. Memory O + I numbers in place of 2 · O · I.  Shazeer and
Stern, arXiv:1804.04235.

torch's own class has neither `relative_step` nor a switch for `scale_parameter`, which kohya's users set; the settings
here have the names and meaning of the one kohya uses (transformers). Two defaults differ: `relative_step` is off, so
that the learning rate counts, and `scale_parameter` follows `relative_step`, since scaling the rate by the size of
the weights stops a network that starts at zero. That one also takes the sides of a convolution's kernel for rows and
columns, which costs up to 8 bytes a number where most of a UNet's numbers are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer


class Adafactor(Optimizer):
    """`relative_step` makes its own rate, min(0.01, 1/√t), or with `warmup_init` min(t/10⁶, 1/√t), and ignores `lr`.

    `scale_parameter` multiplies the rate by max(eps[1], RMS(W)). `beta1` adds momentum. Weights of 16 bits are
    computed in float32. Raises ValueError for `warmup_init` without `relative_step` and for numbers out of range.
    """

    def __init__(
        self, params: Any, lr: float = 1e-3, *, eps: tuple[float, float] = (1e-30, 1e-3), clip_threshold: float = 1.0,
        decay_rate: float = -0.8, beta1: float | None = None, weight_decay: float = 0.0,
        scale_parameter: bool | None = None, relative_step: bool = False, warmup_init: bool = False,
    ) -> None:  # fmt: skip
        if warmup_init and not relative_step:
            raise ValueError("warmup_init needs relative_step = true")
        if clip_threshold <= 0 or decay_rate >= 0 or not 0 <= (beta1 or 0) < 1:
            raise ValueError("wanted are clip_threshold > 0, decay_rate < 0 and beta1 in [0, 1)")
        scale = relative_step if scale_parameter is None else scale_parameter
        super().__init__(params, {
            "lr": lr, "eps": tuple(eps), "clip_threshold": clip_threshold, "decay_rate": decay_rate, "beta1": beta1,
            "weight_decay": weight_decay, "scale_parameter": scale, "relative_step": relative_step,
            "warmup_init": warmup_init,
        })  # fmt: skip

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._update(weight, group)
        return loss

    def _update(self, weight: Tensor, group: dict[str, Any]) -> None:
        state = self.state[weight]
        state["step"] = state.get("step", 0) + 1
        rate: float | Tensor = group["lr"]
        if group["relative_step"]:
            most = 1e-6 * state["step"] if group["warmup_init"] else 1e-2
            rate = min(most, 1 / math.sqrt(state["step"]))
            group["scheduled_lr"] = rate
        exact = weight.float()
        if group["scale_parameter"]:
            rate = rate * _rms(exact).clamp(min=group["eps"][1])
        update = self._direction(weight.grad.float(), state, group).mul_(rate)  # type: ignore[union-attr]
        if group["beta1"]:
            momentum = state.setdefault("exp_avg", torch.zeros_like(update))
            update = momentum.lerp_(update, 1 - group["beta1"])
        if group["weight_decay"]:
            exact = exact - exact * (group["weight_decay"] * rate)
        weight.copy_(exact - update)

    @staticmethod
    def _direction(gradient: Tensor, state: dict[str, Any], group: dict[str, Any]) -> Tensor:
        """U: the gradient over the root of its estimated second moment, not longer than the threshold."""
        share = state["step"] ** group["decay_rate"]  # 1 at the first step: the averages start from the first G²
        square = gradient.square().add_(group["eps"][0])
        if gradient.ndim >= 2:
            square = square.flatten(1)
            rows, columns = square.mean(dim=-1), square.mean(dim=-2)
            del square
            row = state.setdefault("row", torch.zeros_like(rows)).lerp_(rows, share)
            column = state.setdefault("column", torch.zeros_like(columns)).lerp_(columns, share)
            row_factor = (row / row.mean(dim=-1, keepdim=True)).rsqrt()
            direction = gradient.flatten(1) * row_factor.unsqueeze(-1)
            direction = direction.mul_(column.rsqrt().unsqueeze(-2)).reshape(gradient.shape)
        else:
            direction = gradient * state.setdefault("square", torch.zeros_like(square)).lerp_(square, share).rsqrt()
        return direction.div_((_rms(direction) / group["clip_threshold"]).clamp(min=1.0))


def _rms(tensor: Tensor) -> Tensor:
    return tensor.norm() / math.sqrt(tensor.numel())
