"""`python -m kohya_like.example_presets` writes presets/*.toml: each network for each family, with every option's help.

Values are those of the recipe and of the family (recipes.py); what the two do not say stands in COMMON.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kohya_like.config import TrainConfig
from kohya_like.formats.atomic import atomic_text
from kohya_like.recipes import RECIPES, Recipe, defaults_of
from kohya_like.schema.docs import commented_toml

FOLDER = Path(__file__).parent.parent / "presets"
WIDTH = 118
PRESET_RECIPES = tuple(recipe for recipe in RECIPES if recipe.method == "network")


@dataclass(frozen=True)
class Model:
    """A kind of base model with a preset of its own for each recipe."""

    ending: str  # of the file's name
    family: str
    label: str
    memory: str  # of a card that is enough for most recipes
    values: dict[str, Any]
    advice: tuple[str, ...] = ()


MODELS = (
    Model(
        "sd15", "sd1", "Stable Diffusion 1.5 (and everything made from it)", "8 GB",
        {"model.base": "../models/v1-5-pruned-emaonly.safetensors", "model.prediction_type": "epsilon",
         "train.mixed_precision": "fp16"},
        ("20 and more pictures of different views, 512 px and larger; about 1,500 to 4,000 steps.",),
    ),
    Model(
        "sd21-v", "sd2", "Stable Diffusion 2.1 at 768 px, which predicts v", "8 GB",
        {"model.base": "../models/v2-1_768-ema-pruned.safetensors", "model.prediction_type": "v_prediction",
         "train.mixed_precision": "bf16"},
        ('The 512 px "base" model predicts epsilon: set model.prediction_type = "epsilon" and data.resolution = '
         "[512, 512] for it; nothing in the file tells them apart.",),
    ),
    Model(
        "sdxl", "sdxl", "SDXL (and everything made from it, such as Pony and Illustrious)", "12 GB",
        {"model.base": "../models/sd_xl_base_1.0.safetensors", "model.prediction_type": "epsilon",
         "train.mixed_precision": "bf16"},
        ("Pictures of 1024 px and larger. Both text encoders are frozen: their outputs are encoded once, and they "
         "leave the memory.",),
    ),
)  # fmt: skip
COMMON: dict[str, Any] = {
    "data.train_data_dir": "../dataset/train",
    "data.shuffle_caption": False,
    "objective.min_snr_gamma": 5.0,
    "optimizer.optimizer_type": "AdamW",
    "schedule.lr_scheduler": "cosine",
    "schedule.lr_warmup_steps": "5%",
    "train.train_batch_size": 1,
    "train.max_train_epochs": 10,
    "train.gradient_checkpointing": True,
    "save.output_dir": "../output",
    "save.save_every_n_epochs": 1,
    "sample.prompts": ["a photo of sks cat --n blurry, low quality"],
    "sample.sample_every_n_epochs": 1,
}
# Pairs that have no preset, and why; the others all have one.
NOT_MADE: dict[tuple[str, str], str] = {
    ("full", "sdxl"): "it would train two thousand million numbers, more than any card at home holds",
    ("hypernetwork", "sdxl"): "hypernetworks are there for A1111, where they are made for SD 1 and SD 2",
}
LARGER_MEMORY = {("full", "sd15"): "12 GB", ("full", "sd21-v"): "16 GB"}
OWN: dict[str, dict[str, Any]] = {
    "full": {"save.save_every_n_epochs": 5},  # about one GB each
    "dreambooth_lora": {"data.reg_data_dir": "../dataset/reg"},
}
FOLDERS = (
    "Set model.base and data.train_data_dir; the folder holds folders named like `10_sks cat`: 10 repeats, "
    'class words "sks cat".',
)
ONE_SUBJECT = (
    "Set model.base and data.train_data_dir; the folder holds folders named like `10_sks cat`: 10 repeats, an "
    "identifier that means nothing yet (sks) and the class (cat). 5 to 20 pictures of one subject.",
    "Pictures of cats in general lie in data.reg_data_dir, or the base model draws what is missing there before the "
    "training; data.class_prompts gives it other prompts than the class. data.prior_loss_weight says how much they "
    "count: more keeps the class better, less learns the subject sooner.",
)


def preset_name(recipe: str, ending: str) -> str:
    """lora_fa, sd15 -> lora-fa-sd15.toml"""
    return f"{recipe.replace('_', '-')}-{ending}.toml"


def pairs() -> Iterator[tuple[Recipe, Model]]:
    """Each recipe of a network with each model; the presets of other methods are written by hand."""
    for recipe in PRESET_RECIPES:
        for model in MODELS:
            if (recipe.name, model.ending) not in NOT_MADE:
                yield recipe, model


def preset_values(recipe: Recipe, model: Model) -> dict[str, Any]:
    """Dotted keys; a recipe's own word counts more than a family's, and that more than what is common."""
    own = {
        "model.family": model.family, "method.name": recipe.method, "network.name": recipe.network,
        "save.output_name": f"my-{model.ending.partition('-')[0]}-{recipe.name.replace('_', '-')}",
    }  # fmt: skip
    return COMMON | model.values | OWN.get(recipe.name, {}) | defaults_of(recipe, model.family) | own


def preset_text(recipe: Recipe, model: Model) -> str:
    """The whole file: what it is for, and each option with its help, the unset ones as comments."""
    memory = LARGER_MEMORY.get((recipe.name, model.ending), model.memory)
    heading = (
        f"{recipe.label} on {model.label}.",
        f"{recipe.note} {memory} of GPU memory are enough by our estimate (`check` gives it for your settings).",
        *(ONE_SUBJECT if "data.num_class_images" in recipe.marks else FOLDERS + model.advice),
        "Paths are relative to this file. Lines that begin with # are defaults: take the # away to change one. "
        "docs/keys.md explains every option, docs/networks.md every kind of network.",
    )
    lines = [line for paragraph in heading for line in textwrap.wrap(paragraph, WIDTH)]
    return commented_toml(TrainConfig, nested(preset_values(recipe, model)), "advanced", "\n".join(lines))


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """{"model.base": ...} -> {"model": {"base": ...}}"""
    found: dict[str, Any] = {}
    for key, value in values.items():
        section, _, name = key.partition(".")
        found.setdefault(section, {})[name] = value
    return found


def main(folder: Path = FOLDER) -> int:
    for recipe, model in pairs():
        path = folder / preset_name(recipe.name, model.ending)
        atomic_text(path, preset_text(recipe, model))
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
