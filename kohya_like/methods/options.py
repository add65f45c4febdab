"""The training methods as options; torch-free, so that a window can list them."""

from __future__ import annotations

from typing import ClassVar, Literal

from kohya_like.schema.option import Section, option
from kohya_like.schema.registry import register


class NetworkMethod(Section):
    """Train a network beside the frozen base model: a small file that other programs attach."""

    title: ClassVar[str] = "Network"

    name: Literal["network"] = option(
        "network", "Train a small network, such as a LoRA, beside the frozen base model. The result is one small file.",
    )  # fmt: skip


register("method", "network", NetworkMethod)
