"""BOFT: the outputs of a layer are rotated in several stages of blocks, each mixing outputs that lie further apart.

    W' = S · R_m ... R_2 R_1 W          R_i = Pᵢᵀ · diag(R of each block) · Pᵢ          B [m, N, b, b], N · b = O

N is a power of two and m = log2(N) + 1, so that every output is reached from every other (a butterfly, as in the fast
Fourier transform). BOFT, arXiv:2311.06243; form, keys and block sizes are LyCORIS', `alpha` in a file the constraint.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from kohya_like.networks.base import BASE, WORTH_A_SUM, LayerShape, ParamSpec, Shape, WeightDelta
from kohya_like.networks.cells import NO_CONTEXTS, NO_FACTOR, NO_NORMS, NO_PAIR, NO_RANK, OWN_RANKS, READS_BASE
from kohya_like.networks.rotations import butterfly_blocks, turns
from kohya_like.schema.option import option
from kohya_like.schema.registry import register

if TYPE_CHECKING:
    from torch import Tensor

    from kohya_like.networks.base import Weights


class BOFT(WeightDelta):
    """Options and formula of BOFT."""

    title: ClassVar[str] = "BOFT"
    paper: ClassVar[str] = "https://arxiv.org/abs/2311.06243"
    invertible: ClassVar[bool] = False
    why_not: ClassVar[Mapping[str, str]] = {
        **NO_NORMS, **NO_CONTEXTS, **NO_PAIR, **NO_RANK, **READS_BASE, **NO_FACTOR,
        "dora_wd": "a rotation keeps the lengths on purpose; network.rescaled learns them",
    }  # fmt: skip
    untold: ClassVar[Mapping[str, str]] = {"conv_dim": OWN_RANKS}
    reads_base: ClassVar[bool] = True

    name: Literal["boft"] = option("boft", "BOFT: rotates the outputs of each layer in stages of blocks.")
    dim: int = option(
        16, "Largest size of a block; the next possible size below it is taken, or the smallest there is (10 of 320).",
        ge=2, le=1024, group="Size", kohya="network_dim", differs="LyCORIS refuses a layer without a size below it.",
    )  # fmt: skip
    conv_dim: int | None = option(
        None, "Largest size of a block for the 3x3 convolutions of the residual blocks. Empty: they are not trained.",
        ge=2, le=1024, group="Size", differs="LyCORIS takes dim when it is unset.",
    )  # fmt: skip
    constraint: float = option(
        0.0, "Holds the norm of Q below constraint x outputs; 0: free.", ge=0.0, group="Size", level="advanced"
    )
    rescaled: bool = option(False, "Also learn a factor S for each output.", group="Size", level="advanced")

    @property
    def trains_convolutions(self) -> bool:
        return self.conv_dim is not None

    def for_layer(self, layer: LayerShape, path: str) -> Self | None:
        if layer.out % 2:
            return None  # no blocks of an even size
        if not layer.is_wide:
            return self
        return None if self.conv_dim is None else self.model_copy(update={"dim": self.conv_dim})

    def parameters(self, layer: LayerShape) -> dict[str, ParamSpec]:
        size, count = butterfly_blocks(layer.out, self.dim)
        blocks = {"oft_blocks": ParamSpec((count.bit_length(), count, size, size))}  # zero: R is the identity
        if self.rescaled:
            blocks["rescale"] = ParamSpec((layer.out, *(1 for _ in layer.weight_shape[1:])), init="ones")
        return blocks

    def arguments(self) -> dict[str, object]:
        told: dict[str, object] = {"algo": "boft", "constraint": self.constraint}
        return {**told, "rescaled": True} if self.rescaled else told

    def constants(self) -> dict[str, float]:
        return {"alpha": self.constraint}

    def delta(self, w: Weights, layer: LayerShape) -> Tensor:
        from torch import einsum, zeros_like

        base = w[BASE].flatten(1)  # [O, I·k·k]
        size = w["oft_blocks"].shape[-1]
        change, reach = zeros_like(base), size // 2
        for turned in turns(w["oft_blocks"], self.constraint * layer.out).to(base.dtype):
            # Outputs that are `reach` apart come to stand side by side.
            mixed = (base + change).unflatten(0, (-1, 2, reach)).transpose(1, 2).reshape(-1, size, base.shape[1])
            step = einsum("bij,bjk->bik", turned, mixed).reshape(-1, reach, 2, base.shape[1])
            change = change + step.transpose(1, 2).reshape(base.shape)  # small numbers are added to small ones
            reach *= 2
        if self.rescaled:
            factor = w["rescale"].flatten(1)
            change = factor * change + (factor - 1.0) * base
        return change.reshape(layer.weight_shape)

    def replaces(self, layer: LayerShape, positions: int) -> bool:
        return positions >= WORTH_A_SUM

    @classmethod
    def recognises(cls, shapes: Mapping[str, Shape]) -> bool:
        return len(shapes.get("oft_blocks", ())) == 4

    @classmethod
    def infer(cls, shapes: Mapping[str, Shape], constants: Mapping[str, float]) -> Self:
        size = shapes["oft_blocks"][-1]
        return cls(dim=size, constraint=constants.get("alpha", 0.0), rescaled="rescale" in shapes)


register("algorithm", "boft", BOFT)
