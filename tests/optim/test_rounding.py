"""Rounding by chance: the mean is the number, what is exact stays, and small changes add up."""

from __future__ import annotations

import pytest
import torch

from kohya_like.optim.rounding import seed_of, stochastic_round

pytestmark = pytest.mark.quick


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_mean_is_the_number() -> None:
    numbers = torch.tensor([1.001, -1.001, 3.3e-5, 1000.7, -0.3])
    rounded = stochastic_round(numbers.repeat(40_000, 1), seeded()).float()
    steps = numbers.abs() * 2**-7  # no bfloat16 lies farther from its neighbour
    assert ((rounded - numbers).abs() <= steps).all()
    bias = (rounded.mean(0) - numbers).abs() / steps
    assert (bias < 0.01).all()
    nearest = (numbers.bfloat16().float() - numbers).abs() / steps
    assert (nearest > 0.05).any(), "control: rounding to the nearest is biased"


def test_what_is_exact_stays() -> None:
    exact = torch.tensor([0.0, -0.0, 1.0, -2.5, 3.0e38, float("inf"), float("-inf")]).bfloat16()
    assert torch.equal(stochastic_round(exact.float(), seeded()), exact)
    assert stochastic_round(torch.tensor([float("nan")]), seeded()).isnan().all()


def test_small_changes_add_up_which_rounding_to_the_nearest_loses() -> None:
    """1000 steps of 1e-5 from 1: half the distance to the next bfloat16 is 0.0039."""
    by_chance, nearest = torch.ones(2000, dtype=torch.bfloat16), torch.ones(2000, dtype=torch.bfloat16)
    generator = seeded()
    for _ in range(1000):
        by_chance = stochastic_round(by_chance.float() + 1e-5, generator)
        nearest = (nearest.float() + 1e-5).bfloat16()
    assert by_chance.float().mean().item() == pytest.approx(1.01, abs=0.001)
    assert torch.equal(nearest, torch.ones_like(nearest)), "control"


def test_the_seed_belongs_to_step_and_weight() -> None:
    seeds = {seed_of(seed, step, number) for seed in (0, 1) for step in (0, 1, 2) for number in (0, 1, 2)}
    assert len(seeds) == 18 and seed_of(5, 3, 2) == seed_of(5, 3, 2)
