"""LoCon: LoRA for the convolutions as well, with a Tucker core for those larger than 1x1 where that is wanted.

    plain     ΔW = B A · α / R                                         A [R, I·k·k], B [O, R]
    Tucker    ΔW[o, i, ..] = Σ B[o, m] M[m, n, ..] A[n, i] · α / R     A [R, I], M [R, R, k, k], B [O, R]

The core (`lora_mid`) keeps the stride and padding of the convolution, and `lora_down` is 1x1: much smaller for the same
rank. LyCORIS, arXiv:2309.14859; keys, initial values and the rank of convolutions are those of its LoCon. A layer
without a core is stored as LoRA's, and is read back as one.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from kohya_like.networks.algorithms.lora import DOWN, UP, LoRA
from kohya_like.networks.base import LayerShape, ParamSpec, Shape
from kohya_like.networks.cells import NO_CONTEXTS, NO_NORMS
from kohya_like.schema.errors import FormatError
from kohya_like.schema.option import option
from kohya_like.schema.registry import register

if TYPE_CHECKING:
    from torch import Tensor

    from kohya_like.networks.base import Drop, Weights

MID = "lora_mid.weight"


class LoCon(LoRA):
    """Options and formula of LoCon."""

    title: ClassVar[str] = "LoCon"
    paper: ClassVar[str] = "https://arxiv.org/abs/2309.14859"
    kohya_module: ClassVar[str] = "lycoris.kohya"
    why_not: ClassVar[Mapping[str, str]] = {**NO_NORMS, **NO_CONTEXTS}
    untold: ClassVar[Mapping[str, str]] = {
        **LoRA.untold, "name": "a layer without a core is stored as a LoRA's, and is read back as one",
    }  # fmt: skip

    name: Literal["locon"] = option("locon", "LoCon: a low-rank change beside each layer and convolution.")  # type: ignore[assignment]
    conv_dim: int | None = option(
        None, "Rank for the 3x3 convolutions of the residual blocks; empty: the same as dim.", ge=1, le=4096,
        group="Size",
    )  # fmt: skip
    conv_alpha: float | None = option(  # type: ignore[assignment]
        None, "Alpha of the convolutions; empty: the same as alpha.", gt=0.0, group="Size"
    )
    use_tucker: bool = option(
        False, "Give the 3x3 convolutions a Tucker core: a smaller file at the same rank.", group="Size",
        level="advanced",
    )  # fmt: skip

    @property
    def trains_convolutions(self) -> bool:
        return True

    def for_layer(self, layer: LayerShape, path: str) -> Self | None:
        if not layer.is_wide:
            return self
        return self.model_copy(update={"dim": self.conv_dim or self.dim, "alpha": self.conv_alpha or self.alpha})

    def parameters(self, layer: LayerShape) -> dict[str, ParamSpec]:
        found = super().parameters(layer)
        if self.use_tucker and layer.is_wide:
            down, core = (self.dim, layer.in_, 1, 1), (self.dim, self.dim, *layer.kernel)
            found[DOWN] = ParamSpec(down, init="uniform", bound=layer.in_**-0.5)
            found[MID] = ParamSpec(core, init="uniform", bound=prod(core[1:]) ** -0.5)
        return found

    def factors(self, w: Weights, layer: LayerShape) -> tuple[Tensor, Tensor]:
        from kohya_like.networks.algebra import core_times

        if MID not in w:
            return super().factors(w, layer)
        return w[UP].flatten(1) * self.scale, core_times(w[MID], w[DOWN].flatten(1))

    def shortcut(self, w: Weights, x: Tensor, layer: LayerShape, drop: Drop | None = None) -> Tensor:
        if MID not in w:
            return super().shortcut(w, x, layer, drop)
        hidden = layer.apply(layer.mix(x, w[DOWN]), w[MID])  # [B, R, H, W]
        if drop:
            hidden = drop(hidden)
        return layer.mix(hidden * self.scale, w[UP])

    @classmethod
    def recognises(cls, shapes: Mapping[str, Shape]) -> bool:
        return MID in shapes

    @classmethod
    def accepts(cls, shapes: Mapping[str, Shape]) -> bool:
        return UP in shapes and DOWN in shapes

    @classmethod
    def infer(cls, shapes: Mapping[str, Shape], constants: Mapping[str, float]) -> Self:
        if not cls.accepts(shapes):
            raise FormatError("a LoCon without lora_down or lora_up")
        rank = shapes[DOWN][0]
        found: dict[str, Any] = {"dim": rank, "alpha": constants.get("alpha") or float(rank)}
        found |= cls.told_variants(shapes, shapes[UP][0])
        return cls(**found, use_tucker=MID in shapes)


register("algorithm", "locon", LoCon)
