"""OFT: the outputs of a layer are rotated, block by block.

    W' = S · (Rᵀ W)     R = (I + Q)(I - Q)⁻¹     Q = B - Bᵀ          B [N, n, n], N · n = O, S [O, 1, ...] or 1

Keeps the angles between the neurons of a block. OFT, arXiv:2306.07280; the form, keys and block sizes are those of
LyCORIS' diag-oft, where `alpha` in a file is the constraint.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from kohya_like.networks.base import BASE, LayerShape, ParamSpec, Shape, WeightDelta
from kohya_like.networks.factorization import factorization
from kohya_like.schema.errors import FormatError
from kohya_like.schema.option import option
from kohya_like.schema.registry import register

if TYPE_CHECKING:
    from torch import Tensor

    from kohya_like.networks.base import Weights


class OFT(WeightDelta):
    """Options and formula of diagonal OFT."""

    title: ClassVar[str] = "OFT"
    paper: ClassVar[str] = "https://arxiv.org/abs/2306.07280"
    invertible: ClassVar[bool] = False
    why_not: ClassVar[Mapping[str, str]] = {"invertible": "the change depends on the weight it is added to"}
    reads_base: ClassVar[bool] = True

    name: Literal["oft"] = option(
        "oft", "OFT: rotates the outputs of each layer in blocks, which keeps much of what the base model knows.",
    )  # fmt: skip
    dim: int = option(
        8, "Largest size of a block; a layer takes the largest divisor of its width up to this. 8 is usual; larger "
        "blocks can change more.", ge=2, le=1024, group="Size", kohya="network_dim",
    )  # fmt: skip
    conv_dim: int | None = option(
        None, "Largest size of a block for the 3x3 convolutions of the residual blocks. Empty: they are not trained.",
        ge=2, le=1024, group="Size", differs="LyCORIS takes dim when it is unset.",
    )  # fmt: skip
    constraint: float = option(
        0.0, "Limits the rotation: the norm of Q stays below constraint x outputs. Usually 0: free.", ge=0.0,
        group="Size", level="advanced",
    )  # fmt: skip
    rescaled: bool = option(
        False, "Also learn a factor S for each output, which makes it stronger or weaker. Usually off.", group="Size",
        level="advanced",
    )  # fmt: skip

    @property
    def trains_convolutions(self) -> bool:
        return self.conv_dim is not None

    def for_layer(self, layer: LayerShape, path: str) -> Self | None:
        if not layer.is_wide:
            return self
        return None if self.conv_dim is None else self.model_copy(update={"dim": self.conv_dim})

    def parameters(self, layer: LayerShape) -> dict[str, ParamSpec]:
        size, count = factorization(layer.out, self.dim)
        blocks = {"oft_blocks": ParamSpec((count, size, size))}  # zero: R is the identity
        if self.rescaled:
            blocks["rescale"] = ParamSpec((layer.out, *(1 for _ in layer.weight_shape[1:])), init="ones")
        return blocks

    def constants(self) -> dict[str, float]:
        return {"alpha": self.constraint}

    def delta(self, w: Weights, layer: LayerShape) -> Tensor:
        from torch import einsum

        from kohya_like.networks.algebra import cayley_minus_identity

        blocks, base = w["oft_blocks"], w[BASE]
        count, size, _ = blocks.shape
        skew = blocks - blocks.transpose(1, 2)
        if self.constraint > 0.0:
            skew = skew * (self.constraint * layer.out / (skew.norm() + 1e-8)).clamp(max=1.0)
        turned = cayley_minus_identity(skew).to(base.dtype)
        rows = base.reshape(count, size, -1)  # [N, n, I·k·k]
        change = einsum("bnm,bni->bmi", turned, rows).reshape(layer.weight_shape)
        if not self.rescaled:
            return change
        return w["rescale"] * change + (w["rescale"] - 1.0) * base

    @classmethod
    def recognises(cls, shapes: Mapping[str, Shape]) -> bool:
        return "oft_blocks" in shapes

    @classmethod
    def infer(cls, shapes: Mapping[str, Shape], constants: Mapping[str, float]) -> Self:
        blocks = shapes["oft_blocks"]
        if len(blocks) != 3:
            raise FormatError("a BOFT (oft_blocks with four axes), which this version cannot use")
        return cls(dim=blocks[1], constraint=constants.get("alpha", 0.0), rescaled="rescale" in shapes)


register("algorithm", "oft", OFT)
