"""Batches and steps: exact counts, an order that depends on nothing but the seed and the epoch."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohya_like.data.options import SubsetSettings
from kohya_like.data.plan import BatchPlan, balanced_repeats, shuffle_keys, steps
from kohya_like.data.records import Concept, Fit, ImageRecord

pytestmark = pytest.mark.quick

SHAPES = [(64, 64), (80, 48), (48, 80)]
FITS = [Fit(SHAPES[i % 3 if i % 7 else 0], SHAPES[i % 3]) for i in range(41)]
REPEATS = [1 + i % 3 for i in range(41)]


def plan(batch_size: int = 4, seed: int = 1) -> BatchPlan:
    return BatchPlan(FITS, REPEATS, batch_size, seed)


@given(
    st.lists(st.tuples(st.sampled_from(SHAPES), st.integers(0, 4)), min_size=1, max_size=40),
    st.integers(1, 9),
    st.integers(0, 99),
)
def test_an_epoch_holds_every_repeat_of_every_picture_once(
    pictures: list[tuple[tuple[int, int], int]], batch_size: int, epoch: int
) -> None:
    fits, repeats = [Fit(shape, shape) for shape, _ in pictures], [n for _, n in pictures]
    made = BatchPlan(fits, repeats, batch_size, 5)
    batches = made.epoch(epoch)
    assert Counter(sample for batch in batches for sample in batch.samples) == Counter(
        (i, r) for i, n in enumerate(repeats) for r in range(n)
    )
    assert all(fits[sample.image].bucket == batch.bucket for batch in batches for sample in batch.samples)
    assert all(1 <= len(batch.samples) <= batch_size for batch in batches)
    by_bucket = Counter(fits[i].bucket for i, n in enumerate(repeats) for _ in range(n))
    assert made.bucket_counts() == by_bucket
    assert made.batch_counts() == {bucket: math.ceil(n / batch_size) for bucket, n in by_bucket.items()}
    assert len(batches) == made.batches_per_epoch == sum(made.batch_counts().values())


def test_the_order_is_new_each_epoch_and_the_same_for_the_same_seed() -> None:
    assert plan().epoch(0) == plan().epoch(0)
    assert len({plan().epoch(n) for n in range(5)}) == 5
    assert plan(seed=2).epoch(0) != plan().epoch(0)
    assert sorted(map(len, (b.samples for b in plan().epoch(0)))) == sorted(
        map(len, (b.samples for b in plan().epoch(1)))
    )


def test_the_order_is_pinned() -> None:
    """An exact resume after an update needs the same order; if this changes, say so in the changelog."""
    assert [batch.samples[0] for batch in plan().epoch(0)[:4]] == [(17, 1), (4, 1), (29, 0), (11, 0)]


def test_another_process_with_another_hash_seed_gives_the_same_order() -> None:
    code = (
        "from kohya_like.data.plan import BatchPlan; from kohya_like.data.records import Fit\n"
        f"print(BatchPlan([Fit(shape, shape) for shape in {[fit.bucket for fit in FITS]}], {REPEATS}, 4, 1).epoch(3))"
    )
    said = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": "1"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said == f"{plan().epoch(3)}\n"


def test_batches_are_numbered_through_the_epochs() -> None:
    made = plan()
    n = made.batches_per_epoch
    assert made.batch(0) == (0, made.epoch(0)[0])
    assert made.batch(n - 1) == (0, made.epoch(0)[-1])
    assert made.batch(2 * n + 3) == (2, made.epoch(2)[3])


def test_shuffling_is_fair() -> None:
    """Each of 6 pictures comes first about as often: 6000 epochs, five standard deviations."""
    made = BatchPlan([Fit((64, 64), (64, 64))] * 6, [1] * 6, 6, 0)
    first = Counter(made.epoch(n)[0].samples[0].image for n in range(6000))
    assert all(abs(first[i] - 1000) < 5 * math.sqrt(1000 * 5 / 6) for i in range(6))


def test_keys_do_not_repeat() -> None:
    assert len(set(shuffle_keys(10_000, "a").tolist())) == 10_000
    assert (shuffle_keys(5, "a") != shuffle_keys(5, "b")).all()


def test_wrong_values_are_refused() -> None:
    for bad in (lambda: BatchPlan(FITS, [1], 1, 0), lambda: BatchPlan(FITS, REPEATS, 0, 0)):
        with pytest.raises(ValueError):
            bad()
    with pytest.raises(ValueError, match="cannot be negative"):
        BatchPlan(FITS[:1], [-1], 1, 0)


def test_no_pictures_make_no_batches() -> None:
    empty = BatchPlan([], [], 1, 0)
    assert (empty.batches_per_epoch, empty.epoch(0), empty.bucket_counts()) == (0, (), {})


def test_steps_count_partial_batches_and_partial_accumulation() -> None:
    count = steps(67, 4, 10, None, samples=260, batch_size=4, buckets=3)
    assert (count.per_epoch, count.total, count.epochs) == (17, 170, 10)
    assert count.kohya_formula == math.ceil(260 * 10 / 4 / 4)  # 163: seven steps short of ten epochs
    assert count.formula == (
        "260 samples / batch 4 in 3 buckets = 67 batches per epoch / 4 accumulated = 17 steps per epoch; "
        "x 10 epochs = 170 steps"
    )


def test_steps_by_number() -> None:
    count = steps(10, 1, None, 25, samples=10)
    assert (count.total, count.epochs, count.kohya_formula) == (25, 3, 25)
    assert count.formula == "10 samples / batch 1 = 10 batches per epoch; 25 steps = 2.5 epochs"
    assert steps(10, 1, 2, 25).total == 20 and steps(10, 1, 3, 25).total == 25
    assert steps(10, 1, 1, None).formula.endswith("x 1 epoch = 10 steps")


def test_steps_of_nothing() -> None:
    with pytest.raises(ValueError, match="either epochs or steps"):
        steps(1, 1, None, None)
    with pytest.raises(ValueError, match="at least one batch"):
        steps(0, 1, 1, None)


def test_a_plan_counts_its_steps() -> None:
    made = plan()
    count = made.count_steps(2, 3, None)
    assert count.total == 3 * math.ceil(made.batches_per_epoch / 2)
    assert count.formula.startswith(f"41 pictures x 1 to 3 repeats = {sum(REPEATS)} samples / batch 4 in 3 buckets")
    same = BatchPlan(FITS[:5], [10] * 5, 1, 0).count_steps(1, 1, None)
    assert (
        same.formula
        == "5 pictures x 10 repeats = 50 samples / batch 1 in 3 buckets = 50 batches per epoch; x 1 epoch = 50 steps"
    )


def balanced(train: tuple[int, int], reg: tuple[int, int]) -> tuple[list[int], list[int]]:
    """Repeats of (number of pictures, repeats) in either folder after balancing."""
    concepts = [
        Concept(Path("a"), "a", train[1], "a", False, SubsetSettings()),
        Concept(Path("r"), "r", reg[1], "r", True, SubsetSettings()),
    ]
    images = [
        ImageRecord(Path(f"{subset}{i}"), (8, 8), (), None, None, subset, f"{subset}/{i}")
        for subset, count in enumerate((train[0], reg[0]))
        for i in range(count)
    ]
    repeats = balanced_repeats(images, concepts)
    return repeats[: train[0]], repeats[train[0] :]


@pytest.mark.parametrize(
    ("train", "reg", "expected"),
    [
        ((10, 2), (20, 1), [1] * 20),  # just right
        ((10, 2), (50, 1), [0] * 30 + [1] * 20),  # too many: the rest is not used
        ((10, 10), (30, 1), [3] * 20 + [4] * 10),  # too few: in turn
        ((10, 1), (3, 4), [2, 4, 4]),  # kohya would take 12
        ((5, 1), (0, 1), []),
    ],
)
def test_as_many_regularisation_samples_as_training_samples(
    train: tuple[int, int], reg: tuple[int, int], expected: list[int]
) -> None:
    trained, regularising = balanced(train, reg)
    assert trained == [train[1]] * train[0]
    assert sorted(regularising) == expected
    assert not regularising or sum(regularising) == sum(trained)


def test_all_classes_have_their_part() -> None:
    """Of two classes of a hundred pictures, the first hundred by name would all be of the first class."""
    concepts = [Concept(Path(n), n, 1, n, n != "t", SubsetSettings()) for n in ("a", "b", "t")]
    images = [
        ImageRecord(Path(f"{n}{i}"), (8, 8), (), None, None, subset, f"{n}/{i}")
        for subset, n in enumerate(("a", "b", "t"))
        for i in range(100)
    ]
    repeats = balanced_repeats(images, concepts)
    assert sum(repeats[:200]) == 100 and 30 < sum(repeats[:100]) < 70
