"""LoRA: a low-rank change beside a frozen layer.

    y = W x + B (A x) · α / R          ΔW = B A · α / R          A [R, I·k·k], B [O, R]

A is stored as `lora_down` and keeps the stride and padding of a convolution; B is stored as `lora_up` and is 1x1.
LoRA, arXiv:2106.09685; names, initial values and dropouts as in kohya's networks.lora. LoRA+, arXiv:2402.12354.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from kohya_like.networks.base import LayerShape, ParamSpec, Shape
from kohya_like.networks.cells import NO_CONTEXTS, NO_NORMS, NO_TRACE
from kohya_like.networks.low_rank import LowRank
from kohya_like.schema.errors import FormatError
from kohya_like.schema.option import option
from kohya_like.schema.registry import register

if TYPE_CHECKING:
    from torch import Tensor

    from kohya_like.networks.base import Drop, Weights

DOWN, UP = "lora_down.weight", "lora_up.weight"


class LoRA(LowRank):
    """Options and formula of LoRA."""

    title: ClassVar[str] = "LoRA"
    paper: ClassVar[str] = "https://arxiv.org/abs/2106.09685"
    kohya_module: ClassVar[str] = "networks.lora"
    why_not: ClassVar[Mapping[str, str]] = {
        **NO_NORMS, **NO_CONTEXTS, "use_tucker": "kohya's files of this kind have no core; the kind locon has one",
    }  # fmt: skip
    untold: ClassVar[Mapping[str, str]] = {
        **LowRank.untold, "loraplus_lr_ratio": NO_TRACE, "loraplus_unet_lr_ratio": NO_TRACE,
        "loraplus_text_encoder_lr_ratio": NO_TRACE,
    }  # fmt: skip
    folds: ClassVar[tuple[str, ...]] = (UP,)
    shares: ClassVar[Mapping[str, float]] = {UP: 0.5, DOWN: 0.5}

    name: Literal["lora"] = option(
        "lora", "LoRA: a low-rank change beside each layer. The usual choice, which nearly every program reads.",
    )  # fmt: skip
    loraplus_lr_ratio: float = option(
        1.0, "LoRA+: the up matrices learn this many times as fast as the down matrices; the paper takes 16.", gt=0.0,
        group="Rates", level="expert",
    )  # fmt: skip
    loraplus_unet_lr_ratio: float | None = option(
        None, "LoRA+: how many times as fast as the down matrices the up matrices of the UNet learn. Empty: as "
        "loraplus_lr_ratio.", gt=0.0, group="Rates", level="expert",
    )  # fmt: skip
    loraplus_text_encoder_lr_ratio: float | None = option(
        None, "LoRA+: how many times as fast as the down matrices the up matrices of the text encoder learn. Empty: as "
        "loraplus_lr_ratio.", gt=0.0, group="Rates", level="expert",
    )  # fmt: skip

    def arguments(self) -> dict[str, object]:
        ratios = {name: getattr(self, name) for name in type(self).model_fields if name.startswith("loraplus_")}
        return super().arguments() | {name: ratio for name, ratio in ratios.items() if ratio not in (None, 1.0)}

    def rate_ratio(self, parameter: str, part: str) -> float:
        own = self.loraplus_unet_lr_ratio if part == "unet" else self.loraplus_text_encoder_lr_ratio
        ratio = self.loraplus_lr_ratio if own is None else own
        return ratio if parameter == UP else 1.0

    def parameters(self, layer: LayerShape) -> dict[str, ParamSpec]:
        ones = (1,) * len(layer.kernel)
        bound = layer.fan_in**-0.5  # kaiming uniform with a = √5, torch's own start for a Linear
        return {
            DOWN: ParamSpec((self.dim, layer.in_, *layer.kernel), init="uniform", bound=bound),
            UP: self._up((layer.out, self.dim, *ones)),
        } | self.variants(layer)

    def _up(self, shape: Shape) -> ParamSpec:
        """Zero, so that training starts from the base model; with a scalar that is the scalar's part."""
        return ParamSpec(shape, init="uniform", bound=self.dim**-0.5) if self.use_scalar else ParamSpec(shape)

    def factors(self, w: Weights, layer: LayerShape) -> tuple[Tensor, Tensor]:
        return w[UP].flatten(1) * self.scale, w[DOWN].flatten(1)

    def delta(self, w: Weights, layer: LayerShape) -> Tensor:
        left, right = self.factors(w, layer)
        return (left @ right).reshape(layer.weight_shape)

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
            raise FormatError('a LoCon with a Tucker core (lora_mid), which network.name = "locon" goes on from')
        rank = shapes[DOWN][0]
        found: dict[str, Any] = {"dim": rank, "alpha": constants.get("alpha") or float(rank)}
        found |= cls.told_variants(shapes, shapes[UP][0])
        if len(shapes[DOWN]) == 4 and max(shapes[DOWN][2:]) > 1:
            found |= {"conv_dim": found["dim"], "conv_alpha": found["alpha"]}
        return cls(**found)


register("algorithm", "lora", LoRA)
