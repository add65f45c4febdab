"""What is shipped of the embedded model: the fp16 diffusers folder, the ghost dataset, the regularisation pictures."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from kohya_like.data.tokens import clip_tokenizer
from kohya_like.demo.pictures import SQUARE, TALL, WIDE, any_size, draw_picture, ghost
from kohya_like.families.components import build_text_encoder, build_unet, build_vae
from kohya_like.formats.tensors import open_tensors, save_safetensors

NAME = "kohya-like-tiny"
INDEX: dict[str, object] = {
    "_class_name": "StableDiffusionPipeline",
    "_diffusers_version": "0.30.0",
    "_name_or_path": NAME,
    "feature_extractor": [None, None],
    "image_encoder": [None, None],
    "requires_safety_checker": False,
    "safety_checker": [None, None],
    "scheduler": ["diffusers", "DDIMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}
SCHEDULER: dict[str, object] = {
    "_class_name": "DDIMScheduler",
    "_diffusers_version": "0.30.0",
    "prediction_type": "epsilon",
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
}


def write_tokenizer(folder: Path) -> None:
    """vocab.json and merges.txt, the files that CLIPTokenizer opens, from our own vocabulary.

    A copy of the embedded model opens in diffusers with them. They are not shipped: the vocabulary lies in
    `families/assets` already, and our own code reads it there.
    """
    tokenizer = clip_tokenizer()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps(tokenizer.ids, ensure_ascii=False), encoding="utf-8")
    merges = "\n".join(" ".join(pair) for pair in tokenizer.merges)
    (folder / "merges.txt").write_text(f"#version: 0.2\n{merges}\n", encoding="utf-8")
    config = {
        "tokenizer_class": "CLIPTokenizer",
        "bos_token": "<|startoftext|>",
        "eos_token": "<|endoftext|>",
        "unk_token": "<|endoftext|>",
        "pad_token": "<|endoftext|>",
        "model_max_length": 77,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def read_part(folder: Path, builder: Callable[[Mapping[str, object]], Any]) -> Any:
    """A component as `save_pretrained` wrote it."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    module = builder(config)
    with open_tensors(next(folder.glob("*.safetensors"))) as file:
        module.load_state_dict({name: file.get(name) for name in file})
    return module


def pack(work: Path, folder: Path) -> None:
    """The fp16 diffusers folder, with the names SD1.5's own folder has."""
    if folder.exists():
        shutil.rmtree(folder)
    for part, builder in (("vae", build_vae), ("unet", build_unet), ("text_encoder", build_text_encoder)):
        module = read_part(work / part, builder).half()
        module.save_pretrained(folder / part)
        config = json.loads((folder / part / "config.json").read_text(encoding="utf-8"))
        config.pop("_name_or_path", None)  # no path of the machine that made it
        write_json(folder / part / "config.json", config)
    restore_prefix(folder / "text_encoder" / "model.safetensors")
    write_json(folder / "scheduler" / "scheduler_config.json", SCHEDULER)
    write_json(folder / "model_index.json", INDEX)


def restore_prefix(path: Path) -> None:
    """transformers 5 leaves `text_model.` out of the names; every older program looks for it."""
    with open_tensors(path) as file:
        tensors = {name: file.get(name).clone() for name in file}
    prefixed = {n if n.startswith("text_model.") else f"text_model.{n}": tensor for n, tensor in tensors.items()}
    save_safetensors(path, prefixed, {"format": "pt"})


def write_json(path: Path, body: Mapping[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(body, indent=2) + "\n", encoding="utf-8")


def write_dataset(folder: Path, ghosts: int = 12, others: int = 64) -> None:
    """`train/10_sks ghost/` with captions, and `reg/1_picture/` for prior preservation."""
    rng = random.Random(2024)
    subject = folder / "train" / "10_sks ghost"
    prior = folder / "reg" / "1_picture"
    sizes = [SQUARE] * 8 + [WIDE] * 2 + [TALL] * 2
    for target in (subject, prior):
        target.mkdir(parents=True, exist_ok=True)
    for i in range(ghosts):
        write_pair(subject / f"ghost-{i + 1:02d}", *ghost(rng, sizes[i % len(sizes)]))
    rng = random.Random(77)
    for i in range(others):
        write_pair(prior / f"picture-{i + 1:02d}", *draw_picture(rng, any_size(rng)))


def write_pair(stem: Path, image: Image.Image, caption: str) -> None:
    image.save(stem.with_suffix(".png"), optimize=True)
    stem.with_suffix(".txt").write_text(caption + "\n", encoding="utf-8")
