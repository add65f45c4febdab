"""LoRA-FA: LoRA whose down matrix stays as it was drawn; only the up matrix learns.

Saves the gradient and the optimizer's state of half of the parameters. The file is an ordinary LoRA, and is read back
as one. LoRA-FA, arXiv:2308.03303; the initial values are those of kohya's networks.lora_fa.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Literal

from kohya_like.networks.algorithms.lora import DOWN, UP, LoRA
from kohya_like.networks.base import LayerShape, ParamSpec, Shape
from kohya_like.networks.cells import LORA_FILE
from kohya_like.schema.option import option
from kohya_like.schema.registry import register


class LoRAFA(LoRA):
    """Options and formula of LoRA-FA."""

    title: ClassVar[str] = "LoRA-FA"
    paper: ClassVar[str] = "https://arxiv.org/abs/2308.03303"
    kohya_module: ClassVar[str] = "networks.lora_fa"
    why_not: ClassVar[Mapping[str, str]] = {**LoRA.why_not}
    untold: ClassVar[Mapping[str, str]] = {**LoRA.untold, "name": LORA_FILE}
    frozen: ClassVar[tuple[str, ...]] = (DOWN,)
    shares: ClassVar[Mapping[str, float]] = {UP: 1.0}

    name: Literal["lora_fa"] = option("lora_fa", "LoRA-FA: LoRA of which only the up matrices learn.")  # type: ignore[assignment]

    def parameters(self, layer: LayerShape) -> dict[str, ParamSpec]:
        specs = super().parameters(layer)
        std = (2.0 / (layer.in_ + self.dim)) ** 0.5
        return {**specs, DOWN: replace(specs[DOWN], init="normal", std=std, bound=0.0)}

    @classmethod
    def recognises(cls, shapes: Mapping[str, Shape]) -> bool:
        return False  # its files are LoRA's

    @classmethod
    def accepts(cls, shapes: Mapping[str, Shape]) -> bool:
        return LoRA.recognises(shapes)


register("algorithm", "lora_fa", LoRAFA)
