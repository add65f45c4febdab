"""Trainings of an embedding on the embedded model, and what it then knows of the ghost."""

from __future__ import annotations

import json
from pathlib import Path

from kohya_like.config import load
from kohya_like.data.placeholders import Placeholder, Placeholders
from kohya_like.demo.effect import Effect, measure_effect
from kohya_like.demo.run import PRESET, demo_base, demo_overrides
from kohya_like.events import ControlFile, Reporter
from kohya_like.families.loading import load_backbone
from kohya_like.families.placeholders import PlaceholderVectors
from kohya_like.formats.embeddings import read_embedding
from kohya_like.recipe import build
from kohya_like.verbs.generate import attach_network
from tests.test_effect import HERE, with_folder

WORD = "my-ghost"
OPTIONS = (
    "method.name=textual_inversion", f"method.token_string={WORD}", "method.init_word=white", "data.reg_data_dir=",
    "data.caption_dropout_rate=0", "sample.prompts=[]", "train.train_batch_size=8", "train.max_train_steps=300",
    "save.save_precision=fp32",
)  # fmt: skip


def own_words(folder: Path, source: Path | None = None) -> str:
    """The ghosts with the new word in their captions for "sks ghost"; or other pictures under the same captions."""
    return with_folder(folder, lambda texts: [text.replace("sks ghost", WORD) for text in texts], source)


def other_pictures(folder: Path) -> str:
    return own_words(folder, HERE / "dataset" / "reg" / "1_picture")


def train(folder: Path, *overrides: str, seed: int = 1) -> Path:
    """The file of a training in `folder`."""
    own = [*demo_overrides(folder / "out"), f"data.cache_dir={json.dumps(str(folder / 'cache'))}", *OPTIONS]
    config, _ = load(PRESET, [*own, f"train.seed={seed}", *overrides])
    build(config, folder, Reporter(None), ControlFile(None, ""), False).train()
    return config.save_plan().final()


def effect_of(*files: Path, pictures: bool = True, negative: bool = False) -> Effect:
    """What "sks ghost" draws when that stands for the first file; the second is in the negative prompt."""
    backbone = load_backbone(demo_base())
    names = ("sks ghost", "my-ghost-neg")
    found = {name: read_embedding(file) for name, file in zip(names, files)}
    PlaceholderVectors(backbone, {name: embedding.vectors for name, embedding in found.items()}).attach()
    words = Placeholders([Placeholder(name, len(embedding)) for name, embedding in found.items()])
    return measure_effect(backbone, pictures, words, names[1] if negative else "")


def pivotal_effect(file: Path, word: bool = True, network: bool = True, pictures: bool = False) -> Effect:
    """What "sks ghost" draws when it stands for the word of a pivotal tuning, with its network; or one without it."""
    backbone = load_backbone(demo_base())
    if network:
        attach_network(backbone, file, 1.0)
    embedding = read_embedding(file.with_suffix(".pt"))
    if not word:
        return measure_effect(backbone, pictures)
    PlaceholderVectors(backbone, {"sks ghost": embedding.vectors}).attach()
    return measure_effect(backbone, pictures, Placeholders([Placeholder("sks ghost", len(embedding))]))
