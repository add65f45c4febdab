"""Do LoCon, LoHa, LoKr and the hypernetwork learn the ghost? The gates of test_effect.py, with their controls.

Same pictures, batch and steps as the demo's LoRA; what else differs stands in kohya_like/demo/settings.py. They are
long; test_effect_recipes.py trains every network for a few steps in the default set.

What they gave, with each gate (unseen ghosts .55, other pictures 1.25, bound .82, score .65, found 6):
    locon         seed 1        .41            1.14            .93            .82            8
    loha          seed 1        .44            1.15            .91            .79            8
    lokr          seed 1        .42            1.19            .94            .83            8
    hypernetwork  seed 1, 2, 3  .48 .48 .48    1.14 1.15 1.14  .87 .83 .83    .75 .73 .75    7 7 6
Not run yet: seeds 2 and 3 of the first three, and the controls; of the hypernetwork only seed 1 was run anew. It falls
short of the others, because it only moves the keys and values of the attention and trains no text encoder, and its
margins to the gates of binding and of ghosts found are thin. With swish, [1, 4, 1] and 4e-3, seeds 2 and 3 gave bound
.86 .89, but score .76 .68 and found 7 5, which misses the last gate; with relu, [1, 4, 1] and 5e-3, seed 3 gave score
.79 and found 8, but bound .81.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from kohya_like.demo.run import HERE
from kohya_like.demo.settings import LEARNS_THE_GHOST
from tests import test_effect as gates
from tests.test_effect import Train, train, with_folder

__all__ = ["train"]

pytestmark = pytest.mark.full
NAMES = [name for name in LEARNS_THE_GHOST if name != "lora"]  # that one is test_effect.py's


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", NAMES)
def test_the_ghost_is_learnt_drawn_and_bound_and_the_rest_is_kept(train: Train, name: str, seed: int) -> None:
    effect = train(*LEARNS_THE_GHOST[name], seed=seed)
    assert gates.learns(effect), effect
    assert gates.draws(effect) and effect.found >= gates.FOUND, effect
    assert gates.keeps(effect) and gates.binds(effect), effect
    assert 0.08 < effect.red < 0.35 and effect.blue > 0.6, "the red circle is still a red circle"


@pytest.mark.parametrize("name", NAMES)
def test_control_no_learning_rate_learns_nothing(train: Train, name: str) -> None:
    effect = train(*LEARNS_THE_GHOST[name], "optimizer.learning_rate=1e-12", "train.max_train_steps=20")
    assert not gates.learns(effect) and not gates.draws(effect)


@pytest.mark.parametrize("name", NAMES)
def test_control_other_pictures_under_the_ghosts_captions(train: Train, tmp_path: Path, name: str) -> None:
    folder = with_folder(tmp_path, lambda texts: texts, HERE / "dataset" / "reg" / "1_picture")
    effect = train(folder, *LEARNS_THE_GHOST[name])
    assert not gates.learns(effect) and not gates.draws(effect)


@pytest.mark.parametrize("name", NAMES)
def test_control_shuffled_captions_bind_less(train: Train, tmp_path: Path, name: str) -> None:
    """Each ghost under another ghost's caption: it is still learnt, and the binding gate alone sees it."""
    folder = with_folder(tmp_path, lambda texts: random.Random(1).sample(texts, len(texts)))
    effect = train(folder, *LEARNS_THE_GHOST[name], pictures=False)
    assert gates.learns(effect) and not gates.binds(effect)
