"""DyLoRA: a LoRA that can afterwards be cut to a lower rank, because every lower rank was trained too.

Each pass draws a unit b of ranks, uses the ranks up to and with it, and lets that unit alone learn:

    y = W x + B[:, :n] (A[:n] x) · α / R · √(R / n)          n = (b + 1) · unit

The file is an ordinary LoRA, and is read back as one. DyLoRA, arXiv:2210.07558; the factor √(R / n) is that of kohya's
networks.dylora, which however also lets the ranks above n take part: what it trains cannot be cut.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from kohya_like.networks.algorithms.lora import DOWN, UP, LoRA
from kohya_like.networks.base import Shape
from kohya_like.networks.cells import LORA_FILE, NO_TRACE
from kohya_like.schema.option import option
from kohya_like.schema.registry import register

if TYPE_CHECKING:
    from kohya_like.networks.base import Weights


class DyLoRA(LoRA):
    """Options and formula of DyLoRA."""

    title: ClassVar[str] = "DyLoRA"
    paper: ClassVar[str] = "https://arxiv.org/abs/2210.07558"
    kohya_module: ClassVar[str] = "networks.dylora"
    why_not: ClassVar[Mapping[str, str]] = {**LoRA.why_not}
    untold: ClassVar[Mapping[str, str]] = {**LoRA.untold, "name": LORA_FILE, "unit": NO_TRACE}

    name: Literal["dylora"] = option("dylora", "DyLoRA: a LoRA that can be cut to a lower rank later.")  # type: ignore[assignment]
    unit: int = option(
        4, "Ranks that are trained together; the file can be cut at its multiples. Best a divisor of dim.", ge=1,
        le=4096, group="Size", differs="kohya takes 1.",
    )  # fmt: skip

    def arguments(self) -> dict[str, object]:
        return {**super().arguments(), "unit": self.unit}

    def while_training(self, w: Weights) -> Weights:
        import torch

        down, up = w[DOWN], w[UP]
        rank = down.shape[0]
        first = int(torch.randint(rank, ()).item()) // self.unit * self.unit
        last = min(first + self.unit, rank)
        held = torch.cat([up[:, :first].detach(), up[:, first:last]], 1)
        return {**w, DOWN: torch.cat([down[:first].detach(), down[first:last]]), UP: held * (rank / last) ** 0.5}

    @classmethod
    def recognises(cls, shapes: Mapping[str, Shape]) -> bool:
        return False  # its files are LoRA's

    @classmethod
    def accepts(cls, shapes: Mapping[str, Shape]) -> bool:
        return LoRA.recognises(shapes)


register("algorithm", "dylora", DyLoRA)
