"""From a file or folder to a Backbone: detect, check every name and shape, then hand out parts that load themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from kohya_like.families.backbone import Backbone
from kohya_like.families.base import ModelFamily
from kohya_like.families.components import check_names, fill, refuse_channels, skeleton
from kohya_like.families.detection import base_model_facts, detect, existing, settled_family, settled_prediction
from kohya_like.families.sources import FolderSource, PartTensors, SingleFileSource, Source, vae_source
from kohya_like.schema.errors import FormatError

__all__ = ["detect", "load_backbone"]


def load_backbone(
    path: Path,
    family: ModelFamily | str = "auto",
    *,
    prediction_type: str = "auto",
    vae: Path | None = None,
    config_folder: Path | None = None,
    clip_skip: int | None = None,
    dtype: torch.dtype = torch.float32,
    vae_dtype: torch.dtype = torch.float32,
    device: str | torch.device = "cpu",
) -> Backbone:
    """Open a base model. All names and shapes are checked now; each part is read when it is first used.

    Args:
        path: a .safetensors or .ckpt file, or a diffusers folder.
        family: one of the families, its name, or "auto".
        prediction_type: "epsilon", "v_prediction" or "auto".
        vae: another VAE: a file, or a folder.
        config_folder: component configs of a single file of unusual size.
        dtype: of UNet and text encoders; tensors of another type are cast as they are read.

    Raises:
        FormatError: a file that is missing, broken, foreign, or of another family.
        UserError: family or prediction type that the file does not tell.
    """
    path = existing(path)
    facts = base_model_facts(path)
    chosen = settled_family(path, facts.family, family if isinstance(family, str) else family.name)
    prediction = settled_prediction(path, facts.prediction_type, prediction_type, chosen)
    sources = _sources(path, vae, chosen, existing(config_folder) if config_folder else chosen.config_folder)
    loaders: dict[str, nn.Module | Callable[[], nn.Module]] = {
        part: _PartLoader(part, origin, vae_dtype if part == "vae" else dtype, device)
        for part, origin in sources.items()
    }
    return Backbone(
        chosen,
        loaders,
        prediction,
        dtype=dtype,
        vae_dtype=vae_dtype,
        clip_skip=clip_skip,
        latent_scale=_latent_scale(sources["vae"], chosen),
        device=device,
    )


def _sources(path: Path, vae: Path | None, family: ModelFamily, configs: Path) -> dict[str, Source]:
    """Where each part lies."""
    source: Source = FolderSource(path) if path.is_dir() else SingleFileSource(path, family.name, configs)
    sources = dict.fromkeys((*family.parts, "vae"), source)
    if vae is not None:
        sources["vae"] = vae_source(existing(vae), family.name, configs)
    return sources


def _latent_scale(source: Source, family: ModelFamily) -> float:
    """The VAE's own word for it, known before the VAE is read."""
    config, where = source.config("vae")
    scale = config.get("scaling_factor", family.latent_scale)
    if isinstance(scale, int | float) and 1e-3 < scale < 1e3:
        return float(scale)
    raise FormatError(f"{where}: scaling_factor is {scale!r}, not a number such as {family.latent_scale}.")


class _PartLoader:
    """Reads a part when it is called. That this will work is checked at once."""

    def __init__(self, part: str, source: Source, dtype: torch.dtype, device: str | torch.device) -> None:
        self._part, self._source, self._dtype, self._device = part, source, dtype, device
        self._spare: nn.Module | None = self._skeleton()
        with source.open(part) as tensors:
            self._check(self._spare, tensors)

    def __call__(self) -> nn.Module:
        module, self._spare = self._spare or self._skeleton(), None
        with self._source.open(self._part) as tensors:
            self._check(module, tensors)  # the file may be another one by now
            return fill(module, lambda name: tensors.read(name, self._dtype, self._device))

    def _skeleton(self) -> nn.Module:
        config, where = self._source.config(self._part)
        return skeleton(self._part, config, where)

    def _check(self, module: nn.Module, tensors: PartTensors) -> None:
        entrance = tensors.shapes.get("conv_in.weight", ())
        if self._part == "unet" and len(entrance) == 4:
            refuse_channels(entrance[1], tensors.where)
        check_names(module, tensors.shapes, tensors.where, tensors.hint)
