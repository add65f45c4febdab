"""For each method of docs/methods.md: a short training of it, and how another process reads back what it wrote."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kohya_like.data.placeholders import Placeholder, Placeholders
from kohya_like.data.prompts import tokenize
from kohya_like.data.tokens import clip_tokenizer
from kohya_like.families.backbone import Backbone
from kohya_like.families.loading import load_backbone
from kohya_like.families.placeholders import PlaceholderVectors
from kohya_like.formats.embeddings import read_embedding
from kohya_like.networks.network import Network
from tests.families.tiny_models import write_json
from tests.tiny_runs import CAPTIONS, base, make_pictures, pictures, shelf

FAMILIES = ("sd1", "sd2", "sdxl")
PROMPTS = ("a my-cat, flat", "my-cat-neg", "a red square")
Read = tuple[Backbone, Placeholders | None]  # a model, and the words it knows besides
ALONE: dict[str, Any] = {"network__name": None, "network__dim": None, "network__alpha": None}


@dataclass(frozen=True)
class Case:
    """`options` of a run; `read`: the model again from its base, told by family, and the folder of its files."""

    read: Callable[[str, Path], Read]
    options: Callable[[], dict[str, Any]] = dict
    files: tuple[str, ...] = ("tiny.safetensors",)
    families: tuple[str, ...] = FAMILIES
    fixed: dict[str, Any] = field(default_factory=dict)

    def changes(self) -> dict[str, Any]:
        return {**self.fixed, **self.options()}


def whole_model(family: str, out: Path) -> Read:
    prediction = "v_prediction" if family == "sd2" else "epsilon"
    given = {"prediction_type": prediction, "config_folder": base(family).configs}
    backbone = load_backbone(out / "tiny.safetensors", family, **given)  # type: ignore[arg-type]
    for part in (backbone.unet, *backbone.text_encoders):
        for parameter in part.parameters():  # out of the file: where numbers lie in memory tells the last bit of sums
            parameter.data = parameter.data.clone()
    return backbone, None


def with_network(family: str, out: Path) -> Read:
    backbone = load_backbone(base(family).folder)
    (file,) = out.glob("tiny.*")
    Network.from_file(file, backbone.parts(), family).eval().attach()
    return backbone, None


def with_words(family: str, out: Path, *files: str) -> Read:
    backbone = load_backbone(base(family).folder)
    names = {"tiny": "my-cat", "tiny-neg": "my-cat-neg"}
    found = {names[Path(file).stem]: read_embedding(out / file) for file in files}
    PlaceholderVectors(backbone, {name: one.vectors for name, one in found.items()}).attach()
    return backbone, Placeholders([Placeholder(name, len(one)) for name, one in found.items()])


def with_one_word(family: str, out: Path) -> Read:
    return with_words(family, out, "tiny.safetensors")


def with_a_pair(family: str, out: Path) -> Read:
    return with_words(family, out, "tiny.pt", "tiny-neg.pt")


def with_word_and_network(family: str, out: Path) -> Read:
    backbone, words = with_words(family, out, "tiny.pt")
    Network.from_file(out / "tiny.safetensors", backbone.parts(), family).eval().attach()
    return backbone, words


@cache
def class_pictures() -> Path:
    """`1_thing` with two pictures of the class."""
    return make_pictures(shelf() / "class", {"a thing": (64, 64), "one more thing": (64, 64)}, "1_thing")


@cache
def captions_in_json() -> Path:
    """kohya's metadata file for the four pictures."""
    path = shelf() / "meta.json"
    write_json(path, {f"{number}.png": {"caption": f"told: {text}"} for number, text in enumerate(CAPTIONS)})
    return path


def preserved() -> dict[str, Any]:
    return {"data__reg_data_dir": str(class_pictures()), "data__prior_loss_weight": 0.5}


def told_by_a_file() -> dict[str, Any]:
    folder = next(path for path in pictures().iterdir() if path.is_dir())
    subset = {"image_dir": str(folder), "metadata_file": str(captions_in_json()), "num_repeats": 1}
    return {"data__train_data_dir": None, "data__subsets": [subset]}


TUNED: dict[str, Any] = {
    **ALONE, "method__name": "finetune", "method__train_text_encoder": True, "optimizer__learning_rate": 1e-3,
}  # fmt: skip
WORD: dict[str, Any] = {"method__token_string": "my-cat", "method__num_vectors_per_token": 2}
# By the names of kohya_like.method_cells.
CASES: dict[str, Case] = {
    "network": Case(with_network, fixed={"network__conv_dim": 2}),
    "dreambooth": Case(whole_model, preserved, fixed=TUNED),
    "dreambooth_lora": Case(with_network, preserved),
    "finetune": Case(whole_model, told_by_a_file, fixed=TUNED),
    "textual_inversion": Case(with_one_word, fixed={**ALONE, **WORD, "method__name": "textual_inversion"}),
    "dreamartist": Case(
        with_a_pair, files=("tiny-neg.pt", "tiny.pt"),
        fixed={**ALONE, **WORD, "method__name": "dreamartist", "method__reconstruction_weight": 0.5},
    ),
    "pivotal": Case(
        with_word_and_network, files=("tiny.pt", "tiny.safetensors"), fixed={**WORD, "method__name": "pivotal"}
    ),
    "hypernetwork": Case(
        with_network, files=("tiny.pt",),
        fixed={"network__name": "hypernetwork", "network__dim": None, "network__alpha": None,
               "network__activation": "relu", "network__dropout": 0.1},
    ),
}  # fmt: skip


def predictions(backbone: Backbone, words: Placeholders | None) -> Tensor:
    """What the UNet says of one noisy picture under each of PROMPTS."""
    chunks = [tokenize(text, clip_tokenizer(), placeholders=words) for text in PROMPTS]
    noisy = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1)).expand(len(PROMPTS), -1, -1, -1)
    size = [(64, 64)] * len(PROMPTS)
    with torch.no_grad():
        conditioning = backbone.encode_prompts(chunks).with_geometry(size, [(0, 0)] * len(PROMPTS), size)
        return backbone.predict(noisy, torch.full((len(PROMPTS),), 500), conditioning)
