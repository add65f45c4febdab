"""What a network file says about its making: kohya's `ss_*`, the ModelSpec standard's `modelspec.*`, hashes `sshs_*`.

Other programs read these words (A1111 the family from `ss_base_model_version` and the words from `ss_tag_frequency`,
ComfyUI `modelspec.*`), so keys and their spelling follow sd-scripts and
https://github.com/Stability-AI/ModelSpec. All values are texts: `None` is "None", `True` is "True", nested ones JSON.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kohya_like.formats.opening import open_regular

if TYPE_CHECKING:
    from torch import Tensor

    from kohya_like.formats.tensors import Deferred

# sd-scripts, train_network.py; dataset keys of its classic mode, `datasets` of its dataset_config mode
TRAINING_KEYS = frozenset(
    """session_id training_started_at training_finished_at output_name learning_rate text_encoder_lr unet_lr
    num_train_images num_validation_images num_reg_images num_batches_per_epoch num_epochs gradient_checkpointing
    gradient_accumulation_steps max_train_steps lr_warmup_steps lr_scheduler network_module network_dim network_alpha
    network_dropout network_args mixed_precision full_fp16 lowram fp8_base fp8_base_unet v2 base_model_version
    clip_skip max_token_length cache_latents seed noise_offset noise_offset_random_strength adaptive_noise_scale
    multires_noise_iterations multires_noise_discount ip_noise_gamma ip_noise_gamma_random_strength
    zero_terminal_snr min_snr_gamma debiased_estimation loss_type huber_schedule huber_scale huber_c optimizer
    max_grad_norm caption_dropout_rate caption_dropout_every_n_epochs caption_tag_dropout_rate face_crop_aug_range
    prior_loss_weight scale_weight_norms resize_interpolation validation_seed validation_split max_validation_steps
    validate_every_n_epochs validate_every_n_steps training_comment sd_scripts_commit_hash sd_model_name sd_model_hash
    new_sd_model_hash vae_name vae_hash new_vae_hash steps epoch batch_size_per_device total_batch_size resolution
    color_aug flip_aug random_crop shuffle_caption enable_bucket bucket_no_upscale min_bucket_reso max_bucket_reso
    keep_tokens dataset_dirs reg_dataset_dirs tag_frequency bucket_info datasets""".split()  # noqa: SIM905
)
MINIMUM_KEYS = ("v2", "base_model_version", "network_module", "network_dim", "network_alpha", "network_args")

_HASH_WINDOW = slice(0x100000, 0x110000)
_STABILITY = "https://github.com/Stability-AI/generative-models"
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class DatasetFolder:
    """A concept's folder as the metadata tells of it: its name, repeats, number of images, and all its captions."""

    name: str
    repeats: int
    images: int
    captions: Sequence[str] = ()
    is_reg: bool = False


@dataclass(frozen=True)
class ModelSpec:
    """The fields of ModelSpec 1.0.1. `architecture` is the family's ("stable-diffusion-v1"); empty texts are left out.

    `timestamp` in seconds since 1970; `resolution` as (width, height); `timestep_range` only where it was limited.
    """

    architecture: str
    resolution: tuple[int, int]
    prediction_type: Literal["epsilon", "v_prediction"]
    timestamp: float
    adapter: Literal["", "lora", "textual-inversion"] = ""
    title: str = ""
    timestep_range: tuple[int, int] | None = None
    clip_skip: int | None = None
    author: str = ""
    description: str = ""
    license: str = ""
    tags: str = ""
    usage_hint: str = ""
    trigger_phrase: str = ""


def training_metadata(values: Mapping[str, object]) -> dict[str, str]:
    """kohya's `ss_*` texts from values named as in sd-scripts, without the prefix (`network_dim=8`).

    Raises:
        ValueError: a name sd-scripts does not have (a misspelt one would be lost in silence).
    """
    unknown = sorted(values.keys() - TRAINING_KEYS)
    if unknown:
        raise ValueError(f"no such training metadata: {', '.join(unknown)}")
    return {f"ss_{key}": as_text(value) for key, value in values.items()}


def minimum_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    """What stays with `no_metadata`: the keys without which other programs cannot use the file."""
    kept = {f"ss_{key}" for key in MINIMUM_KEYS}
    return {key: value for key, value in metadata.items() if key in kept}


def dataset_metadata(
    folders: Iterable[DatasetFolder], buckets: Mapping[tuple[int, int], int] | None, aspect_error: float
) -> dict[str, object]:
    """Values for `training_metadata` about the dataset.

    Args:
        folders: all concepts. Tags are counted once per image, lower-cased; a name met again gets " (2)".
        buckets: images with repeats by (width, height), in bucket order; None without buckets.
        aspect_error: mean difference of an image's aspect ratio to its bucket's.
    """
    dirs: dict[bool, dict[str, object]] = {False: {}, True: {}}
    tags: dict[str, dict[str, int]] = {}
    for folder in folders:
        name = _unused(folder.name, dirs[folder.is_reg])
        dirs[folder.is_reg][name] = {"n_repeats": folder.repeats, "img_count": folder.images}
        counts = Counter(
            tag.strip().lower() for caption in folder.captions for tag in caption.split(",") if tag.strip()
        )
        if counts:
            tags[_unused(folder.name, tags)] = dict(counts)
    info: object = "null"
    if buckets is not None:
        filled = [(size, count) for size, count in buckets.items() if count]
        info = {
            "buckets": {str(i): {"resolution": list(size), "count": count} for i, (size, count) in enumerate(filled)},
            "mean_img_ar_error": aspect_error,
        }
    return {"dataset_dirs": dirs[False], "reg_dataset_dirs": dirs[True], "tag_frequency": tags, "bucket_info": info}


def base_model_metadata(path: Path, prefix: Literal["sd_model", "vae"] = "sd_model") -> dict[str, object]:
    """Values for `training_metadata` about the base model: its name, A1111's old hash, and sha256 of a single file.

    Reads the whole file. Raises FormatError if it cannot.
    """
    named: dict[str, object] = {f"{prefix}_name": path.name}
    if path.is_dir():
        return named | {f"{prefix}_hash": "IsADirectory"}  # sd-scripts' word
    whole = hashlib.sha256()
    with open_regular(path) as file:
        while chunk := file.read(_CHUNK_BYTES):
            whole.update(chunk)
    return named | {f"{prefix}_hash": old_model_hash(path), f"new_{prefix}_hash": whole.hexdigest()}


def modelspec(spec: ModelSpec) -> dict[str, str]:
    """The `modelspec.*` texts."""
    kind = {"": "Checkpoint", "lora": "LoRA", "textual-inversion": "TextualInversion"}[spec.adapter]
    # SD1 and SD2 LoRA bear diffusers' layer names, everything else the original code's
    diffusers_names = spec.adapter == "lora" and not spec.architecture.startswith("stable-diffusion-xl")
    fields: dict[str, object] = {
        "sai_model_spec": "1.0.1",
        "architecture": f"{spec.architecture}/{spec.adapter}" if spec.adapter else spec.architecture,
        "implementation": "diffusers" if diffusers_names else _STABILITY,
        "title": spec.title or f"{kind}@{spec.timestamp}",
        "resolution": f"{spec.resolution[0]}x{spec.resolution[1]}",
        "date": datetime.fromtimestamp(int(spec.timestamp)).isoformat(),
        "prediction_type": "v" if spec.prediction_type == "v_prediction" else "epsilon",
        "timestep_range": f"{spec.timestep_range[0]},{spec.timestep_range[1]}" if spec.timestep_range else "",
        "encoder_layer": spec.clip_skip or "",
        "author": spec.author,
        "description": spec.description,
        "license": spec.license,
        "tags": spec.tags,
        "usage_hint": spec.usage_hint,
        "trigger_phrase": spec.trigger_phrase,
    }
    return {f"modelspec.{key}": str(value) for key, value in fields.items() if value != ""}


def model_hashes(tensors: Mapping[str, Tensor | Deferred], metadata: Mapping[str, str]) -> tuple[str, str]:
    """`sshs_model_hash` and `sshs_legacy_hash` of a file with these tensors, as sd-scripts computes them.

    The first is sha256 of the file's data behind the header, so metadata does not change it. The second is 8 digits
    of sha256 of the bytes from 1 MiB to 1 MiB + 64 KiB of the file with only the `ss_*` keys; of a smaller file there
    is nothing to hash, and all of them get "e3b0c442".
    """
    from kohya_like.formats.tensors import serialized

    data, window = hashlib.sha256(), hashlib.sha256()
    position = 0
    for number, piece in enumerate(serialized(tensors, {k: v for k, v in metadata.items() if k.startswith("ss_")})):
        if number:  # the first piece is the header
            data.update(piece)
        window.update(piece[max(0, _HASH_WINDOW.start - position) : max(0, _HASH_WINDOW.stop - position)])
        position += len(piece)
    return data.hexdigest(), window.hexdigest()[:8]


def with_hashes(tensors: Mapping[str, Tensor | Deferred], metadata: Mapping[str, str]) -> dict[str, str]:
    """The metadata with `sshs_model_hash` and `sshs_legacy_hash` of these tensors added."""
    model, legacy = model_hashes(tensors, metadata)
    return {**metadata, "sshs_model_hash": model, "sshs_legacy_hash": legacy}


def old_model_hash(path: Path) -> str:
    """A1111's first hash of a checkpoint: 8 digits of sha256 over 64 KiB of the file from 1 MiB on."""
    with open_regular(path) as file:
        file.seek(_HASH_WINDOW.start)
        return hashlib.sha256(file.read(_HASH_WINDOW.stop - _HASH_WINDOW.start)).hexdigest()[:8]


def as_text(value: object) -> str:
    """A metadata value in sd-scripts' spelling: JSON for what is nested, Python's `str` for the rest."""
    return json.dumps(value) if isinstance(value, (dict, list)) else str(value)


def _unused(name: str, taken: Mapping[str, object]) -> str:
    candidates = (name if number == 1 else f"{name} ({number})" for number in range(1, len(taken) + 2))
    return next(candidate for candidate in candidates if candidate not in taken)
