"""The effect of the demo training over three seeds, beside the untrained model: the margins of tests/test_effect.py.

python -m benchmarks.effect [--seeds 1 2 3] [--set KEY=VALUE ...]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from benchmarks.rounds import machine
from kohya_like.config import load
from kohya_like.demo.effect import Effect, measure_effect
from kohya_like.demo.run import PRESET, demo_base, demo_overrides
from kohya_like.events import ControlFile, Reporter
from kohya_like.families.loading import load_backbone
from kohya_like.recipe import build
from kohya_like.verbs.generate import attach_network


def trained(seed: int, overrides: list[str]) -> tuple[Effect, float]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        own = [*demo_overrides(folder), f"data.cache_dir={json.dumps(name + '/cache')}", "sample.prompts=[]"]
        config, _ = load(PRESET, [*own, f"train.seed={seed}", *overrides])
        started = time.perf_counter()
        build(config, folder, Reporter(None), ControlFile(None, ""), False).train()
        seconds = time.perf_counter() - started
        backbone = load_backbone(demo_base())
        attach_network(backbone, config.save.plan(config.network.suffixes).final(), 1.0)
        return measure_effect(backbone), seconds


def row(name: str, effect: Effect, base: Effect, seconds: float) -> str:
    ratios = (effect.ghost_loss / base.ghost_loss, effect.other_loss / base.other_loss)
    bound = effect.foreign_loss / base.foreign_loss
    shares = f"{effect.red:.2f}/{effect.blue:.2f}"
    return (
        f"| {name} | {ratios[0]:.3f} | {ratios[1]:.3f} | {bound:.3f} | {effect.score:.3f} | {effect.found} of 8 "
        f"| {shares} | {seconds:.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    a = parser.parse_args()
    print(machine())
    base = measure_effect(load_backbone(demo_base()))
    print(f"before: {base}")
    print("| run | ghost loss | other loss | foreign caption | score | ghosts | red/blue | seconds |")
    print("|---|---|---|---|---|---|---|---|")
    print(row("before", base, base, 0))
    for seed in a.seeds:
        print(row(f"seed {seed}", *_both(seed, a.set, base)), flush=True)


def _both(seed: int, overrides: list[str], base: Effect) -> tuple[Effect, Effect, float]:
    effect, seconds = trained(seed, overrides)
    return effect, base, seconds


if __name__ == "__main__":
    main()
