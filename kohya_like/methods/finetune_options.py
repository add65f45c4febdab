"""DreamBooth and native fine-tune as options. Torch-free."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from kohya_like.methods.options import MethodOptions, Shapes
from kohya_like.networks.base import NetworkAlgorithm
from kohya_like.schema.option import option
from kohya_like.schema.registry import register


class FinetuneMethod(MethodOptions):
    """Train the base model's own weights, all of them: DreamBooth and native fine-tune. The result is a whole model."""

    title: ClassVar[str] = "DreamBooth / fine-tune"
    usual_rates: ClassVar[tuple[float, float, float]] = (1e-8, 1e-4, 2e-6)

    name: Literal["finetune"] = option(
        "finetune", "Train all weights of the base model itself. The result is a whole model; it needs far more memory "
        "than a network.",
    )  # fmt: skip
    train_unet: bool = option(
        True, "Train the UNet, which draws the picture. Nearly always on.", group="Parts",
    )  # fmt: skip
    train_text_encoder: bool = option(
        False, "Train the text encoders too, which read the prompt: closer likeness, but more memory and sooner "
        "overtrained. Usually off for SDXL.", group="Parts",
    )  # fmt: skip
    stop_text_encoder_training: int | None = option(
        None, "Freeze the text encoders after this many steps; a third of all is usual. -1: never train them. Empty: "
        "train them to the end.", ge=-1, unit="steps", group="Parts", shown_if="train_text_encoder",
    )  # fmt: skip
    save_model_as: Literal["safetensors", "diffusers", "lora"] = option(
        "safetensors", "safetensors: one file as the base's, which every program reads; diffusers: a folder; lora: "
        "only the difference, as a LoRA.", group="Result",
        differs="ckpt is not written: a pickle can hold code, and every program reads safetensors.",
    )  # fmt: skip
    extract_dim: int = option(
        64, "Rank of the LoRA that the difference is pressed into. 64 is usual; more is closer and larger.", ge=1,
        le=1024, group="Result", shown_if="save_model_as=lora",
    )  # fmt: skip
    full_bf16: bool = option(
        False, "Keep the trained weights themselves in bf16, rounded by chance so that small changes add up: half the "
        "memory. Off: fp32.", group="Memory", level="advanced",
        differs="kohya rounds to the nearest, which loses small changes.",
    )  # fmt: skip
    fused_backward_pass: bool = option(
        False, "Move each weight as soon as its gradient is there: the gradients of all need no memory. Needs "
        "optimizer.max_grad_norm = 0.", group="Memory", level="advanced",
        differs="kohya's works with Adafactor alone.",
    )  # fmt: skip

    @model_validator(mode="after")
    def _something_to_train(self) -> Self:
        if not (self.train_unet or self.trains_text_encoder):
            raise ValueError("train_unet and train_text_encoder are both off: nothing would be trained")
        if not self.train_unet and self.stop_text_encoder_training is not None:
            raise ValueError("stop_text_encoder_training needs train_unet = true: nothing would be trained afterwards")
        return self

    @property
    def own_precision(self) -> Literal["fp32", "bf16"]:
        return "bf16" if self.full_bf16 else "fp32"

    @property
    def fuses_backward(self) -> bool:
        return self.fused_backward_pass

    @property
    def trains_text_encoder(self) -> bool:
        return self.train_text_encoder and self.stop_text_encoder_training not in (-1, 0)

    def trains(self, part: str, network: NetworkAlgorithm) -> bool:
        return self.trains_text_encoder if part.startswith("text_encoder") else self.train_unet

    def switch(self, part: str) -> str:
        return f"method.train_{'text_encoder' if part.startswith('text_encoder') else part}"

    def own_numbers(self, part: str, shapes: Shapes) -> tuple[int, int]:
        return sum(name.endswith(".weight") for name in shapes), sum(prod(shape) for shape in shapes.values())

    def stored_numbers(self, shapes: Mapping[str, Shapes]) -> int:
        """The whole model; or a LoRA beside every layer of the parts that are trained, at most."""
        if self.save_model_as != "lora":
            return sum(prod(shape) for part in shapes.values() for shape in part.values())
        wide = [
            (shape[0], prod(shape[1:]))
            for part, tensors in shapes.items()
            if part != "vae" and (self.train_unet if part == "unet" else self.trains_text_encoder)
            for shape in tensors.values()
            if len(shape) in (2, 4)
        ]
        return sum(min(self.extract_dim, *sides) * sum(sides) for sides in wide)

    def suffixes(self, network: NetworkAlgorithm) -> tuple[str, ...]:
        return ("",) if self.save_model_as == "diffusers" else (".safetensors",)


register("method", "finetune", FinetuneMethod)
