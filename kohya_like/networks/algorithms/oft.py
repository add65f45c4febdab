"""OFT: the outputs of a layer are rotated, block by block.

    W' = S · (Rᵀ W)     R = (I + Q)(I - Q)⁻¹     Q = B - Bᵀ          B [N, n, n], N · n = O, S [O, 1, ...] or 1

Keeps the angles between the neurons of a block. OFT, arXiv:2306.07280; the form, keys and block sizes are those of
LyCORIS' diag-oft, where `alpha` in a file is the constraint. kohya's networks.oft has the same formula and keys that
begin with oft_unet; it is told the number of blocks instead of their size.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import gcd
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from kohya_like.networks.base import BASE, WORTH_A_SUM, LayerShape, ParamSpec, Shape, WeightDelta
from kohya_like.networks.cells import NO_CONTEXTS, NO_FACTOR, NO_NORMS, NO_PAIR, NO_RANK, OWN_RANKS, READS_BASE
from kohya_like.networks.factorization import factorization
from kohya_like.networks.rotations import turns
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
    why_not: ClassVar[Mapping[str, str]] = {
        **NO_NORMS, **NO_CONTEXTS, **NO_PAIR, **NO_RANK, **READS_BASE, **NO_FACTOR,
        "dora_wd": "a rotation keeps the lengths on purpose; network.rescaled learns them",
    }  # fmt: skip
    untold: ClassVar[Mapping[str, str]] = {
        "conv_dim": OWN_RANKS, "blocks": "it comes back as dim, the size of a block",
    }  # fmt: skip
    reads_base: ClassVar[bool] = True

    name: Literal["oft"] = option(
        "oft", "OFT: rotates the outputs of each layer in blocks, which keeps much of what the base model knows.",
    )  # fmt: skip
    dim: int = option(
        8, "Largest size of a block; a layer takes the largest divisor of its width up to this. 8 is usual; larger "
        "blocks can change more.", ge=2, le=1024, group="Size", kohya="network_dim",
    )  # fmt: skip
    blocks: int | None = option(
        None, "Number of blocks N instead of their size, as in kohya's networks.oft; where it does not divide a "
        "layer's width, the largest divisor of both. Empty: by size.",
        ge=1, le=4096, group="Size", level="expert",
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
        if self.blocks is not None:
            count = gcd(layer.out, self.blocks)
            size = layer.out // count
        blocks = {"oft_blocks": ParamSpec((count, size, size))}  # zero: R is the identity
        if self.rescaled:
            blocks["rescale"] = ParamSpec((layer.out, *(1 for _ in layer.weight_shape[1:])), init="ones")
        return blocks

    def arguments(self) -> dict[str, object]:
        told: dict[str, object] = {"algo": "diag-oft", "constraint": self.constraint}
        return {**told, "rescaled": True} if self.rescaled else told

    def constants(self) -> dict[str, float]:
        return {"alpha": self.constraint}

    def delta(self, w: Weights, layer: LayerShape) -> Tensor:
        from torch import einsum

        base = w[BASE]
        count, size, _ = w["oft_blocks"].shape
        turned = turns(w["oft_blocks"], self.constraint * layer.out).to(base.dtype)
        rows = base.reshape(count, size, -1)  # [N, n, I·k·k]
        change = einsum("bnm,bni->bmi", turned, rows).reshape(layer.weight_shape)
        if not self.rescaled:
            return change
        return w["rescale"] * change + (w["rescale"] - 1.0) * base

    def replaces(self, layer: LayerShape, positions: int) -> bool:
        return positions >= WORTH_A_SUM

    @classmethod
    def recognises(cls, shapes: Mapping[str, Shape]) -> bool:
        return len(shapes.get("oft_blocks", ())) == 3

    @classmethod
    def infer(cls, shapes: Mapping[str, Shape], constants: Mapping[str, float]) -> Self:
        count, size, _ = shapes["oft_blocks"]
        counted = size < 2 or (size, count) != factorization(count * size, size)
        return cls(
            dim=max(size, 2), blocks=count if counted else None, constraint=constants.get("alpha", 0.0),
            rescaled="rescale" in shapes,
        )  # fmt: skip


register("algorithm", "oft", OFT)
