"""A model family as data: its numbers, its text encoders, and what files trained on it say of themselves. No torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kohya_like.schema.registry import plugins

PredictionType = Literal["epsilon", "v_prediction"]
PREDICTION_TYPES: tuple[PredictionType, ...] = ("epsilon", "v_prediction")
ASSETS = Path(__file__).parent / "assets"


@dataclass(frozen=True)
class TextEncoderSpec:
    """One text encoder of a family.

    `part` is its name everywhere, also its folder in a diffusers model. `pad_id` fills a prompt up to 77 tokens.
    `hidden` is what the UNet reads: "last" is the last layer after the final norm, "penultimate" the last but one,
    without the norm. `pooled`: its projected summary vector is given to the UNet as well.
    """

    part: str
    pad_id: int
    hidden: Literal["last", "penultimate"] = "last"
    pooled: bool = False


@dataclass(frozen=True)
class ModelFamily:
    """What differs between backbones. `latent_scale` holds where a VAE's own config does not say otherwise.

    Geometry is the original size, crop and target size that SDXL is told of each picture (arXiv:2307.01952, 2.2).
    """

    name: str
    label: str
    default_resolution: int  # px
    default_resolution_v: int  # px, of its v-prediction models
    bucket_step: int  # px
    latent_scale: float
    text_encoders: tuple[TextEncoderSpec, ...]
    default_prediction_type: PredictionType | Literal[""]  # "": the user is asked where the file does not tell
    has_geometry: bool
    takes_clip_skip: bool
    version: str
    version_v: str
    architecture: str
    architecture_v: str
    lora_implementation: str
    prediction_types: tuple[PredictionType, ...] = PREDICTION_TYPES

    @property
    def parts(self) -> tuple[str, ...]:
        """The trainable parts: ("unet", "text_encoder", ...)."""
        return ("unet", *(spec.part for spec in self.text_encoders))

    @property
    def config_folder(self) -> Path:
        """Component configs of the family's public model, in the layout of a diffusers folder."""
        return ASSETS / self.name

    def resolution(self, prediction_type: str) -> int:
        """Side of the square the public model was trained on, px."""
        return self.default_resolution_v if prediction_type == "v_prediction" else self.default_resolution

    def base_model_version(self, prediction_type: str) -> str:
        """kohya's `ss_base_model_version`."""
        return self.version_v if prediction_type == "v_prediction" else self.version

    def modelspec_architecture(self, prediction_type: str) -> str:
        """`modelspec.architecture` of a whole model; "/lora" and the like are added by the writer."""
        return self.architecture_v if prediction_type == "v_prediction" else self.architecture


def families() -> Iterator[ModelFamily]:
    for entry in plugins("family").values():
        if not isinstance(entry, ModelFamily):
            raise TypeError(f"{entry!r} is registered as a family and is none")
        yield entry


def family(name: str) -> ModelFamily:
    """The family of that name. Raises KeyError: names from a config are checked by its schema."""
    return {entry.name: entry for entry in families()}[name]
