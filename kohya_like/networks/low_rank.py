"""What the algorithms with a rank and an alpha have in common: sizes, scale, and the variants of both."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import ClassVar, Literal, Self

from pydantic import ValidationInfo, field_validator, model_validator

from kohya_like.networks.base import MAGNITUDE, SCALAR, LayerShape, ParamSpec, Shape, WeightDelta
from kohya_like.networks.blocks import SD, SDXL, TOTALS
from kohya_like.networks.cells import OWN_RANKS
from kohya_like.schema.option import option

Numbers = tuple[float, ...]
BLOCK_DIMS = ("block_dims", "conv_block_dims")
BLOCK_ALPHAS = ("block_alphas", "conv_block_alphas")


class LowRank(WeightDelta):
    """Options of a change of rank R that is scaled by alpha / R; a subclass names its `folds`."""

    untold: ClassVar[Mapping[str, str]] = {
        "conv_dim": OWN_RANKS,
        "conv_alpha": OWN_RANKS,
        **dict.fromkeys((*BLOCK_DIMS, *BLOCK_ALPHAS), OWN_RANKS),
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

    block_dims: tuple[int, ...] | None = option(
        None, "A rank for each block of the UNet: 25 numbers, 23 for SDXL. 0 leaves a block out. Empty: dim for all.",
        group="Blocks", level="expert",
    )  # fmt: skip
    block_alphas: tuple[float, ...] | None = option(
        None, "An alpha for each block of the UNet: 25 numbers, 23 for SDXL. Empty: alpha for all.", group="Blocks",
        level="expert",
    )  # fmt: skip
    conv_block_dims: tuple[int, ...] | None = option(
        None, "A rank for the 3x3 convolutions of each block: 25 numbers, 23 for SDXL. 0 leaves them out. Empty: "
        "conv_dim for all.", group="Blocks", level="expert",
    )  # fmt: skip
    conv_block_alphas: tuple[float, ...] | None = option(
        None, "An alpha for the 3x3 convolutions of each block: 25 numbers, 23 for SDXL. Empty: conv_alpha for all.",
        group="Blocks", level="expert",
    )  # fmt: skip

    @field_validator(*BLOCK_DIMS, *BLOCK_ALPHAS)
    @classmethod
    def _a_number_for_each_block(cls, numbers: Numbers | None, info: ValidationInfo) -> Numbers | None:
        if not numbers:
            return None
        if len(numbers) not in TOTALS:
            raise ValueError(
                f"got a list of {len(numbers)}, expects {SD.total} numbers for SD 1 and SD 2, {SDXL.total} for SDXL"
            )
        if info.field_name in BLOCK_ALPHAS and not all(alpha > 0 for alpha in numbers):
            raise ValueError("each number must be more than 0")
        if not all(0 <= number <= 4096 for number in numbers):
            raise ValueError("each number must be from 0 to 4096")
        return numbers

    @model_validator(mode="after")
    def _alphas_have_ranks(self) -> Self:
        if self.conv_block_alphas and not self.trains_convolutions:
            raise ValueError("conv_block_alphas has no effect without conv_dim or conv_block_dims")
        return self

    @property
    def trains_convolutions(self) -> bool:
        return self.conv_dim is not None or bool(self.conv_block_dims)

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

    def listed_by_block(self) -> Mapping[str, tuple[float, ...] | None]:
        return {name: getattr(self, name) for name in (*BLOCK_DIMS, *BLOCK_ALPHAS)}

    def in_block(self, layer: LayerShape, block: int) -> Self | None:
        """As in kohya: the lists for convolutions hold for 3x3 ones, the others for all the rest."""
        update: dict[str, float] = {}
        dims, alphas, conv = self.block_dims, self.block_alphas, ""
        if layer.is_wide and (self.conv_block_dims or self.conv_dim is not None):
            dims, alphas, conv = self.conv_block_dims, self.conv_block_alphas, "conv_"
        if dims:
            if dims[block] == 0:
                return None
            update[f"{conv}dim"] = dims[block]
        if alphas:
            update[f"{conv}alpha"] = alphas[block]
        return self.model_copy(update=update) if update else self

    def for_layer(self, layer: LayerShape, path: str) -> Self | None:
        if not layer.is_wide:
            return self
        if self.conv_dim is None:
            return None
        return self.model_copy(update={"dim": self.conv_dim, "alpha": self.conv_alpha})

    def constants(self) -> dict[str, float]:
        """rs-LoRA's alpha is stored such that a reader who divides by the rank finds the right scale."""
        return {"alpha": self.scale * self.dim if self.rs_lora else self.alpha}

    @property
    def file_module(self) -> str:
        """kohya's networks.lora knows no DoRA: such a file is LyCORIS'."""
        return WeightDelta.kohya_module if self.dora_wd else super().file_module

    def arguments(self) -> dict[str, object]:
        told: dict[str, object] = {name: True for name in ("rs_lora", "use_scalar", "dora_wd") if getattr(self, name)}
        if self.dora_wd and self.kohya_module != self.file_module:
            told["algo"] = "lora"  # what LyCORIS calls it
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
