"""From a file or folder to a Backbone: detect, check every name and shape, then hand out parts that load themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from kohya_like.families.backbone import Backbone
from kohya_like.families.base import PREDICTION_TYPES, ModelFamily, PredictionType
from kohya_like.families.base import family as family_named
from kohya_like.families.components import check_names, fill, refuse_channels, skeleton
from kohya_like.families.sources import FolderSource, PartTensors, SingleFileSource, Source, vae_source
from kohya_like.formats.headers import FileFacts, identify
from kohya_like.schema.errors import FormatError, UserError

KINDS = {
    "lora": "a LoRA",
    "lycoris": "a LyCORIS network",
    "vae": "a VAE",
    "textual-inversion": "a textual inversion embedding",
    "hypernetwork": "a hypernetwork",
    "aesthetic": "an aesthetic embedding",
    "unet": "a UNet without its text encoder and VAE",
    "text-encoder": "a text encoder",
}
VARIANTS = {
    "inpainting": "an inpainting model",
    "instruct-pix2pix": "an image-editing model (InstructPix2Pix)",
    "depth": "a depth model",
    "unclip": "an unCLIP model",
    "sdxl-refiner": "the SDXL refiner",
    "sd3": "Stable Diffusion 3",
    "flux": "FLUX",
    "transformer": "a model with a transformer in place of the UNet",
}
SUPPORTED = "Supported are ordinary models of Stable Diffusion 1.x, 2.x and XL."


def detect(path: Path) -> tuple[str, str]:
    """Family and prediction type of a base model; "" for what it does not tell.

    Raises:
        FormatError: missing, broken, or no base model that can be trained here.
    """
    facts = _base_model_facts(_existing(path))
    if facts.family and not facts.prediction_type:
        return facts.family, family_named(facts.family).default_prediction_type
    return facts.family, facts.prediction_type


def _base_model_facts(path: Path) -> FileFacts:
    facts = identify(path)
    variant = str(facts.details.get("variant", ""))
    if facts.kind in KINDS:
        raise FormatError(
            f"{path}: this is {KINDS[facts.kind]}, not a base model.",
            hint="Set model.base to the Stable Diffusion model it belongs to.",
        )
    if variant in VARIANTS:
        raise FormatError(f"{path}: this is {VARIANTS[variant]}, which cannot be trained here.", hint=SUPPORTED)
    if facts.kind != "checkpoint":
        raise FormatError(f"{path}: this is no Stable Diffusion model.", hint=SUPPORTED)
    return facts


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
    path = _existing(path)
    facts = _base_model_facts(path)
    chosen = _settled_family(path, facts.family, family)
    prediction = _settled_prediction(path, facts.prediction_type, prediction_type, chosen)
    configs = _existing(config_folder) if config_folder else chosen.config_folder
    source: Source = FolderSource(path) if path.is_dir() else SingleFileSource(path, chosen.name, configs)
    sources = dict.fromkeys((*chosen.parts, "vae"), source)
    if vae is not None:
        sources["vae"] = vae_source(_existing(vae), chosen.name, configs)
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


def _existing(path: Path) -> Path:
    path = Path(path).expanduser()
    if path.exists():
        return path
    hub_name = len(path.parts) == 2 and not path.is_absolute() and not path.suffix
    raise FormatError(
        f"{path}: no such file or folder.",
        hint=f"Is it a name on the hub? `python -m kohya_like fetch {path.as_posix()}` downloads it."
        if hub_name
        else "",
    )


def _settled_family(path: Path, found: str, given: ModelFamily | str) -> ModelFamily:
    name = given if isinstance(given, str) else given.name
    if name == "auto":
        if not found:
            raise UserError(f"{path}: the file does not tell its family.", hint="Set model.family to sd1, sd2 or sdxl.")
        return family_named(found)
    if found and found != name:
        raise FormatError(
            f"{path}: this is a {family_named(found).label} model, model.family says {family_named(name).label}.",
            hint=f'Set model.family to "{found}" or "auto", or choose another model.base.',
        )
    return family_named(name)


def _settled_prediction(path: Path, found: str, given: str, family: ModelFamily) -> PredictionType:
    wanted = found or family.default_prediction_type if given == "auto" else given
    for known in PREDICTION_TYPES:
        if wanted == known:
            return known
    raise UserError(
        f"{path}: a {family.label} file does not tell whether its UNet predicts noise or v.",
        hint="Set model.prediction_type: v_prediction for the 768 px models, epsilon for the 512 px base models.",
    )
