"""What the algorithms with a rank and an alpha have in common: sizes, scale, and the variants of both."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import ClassVar, Literal, Self

from kohya_like.networks.base import MAGNITUDE, SCALAR, LayerShape, ParamSpec, Shape, WeightDelta
from kohya_like.networks.cells import OWN_RANKS
from kohya_like.schema.option import option


class LowRank(WeightDelta):
    """Options of a change of rank R that is scaled by alpha / R; a subclass names its `folds`."""

    untold: ClassVar[Mapping[str, str]] = {
        "conv_dim": OWN_RANKS,
        "conv_alpha": OWN_RANKS,
        "rs_lora": "alpha is stored such that the scale comes out right without it",
        "use_scalar": "a file has the scalar multiplied into another parameter",
    }

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
    rs_lora: bool = option(
        False, "Scale by alpha / the square root of dim, so that a high rank does not learn more slowly (rs-LoRA).",
        group="Size", level="expert",
    )  # fmt: skip
    use_scalar: bool = option(
        False, "Also learn one factor for each layer's whole change; a file has it multiplied in.", group="Size",
        level="expert",
    )  # fmt: skip
    dora_wd: bool = option(
        False, "DoRA: learn the lengths of the weights apart from their directions. Slower; diffusers ignores it.",
        group="Size", level="advanced",
    )  # fmt: skip
    dora_axis: Literal["input", "output"] = option(
        "input", "DoRA's lengths: one for each input, or one for each output of a layer.", group="Size",
        level="expert", shown_if="dora_wd",
        differs="LyCORIS takes output (wd_on_output), which A1111 reads wrongly without a word.",
    )  # fmt: skip

    @property
    def trains_convolutions(self) -> bool:
        return self.conv_dim is not None

    @property
    def scale(self) -> float:
        return self.alpha / (sqrt(self.dim) if self.rs_lora else self.dim)

    @property
    def decomposed(self) -> bool:
        return self.dora_wd

    def hindrances(self) -> Mapping[str, str]:
        if not self.dora_wd:
            return self.why_not
        return {**self.why_not, "invertible": "DoRA's lengths depend on the weight they were added to"}

    def for_layer(self, layer: LayerShape, path: str) -> Self | None:
        if not layer.is_wide:
            return self
        if self.conv_dim is None:
            return None
        return self.model_copy(update={"dim": self.conv_dim, "alpha": self.conv_alpha})

    def constants(self) -> dict[str, float]:
        """rs-LoRA's alpha is stored such that a reader who divides by the rank finds the right scale."""
        return {"alpha": self.scale * self.dim if self.rs_lora else self.alpha}

    def arguments(self) -> dict[str, object]:
        told = {name: True for name in ("rs_lora", "use_scalar", "dora_wd") if getattr(self, name)}
        return {**told, "wd_on_output": self.dora_axis == "output"} if self.dora_wd else {**told}

    def variants(self, layer: LayerShape) -> dict[str, ParamSpec]:
        """The parameters of the variants that are switched on."""
        found, axis = {}, self.dora_axis
        if self.use_scalar:
            found[SCALAR] = ParamSpec(())  # zero: the factor that otherwise is has an ordinary start
        if self.dora_wd:
            ones = (1,) * len(layer.kernel)
            rows = axis == "output"
            found[MAGNITUDE] = ParamSpec((layer.out, 1, *ones) if rows else (1, layer.in_, *ones), init="lengths")
        return found

    @classmethod
    def told_variants(cls, shapes: Mapping[str, Shape], out: int) -> dict[str, object]:
        """What a file tells of the variants: scale and scalar are in its numbers, DoRA's axis in its shape."""
        found: dict[str, object] = {"rs_lora": False, "dora_wd": MAGNITUDE in shapes}
        if MAGNITUDE in shapes:
            first, *others = shapes[MAGNITUDE]
            rows = first == out and all(size == 1 for size in others)
            found["dora_axis"] = "output" if rows else "input"
        return found
