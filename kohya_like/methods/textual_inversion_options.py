"""Textual Inversion as options. Torch-free."""

from __future__ import annotations

from typing import ClassVar, Literal

from kohya_like.methods.embedding_options import ALL_FORMATS, EmbeddingOptions, Format
from kohya_like.networks.base import NetworkAlgorithm
from kohya_like.schema.option import option
from kohya_like.schema.registry import register


class TextualInversionMethod(EmbeddingOptions):
    """Teach the model a new word and nothing else: every other prompt stays as it was. Gal et al., arXiv:2208.01618."""

    title: ClassVar[str] = "Textual Inversion"

    usual_rates: ClassVar[tuple[float, float, float]] = (1e-5, 0.5, 5e-3)

    name: Literal["textual_inversion"] = option(
        "textual_inversion", "Train a new word's vectors and nothing else. The result is a tiny file; other prompts "
        "stay exactly as they were.",
    )  # fmt: skip
    save_model_as: Format = option(
        "safetensors", "safetensors: webui, ComfyUI, kohya; pt: webui's own; bin: diffusers; png, webp: inside a "
        "picture; all: the first four.", group="Result", differs="kohya's default is pt; webui reads both.",
    )  # fmt: skip
    picture: str | None = option(
        None, "The picture that png and webp put the embedding into, such as a preview of it. Empty: a plain one with "
        "its name.", group="Result", level="advanced", path="file", shown_if="save_model_as",
    )  # fmt: skip

    def suffixes(self, network: NetworkAlgorithm) -> tuple[str, ...]:
        return ALL_FORMATS if self.save_model_as == "all" else (f".{self.save_model_as}",)


register("method", "textual_inversion", TextualInversionMethod)
