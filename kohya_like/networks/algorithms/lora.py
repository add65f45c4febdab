"""LoRA: a low-rank change beside a frozen layer.

    y = W x + B (A x) · α / R          ΔW = B A · α / R          A [R, I·k·k], B [O, R]

A is stored as `lora_down` and keeps the stride and padding of a convolution; B is stored as `lora_up` and is 1x1.
LoRA, arXiv:2106.09685; names, initial values and dropouts as in kohya's networks.lora.
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

    from kohya_like.networks.base import Drop, Weights

DOWN, UP = "lora_down.weight", "lora_up.weight"


class LoRA(WeightDelta):
    """Options and formula of LoRA."""

    title: ClassVar[str] = "LoRA"
    paper: ClassVar[str] = "https://arxiv.org/abs/2106.09685"
    kohya_module: ClassVar[str] = "networks.lora"

    name: Literal["lora"] = option(
        "lora", "LoRA: a low-rank change beside each layer. The usual choice, which nearly every program reads.",
    )  # fmt: skip
    dim: int = option(
        16, "Rank R: how much the network can hold; its file grows with it. 8 to 128 is usual, 16 or 32 a good start.",
        ge=1, le=4096, group="Size", kohya="network_dim", differs="kohya takes 4 when it is unset.",
    )  # fmt: skip
    alpha: float = option(
        8.0, "The change is scaled by alpha / dim, so a larger alpha works like a higher learning rate. Usually half "
        "of dim, or equal to it.", gt=0.0, group="Size", kohya="network_alpha",
        differs="kohya takes 1, which divides the learning rate by the rank.",
    )  # fmt: skip
    conv_dim: int | None = option(
        None, "Rank for the 3x3 convolutions of the residual blocks, usually half of dim or less. Empty: they are not "
        "trained.", ge=1, le=4096, group="Size",
    )  # fmt: skip
    conv_alpha: float = option(
        1.0, "The change of the 3x3 convolutions is scaled by conv_alpha / conv_dim. Usually half of conv_dim, or 1.",
        gt=0.0, group="Size", shown_if="conv_dim",
    )  # fmt: skip

    @property
    def trains_convolutions(self) -> bool:
        return self.conv_dim is not None

    @property
    def scale(self) -> float:
        return self.alpha / self.dim

    def for_layer(self, layer: LayerShape, path: str) -> Self | None:
        if not layer.is_wide:
            return self
        if self.conv_dim is None:
            return None
        return self.model_copy(update={"dim": self.conv_dim, "alpha": self.conv_alpha})

    def parameters(self, layer: LayerShape) -> dict[str, ParamSpec]:
        ones = (1,) * len(layer.kernel)
        bound = layer.fan_in**-0.5  # kaiming uniform with a = √5, torch's own start for a Linear
        return {
            DOWN: ParamSpec((self.dim, layer.in_, *layer.kernel), init="uniform", bound=bound),
            UP: ParamSpec((layer.out, self.dim, *ones)),  # zero: training starts from the base model
        }

    def constants(self) -> dict[str, float]:
        return {"alpha": self.alpha}

    def delta(self, w: Weights, layer: LayerShape) -> Tensor:
        return (w[UP].flatten(1) @ w[DOWN].flatten(1)).reshape(layer.weight_shape) * self.scale

    def shortcut(self, w: Weights, x: Tensor, layer: LayerShape, drop: Drop | None = None) -> Tensor:
        hidden = layer.apply(x, w[DOWN])  # [B, T, R] or [B, R, H, W]
        if drop:
            hidden = drop(hidden)
        return layer.mix(hidden * self.scale, w[UP])  # scaled where the tensor is smallest

    @classmethod
    def recognises(cls, shapes: Mapping[str, Shape]) -> bool:
        return UP in shapes and DOWN in shapes

    @classmethod
    def infer(cls, shapes: Mapping[str, Shape], constants: Mapping[str, float]) -> Self:
        if "lora_mid.weight" in shapes:
            raise FormatError("a LoCon with a Tucker core (lora_mid), which this version cannot use")
        if "dora_scale" in shapes:
            raise FormatError("a DoRA (dora_scale), which this version cannot use")
        rank = shapes[DOWN][0]
        found: dict[str, Any] = {"dim": rank, "alpha": constants.get("alpha") or float(rank)}
        if len(shapes[DOWN]) == 4 and max(shapes[DOWN][2:]) > 1:
            found |= {"conv_dim": found["dim"], "conv_alpha": found["alpha"]}
        return cls(**found)


register("algorithm", "lora", LoRA)
