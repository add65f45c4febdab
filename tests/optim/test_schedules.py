"""Schedules against transformers', warm-up amounts in every spelling, and a state that is one number."""

import math
from typing import Any

import pytest
import torch

from kohya_like.optim.optimizers import build_optimizer
from kohya_like.optim.schedules import SHAPES, RateSchedule, build_schedule, warmup_steps
from kohya_like.schema.errors import UserError

pytestmark = pytest.mark.quick

TOTAL, RATE = 60, 0.5


def optimizer(*rates: float) -> torch.optim.Optimizer:
    groups = [{"params": [torch.nn.Parameter(torch.ones(2))], "lr": rate} for rate in rates or (RATE,)]
    return torch.optim.SGD(groups, lr=RATE)


def rates(schedule: Any, steps: int = TOTAL + 1) -> list[float]:
    found = []
    for _ in range(steps):
        found.append(schedule.get_last_lr()[0])
        schedule.step()
    return found


def reference(name: str, warmup: int, **specific: Any) -> list[float]:
    from transformers import get_scheduler

    theirs = get_scheduler(
        name, optimizer(), num_warmup_steps=warmup, num_training_steps=TOTAL, scheduler_specific_kwargs=specific
    )
    return rates(theirs)


@pytest.mark.filterwarnings("ignore:Detected call of")
@pytest.mark.parametrize("warmup", [0, 1, 7, TOTAL - 10])
@pytest.mark.parametrize(
    ("name", "ours", "theirs"),
    [
        ("constant", {}, {}),
        ("constant_with_warmup", {}, {}),
        ("linear", {}, {}),
        ("cosine", {}, {}),
        ("cosine_with_restarts", {}, {"num_cycles": 1}),
        ("cosine_with_restarts", {"cycles": 3}, {"num_cycles": 3}),
        ("cosine_with_min_lr", {"floor": 0.2}, {"min_lr_rate": 0.2, "num_cycles": 0.5}),
        ("cosine_with_min_lr", {}, {"min_lr_rate": 0.1, "num_cycles": 0.5}),
        ("cosine_with_min_lr", {"cycles": 2, "floor": 0.2}, {"min_lr_rate": 0.2, "num_cycles": 1.0}),
        ("polynomial", {"power": 2.0}, {"power": 2.0, "lr_end": 0.0}),
        ("polynomial", {"power": 0.5, "floor": 0.1}, {"power": 0.5, "lr_end": 0.1 * RATE}),
        ("inverse_sqrt", {}, {}),
        ("inverse_sqrt", {"timescale": 25}, {"timescale": 25}),
        ("warmup_stable_decay", {"decay": 10}, {"num_decay_steps": 10}),
        ("warmup_stable_decay", {"decay": 10, "floor": 0.2}, {"num_decay_steps": 10, "min_lr_ratio": 0.2}),
    ],
)
def test_same_as_transformers(name: str, ours: dict[str, Any], theirs: dict[str, Any], warmup: int) -> None:
    mine = rates(build_schedule(optimizer(), name, TOTAL, warmup, **ours))
    oracle = "constant_with_warmup" if name == "constant" else name  # kohya's constant refuses a warm-up
    assert mine == pytest.approx(reference(oracle, warmup, **theirs), abs=1e-12)
    assert mine[0] == (0.0 if warmup and "floor" not in ours else mine[0])


def test_every_schedule_has_an_oracle_or_is_constant() -> None:
    assert set(SHAPES) == {
        "constant", "constant_with_warmup", "linear", "cosine", "cosine_with_restarts", "cosine_with_min_lr",
        "polynomial", "inverse_sqrt", "warmup_stable_decay", "adafactor",
    }  # fmt: skip
    assert set(rates(build_schedule(optimizer(), "adafactor", TOTAL))) == {RATE}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("warmup", [0, 7, "10%", 0.1, TOTAL, TOTAL * 3])
def test_warmup_works_with_every_schedule(name: str, warmup: Any) -> None:
    found = rates(build_schedule(optimizer(), name, TOTAL, warmup), 3 * TOTAL)
    steps = min(warmup_steps(warmup, TOTAL), TOTAL)
    assert all(math.isfinite(rate) and 0 <= rate <= RATE for rate in found)
    assert (found[:steps] == sorted(found[:steps]) and found[steps // 2] < RATE) or not steps
    if steps < TOTAL:
        assert found[steps] == pytest.approx(RATE)


@pytest.mark.parametrize("name", ["linear", "cosine", "cosine_with_restarts", "polynomial", "warmup_stable_decay"])
def test_falls_end_at_zero_and_stay_there(name: str) -> None:
    found = rates(build_schedule(optimizer(), name, TOTAL, 5), TOTAL + 30)
    assert found[TOTAL:] == pytest.approx([0.0] * 30, abs=1e-12)


def test_stable_decay_falls_over_a_fifth_by_default() -> None:
    found = rates(build_schedule(optimizer(), "warmup_stable_decay", TOTAL))
    assert found[:49] == [RATE] * 49 and found[49] < RATE  # step 48 is the first of the last 12


@pytest.mark.parametrize(
    ("amount", "total", "steps"),
    [
        (0, 1000, 0), (100, 1000, 100), (100.0, 1000, 100), ("100", 1000, 100), (0.05, 1000, 50), ("5%", 1000, 50),
        (" 5 % ", 1000, 50), ("0.05", 1000, 50), ("100%", 1000, 1000), (1, 1000, 1), (1.0, 1000, 1), (0.29, 100, 29),
        ("7%", 100, 7), (0.0, 1000, 0), ("2.5%", 1000, 25), (0.5, 3, 1), (2000, 1000, 2000),
    ],
)  # fmt: skip
def test_amounts(amount: Any, total: int, steps: int) -> None:
    assert warmup_steps(amount, total) == steps


@pytest.mark.parametrize(
    "amount", ["", "five", "5%%", -1, "-5%", 1.5, "150%", float("nan"), float("inf"), True, "1e999"]
)
def test_amounts_that_are_none(amount: Any) -> None:
    with pytest.raises(UserError, match=r'wanted are steps as in 100, or a part as in 0.05 or "5%"'):
        warmup_steps(amount, 1000)


def test_unknown_schedule_is_a_sentence() -> None:
    with pytest.raises(UserError, match=r"'cosin' is no learning-rate schedule; there are constant, .*cosine"):
        build_schedule(optimizer(), "cosin", TOTAL)


def test_groups_keep_their_proportion() -> None:
    schedule = build_schedule(optimizer(1e-3, 1e-4), "cosine", TOTAL, 5)
    for _ in range(20):
        schedule.step()
    fast, slow = schedule.get_last_lr()
    assert 0 < fast < 1e-3 and fast == pytest.approx(10 * slow)


@pytest.mark.parametrize("schedule_first", [True, False])
def test_resumes_from_one_number_in_any_order(schedule_first: bool) -> None:
    sgd = optimizer(1e-3, 1e-4)
    straight = build_schedule(sgd, "cosine", TOTAL, 5)
    for _ in range(20):
        straight.step()
    saved, weights_saved = straight.state_dict(), sgd.state_dict()
    assert saved == {"step": 20}

    other = optimizer(1e-3, 1e-4)
    if not schedule_first:
        other.load_state_dict(weights_saved)
    resumed = build_schedule(other, "cosine", TOTAL, 5)
    resumed.load_state_dict(saved)
    if schedule_first:
        other.load_state_dict(weights_saved)
    for _ in range(20):
        assert resumed.get_last_lr() == straight.get_last_lr()
        straight.step()
        resumed.step()


def test_schedule_free_keeps_the_warmup_only() -> None:
    weight = torch.nn.Parameter(torch.ones(2))
    free = build_optimizer("AdamWScheduleFree", [{"params": [weight], "lr": RATE}], learning_rate=RATE)
    found = rates(build_schedule(free, "cosine", TOTAL, 10))
    assert found[:10] == pytest.approx([RATE * i / 10 for i in range(10)]) and set(found[10:]) == {RATE}


def test_the_factor_is_a_function_of_the_step() -> None:
    """The object is usable with any function, and asks it for each step once in order."""
    asked: list[int] = []

    def factor(step: int) -> float:
        asked.append(step)
        return 1 / (step + 1)

    schedule = RateSchedule(optimizer(1.0), factor)
    assert rates(schedule, 3) == [1.0, 0.5, pytest.approx(1 / 3)] and asked == [0, 1, 2, 3]
