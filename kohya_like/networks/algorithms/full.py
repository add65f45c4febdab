"""Full difference: the whole weight is trained, and stored as what it differs from the base model's by.

    ΔW = D          Δb = D_b

As free as a fine-tune and as large as the layers it holds; keys as in LyCORIS.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from kohya_like.networks.base import WORTH_A_SUM, LayerShape, ParamSpec, Shape, WeightDelta
from kohya_like.networks.cells import NO_CONTEXTS, NO_PAIR, NO_RANK, OWN_LAYERS
from kohya_like.schema.option import option
from kohya_like.schema.registry import register

if TYPE_CHECKING:
    from torch import Tensor

    from kohya_like.networks.base import Weights


class FullDifference(WeightDelta):
    """Options and formula of the full difference."""

    title: ClassVar[str] = "full difference"
    why_not: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("layernorm", "groupnorm"), "the kind norms trains every number of it"),
        **NO_CONTEXTS, **NO_PAIR, **NO_RANK,
        "conv_dim": "it has no size: network.convolutions switches the convolutions on",
        "dora_wd": "every number is free already, and the lengths with them",
        "use_scalar": "every number is free already, so a factor adds nothing",
    }  # fmt: skip
    untold: ClassVar[Mapping[str, str]] = {"convolutions": OWN_LAYERS}
    folds: ClassVar[tuple[str, ...]] = ("diff",)

    name: Literal["full"] = option("full", "Full difference: every number of each layer is trained.")
    convolutions: bool = option(
        False, "Also train the 3x3 convolutions of the residual blocks.", group="Layers",
        differs="LyCORIS' preset tells, and full, its default, takes them.",
    )  # fmt: skip
    train_bias: bool = option(True, "Also train the biases of the layers that have one.", group="Layers")

    @property
    def trains_convolutions(self) -> bool:
        return self.convolutions

    def parameters(self, layer: LayerShape) -> dict[str, ParamSpec]:
        found = {"diff": ParamSpec(layer.weight_shape)}  # zero: training starts from the base model
        if self.train_bias and layer.bias:
            found["diff_b"] = ParamSpec((layer.out,))
        return found

    def delta(self, w: Weights, layer: LayerShape) -> Tensor:
        return w["diff"]

    def bias_delta(self, w: Weights, layer: LayerShape) -> Tensor | None:
        return w.get("diff_b")

    def replaces(self, layer: LayerShape, positions: int) -> bool:
        return positions >= WORTH_A_SUM

    @classmethod
    def recognises(cls, shapes: Mapping[str, Shape]) -> bool:
        return "diff" in shapes

    @classmethod
    def infer(cls, shapes: Mapping[str, Shape], constants: Mapping[str, float]) -> Self:
        return cls(convolutions=len(shapes["diff"]) == 4, train_bias="diff_b" in shapes)


register("algorithm", "full", FullDifference)
