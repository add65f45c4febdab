"""DoRA: the lengths of a weight's rows or columns are learned apart from their directions. Torch.

    W' = m · V / ‖V‖     V = W + ΔW          m [O, 1, ...]: a length for each row; [1, I, ...]: for each column

The norm runs over the axes where m has size 1, so the shape of m tells which way it is. ‖V‖ is taken as a constant in
the backward pass, as the paper does (section 4.3). With s = m / ‖V‖ the output changes by
    rows:     s (ΔW x) + (s - 1)(W x)          columns:  ΔW (s x) + W ((s - 1) x)
so that no gradient of the size of W is ever made.  DoRA, arXiv:2402.09353.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from kohya_like.networks.base import BASE, MAGNITUDE, LayerShape, Shape, WeightDelta

if TYPE_CHECKING:
    from kohya_like.networks.base import Drop, Weights


def lengths(weight: Tensor, shape: Shape) -> Tensor:
    """‖weight‖ over the axes where `shape` has size 1, in float32 and in that shape."""
    axes = [axis for axis, size in enumerate(shape) if size == 1]
    return torch.linalg.vector_norm(weight.float(), dim=axes, keepdim=True)


def stretch(w: Weights, algorithm: WeightDelta, layer: LayerShape) -> Tensor:
    """s = m / ‖W + ΔW‖ in float32; exactly 1 where nothing was trained yet."""
    with torch.no_grad():
        exact = {name: value.float() for name, value in w.items()}
        length = lengths(exact[BASE] + algorithm.delta(exact, layer), tuple(w[MAGNITUDE].shape))
        length.clamp_(min=torch.finfo(length.dtype).eps)  # as LyCORIS; a row of zeros has no direction
    return w[MAGNITUDE].float() / length


def decomposed_delta(w: Weights, algorithm: WeightDelta, layer: LayerShape) -> Tensor:
    """W' - W."""
    change, base = algorithm.delta(w, layer), w[BASE]
    s = stretch(w, algorithm, layer)
    return s * change + (s - 1.0) * base


def decomposed_shortcut(
    w: Weights, cast: Weights, algorithm: WeightDelta, x: Tensor, layer: LayerShape, drop: Drop | None
) -> Tensor:
    """Δy; `w` in the parameters' number type, `cast` in that of x."""
    s = stretch(w, algorithm, layer)
    flat = s.flatten() if layer.kind == "linear" else s.reshape(1, -1, 1, 1)
    if s.shape[0] == layer.out and s.numel() == layer.out:
        moved = algorithm.shortcut(cast, x, layer, drop)
        return flat.to(moved) * moved + (flat - 1.0).to(moved) * layer.apply(x, cast[BASE])
    return algorithm.shortcut(cast, x * flat.to(x), layer, drop) + layer.apply(x * (flat - 1.0).to(x), cast[BASE])
