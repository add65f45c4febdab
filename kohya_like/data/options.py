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
        ".txt", "Ending of the caption files beside the pictures: .txt is usual, some tools write .caption.",
        group="Captions",
        differs="sd-scripts looks for .caption and silently trains on the folder name where there are only .txt files.",
    )  # fmt: skip
    shuffle_caption: bool = option(
        False, "Put the tags of a caption in a new order each time, so that order means nothing. For lists of tags, "
        "not for sentences.", group="Captions",
    )  # fmt: skip
    keep_tokens: int = option(
        0, "The first N tags stay where they are: not shuffled, not dropped. Usually 1 where captions begin with a "
        "trigger word, else 0.", ge=0, le=1000, unit="tags", group="Captions",
    )  # fmt: skip
    keep_tokens_separator: Text = option(
        None, "A mark in the captions, such as |||: what stands before it stays in place, and after a second one as "
        "well. The mark is taken out.", group="Captions", level="advanced",
        differs="Taken out of the caption in any case; kohya leaves it in the prompt unless it shuffles.",
    )  # fmt: skip
    caption_separator: str = option(
        ",", "The sign that stands between two tags of a caption; a comma is usual.", group="Captions",
        level="advanced",
    )  # fmt: skip
    secondary_separator: Text = option(
        None, "A second separator, such as ;;; for tags that stay together when shuffled. It ends up as "
        "caption_separator. Seldom needed.", group="Captions", level="advanced",
    )  # fmt: skip
    enable_wildcard: bool = option(
        False, "In captions {red|blue} takes one of its words each time, and a caption file with several lines gives "
        "one of them.", group="Captions", level="advanced",
    )  # fmt: skip
    caption_prefix: Text = option(
        None, "Words put before every caption, such as a trigger word that the captions lack.", group="Captions",
    )  # fmt: skip
    caption_suffix: Text = option(
        None, "Words put after every caption, such as the style that all pictures share.", group="Captions",
        level="advanced",
    )  # fmt: skip
    caption_dropout_rate: float = option(
        0.0, "Share of the samples trained with an empty caption, so that the model also learns without words. 0.05 to "
        "0.1 is usual; 0: none.", ge=0.0, le=1.0, group="Captions", level="advanced",
    )  # fmt: skip
    caption_dropout_every_n_epochs: int = option(
        0, "Every N-th epoch is trained with empty captions; 0: none. Seldom used: caption_dropout_rate spreads them "
        "evenly.", ge=0, unit="epochs", group="Captions", level="expert",
    )  # fmt: skip
    caption_tag_dropout_rate: float = option(
        0.0, "Share of the tags left out each time, so that none is learned by heart; kept tags are safe. At most 0.1 "
        "is usual; 0: none.", ge=0.0, le=1.0, group="Captions", level="advanced",
    )  # fmt: skip
    token_warmup_min: int = option(
        1, "Tag warm-up: how many tags a caption has at the first step; more join until token_warmup_step. 1 is usual.",
        ge=0, le=1000, unit="tags", group="Captions", level="expert",
    )  # fmt: skip
    token_warmup_step: float = option(
        0.0, "Tag warm-up: the tags of a caption join one by one until this step; below 1 a share of all steps. "
        "Usually 0: off.", ge=0.0, group="Captions", level="expert",
    )  # fmt: skip
    flip_aug: bool = option(
        False, "Mirror pictures left to right by chance: more variety from few pictures. Not for faces with a parting "
        "or a mole, nor for writing.", group="Augmentation",
    )  # fmt: skip
    color_aug: bool = option(
        False, "Vary the colours of the pictures slightly; seldom useful. Needs cache_latents = false, which is "
        "slower.", group="Augmentation", level="advanced",
    )  # fmt: skip
    random_crop: bool = option(
        False, "Cut pictures at a random place, not in the middle, to fit their bucket. Needs cache_latents = false, "
        "which is slower.", group="Augmentation", level="advanced",
    )  # fmt: skip
    resize_interpolation: AnyInterpolation = option(
        None, "How pictures are resized; seldom worth a change. Empty: area to shrink, lanczos to enlarge.",
        group="Augmentation", level="expert",
    )  # fmt: skip
    alpha_mask: bool = option(
        False, "The picture's own transparency is its mask: transparent parts are not learned. Needs masked_loss = "
        "true.", group="Masks", level="advanced",
    )  # fmt: skip
    mask_dir: Text = option(
        None, "Folder with a mask of the same name for each picture: white counts, black does not. Needs masked_loss = "
        "true.", group="Masks", level="advanced", path="folder", kohya="conditioning_data_dir",
    )  # fmt: skip
    mask_suffix: Text = option(
        None, "Masks lie among the pictures, named like theirs with this ending: _att for cat_att.png. They are not "
        "trained. Needs masked_loss = true.", group="Masks", level="advanced",
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

    image_dir: str = option(
        ..., "Folder with the pictures of this concept and their caption files.", group="Folders", path="folder",
    )  # fmt: skip
    metadata_file: Text = option(
        None, "A metadata file of kohya's (.json, .jsonl) with the captions of these pictures; those it does not name "
        "are left out. Empty: caption files.", group="Folders", level="advanced", path="file",
        kohya="metadata_file / in_json",
    )  # fmt: skip
    num_repeats: int | None = option(
        None, "How often each picture is seen per epoch; 5 to 20 is usual for few pictures. Empty: the number the "
        "folder's name begins with, or 1.", ge=1, le=10_000, group="Folders",
        differs="kohya gives the name no meaning here.",
    )  # fmt: skip
    class_tokens: Text = option(
        None, "Caption of pictures without one: trigger word and class, such as sks cat. Empty: the words after the "
        "number in the folder's name.", group="Folders", differs="kohya gives the name no meaning here.",
    )  # fmt: skip
    is_reg: bool = option(
        False, "These are regularisation pictures: they show the class in general, so that it is not forgotten. "
        "Usually off.", group="Folders",
    )  # fmt: skip
    loss_weight: float = option(
        1.0, "How much the pictures of this folder count in the loss. 1 is usual; 0.5: half.", ge=0.0, le=100.0,
        group="Folders", level="advanced",
    )  # fmt: skip


class DataOptions(SubsetSettings):
    """Pictures, captions, and how they reach the model."""

    title: ClassVar[str] = "Data"

    train_data_dir: Text = option(
        None, "Parent of folders named like 10_sks cat: 10 repeats, class words sks cat. Choose the parent, not a "
        "folder inside it.", group="Folders", path="folder",
    )  # fmt: skip
    reg_data_dir: Text = option(
        None, "Parent of folders like 1_cat with regularisation pictures: the class in general, so that it is not "
        "forgotten. Optional.", group="Folders", path="folder",
    )  # fmt: skip
    subsets: tuple[SubsetOptions, ...] = option(
        (), "Single folders with options of their own.", group="Folders", level="advanced",
    )  # fmt: skip
    prior_loss_weight: float = option(
        1.0, "How much regularisation pictures count in the loss. 1 is usual; 0: not at all.", ge=0.0, le=100.0,
        group="Folders", level="advanced",
    )  # fmt: skip
    num_class_images: int = option(
        0, "Regularisation pictures each class should have; what is missing, the base model draws into reg_data_dir "
        "before the training. 100 to 200 is usual; 0: none.", ge=0, le=100_000, group="Folders",
        level="advanced",
    )  # fmt: skip
    class_prompts: tuple[str, ...] = option(
        (), "Prompts of the pictures that num_class_images draws, one a class, such as: a photo of a cat. Empty: the "
        "folders' words after the trigger word.", group="Folders", level="advanced",
    )  # fmt: skip
    balance_concepts: Literal["repeats", "samples"] = option(
        "repeats", "How often each folder is seen: repeats: as its name says; samples: all folders equally often, "
        "however many pictures they hold.", group="Folders", level="advanced",
    )  # fmt: skip
    resolution: Resolution = option(
        None, "Training size in pixels: one number or [width, height]. Usually 512 for SD 1.5, 768 for SD 2.1, 1024 "
        "for SDXL. Empty: the model's own.", unit="px", group="Buckets",
    )  # fmt: skip
    enable_bucket: bool = option(
        True, "Train pictures in their own aspect ratio, in batches of equal size. Usually on; off: all are cropped to "
        "one size.", group="Buckets",
        differs="off in sd-scripts, which then stops at the first picture of another size.",
    )  # fmt: skip
    min_bucket_reso: int | None = option(
        None, "No side of a bucket is shorter than this. Empty: 256, or half the resolution where that is less.",
        ge=SHORTEST, le=LONGEST, unit="px", group="Buckets", level="advanced",
    )  # fmt: skip
    max_bucket_reso: int = option(
        2048, "No side of a bucket is longer than this; very wide or tall pictures are cropped. 2048 suits every "
        "model.", ge=SHORTEST, le=LONGEST, unit="px", group="Buckets", level="advanced",
        differs="1024 in sd-scripts, which leaves SDXL only its square; 2048 in kohya_ss.",
    )  # fmt: skip
    bucket_reso_steps: int | None = option(
        None, "The sides of buckets are multiples of this. 64 suits every model. Empty: the model's own step.",
        ge=SHORTEST, le=1024, unit="px", group="Buckets", level="advanced", differs="64 in sd-scripts.",
    )  # fmt: skip
    bucket_no_upscale: bool = option(
        True, "Never enlarge a picture: small ones train at their own size instead of getting blurred. Usually on.",
        group="Buckets", level="advanced",
        differs="off in sd-scripts, on in kohya_ss; enlarged pictures teach the model to blur. min_bucket_reso and "
        "max_bucket_reso still hold.",
    )  # fmt: skip
    weighted_captions: bool = option(
        False, "Read (word:1.3), ((word)) and [word] in captions as weights, as webui does in prompts. Usually off.",
        group="Captions", level="advanced",
    )  # fmt: skip
    masked_loss: bool = option(
        False, "Only the part of a picture that its mask shows counts in the loss. The masks come from mask_dir, "
        "mask_suffix or alpha_mask.", group="Masks", level="advanced",
    )  # fmt: skip
    cache_latents: bool = option(
        True, "Encode each picture once and keep the result on disk, outside your folders: much faster. Off only for "
        "color_aug or random_crop.", group="Cache", kohya="cache_latents / cache_latents_to_disk",
        differs="off in kohya, which writes into the picture folders.",
    )  # fmt: skip
    cache_text_encoder_outputs: bool | Literal["auto"] = option(
        "auto", "Encode each caption only once, which is faster. auto: where the text encoders are frozen and captions "
        "do not vary.", group="Cache", level="advanced",
        kohya="cache_text_encoder_outputs / cache_text_encoder_outputs_to_disk", differs="off in kohya.",
    )  # fmt: skip
    cache_dir: Text = option(
        None, "Folder of the cache of encoded pictures and captions. Empty: one per user, shared by all trainings.",
        group="Cache", level="expert", path="folder",
    )  # fmt: skip
    vae_batch_size: int = option(
        1, "Pictures encoded at once when the cache is filled. 1 is usual; more is faster but needs memory.", ge=1,
        le=256, group="Cache", level="advanced",
    )  # fmt: skip
    max_data_loader_n_workers: int = option(
        2, "Processes that prepare batches; 0: the training process itself. 2 is usual; the result is always the same.",
        ge=0, le=64, group="Cache", level="expert", differs="8 in kohya.",
    )  # fmt: skip
    validation_split: float = option(
        0.0, "Share of the pictures kept out of training to measure the loss on. 0.1 is usual where there are many "
        "pictures; 0: none.", ge=0.0, lt=1.0, group="Validation", level="advanced",
    )  # fmt: skip
    validation_seed: int = option(
        0, "Decides which pictures are kept out for validation; with the same seed they stay out when pictures are "
        "added.", ge=0, le=2**32 - 1, group="Validation", level="expert",
        differs="unset in kohya, where the two sets then overlap.",
    )  # fmt: skip


def settings_of(options: DataOptions, subset: SubsetOptions | None = None) -> SubsetSettings:
    """The settings of one folder: its own where given, else those of all folders."""
    values = {key: getattr(options, key) for key in SETTING_KEYS}
    if subset is not None:
        values |= {key: value for key in SETTING_KEYS if (value := getattr(subset, key)) is not None}
    return SubsetSettings(**values)
