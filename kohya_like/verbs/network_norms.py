"""How strong a layer's change is, by the tensors of a network file alone: ‖ΔW‖, as far as they tell it."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import torch
from torch import Tensor

from kohya_like.networks.algorithms.lora import DOWN, UP
from kohya_like.networks.base import LayerShape, Shape, WeightDelta

LARGEST = 1 << 28  # numbers of a ΔW that is made for its norm; real ones have 13 million at most


def layer_of(shapes: Mapping[str, Shape]) -> LayerShape | None:
    """A layer on which these tensors make their ΔW. Where no Tucker core tells the kernel, it counts as inputs."""
    for core, left, right in (
        ("lora_mid.weight", UP, DOWN), ("hada_t1", "hada_w1_a", "hada_w1_b"), ("lokr_t2", "lokr_w2_a", "lokr_w2_b"),
    ):  # fmt: skip
        if len(shapes.get(core, ())) == 4 and {left, right} <= shapes.keys():
            out = shapes[left][0 if left == UP else 1]
            small = _small(shapes)
            return LayerShape("conv2d", out * small[0], shapes[right][1] * small[1], tuple(shapes[core][2:]))
    if "hada_w1_a" in shapes and "hada_w1_b" in shapes:
        return LayerShape("linear", shapes["hada_w1_a"][0], shapes["hada_w1_b"][1])
    for whole in ("diff", "w_norm"):
        if whole in shapes:
            return LayerShape("linear", shapes[whole][0], prod(shapes[whole][1:]))
    small, large = _small(shapes), shapes.get("lokr_w2")
    if large is not None and len(large) == 4:
        return LayerShape("conv2d", small[0] * large[0], small[1] * large[1], tuple(large[2:]))
    if large is None and {"lokr_w2_a", "lokr_w2_b"} <= shapes.keys():
        large = (shapes["lokr_w2_a"][0], shapes["lokr_w2_b"][1])
    return LayerShape("linear", small[0] * large[0], small[1] * large[1]) if large is not None else None


def _small(shapes: Mapping[str, Shape]) -> Shape:
    """a and c of a LoKr's small matrix; 1 and 1 of anything else."""
    if "lokr_w1" in shapes:
        return shapes["lokr_w1"]
    if {"lokr_w1_a", "lokr_w1_b"} <= shapes.keys():
        return shapes["lokr_w1_a"][0], shapes["lokr_w1_b"][1]
    return 1, 1


def change_norm(algorithm: WeightDelta, weights: Mapping[str, Tensor]) -> float:
    """‖ΔW‖. Raises KeyError, IndexError or RuntimeError for tensors that do not go together."""
    exact = {key: value.float() for key, value in weights.items()}
    if exact.keys() <= {UP, DOWN, "alpha"}:  # ‖UD‖² = tr(UᵀU DDᵀ): nothing of the layer's size is made
        up, down = exact[UP].double().flatten(1), exact[DOWN].double().flatten(1)
        square = torch.trace(up.T @ up @ (down @ down.T)).clamp(min=0.0)
        return float(square.sqrt()) * abs(getattr(algorithm, "scale", 1.0))
    layer = layer_of({key: tuple(value.shape) for key, value in weights.items()})
    if layer is None or layer.out * layer.fan_in > LARGEST:
        return 0.0
    return float(algorithm.delta(exact, layer).norm())
