"""The recipes a person chooses from: what is trained, with the defaults that go with it. A new one is one row.

Where a value of a preset is not a recipe's default, the person set it, and it stays when another recipe is chosen.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from kohya_like.config import TrainConfig
from kohya_like.schema.known import plugin_name
from kohya_like.schema.option import sections_in
from kohya_like.schema.toml import lookup, same

Value = Any  # what TOML holds
TEXTS = Path(__file__).parent / "schema" / "texts"
IN_PROMPTS = ".safetensors; <lora:NAME:1> in the prompt of A1111, a LoRA loader in ComfyUI"


@dataclass(frozen=True)
class Recipe:
    """One row of the chooser. Texts are English; `recipe_text` gives them in a language."""

    name: str
    label: str
    method: str
    network: str  # "" where the method trains none
    defaults: dict[str, Value]  # dotted keys
    produces: str  # file type, and where it is used
    note: str
    marks: tuple[str, ...] = ()  # keys that tell it from another recipe of the same network: set here, unset there
    refuses: tuple[str, ...] = field(default=())  # keys that its network knows, but takes at their default only


RECIPES: tuple[Recipe, ...] = (
    Recipe(
        "lora", "LoRA", "network", "lora",
        {"network.dim": 16, "network.alpha": 8.0,
         "optimizer.learning_rate": 1e-4, "optimizer.text_encoder_lr": 5e-5},
        IN_PROMPTS,
        "The usual choice: small, quick to train, read by every program.",
    ),
    Recipe(
        "locon", "LoCon (LoRA with convolutions)", "network", "lora",
        {"network.dim": 16, "network.alpha": 8.0, "network.conv_dim": 8, "network.conv_alpha": 4.0,
         "optimizer.learning_rate": 1e-4, "optimizer.text_encoder_lr": 5e-5},
        IN_PROMPTS,
        "LoRA that also trains the 3x3 convolutions: better for styles and textures, a larger file.",
        marks=("network.conv_dim", "network.conv_alpha"),
    ),
    Recipe(
        "dora", "DoRA (decomposed LoRA)", "network", "lora",
        {"network.dim": 16, "network.alpha": 8.0, "network.dora_wd": True, "network.dora_axis": "input",
         "optimizer.learning_rate": 1e-4, "optimizer.text_encoder_lr": 5e-5},
        f"{IN_PROMPTS}; diffusers ignores what is DoRA in it",
        "Nearer to a full training at a low rank; slower than LoRA, and it cannot be taken out of a model again.",
        marks=("network.dora_wd", "network.dora_axis"),
    ),
    Recipe(
        "lora_fa", "LoRA-FA", "network", "lora_fa",
        {"network.dim": 16, "network.alpha": 8.0,
         "optimizer.learning_rate": 1e-4, "optimizer.text_encoder_lr": 5e-5},
        IN_PROMPTS,
        "LoRA of which only half learns: less memory, somewhat more steps.",
    ),
    Recipe(
        "dylora", "DyLoRA", "network", "dylora",
        {"network.dim": 16, "network.alpha": 8.0, "train.max_train_epochs": 20,
         "optimizer.learning_rate": 1e-4, "optimizer.text_encoder_lr": 5e-5},
        IN_PROMPTS,
        "Trains all lower ranks at once, so that the file can be cut down later; needs more steps.",
    ),
    Recipe(
        "loha", "LoHa (LyCORIS)", "network", "loha",
        {"network.dim": 8, "network.alpha": 4.0,
         "optimizer.learning_rate": 1e-4, "optimizer.text_encoder_lr": 5e-5},
        IN_PROMPTS,
        "Reaches the square of its rank: much change in a small file. Keep the rank at 32 or below.",
    ),
    Recipe(
        "locon_tucker", "LoCon with a Tucker core", "network", "locon",
        {"network.dim": 16, "network.alpha": 8.0, "network.use_tucker": True,
         "optimizer.learning_rate": 1e-4, "optimizer.text_encoder_lr": 5e-5},
        IN_PROMPTS,
        "LoRA with convolutions in a much smaller file. diffusers cannot read it.",
    ),
    Recipe(
        "lokr", "LoKr (LyCORIS)", "network", "lokr",
        {"network.dim": 16, "network.alpha": 8.0, "network.factor": 8,
         "optimizer.learning_rate": 3e-4, "optimizer.text_encoder_lr": 1.5e-4},
        IN_PROMPTS,
        "Much change in one of the smallest files: good for styles. A larger factor makes it smaller.",
    ),
    Recipe(
        "glora", "GLoRA (LyCORIS)", "network", "glora",
        {"network.dim": 8, "network.alpha": 4.0,
         "optimizer.learning_rate": 1e-4, "optimizer.text_encoder_lr": 5e-5},
        IN_PROMPTS,
        "Changes each weight by itself and beside it: freer than LoRA, and a larger file.",
    ),
    Recipe(
        "ia3", "(IA)^3 (LyCORIS)", "network", "ia3",
        {"network.layers": "paper", "optimizer.learning_rate": 5e-3, "optimizer.text_encoder_lr": 1e-3},
        IN_PROMPTS,
        "The smallest network, a third of a MB with SD 1.5: for styles. Wants a high learning rate.",
    ),
    Recipe(
        "full", "Full difference (LyCORIS)", "network", "full",
        {"train.mixed_precision": "bf16", "optimizer.learning_rate": 1e-5, "optimizer.text_encoder_lr": 5e-6},
        IN_PROMPTS,
        "As free as a fine-tune, in a file as large as the layers it trains; needs much memory.",
    ),
    Recipe(
        "norms", "Norms (LyCORIS)", "network", "norms",
        {"optimizer.learning_rate": 1e-4, "optimizer.text_encoder_lr": 5e-5},
        IN_PROMPTS,
        "Only the normalisations: contrast and colour more than content, in a very small file.",
        refuses=("network.scale_weight_norms",),
    ),
    Recipe(
        "oft", "OFT (LyCORIS)", "network", "oft",
        {"network.dim": 8, "optimizer.learning_rate": 3e-5, "optimizer.text_encoder_lr": 1.5e-5},
        IN_PROMPTS,
        "Rotates the layers and keeps what the model knows: good for a subject, slower to train.",
        refuses=("network.scale_weight_norms",),
    ),
    Recipe(
        "boft", "BOFT (LyCORIS)", "network", "boft",
        {"network.dim": 16, "optimizer.learning_rate": 1e-5, "optimizer.text_encoder_lr": 5e-6},
        IN_PROMPTS,
        "Rotates the layers in stages: freer than OFT, and slower.",
        refuses=("network.scale_weight_norms",),
    ),
    Recipe(
        "hypernetwork", "Hypernetwork", "network", "hypernetwork",
        {"network.layer_structure": [1.0, 2.0, 1.0], "network.activation": "relu", "train.max_train_epochs": 20,
         "optimizer.learning_rate": 1e-5},
        ".pt; <hypernet:NAME:1> in the prompt of A1111, from its folder models/hypernetworks",
        "Small nets before the keys and values of the attention. For styles; mostly replaced by LoRA.",
        refuses=("network.train_text_encoder", "network.rank_dropout", "network.targets"),
    ),
    Recipe(
        "dreambooth_lora", "DreamBooth (LoRA)", "network", "lora",
        {"network.dim": 16, "network.alpha": 8.0, "data.num_class_images": 100, "data.prior_loss_weight": 1.0,
         "optimizer.learning_rate": 1e-4, "optimizer.text_encoder_lr": 5e-5},
        IN_PROMPTS,
        "A LoRA of one subject; 100 pictures of its class, which the base model draws, keep the class as it was.",
        marks=("data.num_class_images",),
    ),
    Recipe(
        "finetune", "DreamBooth / fine-tune", "finetune", "",
        {"optimizer.learning_rate": 2e-6, "optimizer.optimizer_type": "Adafactor", "optimizer.max_grad_norm": 0.0,
         "train.gradient_checkpointing": True, "method.fused_backward_pass": True},
        ".safetensors of some GB: a whole model, for models/Stable-diffusion of A1111, models/checkpoints of ComfyUI",
        "Trains all weights of the model: the closest likeness and the largest file. 12 GB of memory, 24 for SDXL.",
    ),
    Recipe(
        "textual_inversion", "Textual Inversion", "textual_inversion", "",
        {"method.num_vectors_per_token": 8, "optimizer.learning_rate": 5e-3},
        ".safetensors; its name in the prompt, from the folder embeddings of A1111 and ComfyUI",
        "Teaches a new word and changes nothing else: a tiny file, for any prompt; less likeness than LoRA.",
    ),
    Recipe(
        "dreamartist", "DreamArtist", "dreamartist", "",
        {"method.num_vectors_per_token": 3, "method.num_vectors_negative": 6, "optimizer.learning_rate": 3e-3},
        ".pt; NAME in the prompt and NAME-neg in the negative prompt of A1111",
        "Two words at once, for the prompt and against it: from one picture or very few.",
    ),
    Recipe(
        "pivotal", "Pivotal tuning (word and LoRA)", "pivotal", "lora",
        {"network.dim": 16, "network.alpha": 8.0, "method.num_vectors_per_token": 4, "method.embedding_lr": 1e-3,
         "optimizer.learning_rate": 1e-4, "optimizer.text_encoder_lr": 5e-5},
        f"{IN_PROMPTS}; the new word is inside, and in a .pt beside it",
        "A new word and a LoRA that belong together: close likeness without a word the model already knows.",
    ),
)  # fmt: skip

# Kinds of network; one that differs in its pictures alone is no kind of its own.
NETWORK_RECIPES = tuple(
    recipe
    for recipe in RECIPES
    if recipe.method == "network" and all(mark.startswith("network.") for mark in recipe.marks)
)

# What a kind of base model wants, whatever is trained. SDXL's text encoders are best left alone.
FAMILY_DEFAULTS: dict[str, dict[str, Value]] = {
    "auto": {},
    "sd1": {"data.resolution": [512, 512]},
    "sd2": {"data.resolution": [768, 768]},
    "sdxl": {
        "data.resolution": [1024, 1024],
        "network.train_text_encoder": False,
        "train.gradient_checkpointing": True,
    },
}
FAMILIES = tuple(FAMILY_DEFAULTS)


def recipe_of(values: Mapping[str, Value]) -> Recipe | None:
    """The recipe that a preset follows; of several that fit, the one that says most."""
    method, network = _plugin(values, "method"), _plugin(values, "network")
    fitting = [
        recipe
        for recipe in RECIPES
        if recipe.method == method
        and recipe.network in ("", network)
        and all(lookup(values, mark) not in (None, False) for mark in recipe.marks[:1])
    ]
    return max(fitting, key=lambda recipe: len(recipe.marks), default=None)


def edits_for(recipe: Recipe, values: Mapping[str, Value], family: str) -> dict[str, Value | None]:
    """What to write into a preset, and what to take out (None), so that it follows a recipe for a family.

    A value that is the default of the recipe or family chosen before gives way; another one is the person's and stays,
    unless the new network does not know it.
    """
    before = recipe_of(values)
    old = defaults_of(before, str(lookup(values, "model.family", "auto"))) if before else {}
    new = defaults_of(recipe, family)
    wanted: dict[str, Value | None] = {"method.name": recipe.method, "network.name": recipe.network or None}
    wanted["model.family"] = None if family == "auto" else family
    for key in old.keys() | new.keys():
        present = lookup(values, key)
        if present is None or (key in old and same(present, old[key])):
            wanted[key] = new.get(key)
    likes = [other for other in RECIPES if other.network == recipe.network]
    others = {mark for other in likes for mark in other.marks} - {*recipe.marks}
    if recipe.method == "network" and not recipe.marks:  # else what tells another recipe from it is no obstacle to it
        wanted |= {mark: None for mark in others if not mark.startswith("network.")}
    for section, plugin in (("method", recipe.method), ("network", recipe.network)):
        known = _options(section, plugin)
        for name in table if isinstance(table := values.get(section), Mapping) else ():
            key = f"{section}.{name}"
            if (name not in known and _knows_any(section, name)) or key in others or key in recipe.refuses:
                wanted[key] = None
    return {key: value for key, value in sorted(wanted.items()) if not _is(lookup(values, key), value)}


def defaults_of(recipe: Recipe, family: str) -> dict[str, Value]:
    """What a recipe sets for a family: no option that its network does not take, no rate of a part left as it is."""
    both = recipe.defaults | FAMILY_DEFAULTS.get(family, {})
    left_alone = recipe.network and not both.get("network.train_text_encoder", True)
    idle = ("optimizer.text_encoder_lr",) if left_alone else ()
    unread = () if recipe.network else tuple(key for key in both if key.startswith("network."))
    return {key: value for key, value in both.items() if key not in (*recipe.refuses, *idle, *unread)}


def recipe_text(name: str, language: str) -> tuple[str, str, str]:
    """(label, produces, note) of a recipe in a language; English where it has none."""
    recipe = next(recipe for recipe in RECIPES if recipe.name == name)
    texts = recipe_words(language).get(name, {})
    english = {"label": recipe.label, "produces": recipe.produces, "note": recipe.note}
    label, produces, note = (texts.get(part, text) for part, text in english.items())
    return label, produces, note


def _is(present: Value, wanted: Value) -> bool:
    return present is None if wanted is None else present is not None and same(present, wanted)


def _plugin(values: Mapping[str, Value], section: str) -> str:
    default = TrainConfig.model_fields[section].get_default(call_default_factory=True).name
    return str(lookup(values, f"{section}.name", default))


def _options(section: str, plugin: str) -> set[str]:
    """The options of one plug-in of a section; none of what there is not."""
    return {field for choice in _choices(section) if plugin_name(choice) == plugin for field in choice.model_fields}


def _choices(section: str) -> list[Any]:
    return list(sections_in(TrainConfig.model_fields[section].annotation))


def _knows_any(section: str, name: str) -> bool:
    """A key that nobody knows is a typo, and a typo is the person's to mend."""
    return any(name in choice.model_fields for choice in _choices(section))


@cache
def recipe_words(language: str) -> dict[str, dict[str, str]]:
    """The catalogue of a language: {recipe: {"label", "produces", "note"}}; empty for English."""
    path = TEXTS / f"recipes_{language}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
