"""An optimizer that takes one weight at a time: for weights in bfloat16, and inside the backward pass.

Weights in bfloat16 are moved in float32 and rounded by chance (see `rounding`); the optimizer's moments are float32.
Fused into the backward pass, a weight is moved as soon as its gradient is whole, and the gradient is freed: the
gradients of all weights are never there together (Lv et al., arXiv:2306.09782). The result is the same bit for bit as
when all are moved afterwards, because each weight's step depends on its own gradient alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from kohya_like.optim.rounding import seed_of, stochastic_round


class WeightByWeight:
    """`optimizer.step` for one weight after the other; only for optimizers whose weights do not know of each other."""

    def __init__(self, optimizer: Optimizer, seed: int) -> None:
        self.optimizer, self.fused = optimizer, False
        self._seed, self._step = seed, 0
        self._squares: list[Tensor] = []
        self._generators: dict[torch.device, torch.Generator] = {}
        groups = optimizer.param_groups
        self._numbers = {p: n for n, p in enumerate(p for group in groups for p in group["params"])}

    def begin(self, step: int) -> None:
        """Before the first gradient of an optimizer step; `step` decides how is rounded."""
        self._step = step
        self._squares = []

    def fuse(self) -> None:
        """From now on each weight is moved in the backward pass."""
        self.fused = True
        for group in self.optimizer.param_groups:
            for weight in group["params"]:
                weight.register_post_accumulate_grad_hook(self._hook(group))

    def step(self) -> None:
        """Move what has a gradient; nothing is left to do where the backward pass has done it."""
        for group in self.optimizer.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._move(group, weight)

    def norm(self) -> Tensor:
        """The norm of all gradients of this step, which are gone."""
        return torch.stack(self._squares).sum().sqrt() if self._squares else torch.zeros(())

    def _hook(self, group: dict[str, Any]) -> Callable[[Tensor], None]:
        def move(weight: Tensor) -> None:
            gradient = weight.grad
            assert gradient is not None, "the hook runs when a gradient is whole"
            self._squares.append(torch.linalg.vector_norm(gradient, dtype=torch.float32).square())
            self._move(group, weight)

        return move

    @torch.no_grad()
    def _move(self, group: dict[str, Any], weight: Tensor) -> None:
        rounded = weight.dtype == torch.bfloat16
        if rounded:
            gradient, weight.grad = weight.grad, None
            weight.data = weight.data.float()
            weight.grad = gradient.float()  # type: ignore[union-attr]
        self._step_one(group, weight)
        weight.grad = None
        if rounded:
            weight.data = stochastic_round(weight.data, self._generator(weight))

    def _step_one(self, group: dict[str, Any], weight: Tensor) -> None:
        """The optimizer sees no other weight for a moment."""
        groups, weights = self.optimizer.param_groups, group["params"]
        self.optimizer.param_groups, group["params"] = [group], [weight]
        try:
            self.optimizer.step()
        finally:
            self.optimizer.param_groups, group["params"] = groups, weights

    def _generator(self, weight: Tensor) -> torch.Generator:
        if weight.device not in self._generators:
            self._generators[weight.device] = torch.Generator(weight.device)
        return self._generators[weight.device].manual_seed(seed_of(self._seed, self._step, self._numbers[weight]))


def load_exactly(optimizer: Optimizer, saved: dict[str, Any]) -> None:
    """torch's `load_state_dict`, but moments keep their number type, where it would give them that of the weights."""
    optimizer.load_state_dict(saved)
    ids = [number for group in saved["param_groups"] for number in group["params"]]
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    for number, weight in zip(ids, weights, strict=True):
        own = optimizer.state[weight]
        for name, value in saved["state"].get(number, {}).items():
            if isinstance(value, Tensor) and value.dtype != own[name].dtype:
                own[name] = value.to(own[name].device)
