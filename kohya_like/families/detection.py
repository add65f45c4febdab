"""Which family a base model is of and what its UNet predicts: from its header, before anything is loaded, no torch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kohya_like.families.base import PREDICTION_TYPES, ModelFamily, PredictionType
from kohya_like.families.base import family as family_named
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
    facts = base_model_facts(existing(path))
    if facts.family and not facts.prediction_type:
        return facts.family, family_named(facts.family).default_prediction_type
    return facts.family, facts.prediction_type


def base_model_facts(path: Path, identify: Callable[[Path], FileFacts] = identify) -> FileFacts:
    """What a base model's file tells. Raises FormatError: missing, broken, or no model that can be trained here."""
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


def existing(path: Path) -> Path:
    """The path, if it is there. Raises FormatError; of what looks like a hub name it says how to download it."""
    path = Path(path).expanduser()
    if path.exists():
        return path
    hub_name = len(path.parts) == 2 and not path.is_absolute() and not path.suffix
    raise FormatError(
        f"{path}: no such file or folder.",
        hint=f"A name on the hub? `python -m kohya_like fetch {path.as_posix()}` downloads it." if hub_name else "",
    )


def settled_family(path: Path, found: str, given: str) -> ModelFamily:
    """The family, by what the file tells and what was said. Raises UserError or FormatError where that is no answer."""
    if given == "auto":
        if not found:
            raise UserError(f"{path}: the file does not tell its family.", hint="Set model.family to sd1, sd2 or sdxl.")
        return family_named(found)
    if found and found != given:
        raise FormatError(
            f"{path}: this is a {family_named(found).label} model, model.family says {family_named(given).label}.",
            hint=f'Set model.family to "{found}" or "auto", or choose another model.base.',
        )
    return family_named(given)


def settled_prediction(path: Path, found: str, given: str, family: ModelFamily) -> PredictionType:
    """What the UNet predicts, likewise. Raises UserError where neither file nor options tell."""
    wanted = found or family.default_prediction_type if given == "auto" else given
    for known in PREDICTION_TYPES:
        if wanted == known:
            return known
    raise UserError(
        f"{path}: a {family.label} file does not tell whether its UNet predicts noise or v.",
        hint="Set model.prediction_type: v_prediction for the 768 px models, epsilon for the 512 px base models.",
    )
