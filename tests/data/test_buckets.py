"""Buckets: kohya's shapes with its faults corrected."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohya_like.data.buckets import BucketRules, bucket_sizes, count_buckets, cover, fit, is_enlarged, rules_of
from kohya_like.data.options import DataOptions

pytestmark = pytest.mark.quick

SD = BucketRules((512, 512), min_size=256, max_size=1024)
OWN = BucketRules((512, 512), min_size=256, max_size=1024, no_upscale=True)
SIZES = st.tuples(st.integers(1, 6000), st.integers(1, 6000))
RULES = st.builds(
    BucketRules,
    resolution=st.tuples(st.integers(64, 1536), st.integers(64, 1536)),
    enabled=st.booleans(),
    min_size=st.integers(8, 512),
    max_size=st.integers(512, 2048),
    step=st.sampled_from([8, 16, 32, 64]),
    no_upscale=st.booleans(),
)


def kohyas_list(resolution: tuple[int, int], least: int, most: int, step: int) -> set[tuple[int, int]]:
    """The rule as sd-scripts' model_util.make_bucket_resolutions is described to work."""
    area = resolution[0] * resolution[1]
    square = int(math.sqrt(area) // step) * step
    sizes = {(square, square)}
    for width in range(least, most + 1, step):
        height = min(most, area // width // step * step)
        if height >= least:
            sizes |= {(width, height), (height, width)}
    return sizes


@pytest.mark.parametrize("resolution", [(512, 512), (512, 768), (768, 768), (1024, 1024), (640, 1024)])
@pytest.mark.parametrize(("least", "most"), [(256, 1024), (256, 2048), (512, 1024)])
@pytest.mark.parametrize("step", [64, 32])
def test_kohyas_list(resolution: tuple[int, int], least: int, most: int, step: int) -> None:
    rules = BucketRules(resolution, min_size=least, max_size=most, step=step)
    assert bucket_sizes(rules) == kohyas_list(resolution, least, most, step)


@given(RULES)
def test_every_shape_keeps_the_promises(rules: BucketRules) -> None:
    for width, height in bucket_sizes(rules):
        assert width % rules.step == 0 and height % rules.step == 0 and min(width, height) >= rules.step
        if rules.enabled and rules.shortest**2 <= rules.area and rules.shortest <= rules.max_size:
            assert width * height <= rules.area
            assert rules.min_size <= min(width, height) and max(width, height) <= rules.max_size


@given(SIZES, RULES)
def test_every_picture_finds_a_shape_it_covers_closely(size: tuple[int, int], rules: BucketRules) -> None:
    bucket, scaled = fit(size, rules).bucket, fit(size, rules).scaled
    assert min(bucket) >= rules.step
    assert scaled[0] >= bucket[0] and scaled[1] >= bucket[1]
    assert scaled[0] == bucket[0] or scaled[1] == bucket[1]
    if rules.enabled:
        assert all(rules.shortest <= side <= rules.longest for side in bucket)


@given(SIZES)
def test_no_upscale_enlarges_only_what_is_under_the_least_side(size: tuple[int, int]) -> None:
    if min(size) >= OWN.shortest:
        assert not is_enlarged(size, OWN)
        assert math.prod(fit(size, OWN).bucket) <= OWN.area


@given(SIZES)
def test_a_turned_picture_gets_the_turned_shape(size: tuple[int, int]) -> None:
    turned = (size[1], size[0])
    assert sorted(fit(turned, SD).bucket) == sorted(fit(size, SD).bucket)
    if size[0] != size[1]:
        (width, height), (turned_width, turned_height) = fit(size, SD).bucket, fit(turned, SD).bucket
        assert (width, height) == (turned_height, turned_width)


def test_nearest_is_by_the_logarithm_of_the_ratio() -> None:
    """The plain difference would give a wide picture and the same one turned shapes of different sizes."""

    def by_difference(size: tuple[int, int]) -> tuple[int, int]:
        return min(bucket_sizes(SD), key=lambda b: abs(b[0] / b[1] - size[0] / size[1]))

    assert (fit((2810, 1000), SD).bucket, fit((1000, 2810), SD).bucket) == ((832, 256), (256, 832))
    assert (by_difference((2810, 1000)), by_difference((1000, 2810))) == ((768, 320), (256, 832))


@pytest.mark.parametrize(
    ("size", "bucket", "scaled"),
    [
        ((512, 512), (512, 512), (512, 512)),
        ((1000, 1001), (512, 512), (512, 513)),
        ((1920, 1080), (640, 384), (683, 384)),
        ((100, 100), (512, 512), (512, 512)),
        ((30000, 10), (1024, 256), (768000, 256)),
    ],
)
def test_examples(size: tuple[int, int], bucket: tuple[int, int], scaled: tuple[int, int]) -> None:
    assert (fit(size, SD).bucket, fit(size, SD).scaled) == (bucket, scaled)


@pytest.mark.parametrize(
    ("size", "bucket"),
    [
        ((1000, 1003), (512, 512)),  # kohya: 448x512, an eighth of the picture lost
        ((500, 500), (448, 448)),
        ((330, 700), (320, 640)),
        ((200, 300), (256, 256)),  # under the least side: enlarged
        ((3000, 100), (1024, 256)),
        ((1, 1), (256, 256)),  # kohya: a bucket of 0x0
    ],
)
def test_examples_without_upscaling(size: tuple[int, int], bucket: tuple[int, int]) -> None:
    assert fit(size, OWN).bucket == bucket


def test_a_size_without_shape_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match="a picture of 0x5 has no shape"):
        fit((0, 5), SD)


def test_buckets_off_is_one_shape_for_every_picture() -> None:
    """sd-scripts stops here with an assertion at the first picture of another size."""
    rules = BucketRules((500, 768), enabled=False)
    assert bucket_sizes(rules) == {(448, 768)}
    assert {fit(size, rules).bucket for size in ((10, 10), (9000, 20), (448, 768))} == {(448, 768)}
    assert fit((1000, 1000), rules).scaled == (768, 768)


def test_sides_between_steps_move_inwards() -> None:
    rules = BucketRules((512, 512), min_size=250, max_size=1000)
    assert (rules.shortest, rules.longest) == (256, 960)


def test_cover_touches_two_sides() -> None:
    assert cover((100, 200), (64, 64)) == (64, 128)
    assert cover((200, 100), (64, 64)) == (128, 64)
    assert cover((3, 2), (64, 64)) == (96, 64)
    assert cover((1001, 1000), (512, 512)) == (513, 512)


def test_rules_take_from_the_family_what_the_options_leave_open() -> None:
    assert rules_of(DataOptions(), 1024, 32) == BucketRules((1024, 1024), True, 256, 2048, 32, True)
    assert rules_of(DataOptions(), 64, 8).min_size == 32
    given = DataOptions.model_validate(
        {"resolution": "512,768", "min_bucket_reso": 320, "max_bucket_reso": 960, "bucket_reso_steps": 16}
    )
    assert rules_of(given, 1024, 32) == BucketRules((512, 768), True, 320, 960, 16, True)


def test_counts_by_bucket() -> None:
    rng = random.Random(3)
    fits = [fit((rng.randint(300, 900), rng.randint(300, 900)), SD) for _ in range(50)]
    counts = count_buckets(fits)
    assert sum(counts.values()) == 50 and list(counts) == sorted(counts)
    assert counts[fits[0].bucket] == sum(one.bucket == fits[0].bucket for one in fits)
