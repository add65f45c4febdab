"""The effect of the demo training, beside the untrained model: the margins of tests/test_effect*.py.

    python -m benchmarks.effect [--seeds 1 2 3] [--set KEY=VALUE ...]      the demo's LoRA, as it is or changed
    python -m benchmarks.effect --networks locon ia3 ... [--short]         other networks; --short: 60 steps of 6
    ... --write                 keeps the figures (results/effect-networks.json) and their table
    ... --files FOLDER          keeps the networks, of which benchmarks.effect_strip makes a sheet of pictures

A name is one of kohya_like/demo/settings.py, or of a recipe, which then trains at its own rates times what fits this
model.
"""

from __future__ import annotations

import argparse
import datetime
import json
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks import effect_results
from benchmarks.effect_results import Row
from benchmarks.rounds import machine
from kohya_like.config import TrainConfig, load
from kohya_like.demo.effect import Effect, measure_effect
from kohya_like.demo.run import PRESET, demo_base, demo_overrides
from kohya_like.demo.settings import LEARNS_THE_GHOST, of_recipe
from kohya_like.events import ControlFile, Reporter
from kohya_like.families.loading import load_backbone
from kohya_like.recipe import build
from kohya_like.recipes import NETWORK_RECIPES
from kohya_like.verbs.generate import attach_network

SHORT = ["train.max_train_steps=60", "train.train_batch_size=6"]


@dataclass(frozen=True)
class Trained:
    """What a training gave, and what it cost."""

    config: TrainConfig
    effect: Effect
    seconds: float  # of the processor
    parameters: int
    bytes: int


def trained(seed: int, overrides: list[str], keep: Path | None = None) -> Trained:
    """Train, read the file back, measure; the file is copied to `keep` with its own ending."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        own = [*demo_overrides(folder), f"data.cache_dir={json.dumps(name + '/cache')}", "sample.prompts=[]"]
        config, _ = load(PRESET, [*own, f"train.seed={seed}", *overrides])
        started = time.process_time()
        trainer = build(config, folder, Reporter(None), ControlFile(None, ""), False)
        trainer.train()
        seconds = time.process_time() - started
        groups = trainer.optimization.optimizer.param_groups
        file = config.save.plan(config.network.suffixes).final()
        if keep:
            shutil.copy(file, keep.with_suffix(file.suffix))
        backbone = load_backbone(demo_base())
        attach_network(backbone, file, 1.0)
        parameters = sum(p.numel() for group in groups for p in group["params"])
        return Trained(config, measure_effect(backbone), seconds, parameters, file.stat().st_size)


def settings(name: str) -> list[str]:
    """Overrides for a network of the demo's settings, or for a recipe."""
    if name in LEARNS_THE_GHOST:
        return [*LEARNS_THE_GHOST[name]]
    return [*of_recipe(next(recipe for recipe in NETWORK_RECIPES if recipe.name == name))]


def row(name: str, seed: int, run: Trained, base: Effect) -> Row:
    effect, train = run.effect, run.config.train
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
    return Row(
        name, seed, train.max_train_steps or 0, train.train_batch_size, effect.ghost_loss / base.ghost_loss,
        effect.other_loss / base.other_loss, effect.foreign_loss / base.foreign_loss, effect.score, effect.found,
        run.parameters, run.bytes, run.seconds, f"{datetime.date.today()}", commit.stdout.strip(),
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    names = [*dict.fromkeys([*LEARNS_THE_GHOST, *(recipe.name for recipe in NETWORK_RECIPES)])]
    parser.add_argument("--networks", nargs="+", default=["lora"], metavar="NAME", choices=names)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--files", type=Path)
    a = parser.parse_args()
    print(machine())
    base = measure_effect(load_backbone(demo_base()))
    print(f"before: {base}")
    if a.files:
        a.files.mkdir(parents=True, exist_ok=True)
    for name in a.networks:
        for seed in a.seeds:
            keep = a.files / name if a.files and seed == a.seeds[0] else None
            run = trained(seed, [*settings(name), *(SHORT if a.short else ()), *a.set], keep)
            print(f"{name}, seed {seed}: {run.effect}", flush=True)
            print(effect_results.table([row(name, seed, run, base)]), flush=True)
            if a.write:
                effect_results.add_row(row(name, seed, run, base), machine(), base.score)
                effect_results.main()


if __name__ == "__main__":
    main()
