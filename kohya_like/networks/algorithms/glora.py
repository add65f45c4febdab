"""GLoRA: a low-rank change of the weight by itself, and one beside it.

    ΔW = (W A1 A2 + B1 B2) · α / R          A1 [I, R], A2 [R, I], B1 [O, R], B2 [R, I·k·k]

W A1 is small (R columns), so neither ΔW nor a second product with W is ever made while training.
arXiv:2306.07967; keys and initial values as in LyCORIS.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from kohya_like.networks.base import BASE, LayerShape, ParamSpec, Shape, WeightDelta
from kohya_like.networks.cells import NO_CONTEXTS, NO_NORMS, NO_PAIR, OWN_RANKS, READS_BASE
from kohya_like.schema.errors import FormatError
from kohya_like.schema.option import option
from kohya_like.schema.registry import register

if TYPE_CHECKING:
    from torch import Tensor

    from kohya_like.networks.base import Drop, Weights

A1, A2, B1, B2 = "a1.weight", "a2.weight", "b1.weight", "b2.weight"


class GLoRA(WeightDelta):
    """Options and formula of GLoRA."""

    title: ClassVar[str] = "GLoRA"
    paper: ClassVar[str] = "https://arxiv.org/abs/2306.07967"
    invertible: ClassVar[bool] = False
    why_not: ClassVar[Mapping[str, str]] = {
        **NO_NORMS, **NO_CONTEXTS, **NO_PAIR, **READS_BASE,
        "use_tucker": "the core bm that LyCORIS allows is neither written nor read",
        "dora_wd": "LyCORIS has none for it, so no program could read such a file",
        "rs_lora": "alpha times the square root of dim gives the same scale",
        "use_scalar": "two of its four factors start at zero already, and the scalar is there for that",
    }  # fmt: skip
    untold: ClassVar[Mapping[str, str]] = {"conv_dim": OWN_RANKS, "conv_alpha": OWN_RANKS}
    reads_base: ClassVar[bool] = True
    folds: ClassVar[tuple[str, ...]] = (A2, B2)

    name: Literal["glora"] = option("glora", "GLoRA: a low-rank change of each weight by itself, and one beside it.")
    dim: int = option(
        8, "Rank R of both changes: how much the network can hold; its file grows with it. 8 is a good start.", ge=1,
        le=4096, group="Size", kohya="network_dim",
    )  # fmt: skip
    alpha: float = option(
        4.0, "The change is scaled by alpha / dim, so a larger alpha works like a higher learning rate. Usually half "
        "of dim, or equal to it.", gt=0.0, group="Size", kohya="network_alpha",
    )  # fmt: skip
    conv_dim: int | None = option(
        None, "Rank for the 3x3 convolutions of the residual blocks, usually half of dim or less. Empty: they are not "
        "trained.", ge=1, le=4096, group="Size", differs="LyCORIS takes dim when it is unset.",
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
        rank, ones = self.dim, (1,) * len(layer.kernel)
        bound = rank**-0.5  # kaiming uniform with a = √5
        return {
            A1: ParamSpec((layer.in_, rank, *ones), init="uniform", bound=bound),
            A2: ParamSpec((rank, layer.in_, *ones)),  # zero, as B2: training starts from the base model
            B1: ParamSpec((layer.out, rank, *ones), init="uniform", bound=bound),
            B2: ParamSpec((rank, layer.in_, *layer.kernel)),
        }

    def constants(self) -> dict[str, float]:
        return {"alpha": self.alpha}

    def _narrowed(self, w: Weights, layer: LayerShape) -> Tensor:
        """W A1 with the scale in it, [O, R] or [O, R, k, k]."""
        from torch import einsum

        first = (w[A1].flatten(1) * self.scale).to(w[BASE].dtype)
        return w[BASE] @ first if layer.kind == "linear" else einsum("oikl,ir->orkl", w[BASE], first)

    def delta(self, w: Weights, layer: LayerShape) -> Tensor:
        from torch import einsum

        narrowed, second = self._narrowed(w, layer), w[A2].flatten(1)
        if layer.kind == "linear":
            own = narrowed @ second
        else:
            own = einsum("orkl,ri->oikl", narrowed, second)
        beside = (w[B1].flatten(1) * self.scale) @ w[B2].flatten(1)
        return own + beside.reshape(layer.weight_shape)

    def shortcut(self, w: Weights, x: Tensor, layer: LayerShape, drop: Drop | None = None) -> Tensor:
        own, beside = layer.mix(x, w[A2]), layer.apply(x, w[B2])  # R wide
        if drop:
            own, beside = drop(own), drop(beside)
        return layer.apply(own, self._narrowed(w, layer)) + layer.mix(beside * self.scale, w[B1])

    @classmethod
    def recognises(cls, shapes: Mapping[str, Shape]) -> bool:
        return A1 in shapes

    @classmethod
    def infer(cls, shapes: Mapping[str, Shape], constants: Mapping[str, float]) -> Self:
        if "bm.weight" in shapes:
            raise FormatError("a GLoRA with a Tucker core (bm), which this version cannot use")
        rank = shapes[A1][1]
        return cls(dim=rank, alpha=constants.get("alpha") or float(rank))


register("algorithm", "glora", GLoRA)
