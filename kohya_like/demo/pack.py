"""What is shipped of the embedded model: the fp16 diffusers folder, the ghost dataset, the regularisation pictures."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from PIL import Image
from transformers import CLIPTextModel

from kohya_like.data.tokens import clip_tokenizer
from kohya_like.demo.pictures import SQUARE, TALL, WIDE, any_size, draw_picture, ghost

NAME = "kohya-like-tiny"
SCHEDULER = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
}


def write_tokenizer(folder: Path) -> None:
    """vocab.json and merges.txt, the files that CLIPTokenizer opens, from our own vocabulary."""
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


def pack(work: Path, folder: Path) -> None:
    """The fp16 diffusers folder."""
    if folder.exists():
        shutil.rmtree(folder)
    AutoencoderKL.from_pretrained(work / "vae").half().save_pretrained(folder / "vae")
    UNet2DConditionModel.from_pretrained(work / "unet").half().save_pretrained(folder / "unet")
    CLIPTextModel.from_pretrained(work / "text_encoder").half().save_pretrained(folder / "text_encoder")
    DDIMScheduler(**SCHEDULER).save_pretrained(folder / "scheduler")
    write_tokenizer(folder / "tokenizer")
    index = {
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
    (folder / "model_index.json").write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
    for part in ("vae", "unet", "text_encoder"):  # no path of the machine that made them
        path = folder / part / "config.json"
        config = json.loads(path.read_text(encoding="utf-8"))
        config.pop("_name_or_path", None)
        path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


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
