"""LoHa: Hadamard product of two low-rank matrices.

    ΔW = (A1 B1) ⊙ (A2 B2) · α / R          A [O, R], B [R, I·k·k]

Reaches rank R² with 2R(O + I) numbers. With a Tucker core T [R, R, k, k] for convolutions, B is Σ T[m, n, ..] b[n, i]
with b [R, I], and A is stored transposed.

Computed in one of two ways. ΔW is also the low-rank product of the pairs of columns of A1 and A2 with the pairs of
rows of B1 and B2, of rank R²: cheaper in time and memory than ΔW itself where R² is small beside the layer. Elsewhere
ΔW is made, and its two factors a second time in the backward pass instead of being kept.
FedPara, arXiv:2108.06098; keys and initial values as in LyCORIS.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from kohya_like.networks.base import WORTH_A_SUM, LayerShape, ParamSpec, Shape
from kohya_like.networks.cells import NO_CONTEXTS, NO_NORMS, NO_PAIR
from kohya_like.networks.low_rank import LowRank
from kohya_like.schema.errors import FormatError
from kohya_like.schema.option import option
from kohya_like.schema.registry import register

if TYPE_CHECKING:
    from torch import Tensor

    from kohya_like.networks.base import Drop, Weights

KEYS = ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b")


class LoHa(LowRank):
    """Options and formula of LoHa."""

    title: ClassVar[str] = "LoHa"
    paper: ClassVar[str] = "https://arxiv.org/abs/2108.06098"
    why_not: ClassVar[Mapping[str, str]] = {**NO_NORMS, **NO_CONTEXTS, **NO_PAIR}
    folds: ClassVar[tuple[str, ...]] = ("hada_w1_a",)

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
    use_tucker: bool = option(
        False, "Give the 3x3 convolutions a Tucker core: a smaller file at the same rank.", group="Size",
        level="advanced", shown_if="conv_dim",
    )  # fmt: skip

    def parameters(self, layer: LayerShape) -> dict[str, ParamSpec]:
        tucker = self.use_tucker and layer.is_wide
        left = (self.dim, layer.out) if tucker else (layer.out, self.dim)
        right = (self.dim, layer.in_ if tucker else layer.fan_in)
        found = {
            "hada_w1_a": ParamSpec(left, init="normal", std=0.1),
            "hada_w1_b": ParamSpec(right, init="normal", std=1.0),
            # zero, or the scalar is: training starts from the base model
            "hada_w2_a": ParamSpec(left, init="normal", std=0.1) if self.use_scalar else ParamSpec(left),
            "hada_w2_b": ParamSpec(right, init="normal", std=1.0),
        }
        if tucker:
            core = ParamSpec((self.dim, self.dim, *layer.kernel), init="normal", std=0.1)
            found |= {"hada_t1": core, "hada_t2": core}
        return found | self.variants(layer)

    def _factors(self, w: Weights) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """A1 with the scale in it, B1, A2, B2."""
        from kohya_like.networks.algebra import core_times

        a1, b1, a2, b2 = (w[key] for key in KEYS)
        if "hada_t1" in w:
            a1, b1, a2, b2 = a1.T, core_times(w["hada_t1"], b1), a2.T, core_times(w["hada_t2"], b2)
        return a1 * self.scale, b1, a2, b2

    def delta(self, w: Weights, layer: LayerShape) -> Tensor:
        from kohya_like.networks.algebra import hadamard

        return hadamard(*self._factors(w)).reshape(layer.weight_shape)

    def by_pairs(self, layer: LayerShape) -> bool:
        """Whether the product of rank R² is smaller than ΔW."""
        return self.dim**2 * (layer.out + layer.fan_in) <= layer.out * layer.fan_in

    def shortcut(self, w: Weights, x: Tensor, layer: LayerShape, drop: Drop | None = None) -> Tensor:
        if not self.by_pairs(layer):
            return super().shortcut(w, x, layer, drop)
        from kohya_like.networks.algebra import khatri_rao

        pairs = self.dim**2
        a1, b1, a2, b2 = self._factors(w)
        down = khatri_rao(b1.T, b2.T).T.reshape(pairs, *layer.weight_shape[1:])
        up = khatri_rao(a1, a2).reshape(layer.out, pairs, *(1 for _ in layer.kernel))
        change = layer.mix(layer.apply(x, down), up)
        return drop(change) if drop else change

    def replaces(self, layer: LayerShape, positions: int) -> bool:
        return not self.by_pairs(layer) and positions >= WORTH_A_SUM

    @classmethod
    def recognises(cls, shapes: Mapping[str, Shape]) -> bool:
        return "hada_w1_a" in shapes

    @classmethod
    def infer(cls, shapes: Mapping[str, Shape], constants: Mapping[str, float]) -> Self:
        tucker = "hada_t1" in shapes
        rank, out = shapes["hada_w1_a"] if tucker else shapes["hada_w1_a"][::-1]
        if tucker and shapes["hada_t1"][:2] != (rank, rank):
            raise FormatError(f"a LoHa whose core hada_t1 {shapes['hada_t1']} is not of its rank {rank}")
        found: dict[str, Any] = {"dim": rank, "alpha": constants.get("alpha") or float(rank), "use_tucker": tucker}
        return cls(**found, **cls.told_variants(shapes, out))


register("algorithm", "loha", LoHa)
