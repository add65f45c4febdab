"""Norms: the weights and biases of the layer and group normalisations are trained.

    w' = w + Δw          b' = b + Δb

A quarter of a million numbers in SD 1.5: contrast and colour more than content. Keys as in LyCORIS (train_norm).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from kohya_like.networks.base import LayerKind, LayerShape, ParamSpec, Shape, WeightDelta
from kohya_like.networks.cells import NO_CONTEXTS, NO_PAIR, NO_RANK, OWN_LAYERS
from kohya_like.schema.option import option
from kohya_like.schema.registry import register

if TYPE_CHECKING:
    from torch import Tensor

    from kohya_like.networks.base import Weights


class Norms(WeightDelta):
    """Options and formula of trained normalisations."""

    title: ClassVar[str] = "network of norms"
    why_not: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("linear", "conv1x1", "conv3x3"), "it is for normalisations alone; the kind full trains these"),
        **NO_CONTEXTS, **NO_PAIR, **NO_RANK,
        "conv_dim": "it has no size, and convolutions are none of its layers",
        "dora_wd": "a normalisation has no rows or columns whose lengths could be learned",
        "use_scalar": "every number is free already, so a factor adds nothing",
        "scale_weight_norms": "it holds so few numbers that a low learning rate is limit enough",
    }  # fmt: skip
    untold: ClassVar[Mapping[str, str]] = {"residual_blocks": OWN_LAYERS}
    layer_kinds: ClassVar[tuple[LayerKind, ...]] = ("layernorm", "groupnorm")

    name: Literal["norms"] = option("norms", "Norms: the weights and biases of the normalisations.")
    residual_blocks: bool = option(
        True, "Also train the normalisations of the residual blocks.", group="Layers",
    )  # fmt: skip

    @property
    def trains_convolutions(self) -> bool:
        return self.residual_blocks

    def parameters(self, layer: LayerShape) -> dict[str, ParamSpec]:
        found = {"w_norm": ParamSpec((layer.out,))}  # zero: training starts from the base model
        if layer.bias:
            found["b_norm"] = ParamSpec((layer.out,))
        return found

    def delta(self, w: Weights, layer: LayerShape) -> Tensor:
        return w["w_norm"]

    def bias_delta(self, w: Weights, layer: LayerShape) -> Tensor | None:
        return w.get("b_norm")

    def replaces(self, layer: LayerShape, positions: int) -> bool:
        return True  # the sum is of a few numbers

    @classmethod
    def recognises(cls, shapes: Mapping[str, Shape]) -> bool:
        return "w_norm" in shapes

    @classmethod
    def infer(cls, shapes: Mapping[str, Shape], constants: Mapping[str, float]) -> Self:
        return cls()


register("algorithm", "norms", Norms)
