"""Do aesthetic gradients give a picture the look of a folder? Judged by a second image tower, and by a colour.

Rate 5e-4, 60 steps, weight 0.9, four prompts, seeds 1, 2, 3, without -> with. Likeness to the folder's mean under the
judge: purple -.13 .19 .00 -> .49 .35 .70, blue -.07 .09 .15 -> .27 .33 .21. Share of the colour: purple .00 .20 .00 ->
.73 .21 .88, blue .00 .00 .20 -> .33 .41 .12. One seed may miss the colour, so that the gates are on the means of three:
likeness + .15 (it was + .49 and + .21), colour + .1 (+ .54 and + .22).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kohya_like.aesthetic_prompts import AestheticPrompts
from kohya_like.cli import main
from kohya_like.demo.canvas import COLOURS
from kohya_like.demo.measure import colour_share
from kohya_like.demo.pictures import draw_picture
from kohya_like.demo.run import demo_base, demo_tower
from kohya_like.families.aesthetic import Aesthetic, AestheticEncoder
from kohya_like.families.backbone import Backbone
from kohya_like.families.loading import load_backbone
from kohya_like.formats.aesthetic import read_aesthetic
from kohya_like.objective.schedule import NoiseSchedule
from kohya_like.prompt_encoder import PromptEncoder
from kohya_like.prompt_file import SamplePrompt
from kohya_like.sampling import Painter
from tests.demo.towers import judge, shipped, unit

NEARER, SHORT, COLOURED = 0.15, 0.25, 0.1
PROMPTS = ("a cat", "a star", "a fish", "a house")
SUBJECTS = ("circle", "star", "cat", "house", "tree", "fish", "car", "heart")
WEIGHT, STEPS, RATE = 0.9, 60, 5e-4


@dataclass(frozen=True)
class Seen:
    """Mean cosine to the folder's mean under the judge, and the mean share of the folder's colour."""

    likeness: float
    colour: float


@cache
def backbone() -> Backbone:
    return load_backbone(demo_base())


def folder_of(place: Path, colour: str, seed: int) -> Path:
    """Eight pictures of various things on one colour."""
    rng, folder = random.Random(f"look-{colour}-{seed}"), place / colour
    folder.mkdir(parents=True)
    for number, what in enumerate(SUBJECTS):
        draw_picture(rng, what=what, background=colour)[0].save(folder / f"{number}.png")
    return folder


def look_of(folder: Path) -> Path:
    """The embedding that the verb makes of a folder."""
    out = folder.with_suffix(".pt")
    assert main(["aesthetic", str(folder), "--tower", str(demo_tower()), "--out", str(out)]) == 0
    return out


def drawn(
    seed: int, look: Path | None = None, weight: float = WEIGHT, steps: int = STEPS, rate: float = RATE,
    count: int = len(PROMPTS),
) -> list[Image.Image]:  # fmt: skip
    """A picture of each of the first `count` prompts."""
    plain = PromptEncoder(backbone())
    encoder: PromptEncoder | AestheticPrompts = plain
    if look is not None:
        wanted = Aesthetic(read_aesthetic(look), weight, steps, rate)
        pulled = PromptEncoder(backbone(), encode_prompts=AestheticEncoder(backbone(), shipped(), wanted))
        encoder = AestheticPrompts(plain, pulled, {""})
    painter = Painter(backbone(), encoder, NoiseSchedule.scaled_linear().alphas_cumprod)
    prompts = [SamplePrompt(text, "", 64, 64, 10 * seed + i, 4.0, 8, "ddim") for i, text in enumerate(PROMPTS[:count])]
    return [image for _, image in sorted(painter.draw(prompts), key=lambda pair: pair[0])]


def seen(pictures: Sequence[Image.Image], folder: Path, colour: str) -> Seen:
    target = judge().features([Image.open(path).convert("RGB") for path in sorted(folder.iterdir())]).mean(dim=0)
    likeness = unit(judge().features(pictures)) @ unit(target)
    return Seen(float(likeness.mean()), float(np.mean([colour_share(image, COLOURS[colour]) for image in pictures])))


def means(found: Sequence[Seen]) -> Seen:
    return Seen(float(np.mean([one.likeness for one in found])), float(np.mean([one.colour for one in found])))


def test_pictures_take_on_the_look_of_a_folder(tmp_path: Path) -> None:
    folder, other = folder_of(tmp_path, "purple", 1), folder_of(tmp_path, "green", 1)
    short: dict[str, Any] = {"steps": 40, "rate": 1e-3, "count": 2}
    plain = seen(drawn(1, count=2), folder, "purple")
    pulled, foreign = (seen(drawn(1, look_of(place), **short), folder, "purple") for place in (folder, other))
    assert pulled.likeness > plain.likeness + SHORT and pulled.colour > plain.colour + COLOURED, (plain, pulled)
    assert foreign.likeness < plain.likeness + SHORT and foreign.colour < plain.colour + COLOURED, "the control"


@pytest.mark.full
@pytest.mark.parametrize(("colour", "another"), [("purple", "green"), ("blue", "yellow")])
def test_three_seeds_and_what_must_do_nothing(tmp_path: Path, colour: str, another: str) -> None:
    """The look of another folder is the control: it must not pass the same gates."""
    plain, pulled, foreign = [], [], []
    for seed in (1, 2, 3):
        place = tmp_path / str(seed)
        folder, other = folder_of(place, colour, seed), folder_of(place, another, seed)
        look, before = look_of(folder), drawn(seed)
        for nothing in (drawn(seed, look, weight=0.0), drawn(seed, look, steps=0)):
            assert [image.tobytes() for image in nothing] == [image.tobytes() for image in before]
        plain.append(seen(before, folder, colour))
        pulled.append(seen(drawn(seed, look), folder, colour))
        foreign.append(seen(drawn(seed, look_of(other)), folder, colour))
        assert pulled[-1].likeness > plain[-1].likeness, (seed, plain[-1], pulled[-1])
    before_, after, control = means(plain), means(pulled), means(foreign)
    assert after.likeness > before_.likeness + NEARER and after.colour > before_.colour + COLOURED, (plain, pulled)
    assert control.likeness < before_.likeness + NEARER and control.colour < before_.colour + COLOURED, foreign
