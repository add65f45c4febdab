"""What is said of pictures that are enlarged, cut or not used."""

from __future__ import annotations

from pathlib import Path

import pytest

from kohya_like.data.buckets import BucketRules, balanced_repeats, fits_of
from kohya_like.data.options import SubsetSettings
from kohya_like.data.records import Concept, ImageRecord
from kohya_like.data.remarks import remarks

pytestmark = pytest.mark.quick

RULES = BucketRules((512, 512), min_size=256, max_size=1024, no_upscale=True)


def said(sizes: list[tuple[int, int]], rules: BucketRules = RULES, reg: int = 0) -> dict[str, str]:
    """Sentences by code for pictures a0, a1, ... of these sizes, and `reg` regularisation pictures of 512x512."""
    concepts = [
        Concept(Path("a"), "a", 1, "a", False, SubsetSettings()),
        Concept(Path("r"), "r", 1, "r", True, SubsetSettings()),
    ]
    images = [ImageRecord(Path("x"), size, (), None, None, 0, f"a{i}") for i, size in enumerate(sizes)]
    images += [ImageRecord(Path("x"), (512, 512), (), None, None, 1, f"r{i}") for i in range(reg)]
    fits, repeats = fits_of(images, rules), balanced_repeats(images, concepts)
    return {fault.code: str(fault) for fault in remarks(images, fits, repeats, concepts, rules)}


def test_nothing_is_said_of_ordinary_pictures() -> None:
    assert said([(512, 512), (1920, 1280), (600, 800)], reg=3) == {}


def test_enlarged_for_the_least_side() -> None:
    text = said([(512, 512), (200, 300)])["enlarged"]
    assert "1 picture enlarged so that no side is under 256: a1 (200x300 to 256x384)" in text
    assert "lower data.min_bucket_reso" in text


def test_enlarging_that_was_asked_for_is_no_fault() -> None:
    assert said([(300, 300)], BucketRules((512, 512))) == {}


def test_cut_by_more_than_a_third() -> None:
    assert (
        "1 picture cut by more than a third of the area: a1 (3000x300 cut to 1024x256)"
        in said([(512, 512), (3000, 300)])["cut"]
    )
    off = said([(1000, 400)], BucketRules((512, 512), enabled=False))
    assert "set data.enable_bucket = true" in off["cut"]


def test_rounded_sides_are_told() -> None:
    assert said([(512, 512)], BucketRules((512, 512), min_size=250))["rounded"] == (
        "data.min_bucket_reso: is 250, taken as 256: sides are multiples of 64 (set 256)"
    )
    assert said([(512, 512)], BucketRules((500, 768), enabled=False))["rounded"] == (
        "data.resolution: is 500x768, trained as 448x768: sides are multiples of 64 (set 448x768)"
    )


def test_unused_regularisation_pictures_are_told() -> None:
    text = said([(512, 512)] * 3, reg=5)["reg-unused"]
    assert "2 of 5 regularisation pictures not used: an epoch has as many of them as training samples (3)" in text
