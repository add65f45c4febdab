"""Networks into a weight: every change made of the weight as it was, then all of them added in one pass. Torch.

    W' = W + Σ m ΔW          ΔW = L R where the algorithm has such factors

The pass goes over a few rows at a time, which stay in the processor's cache while they are widened to float32, changed,
rounded once and looked at; no float32 copy of the weight is ever made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from kohya_like.networks.layer import AdaptedLayer
    from kohya_like.networks.targets import Layer

_BLOCK_NUMBERS = 1 << 18  # 1 MiB in float32


class NotFiniteError(ValueError):
    """A sum became NaN or infinite: `rounded` where only the target's number type cannot hold it."""

    def __init__(self, rounded: bool) -> None:
        super().__init__("a sum is too large for its number type" if rounded else "a sum is not finite")
        self.rounded = rounded


@dataclass(frozen=True)
class Change:
    """Σ m ΔW as left · right + whole, each where there is one: [O, R], [R, I·k·k] and the weight's own shape."""

    left: Tensor | None = None
    right: Tensor | None = None
    whole: Tensor | None = None


def change_of_weight(weight: Tensor, changes: Sequence[tuple[AdaptedLayer, float]]) -> Change:
    """What these networks, each with its strength, change this weight of their layer by."""
    lefts, rights = [], []
    whole: Tensor | None = None
    for adapter, strength in changes:
        factors = adapter.factors()
        if factors is not None:
            lefts.append(factors[0] * strength)
            rights.append(factors[1])
            continue
        with lent(adapter.base, weight):
            delta = adapter.delta() * strength
        whole = delta if whole is None else whole.add_(delta)
    return Change(_joined(lefts, 1), _joined(rights, 0), whole)


def change_of_bias(changes: Sequence[tuple[AdaptedLayer, float]]) -> Change:
    """The same for the bias."""
    whole: Tensor | None = None
    for adapter, strength in changes:
        delta = adapter.bias_delta()
        if delta is not None:
            whole = delta * strength if whole is None else whole.add_(delta, alpha=strength)
    return Change(whole=whole)


def _joined(parts: list[Tensor], axis: int) -> Tensor | None:
    return torch.cat(parts, axis) if len(parts) > 1 else parts[0] if parts else None


@contextmanager
def lent(layer: Layer, weight: Tensor) -> Iterator[None]:
    """Inside, the layer has this weight, which must not be written into."""
    own = layer.weight.data
    layer.weight.data = weight
    try:
        yield
    finally:
        layer.weight.data = own


@torch.no_grad()
def add_change(weight: Tensor, change: Change, target: Tensor, *, check: bool = False) -> None:
    """target = weight + change, of the same shape; `target` may be `weight`, or of another number type.

    Raises NotFiniteError where `check` asks for it; `target` is then written in part.
    """
    if change.left is None and change.whole is None and target is weight:
        return
    rows = weight.shape[0]
    source, result = _in_rows(weight), _in_rows(target)
    whole = None if change.whole is None else _in_rows(change.whole)
    count = max(1, _BLOCK_NUMBERS // max(1, prod(weight.shape[1:])))
    buffer = torch.empty((min(count, rows), source.shape[1]), device=weight.device)
    for first in range(0, rows, count):
        now = slice(first, min(first + count, rows))
        block = buffer[: now.stop - first].copy_(source[now])
        if change.left is not None and change.right is not None:
            block.addmm_(change.left[now].to(block.device), change.right.to(block.device))
        if whole is not None:
            block.add_(whole[now].to(block.device))
        result[now].copy_(block)
        if check and not finite(result[now]):
            raise NotFiniteError(finite(block))


def _in_rows(tensor: Tensor) -> Tensor:
    """[O, everything else], a view."""
    return tensor.unsqueeze(1) if tensor.ndim == 1 else tensor.flatten(1)


def finite(tensor: Tensor) -> bool:
    """Whether all numbers are: the smallest and the largest tell, and NaN is passed on by both."""
    return not tensor.numel() or all(value.isfinite().item() for value in torch.aminmax(tensor))
