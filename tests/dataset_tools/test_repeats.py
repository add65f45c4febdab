"""The suggested repeats solve steps = images x repeat x epoch / batch, and give every folder the same share."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_tools.repeats import suggest_repeats
from kohya_like.data.folders import MAX_REPEATS

pytestmark = pytest.mark.quick


def test_the_guides_example() -> None:
    plan = suggest_repeats([40], epochs=10, batch=1, steps=4000)
    assert (plan.repeats, plan.steps) == ((10,), 4000)


def test_folders_are_seen_equally_often() -> None:
    plan = suggest_repeats([20, 100, 0], epochs=10, batch=2, steps=4000)
    assert (plan.repeats, plan.steps) == ((20, 4, 1), 4000)


@given(st.lists(st.integers(1, 300), min_size=1, max_size=5), st.integers(1, 20), st.integers(1, 8))
def test_steps_come_close_where_rounding_allows(pictures: list[int], epochs: int, batch: int) -> None:
    plan = suggest_repeats(pictures, epochs, batch, 40_000)
    assert plan.steps == -(-sum(n * r for n, r in zip(pictures, plan.repeats)) // batch) * epochs
    slack = sum(pictures) / 2 * epochs / batch + epochs  # half a repeat of every picture
    assert abs(plan.steps - 40_000) <= slack or {1, MAX_REPEATS} & set(plan.repeats)


@pytest.mark.parametrize("bad", [{"epochs": 0}, {"batch": 0}, {"steps": 0}])
def test_numbers_below_one_are_refused(bad: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="1 or more"):
        suggest_repeats([1], **bad)
