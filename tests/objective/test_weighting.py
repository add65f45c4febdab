"""Weights and penalties: the reference sheet's numbers, and formulas written out again in float64."""

import math

import pytest
import torch

from kohya_like.objective.schedule import NoiseSchedule
from kohya_like.objective.weighting import Penalty, Weighting

pytestmark = pytest.mark.quick

STEPS = [0, 100, 500, 999]
SCHEDULE = NoiseSchedule.scaled_linear()
ZERO = NoiseSchedule.scaled_linear(zero_terminal_snr=True)


def table(weighting: Weighting, prediction: str, schedule: NoiseSchedule = SCHEDULE) -> list[float]:
    found = weighting.table(schedule, prediction)  # type: ignore[arg-type]
    assert found is not None and found.dtype == torch.float32
    return found[STEPS].tolist()


@pytest.mark.parametrize(
    ("weighting", "prediction", "golden"),
    [
        (Weighting(min_snr_gamma=5), "epsilon", [0.00425, 0.5914, 1, 1]),
        (Weighting(min_snr_gamma=5), "v_prediction", [0.00425, 0.5289, 0.2763, 0.00466]),
        (Weighting(debiased=True), "epsilon", [0.0316, 0.3439, 1.618, 14.61]),
        (Weighting(debiased=True), "v_prediction", [0.000999, 0.1058, 0.7237, 0.9953]),
        (Weighting(scale_v=True), "v_prediction", [0.99900, 0.8942, 0.2763, 0.00466]),
        (Weighting(v_like=1.0), "epsilon", [2.001, 2.118, 4.619, 215.6]),
    ],
)
def test_golden_values(weighting: Weighting, prediction: str, golden: list[float]) -> None:
    assert table(weighting, prediction) == pytest.approx(golden, rel=2e-3)


def naive_weight(bar: float, weighting: Weighting, prediction: str) -> float:
    """The formulas one after the other, as kohya applies them, in Python's float64."""
    snr = bar / (1 - bar)
    limited = max(min(snr, 1000.0), 1 / 1000)
    weight = 1.0
    if weighting.min_snr_gamma:
        kept = min(snr, weighting.min_snr_gamma)
        if prediction == "epsilon":
            weight *= kept / snr if snr else 1.0
        else:
            weight *= kept / (snr + 1) if prediction == "v_prediction" else kept
    if weighting.scale_v:
        weight *= limited / (limited + 1)
    if weighting.v_like:
        weight += weight / (limited / (limited + 1)) * weighting.v_like
    if weighting.debiased:
        weight *= 1 / (limited + 1) if prediction == "v_prediction" else 1 / math.sqrt(limited)
    return weight


@pytest.mark.parametrize("schedule", [SCHEDULE, ZERO], ids=["ordinary", "zero-terminal"])
@pytest.mark.parametrize(
    ("weighting", "prediction"),
    [
        (Weighting(min_snr_gamma=5), "epsilon"),
        (Weighting(min_snr_gamma=1), "v_prediction"),
        (Weighting(min_snr_gamma=5), "sample"),
        (Weighting(min_snr_gamma=5, v_like=0.5, debiased=True), "epsilon"),
        (Weighting(min_snr_gamma=5, scale_v=True, debiased=True), "v_prediction"),
    ],
)
def test_every_step_follows_the_formulas_and_is_finite(
    schedule: NoiseSchedule, weighting: Weighting, prediction: str
) -> None:
    found = weighting.table(schedule, prediction)  # type: ignore[arg-type]
    assert found is not None and torch.isfinite(found).all() and (found >= 0).all()
    expected = [naive_weight(bar, weighting, prediction) for bar in schedule.alphas_cumprod.tolist()]
    torch.testing.assert_close(found.double(), torch.tensor(expected, dtype=torch.float64), rtol=1e-6, atol=1e-12)


def test_zero_terminal_weights_follow_the_rescaled_schedule() -> None:
    """kohya's stay those of the old schedule: .2763 and .00466 at these two steps."""
    weights = Weighting(min_snr_gamma=5).table(ZERO, "v_prediction")
    assert weights is not None
    assert weights[[500, 999]].tolist() == pytest.approx([0.24102, 0.0], rel=1e-4)


def test_nothing_on_means_no_table() -> None:
    assert Weighting().table(SCHEDULE, "epsilon") is None


@pytest.mark.parametrize(
    ("weighting", "prediction"),
    [
        (Weighting(scale_v=True), "epsilon"),
        (Weighting(v_like=1.0), "v_prediction"),
        (Weighting(debiased=True), "sample"),
    ],
)
def test_weights_of_the_wrong_parameterisation_are_refused(weighting: Weighting, prediction: str) -> None:
    with pytest.raises(ValueError, match=r"is for|not defined"):
        weighting.table(SCHEDULE, prediction)  # type: ignore[arg-type]


def thresholds(penalty: Penalty, schedule: NoiseSchedule = SCHEDULE) -> list[float]:
    found = penalty.thresholds(schedule)
    assert found is not None
    return found[STEPS].tolist()


def test_huber_thresholds() -> None:
    assert thresholds(Penalty("huber", "snr", 0.1)) == pytest.approx([0.9497, 0.5983, 0.2313, 0.1037], rel=1e-3)
    assert thresholds(Penalty("huber", "snr", 0.1, 7.0)) == thresholds(Penalty("huber", "snr", 0.1))
    exponential = [3.0 * math.exp(math.log(0.1) * t / 1000) for t in STEPS]
    assert thresholds(Penalty("smooth_l1", "exponential", 0.1, 3.0)) == pytest.approx(exponential)
    assert thresholds(Penalty("huber", "constant", 0.1, 3.0)) == pytest.approx([0.3] * 4)
    assert thresholds(Penalty("huber", "snr", 0.1), ZERO)[-1] == pytest.approx(0.1)
    assert Penalty("l2").thresholds(SCHEDULE) is None and Penalty("l1").thresholds(SCHEDULE) is None


@pytest.mark.parametrize("kind", ["l2", "l1", "huber", "smooth_l1"])
def test_penalties_follow_their_formulas(kind: str) -> None:
    generator = torch.Generator().manual_seed(0)
    prediction, target = torch.randn(2, 3, 4, 5, 5, generator=generator)
    c = torch.tensor([0.05, 0.4, 1.0]).view(3, 1, 1, 1)
    found = Penalty(kind)(prediction, target, c)  # type: ignore[arg-type]
    e, c64 = prediction.double() - target.double(), c.double()
    expected = {
        "l2": e**2,
        "l1": e.abs(),
        "huber": 2 * c64 * ((e**2 + c64**2).sqrt() - c64),
        "smooth_l1": 2 * ((e**2 + c64**2).sqrt() - c64),
    }[kind]
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-7)


def test_small_errors_keep_their_digits() -> None:
    """The textbook form loses all of them in float32: the control below gives 0."""
    e, c = torch.full((1, 1, 1, 1), 1e-4), torch.ones(1, 1, 1, 1)
    assert Penalty("huber")(e, torch.zeros_like(e), c).item() == pytest.approx(1e-8, rel=1e-4)
    assert (2 * c * ((e**2 + c**2).sqrt() - c)).item() == 0.0


def test_huber_without_a_threshold_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="threshold"):
        Penalty("huber")(torch.ones(1, 1, 1, 1), torch.ones(1, 1, 1, 1), None)
