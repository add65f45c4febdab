"""Which family a base model belongs to and what its UNet predicts, from its header: before anything is loaded, no torch."""

from __future__ import annotations

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
