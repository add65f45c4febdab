"""Each shipped preset trains three steps on a tiny model of its family, and its file, read back, does the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from kohya_like.example_presets import Model, pairs, preset_values
from kohya_like.families.backbone import Backbone
from kohya_like.learner import Learner
from kohya_like.methods.network import NetworkTraining
from kohya_like.networks.network import Network
from kohya_like.recipes import Recipe
from kohya_like.trainer import Trainer
from tests.tiny_runs import Run

# Of a preset's options these are about the machine, the pictures or the length; all others are kept.
OTHERS: dict[str, Any] = {
    "model.base": ..., "model.family": ..., "data.train_data_dir": ..., "data.resolution": ..., "save.output_dir": ...,
    "save.output_name": ..., "train.max_train_epochs": ..., "save.save_every_n_epochs": ..., "sample.prompts": ...,
    "sample.sample_every_n_epochs": ...,
}  # fmt: skip
# By default each recipe runs on one family: two on the larger ones, the others on the smallest.
DEFAULT = {"locon": "sdxl", "dora": "sd21-v"}
CASES = [
    pytest.param(
        recipe, model, id=f"{recipe.name}-{model.ending}",
        marks=[] if model.ending == DEFAULT.get(recipe.name, "sd15") else [pytest.mark.full],
    )
    for recipe, model in pairs()
]  # fmt: skip


def backbone_of(trainer: Trainer) -> Backbone:
    assert isinstance(trainer.learner, Learner)
    return trainer.learner._backbone


def prediction(trainer: Trainer) -> Tensor:
    """What the UNet says of the first batch, its noise fixed."""
    said: list[Tensor] = []
    hook = backbone_of(trainer).unet.register_forward_hook(
        lambda _module, _given, out: said.append(out[0].detach().clone())
    )
    with torch.no_grad(), trainer.accelerator.autocast():
        trainer.learner.loss(next(trainer.batches(0)), torch.Generator().manual_seed(3))
    hook.remove()
    return said[0]


@pytest.mark.parametrize(("recipe", "model"), CASES)
def test_three_steps_and_its_file_does_the_same(tmp_path: Path, recipe: Recipe, model: Model) -> None:
    values = {key: value for key, value in preset_values(recipe, model).items() if key not in OTHERS}
    if values["train.mixed_precision"] == "fp16":
        values["train.mixed_precision"] = "no"  # a CPU has no use for it
    mine = {key: values.get(key) for key in ("network.dim", "network.alpha")}  # in place of those of a tiny run
    changes = {key.replace(".", "__"): value for key, value in {**values, **mine}.items()}
    run = Run(tmp_path, {"sd1": "mini"}.get(model.family, model.family), **changes)
    trainer = run.build()
    assert trainer.train().reason == "done" and len(run.losses) == 3
    assert isinstance(trainer.method, NetworkTraining)
    network = trainer.method.network.eval()
    trained = prediction(trainer)
    with network.detached():
        without = prediction(trainer)
        parts = backbone_of(trainer).parts(*network.counts())
        read = Network.from_file(run.file, parts, model.family).eval()
        assert read.counts() == network.counts()
        read.attach()
        again = prediction(trainer)
        read.detach()
    assert torch.equal(again, trained)
    assert not torch.equal(without, trained), "the control: it has learnt something"
