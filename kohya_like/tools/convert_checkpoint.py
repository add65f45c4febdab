"""A base model in another layout: one file as the original code writes it, or a diffusers folder; or as it is.

What diffusers cannot hold (buffers, the EMA copy, SD2's last text block) comes from `like`, the file it once was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from kohya_like.families.base import family as family_named
from kohya_like.formats.atomic import atomic_folder, atomic_text
from kohya_like.formats.ldm import TEXT_PREFIXES, Piece, ldm_parts, to_ldm
from kohya_like.formats.tensors import Deferred, open_tensors, save_safetensors
from kohya_like.schema.errors import FormatError, UserError
from kohya_like.tools.folder import copy_settings
from kohya_like.tools.model_file import ModelFile
from kohya_like.tools.output import cast

STEMS = {"unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model"}
MADE_UP = ("ones", "scalar")


@dataclass(frozen=True)
class _Made:
    """One tensor, read, changed and cast when it is written."""

    make: Callable[[], Tensor]
    dtype: torch.dtype
    name: str

    def __call__(self) -> Tensor:
        return cast(self.make(), self.dtype, self.name)


def deferred(name: str, shape: tuple[int, ...], stored: torch.dtype, dtype: torch.dtype | None,
             make: Callable[[], Tensor]) -> Deferred:  # fmt: skip
    wanted = dtype if dtype and stored.is_floating_point else stored
    return Deferred(shape, wanted, _Made(make, wanted, name))


def to_safetensors(path: Path, out: Path, dtype: torch.dtype | None, force: bool) -> int:
    """The same names in a .safetensors file; what a pickle holds beside tensors stays behind."""
    with open_tensors(path) as file:
        tensors = {
            name: deferred(name, file.shape(name), file.dtype(name), dtype, lambda name=name: file.read(name))  # type: ignore[misc]
            for name in file
        }
        save_safetensors(out, tensors, {**file.metadata}, overwrite=force)
        return len(tensors)


def to_single_file(model: ModelFile, out: Path, like: Path | None, dtype: torch.dtype | None, force: bool) -> int:
    """A diffusers folder as one file. With `like` it gets that file's names and whatever only that file has."""
    pieces = {name: (part, piece) for part in model.held for name, piece in _pieces(model, part).items()}
    if like is None:
        tensors = {name: _assembled(model, name, *found, dtype) for name, found in pieces.items()}
        save_safetensors(out, tensors, {"modelspec.architecture": _architecture(model)}, overwrite=force)
        return len(tensors)
    with open_tensors(like) as original:
        spelt = _spellings(original.keys(), model.family)
        tensors = {}
        for name in original:
            if (found := pieces.get(spelt.get(name, ""))) and not _is_made_up(found[1], spelt[name], model.family):
                tensors[name] = _assembled(model, name, *found, dtype)
                if tuple(tensors[name].shape) != tuple(original.shape(name)):
                    raise FormatError(f"{like}: is of another size: {name} has shape {original.shape(name)}")
            else:
                tensors[name] = deferred(
                    name, original.shape(name), original.dtype(name), dtype, lambda name=name: original.read(name)  # type: ignore[misc]
                )  # fmt: skip
        missing = [
            name for name, (_, piece) in pieces.items() if name not in spelt.values() and piece.how not in MADE_UP
        ]
        if missing:
            raise FormatError(f"{like}: has no {missing[0]}; it is not the file that this folder was made from")
        save_safetensors(out, tensors, {**original.metadata}, overwrite=force)
        return len(tensors)


def _pieces(model: ModelFile, part: str) -> dict[str, Piece]:
    return to_ldm(part, model.family, model.held[part])


def _assembled(model: ModelFile, name: str, part: str, piece: Piece, dtype: torch.dtype | None) -> Deferred:
    held = model.held[part]
    first = held[piece.sources[0]]
    stored = model.files[first.file].dtype(first.piece.sources[0])

    def make() -> Tensor:
        return piece.tensor(lambda source: model.tensor(part, source).clone())

    return deferred(name, piece.shape(lambda source: model.shape(held[source])), stored, dtype, make)


def _spellings(names: list[str], family: str) -> dict[str, str]:
    """An original file's own names -> the names `to_ldm` gives: old files lack `text_model.`"""
    prefixes = {part: prefix for (of, part), prefix in TEXT_PREFIXES.items() if of == family}
    prefixes |= {"unet": "model.diffusion_model.", "vae": "first_stage_model."}
    found = {}
    for part, held in ldm_parts(names).items():
        for short, name in held.items():
            found[name] = prefixes.get(part, "") + ("text_projection" if short == "text_projection.weight" else short)
    return found


def _is_made_up(piece: Piece, name: str, family: str) -> bool:
    """Whether diffusers does not hold this: a filler, or SD2's block 23, a copy of the one before it."""
    return piece.how in MADE_UP or (family == "sd2" and ".resblocks.23." in name)


def _architecture(model: ModelFile) -> str:
    family = family_named(model.family)
    return family.modelspec_architecture(model.prediction_type or family.default_prediction_type or "epsilon")


def to_folder(model: ModelFile, out: Path, like: Path | None, dtype: torch.dtype | None) -> int:
    """A diffusers folder. Configs, scheduler and tokenizers are those of the folder `like`, or of the public model."""
    family = family_named(model.family)
    settings = like or family.config_folder
    if not (settings / "unet" / "config.json").is_file():
        raise UserError(f"{settings}: is no diffusers folder", "give one of the same family with --like")
    missing = [part for part in (*family.parts, "vae") if part not in model.held]
    if missing:
        raise FormatError(f"{model.path}: holds no {', '.join(missing)}")
    count = 0
    with atomic_folder(out) as temporary:
        copy_settings(settings, temporary, model.held)
        if not (temporary / "model_index.json").exists():
            atomic_text(temporary / "model_index.json", model_index(model.family))
        for part, held in model.held.items():
            tensors = {name: _assembled(model, name, part, Piece((name,)), dtype) for name in held}
            (temporary / part).mkdir(exist_ok=True)
            save_safetensors(temporary / part / f"{STEMS.get(part, 'model')}.safetensors", tensors, {"format": "pt"})
            count += len(tensors)
    return count


def model_index(family: str) -> str:
    """The list of classes that diffusers reads first."""
    xl = family == "sdxl"
    classes: dict[str, list[str | None]] = {
        "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"],
        "scheduler": ["diffusers", "DDIMScheduler"], "text_encoder": ["transformers", "CLIPTextModel"],
        "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
        "tokenizer": ["transformers", "CLIPTokenizer"], "tokenizer_2": ["transformers", "CLIPTokenizer"],
    }  # fmt: skip
    found: Mapping[str, object] = {name: kind for name, kind in classes.items() if xl or not name.endswith("_2")}
    extra = {} if xl else {"safety_checker": [None, None], "feature_extractor": [None, None]}
    name = "StableDiffusionXLPipeline" if xl else "StableDiffusionPipeline"
    return json.dumps({"_class_name": name, **found, **extra}, indent=2, sort_keys=True)
