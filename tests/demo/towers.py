"""The two embedded image towers: the shipped one, and the judge from another seed that only tests know."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from kohya_like.demo.make_tower import pooled
from kohya_like.demo.pictures import draw_picture
from kohya_like.demo.run import demo_tower
from kohya_like.demo.tower_words import WORDS, phrases, said
from kohya_like.families.image_tower import ImageTower, open_image_tower

JUDGE = Path(__file__).parent / "judge"


@cache
def shipped() -> ImageTower:
    return open_image_tower(demo_tower())


@cache
def judge() -> ImageTower:
    return open_image_tower(JUDGE)


def unseen(count: int = 128) -> tuple[list[Image.Image], list[str]]:
    """Pictures that neither tower learnt from."""
    rng = random.Random("unseen by towers")
    pairs = [draw_picture(rng) for _ in range(count)]
    return [picture for picture, _ in pairs], [caption for _, caption in pairs]


def words_found(tower: ImageTower, pictures: Sequence[Image.Image], captions: Sequence[str]) -> dict[str, float]:
    """By kind, the share of the pictures whose nearest word, written as a tag, stands in their caption."""
    seen = unit(tower.features(pictures))
    assert tower.text_projection is not None
    found = {}
    for kind in WORDS:
        wanted = said(captions, kind)
        nearest = (seen @ unit(pooled(phrases(kind, "{}")) @ tower.text_projection.T).T).argmax(dim=1)
        asked = wanted.sum(dim=1) > 0
        found[kind] = float((wanted[torch.arange(len(seen)), nearest] > 0)[asked].float().mean())
    return found


def unit(vectors: Tensor) -> Tensor:
    return F.normalize(vectors, dim=-1)
