"""`generate`: a base model, any number of networks, some prompts, some pictures."""

from __future__ import annotations

import argparse
import math
import os
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor

from kohya_like.conditioning import Conditioner
from kohya_like.console import say
from kohya_like.data.prompts import TokenChunks, tokenize
from kohya_like.data.tokens import clip_tokenizer
from kohya_like.device import DTYPES, chosen_device
from kohya_like.families.backbone import Backbone
from kohya_like.families.loading import load_backbone
from kohya_like.networks.network import Network
from kohya_like.networks.reading import prediction_warning
from kohya_like.objective.schedule import NoiseSchedule
from kohya_like.prompt_file import SamplePrompt
from kohya_like.sampling import Painter, save_png
from kohya_like.schema.errors import UserError


def generate_pictures(arguments: argparse.Namespace) -> list[Path]:
    """Draw what the command line asks for. Raises UserError; a picture that exists is not replaced unasked."""
    paths = output_paths(arguments.out, len(arguments.prompt), arguments.force)
    networks = [split_weight(text) for text in arguments.network]
    for file, _ in networks:
        if not file.is_file():
            raise UserError(f"{file}: there is no such network file")
    device = chosen_device(arguments.device)
    backbone = load_backbone(
        arguments.model,
        "auto",
        dtype=DTYPES[arguments.dtype],
        vae_dtype=torch.float32,
        device=device,
        prediction_type=arguments.prediction_type,
        config_folder=arguments.config_folder,
        clip_skip=arguments.clip_skip,
    )
    for file, weight in networks:
        attach_network(backbone, file, weight)
        if warning := prediction_warning(file, backbone.prediction_type):
            say(f"warning: {warning}", error=True)
    width, height = picture_size(arguments.size, backbone.family.resolution(backbone.prediction_type))
    prompts = [
        SamplePrompt(
            text, arguments.negative, width, height, (arguments.seed + i) % 2**32, arguments.cfg, arguments.steps,
            arguments.sampler,
        )
        for i, text in enumerate(arguments.prompt)
    ]  # fmt: skip
    alphas = NoiseSchedule.scaled_linear(arguments.zero_terminal_snr).alphas_cumprod
    painter = Painter(backbone, Conditioner(backbone, plain_tokens, trained=False).encode, alphas)
    for i, image in painter.draw(prompts):
        save_png(paths[i], image)
    return paths


def plain_tokens(text: str) -> TokenChunks:
    return tokenize(text, clip_tokenizer(), 75, weighted=True)


def schedule_of(backbone: Backbone) -> Tensor:
    return NoiseSchedule.scaled_linear().alphas_cumprod


def attach_network(backbone: Backbone, file: Path, weight: float) -> Network:
    """The network of a file, at work in the model. Raises FormatError where it does not fit."""
    network = Network.from_file(file, backbone.parts(), backbone.family.name)
    network.eval()
    network.set_multiplier(weight)
    network.attach()
    return network


def split_weight(text: str) -> tuple[Path, float]:
    """FILE or FILE:WEIGHT; a file name may hold colons of its own."""
    head, colon, tail = text.rpartition(":")
    if colon:
        with suppress(ValueError):
            if math.isfinite(weight := float(tail)):
                return Path(head), weight
    return Path(text), 1.0


def output_paths(out: Path, count: int, force: bool) -> list[Path]:
    if count == 1 and out.suffix.lower() == ".png":
        paths = [out]
    elif out.suffix.lower() == ".png":
        paths = [out.with_name(f"{out.stem}-{i + 1:02d}.png") for i in range(count)]
    else:
        paths = [out / f"picture-{i + 1:02d}.png" for i in range(count)]
    existing = [str(path) for path in paths if path.exists()]
    if existing and not force:
        raise UserError(f"{', '.join(existing)} would be replaced", "choose another --out, or add --force")
    there = next(folder for folder in paths[0].absolute().parents if folder.exists())
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        raise UserError(f"{there}: no picture can be written there", "choose another --out")
    return paths


def picture_size(text: str, resolution: int) -> tuple[int, int]:
    """512 or 512x768 -> (width, height), multiples of 8."""
    parts = text.lower().split("x") if text else [str(resolution)]
    try:
        sizes = [int(part) for part in parts]
    except ValueError:
        sizes = []
    if len(sizes) not in (1, 2) or any(size % 8 or not 8 <= size <= 8192 for size in sizes):
        raise UserError(f"--size {text}: expects 512 or 512x768, each a multiple of 8 from 8 to 8192")
    return sizes[0], sizes[-1]
