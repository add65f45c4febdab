"""LoHa: Hadamard product of two low-rank matrices.

    ΔW = (A1 B1) ⊙ (A2 B2) · α / R          A [O, R], B [R, I·k·k]

Reaches rank R² with 2R(O + I) numbers.  FedPara, arXiv:2108.06098; keys and initial values as in LyCORIS.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from kohya_like.networks.base import LayerShape, ParamSpec, Shape, WeightDelta
from kohya_like.schema.errors import FormatError
from kohya_like.schema.option import option
from kohya_like.schema.registry import register

if TYPE_CHECKING:
    from torch import Tensor

    from kohya_like.networks.base import Weights


class LoHa(WeightDelta):
    """Options and formula of LoHa."""

    title: ClassVar[str] = "LoHa"
    paper: ClassVar[str] = "https://arxiv.org/abs/2108.06098"

    name: Literal["loha"] = option(
        "loha", "LoHa: the product of two low-rank changes, value by value. Smaller ranks than for LoRA are enough.",
    )  # fmt: skip
    dim: int = option(
        8, "Rank R of each factor; the change reaches rank R squared, so that small values will do. 4 to 32 is usual.",
        ge=1, le=1024, group="Size", kohya="network_dim",
    )  # fmt: skip
    alpha: float = option(
        4.0, "The change is scaled by alpha / dim, so a larger alpha works like a higher learning rate. Usually half "
        "of dim, or equal to it.", gt=0.0, group="Size", kohya="network_alpha",
    )  # fmt: skip
    conv_dim: int | None = option(
        None, "Rank for the 3x3 convolutions of the residual blocks, usually half of dim or less. Empty: they are not "
        "trained.", ge=1, le=1024, group="Size", differs="LyCORIS takes dim when it is unset.",
    )  # fmt: skip
    conv_alpha: float = option(
        1.0, "The change of the 3x3 convolutions is scaled by conv_alpha / conv_dim. Usually half of conv_dim, or 1.",
        gt=0.0, group="Size", shown_if="conv_dim",
    )  # fmt: skip

    @property
    def trains_convolutions(self) -> bool:
        return self.conv_dim is not None

    def for_layer(self, layer: LayerShape, path: str) -> Self | None:
        if not layer.is_wide:
            return self
        if self.conv_dim is None:
            return None
        return self.model_copy(update={"dim": self.conv_dim, "alpha": self.conv_alpha})

    def parameters(self, layer: LayerShape) -> dict[str, ParamSpec]:
        return {
            "hada_w1_a": ParamSpec((layer.out, self.dim), init="normal", std=0.1),
            "hada_w1_b": ParamSpec((self.dim, layer.fan_in), init="normal", std=1.0),
            "hada_w2_a": ParamSpec((layer.out, self.dim)),  # zero: training starts from the base model
            "hada_w2_b": ParamSpec((self.dim, layer.fan_in), init="normal", std=1.0),
        }

    def constants(self) -> dict[str, float]:
        return {"alpha": self.alpha}

    def delta(self, w: Weights, layer: LayerShape) -> Tensor:
        from kohya_like.networks.algebra import hadamard

        scaled = w["hada_w1_a"] * (self.alpha / self.dim)  # scaled where the tensor is smallest
        product = hadamard(scaled, w["hada_w1_b"], w["hada_w2_a"], w["hada_w2_b"])
        return product.reshape(layer.weight_shape)

    @classmethod
    def recognises(cls, shapes: Mapping[str, Shape]) -> bool:
        return "hada_w1_a" in shapes

    @classmethod
    def infer(cls, shapes: Mapping[str, Shape], constants: Mapping[str, float]) -> Self:
        for key, what in {"hada_t1": "LoHa with a Tucker core", "dora_scale": "LoHa with DoRA"}.items():
            if key in shapes:
                raise FormatError(f"a {what} ({key}), which this version cannot use")
        rank = shapes["hada_w1_a"][1]
        found: dict[str, Any] = {"dim": rank, "alpha": constants.get("alpha") or float(rank)}
        return cls(**found)


register("algorithm", "loha", LoHa)
