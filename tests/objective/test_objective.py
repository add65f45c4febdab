"""The loss as a whole: targets, order of operations, masks, weights, steps, and a second derivation in float64."""

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from kohya_like.objective.noise import NoiseSettings
from kohya_like.objective.objective import Objective, build_objective
from kohya_like.objective.options import ObjectiveOptions
from kohya_like.objective.schedule import NoiseSchedule
from kohya_like.objective.weighting import Penalty, Weighting
from kohya_like.schema.errors import ConfigError

pytestmark = pytest.mark.quick

SCHEDULE = NoiseSchedule.scaled_linear()
PREDICTIONS = ("epsilon", "v_prediction", "sample")


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


X = torch.randn(3, 4, 6, 8, generator=seeded(42))


def zeros(noisy: Tensor, t: Tensor) -> Tensor:
    return torch.zeros_like(noisy)


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_a_perfect_answer_costs_nothing(prediction: str) -> None:
    """The answer is worked out from x_t and the known x₀ alone, for each parameterisation."""

    def knows_all(noisy: Tensor, t: Tensor) -> Tensor:
        bar = SCHEDULE.alphas_cumprod[t].view(-1, 1, 1, 1)
        noise = (noisy.double() - bar.sqrt() * X.double()) / (1 - bar).sqrt()
        velocity = bar.sqrt() * noise - (1 - bar).sqrt() * X.double()
        return {"epsilon": noise, "v_prediction": velocity, "sample": X.double()}[prediction].float()

    objective = Objective(SCHEDULE, prediction)  # type: ignore[arg-type]
    assert objective.loss(knows_all, X, seeded()).loss.item() < 1e-6
    for other in set(PREDICTIONS) - {prediction}:
        assert Objective(SCHEDULE, other).loss(knows_all, X, seeded()).loss.item() > 0.1  # type: ignore[arg-type]


def test_against_a_second_derivation_in_float64() -> None:
    """Everything at once, sample by sample, in kohya's order."""
    objective = Objective(
        SCHEDULE, "v_prediction",
        penalty=Penalty("huber", "snr", 0.1), weighting=Weighting(5.0, True, True),
        noise=NoiseSettings(offset=0.1, perturbation=0.05), timesteps=(100, 900),
    )  # fmt: skip
    loss_weights = torch.tensor([1.0, 0.5, 2.0])
    masks = torch.rand(3, 1, 48, 64, generator=seeded(3))
    result = objective.loss(lambda noisy, t: 0.7 * noisy, X, seeded(1), loss_weights, masks)

    draws = seeded(1)
    steps = torch.randint(100, 900, (3,), generator=draws)
    noise = torch.randn(X.shape, generator=draws)
    noise = noise + 0.1 * torch.randn(3, 4, 1, 1, generator=draws)
    entering = noise + 0.05 * torch.randn(X.shape, generator=draws)
    assert torch.equal(result.timesteps, steps)
    total = 0.0
    for i, t in enumerate(steps.tolist()):
        bar = float(torch.cumprod(1 - torch.linspace(0.00085**0.5, 0.012**0.5, 1000).double() ** 2, 0)[t])
        x, e, n = X[i].double(), noise[i].double(), entering[i].double()
        answer = 0.7 * (bar**0.5 * x + (1 - bar) ** 0.5 * n)
        error = answer - (bar**0.5 * e - (1 - bar) ** 0.5 * x)
        sigma, snr = ((1 - bar) / bar) ** 0.5, bar / (1 - bar)
        c = 0.9 / (1 + sigma) ** 2 + 0.1
        value = 2 * c * ((error**2 + c**2).sqrt() - c)
        value = value * F.avg_pool2d(masks[i].double(), 8)
        mean = value.mean() * float(loss_weights[i])
        mean = mean * min(snr, 5) / (snr + 1) * snr / (snr + 1) / (snr + 1)
        assert result.per_sample[i].item() == pytest.approx(mean.item(), rel=1e-4)
        total += mean.item() / 3
    assert result.loss.item() == pytest.approx(total, rel=1e-4)


def test_perturbation_reaches_the_input_and_not_the_target() -> None:
    seen: list[Tensor] = []

    def answer(noisy: Tensor, t: Tensor) -> Tensor:
        seen.append(noisy)
        return torch.zeros_like(noisy)

    plain = Objective(SCHEDULE).loss(answer, X, seeded()).loss
    disturbed = Objective(SCHEDULE, noise=NoiseSettings(perturbation=0.5)).loss(answer, X, seeded()).loss
    assert torch.equal(plain, disturbed)  # the same target
    assert not torch.allclose(seen[0], seen[1])


def test_the_draws_depend_on_the_generator_alone() -> None:
    objective = Objective(SCHEDULE, noise=NoiseSettings(0.1, True, 0.1, 4, 0.3, 0.1, True))
    first = objective.loss(zeros, X, seeded(8))
    torch.manual_seed(1)
    again = objective.loss(zeros, X, seeded(8))
    assert torch.equal(first.loss, again.loss) and torch.equal(first.timesteps, again.timesteps)
    assert not torch.equal(objective.loss(zeros, X, seeded(9)).loss, first.loss)


def test_gradient_reaches_the_prediction() -> None:
    weight = torch.tensor(0.5, requires_grad=True)
    result = Objective(SCHEDULE).loss(lambda noisy, t: weight * noisy, X, seeded())
    result.loss.backward()
    assert weight.grad is not None and weight.grad.abs() > 0
    assert not result.per_sample.requires_grad


def test_low_precision_is_measured_in_float32() -> None:
    seen: list[torch.dtype] = []

    def answer(noisy: Tensor, t: Tensor) -> Tensor:
        seen.append(noisy.dtype)
        return noisy.to(torch.bfloat16)

    result = Objective(SCHEDULE).loss(answer, X.half(), seeded())
    assert seen == [torch.float32] and result.loss.dtype == torch.float32


def test_steps_cover_the_range_without_its_end() -> None:
    objective = Objective(SCHEDULE, timesteps=(10, 14))
    assert set(objective.draw_timesteps(400, seeded()).tolist()) == {10, 11, 12, 13}
    everything = Objective(SCHEDULE).draw_timesteps(20000, seeded())
    assert everything.min() == 0 and everything.max() == 999
    assert everything.float().mean().item() == pytest.approx(499.5, abs=5)


@pytest.mark.parametrize(("limits", "step"), [((300, 300), 300), ((700, 300), 300), ((999, 999), 999)])
def test_an_empty_range_is_its_end(limits: tuple[int, int], step: int) -> None:
    assert Objective(SCHEDULE, timesteps=limits).draw_timesteps(3, seeded()).tolist() == [step] * 3


def test_fixed_steps_for_validation() -> None:
    objective = Objective(SCHEDULE)
    one = objective.loss(zeros, X, seeded(), fixed_t=500)
    each = objective.loss(zeros, X, seeded(), fixed_t=torch.tensor([500, 500, 500]))
    assert one.timesteps.tolist() == [500] * 3 and torch.equal(one.loss, each.loss)
    other = objective.loss(lambda noisy, t: noisy, X, seeded(), fixed_t=torch.tensor([0, 500, 999]))
    assert other.timesteps.tolist() == [0, 500, 999]


def test_the_loss_is_the_mean_of_its_parts_and_weights_scale_them() -> None:
    objective = Objective(SCHEDULE)
    plain = objective.loss(zeros, X, seeded())
    weighted = objective.loss(zeros, X, seeded(), torch.tensor([1.0, 0.0, 3.0]))
    assert plain.loss.item() == pytest.approx(plain.per_sample.mean().item())
    torch.testing.assert_close(weighted.per_sample, plain.per_sample * torch.tensor([1.0, 0.0, 3.0]))


def test_a_mask_hides_its_black_part() -> None:
    """An error outside the mask does not count, one inside does, and the mean is over all pixels."""
    mask = torch.zeros(3, 1, 6, 8)
    mask[..., :4] = 1.0

    def wrong_at(columns: slice) -> float:
        def answer(noisy: Tensor, t: Tensor) -> Tensor:
            answered = X.clone()
            answered[..., columns] += 2.0
            return answered

        return Objective(SCHEDULE, "sample").loss(answer, X, seeded(), masks=mask).loss.item()

    assert wrong_at(slice(4, 8)) == 0.0
    assert wrong_at(slice(0, 4)) == pytest.approx(2.0**2 * 0.5)


def test_masks_shrink_by_area() -> None:
    mask = torch.zeros(3, 1, 48, 64)
    mask[..., :32] = 1.0
    mask[..., 32:36] = 1.0  # half of a latent column
    objective = Objective(SCHEDULE, "sample")
    loss = objective.loss(lambda noisy, t: X + 1, X, seeded(), masks=mask).loss
    assert loss.item() == pytest.approx(4.5 / 8)


@pytest.mark.parametrize(
    ("prediction", "kind", "zero"), itertools.product(PREDICTIONS, ("l2", "huber", "smooth_l1"), (False, True))
)
def test_finite_at_both_ends(prediction: str, kind: str, zero: bool) -> None:
    """Every weight that a parameterisation allows, at the first and the last step, zero terminal SNR included."""
    v, eps = prediction == "v_prediction", prediction == "epsilon"
    objective = Objective(
        NoiseSchedule.scaled_linear(zero), prediction,  # type: ignore[arg-type]
        penalty=Penalty(kind),  # type: ignore[arg-type]
        weighting=Weighting(5.0, prediction != "sample", scale_v=v, v_like=1.0 if eps else 0.0),
    )  # fmt: skip
    weight = torch.tensor(0.5, requires_grad=True)
    result = objective.loss(lambda noisy, t: weight * noisy, X, seeded(), fixed_t=torch.tensor([0, 998, 999]))
    result.loss.backward()
    assert torch.isfinite(result.per_sample).all() and weight.grad is not None and torch.isfinite(weight.grad)


def test_built_from_options() -> None:
    options = ObjectiveOptions(
        loss_type="huber", huber_schedule="constant", huber_c=0.2, huber_scale=2.0, min_snr_gamma=5,
        debiased_estimation_loss=True, v_pred_like_loss=0.5, noise_offset=0.1, noise_offset_random_strength=True,
        adaptive_noise_scale=0.01, multires_noise_iterations=6, multires_noise_discount=0.4, ip_noise_gamma=0.1,
        ip_noise_gamma_random_strength=True, min_timestep=20, max_timestep=980,
    )  # fmt: skip
    built = build_objective(options, "epsilon")
    by_hand = Objective(
        SCHEDULE, "epsilon", penalty=Penalty("huber", "constant", 0.2, 2.0),
        weighting=Weighting(5.0, True, False, 0.5), noise=NoiseSettings(0.1, True, 0.01, 6, 0.4, 0.1, True),
        timesteps=(20, 980),
    )  # fmt: skip
    assert built.noise == by_hand.noise and built.penalty == by_hand.penalty
    assert torch.equal(built.loss(zeros, X, seeded()).per_sample, by_hand.loss(zeros, X, seeded()).per_sample)


def test_zero_terminal_option_changes_the_schedule() -> None:
    built = build_objective(ObjectiveOptions(zero_terminal_snr=True), "v_prediction")
    assert built.schedule.alphas_cumprod[-1] == 0


def test_defaults_are_plain_mean_squared_error_on_noise() -> None:
    result = build_objective(ObjectiveOptions(), "epsilon").loss(zeros, X, seeded(4))
    draws = seeded(4)
    torch.randint(0, 1000, (3,), generator=draws)
    assert result.loss.item() == pytest.approx(torch.randn(X.shape, generator=draws).square().mean().item())


def test_building_refuses_what_contradicts() -> None:
    with pytest.raises(ConfigError, match="is for v-prediction models; this one predicts epsilon"):
        build_objective(ObjectiveOptions(scale_v_pred_loss_like_noise_pred=True), "epsilon")
