"""DreamArtist (advanced prompt tuning) as options. Torch-free."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import BeforeValidator, model_validator

from kohya_like.methods.embedding_options import EmbeddingOptions
from kohya_like.methods.guidance import Guidance
from kohya_like.networks.base import NetworkAlgorithm
from kohya_like.schema.option import option
from kohya_like.schema.registry import register

NEGATIVE = "-neg"


def _as_text(value: object) -> object:
    """A plain number may stand there without quotes."""
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else value


Scale = Annotated[str, BeforeValidator(_as_text)]


class DreamArtistMethod(EmbeddingOptions):
    """Train a word and its counterpart for the negative prompt: from one picture or few. arXiv:2211.11337."""

    title: ClassVar[str] = "DreamArtist"

    usual_rates: ClassVar[tuple[float, float, float]] = (1e-5, 0.5, 5e-3)

    name: Literal["dreamartist"] = option(
        "dreamartist", "Train two words: one for the prompt, and WORD-neg for the negative prompt. For one picture or "
        "few.",
    )  # fmt: skip
    num_vectors_per_token: int = option(
        3, "Vectors of the word for the prompt; each takes one of its 75 places. 3 is usual.", ge=1, le=75,
        group="Word", differs="kohya has no DreamArtist; 3 is its extension's.",
    )  # fmt: skip
    num_vectors_negative: int = option(
        6, "Vectors of the word for the negative prompt, WORD-neg. 6 is usual: twice those of the word itself.", ge=1,
        le=75, group="Negative",
    )  # fmt: skip
    cfg_scale: Scale = option(
        "3", "How strongly both words are set off against each other while training: 3 is usual; draw with the same "
        "scale. 1-5:cos grows with the noise.", group="Negative",
    )  # fmt: skip
    neg_lr_weight: float = option(
        1.0, "Learning rate of the negative word, as a multiple of the other's. 1 is usual.", gt=0.0, le=100.0,
        group="Negative", level="advanced",
    )  # fmt: skip
    reconstruction_weight: float = option(
        0.0, "How much the decoded picture itself counts beside the noise. 1 brings closer likeness, in more time and "
        "memory. 0: not at all, as is usual.", ge=0.0, le=100.0, group="Loss",
    )  # fmt: skip
    attention_map: bool = option(
        False, "Masks are attention maps: black counts 0, grey 1, white 5. Set data.masked_loss and data.mask_suffix = "
        "_att as well.", group="Loss", level="advanced",
    )  # fmt: skip
    save_model_as: Literal["pt", "safetensors"] = option(
        "pt", "Kind of both files, WORD and WORD-neg: pt for webui, safetensors for the others too.", group="Result",
    )  # fmt: skip

    @model_validator(mode="after")
    def _guides(self) -> Self:
        if self.guidance.is_off:
            raise ValueError("cfg_scale = 1 never asks for the negative word: raise it, or use textual_inversion")
        return self

    @property
    def guidance(self) -> Guidance:
        return Guidance.parse(self.cfg_scale)

    @property
    def vectors(self) -> int:
        return self.num_vectors_per_token + self.num_vectors_negative

    def suffixes(self, network: NetworkAlgorithm) -> tuple[str, ...]:
        return f".{self.save_model_as}", f"{NEGATIVE}.{self.save_model_as}"


register("method", "dreamartist", DreamArtistMethod)
