"""The options of the data: which pictures, how they are cut, how their captions are read and varied.

`SubsetSettings` holds what may differ from folder to folder. `DataOptions` inherits it (one value for all folders);
`SubsetOptions` has the same keys without defaults, where unset means "as for all folders". `settings_of` joins the two.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import copy
from typing import Annotated, Any, ClassVar, Literal, TypeVar, cast

from pydantic import AfterValidator, BeforeValidator, create_model

from kohya_like.schema.option import Section, option

Interpolation = Literal["lanczos", "bicubic", "bilinear", "area", "nearest"]
SHORTEST, LONGEST = 8, 16384  # pixels; 8 is one latent

_INTERPOLATION_NAMES = {"linear": "bilinear", "cubic": "bicubic"}  # kohya knows both words


def _resolution(value: object) -> object:
    """512 -> (512, 512); "512,768" and "512x768" -> (512, 768)."""
    if isinstance(value, str):
        parts = [part.strip() for part in value.lower().replace("x", ",").split(",")]
        value = tuple(int(part) if part.isdecimal() else part for part in parts if part) or None
    if isinstance(value, int) and not isinstance(value, bool):
        return (value, value)
    if isinstance(value, (list, tuple)) and len(value) == 1:
        return (value[0], value[0])
    return value


def _in_range(value: tuple[int, int] | None) -> tuple[int, int] | None:
    if value and not all(SHORTEST <= side <= LONGEST for side in value):
        raise ValueError(f"both sides must be from {SHORTEST} to {LONGEST}")
    return value


def _empty_is_none(value: object) -> object:
    return None if value == "" else value


def _with_dot(value: object) -> object:
    if not isinstance(value, str):
        return value
    value = value if value.startswith(".") else f".{value}"
    if not re.fullmatch(r"\.[^/\\\s]{1,16}", value):
        raise ValueError("must be a file ending such as .txt")
    return value


def _known_interpolation(value: object) -> object:
    return _INTERPOLATION_NAMES.get(value, value or None) if isinstance(value, str) else value


Text = Annotated[str | None, BeforeValidator(_empty_is_none)]
Resolution = Annotated[tuple[int, int] | None, BeforeValidator(_resolution), AfterValidator(_in_range)]
Extension = Annotated[str, BeforeValidator(_with_dot)]
AnyInterpolation = Annotated[Interpolation | None, BeforeValidator(_known_interpolation)]


class SubsetSettings(Section):
    """How the captions and pictures of a folder are read. May be set for all folders and again for one."""

    caption_extension: Extension = option(
        ".txt", "Ending of the caption files beside the pictures.", group="Captions",
        differs="sd-scripts looks for .caption and silently trains on the folder name where there are only .txt files.",
    )  # fmt: skip
    shuffle_caption: bool = option(False, "Put the tags of a caption in a new order each time.", group="Captions")
    keep_tokens: int = option(
        0, "The first N tags stay where they are: not shuffled, not dropped.", ge=0, le=1000, unit="tags",
        group="Captions",
    )  # fmt: skip
    keep_tokens_separator: Text = option(
        None, "A mark such as |||: what stands before it stays in place, and after a second one as well.",
        group="Captions", level="advanced",
        differs="Taken out of the caption in any case; kohya leaves it in the prompt unless it shuffles.",
    )  # fmt: skip
    caption_separator: str = option(",", "What stands between two tags.", group="Captions", level="advanced")
    secondary_separator: Text = option(
        None, "A second separator for tags that stay together when shuffled; ends up as the first one.",
        group="Captions", level="advanced",
    )  # fmt: skip
    enable_wildcard: bool = option(
        False, "{red|blue} takes one of its words each time; a caption file with several lines gives one of them.",
        group="Captions", level="advanced",
    )  # fmt: skip
    caption_prefix: Text = option(None, "Words put before every caption.", group="Captions")
    caption_suffix: Text = option(None, "Words put after every caption.", group="Captions", level="advanced")
    caption_dropout_rate: float = option(
        0.0, "Share of the samples that are trained with an empty caption.", ge=0.0, le=1.0, group="Captions",
        level="advanced",
    )  # fmt: skip
    caption_dropout_every_n_epochs: int = option(
        0, "Every N-th epoch has empty captions; 0: none.", ge=0, unit="epochs", group="Captions", level="expert",
    )  # fmt: skip
    caption_tag_dropout_rate: float = option(
        0.0, "Share of the tags left out each time; kept tags are safe.", ge=0.0, le=1.0, group="Captions",
        level="advanced",
    )  # fmt: skip
    token_warmup_min: int = option(
        1, "Tag warm-up starts with this many tags.", ge=0, le=1000, unit="tags", group="Captions", level="expert",
    )  # fmt: skip
    token_warmup_step: float = option(
        0.0, "Tags are added one by one until this step; below 1 a share of all steps; 0: off.", ge=0.0,
        group="Captions", level="expert",
    )  # fmt: skip
    flip_aug: bool = option(
        False, "Mirror pictures left to right by chance. Not for faces with a parting or a mole.", group="Augmentation",
    )  # fmt: skip
    color_aug: bool = option(
        False, "Vary the colours slightly. Needs cache_latents = false.", group="Augmentation", level="advanced",
    )  # fmt: skip
    random_crop: bool = option(
        False, "Cut at a random place, not in the middle. Needs cache_latents = false.", group="Augmentation",
        level="advanced",
    )  # fmt: skip
    resize_interpolation: AnyInterpolation = option(
        None, "How pictures are resized. Empty: area to shrink, lanczos to enlarge.", group="Augmentation",
        level="expert",
    )  # fmt: skip
    alpha_mask: bool = option(
        False, "Masked loss: the picture's own transparency is the mask.", group="Masks", level="advanced",
    )  # fmt: skip
    mask_dir: Text = option(
        None, "Masked loss: folder with a mask of the same name for each picture, white where it counts.",
        group="Masks", level="advanced", path="folder", kohya="conditioning_data_dir",
    )  # fmt: skip


SETTING_KEYS = tuple(SubsetSettings.model_fields)

S = TypeVar("S", bound=Section)


def _with_keys_of(settings: type[Section]) -> Callable[[type[S]], type[S]]:
    """Class decorator: adds the keys of `settings`, each with its bounds and help, but None by default."""

    def extend(section: type[S]) -> type[S]:
        fields: dict[str, Any] = {}
        for name, field in settings.model_fields.items():
            unset = copy(field)
            unset.default = None
            fields[name] = (field.annotation | None, unset)  # type: ignore[operator]
        extended = create_model(section.__name__, __base__=section, __module__=section.__module__, **fields)
        extended.__doc__ = section.__doc__
        return cast(type[S], extended)

    return extend


@_with_keys_of(SubsetSettings)
class SubsetOptions(Section):
    """One folder of pictures, in addition to those found in train_data_dir, or to set something for one of those."""

    title: ClassVar[str] = "Concept"

    image_dir: str = option(..., "Folder with the pictures.", group="Folders", path="folder")
    num_repeats: int | None = option(
        None, "How often each picture is seen per epoch. Empty: the number the folder's name begins with, or 1.", ge=1,
        le=10_000, group="Folders", differs="kohya gives the name no meaning here.",
    )  # fmt: skip
    class_tokens: Text = option(
        None, "Caption of pictures without one. Empty: the words after the number in the folder's name.",
        group="Folders", differs="kohya gives the name no meaning here.",
    )  # fmt: skip
    is_reg: bool = option(False, "Regularisation pictures: the class in general.", group="Folders")
    loss_weight: float = option(
        1.0, "How much these pictures count; 0.5: half.", ge=0.0, le=100.0, group="Folders", level="advanced",
    )  # fmt: skip


class DataOptions(SubsetSettings):
    """Pictures, captions, and how they reach the model."""

    title: ClassVar[str] = "Data"

    train_data_dir: Text = option(
        None, "Folder that holds folders named like 10_sks cat: 10 repeats, class words sks cat.", group="Folders",
        path="folder",
    )  # fmt: skip
    reg_data_dir: Text = option(
        None, "The same for regularisation pictures (1_cat): the class in general, so that it is not forgotten.",
        group="Folders", path="folder",
    )  # fmt: skip
    subsets: tuple[SubsetOptions, ...] = option(
        (), "Single folders with options of their own.", group="Folders", level="advanced",
    )  # fmt: skip
    prior_loss_weight: float = option(
        1.0, "How much regularisation pictures count.", ge=0.0, le=100.0, group="Folders", level="advanced",
    )  # fmt: skip
    resolution: Resolution = option(
        None, "Training size in pixels: one number or [width, height]. Empty: the model's own.", unit="px",
        group="Buckets",
    )  # fmt: skip
    enable_bucket: bool = option(
        True, "Train pictures in their own aspect ratio, in batches of equal size.", group="Buckets",
        differs="off in sd-scripts, which then stops at the first picture of another size.",
    )  # fmt: skip
    min_bucket_reso: int | None = option(
        None, "No side is shorter than this. Empty: 256, or half the resolution where that is less.", ge=SHORTEST,
        le=LONGEST, unit="px", group="Buckets", level="advanced",
    )  # fmt: skip
    max_bucket_reso: int = option(
        2048, "No side is longer than this.", ge=SHORTEST, le=LONGEST, unit="px", group="Buckets", level="advanced",
        differs="1024 in sd-scripts, which leaves SDXL only its square; 2048 in kohya_ss.",
    )  # fmt: skip
    bucket_reso_steps: int | None = option(
        None, "Sides are multiples of this. Empty: the model's own step.", ge=SHORTEST, le=1024, unit="px",
        group="Buckets", level="advanced", differs="64 in sd-scripts.",
    )  # fmt: skip
    bucket_no_upscale: bool = option(
        True, "Never enlarge a picture: small ones train at their size.", group="Buckets", level="advanced",
        differs="off in sd-scripts, on in kohya_ss; enlarged pictures teach the model to blur. min_bucket_reso and "
        "max_bucket_reso still hold.",
    )  # fmt: skip
    weighted_captions: bool = option(
        False, "Read (word:1.3), ((word)) and [word] in captions as weights.", group="Captions", level="advanced",
    )  # fmt: skip
    masked_loss: bool = option(
        False, "Only the part of a picture that its mask shows counts.", group="Masks", level="advanced",
    )  # fmt: skip
    cache_latents: bool = option(
        True, "Encode each picture once and keep the result on disk, outside your folders.", group="Cache",
        kohya="cache_latents / cache_latents_to_disk", differs="off in kohya, which writes into the picture folders.",
    )  # fmt: skip
    cache_text_encoder_outputs: bool | Literal["auto"] = option(
        "auto", "Encode each caption once. auto: where the text encoders are frozen and captions do not vary.",
        group="Cache", level="advanced", kohya="cache_text_encoder_outputs / cache_text_encoder_outputs_to_disk",
        differs="off in kohya.",
    )  # fmt: skip
    cache_dir: Text = option(
        None, "Folder of the cache. Empty: one per user.", group="Cache", level="expert", path="folder",
    )  # fmt: skip
    vae_batch_size: int = option(
        1, "Pictures encoded at once when the cache is filled.", ge=1, le=256, group="Cache", level="advanced",
    )  # fmt: skip
    max_data_loader_n_workers: int = option(
        2, "Processes that prepare batches; 0: the training process itself. The result is the same.", ge=0, le=64,
        group="Cache", level="expert", differs="8 in kohya.",
    )  # fmt: skip
    validation_split: float = option(
        0.0, "Share of the pictures kept out of training to measure the loss on.", ge=0.0, lt=1.0, group="Validation",
        level="advanced",
    )  # fmt: skip
    validation_seed: int = option(
        0, "Chooses which pictures; the same seed keeps the same ones out when pictures are added.", ge=0, le=2**32 - 1,
        group="Validation", level="expert", differs="unset in kohya, where the two sets then overlap.",
    )  # fmt: skip


def settings_of(options: DataOptions, subset: SubsetOptions | None = None) -> SubsetSettings:
    """The settings of one folder: its own where given, else those of all folders."""
    values = {key: getattr(options, key) for key in SETTING_KEYS}
    if subset is not None:
        values |= {key: value for key in SETTING_KEYS if (value := getattr(subset, key)) is not None}
    return SubsetSettings(**values)
