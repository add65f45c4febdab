"""Noise schedule: the reference sheet's numbers, diffusers' scheduler as an oracle, and the zero-terminal rescaling."""

from typing import Any

import pytest
import torch

from kohya_like.objective.schedule import NoiseSchedule, rescale_to_zero_terminal_snr

pytestmark = pytest.mark.quick

STEPS = torch.tensor([0, 100, 500, 999])


def test_golden_values_of_the_ordinary_schedule() -> None:
    schedule = NoiseSchedule.scaled_linear()
    assert len(schedule) == 1000
    assert schedule.alphas_cumprod[[0, 500, 999]].tolist() == pytest.approx([0.99915, 0.27633, 0.0046601], rel=1e-4)
    assert schedule.snr(torch.tensor([0, 500, 999])).tolist() == pytest.approx([1175.4, 0.38185, 0.0046819], rel=1e-4)


def test_same_as_diffusers() -> None:
    from diffusers import DDPMScheduler

    theirs: Any = DDPMScheduler(
        beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, num_train_timesteps=1000
    )
    ours = NoiseSchedule.scaled_linear()
    torch.testing.assert_close(ours.alphas_cumprod.float(), theirs.alphas_cumprod, rtol=1e-4, atol=0)
    generator = torch.Generator().manual_seed(0)
    x, noise = torch.randn(2, 4, 4, 8, 8, generator=generator)
    torch.testing.assert_close(ours.add_noise(x, noise, STEPS), theirs.add_noise(x, noise, STEPS), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(
        ours.velocity(x, noise, STEPS), theirs.get_velocity(x, noise, STEPS), rtol=1e-4, atol=1e-5
    )


def test_zero_terminal_snr() -> None:
    schedule = NoiseSchedule.scaled_linear(zero_terminal_snr=True)
    bar = schedule.alphas_cumprod
    assert bar[999] == 0 and schedule.snr(torch.tensor([999])) == 0
    assert bar[[0, 500, 998]].tolist() == pytest.approx([0.99915, 0.24102, 1.97e-7], rel=2e-3)
    assert (bar[1:] < bar[:-1]).all()
    x, noise = torch.randn(2, 1, 4, 2, 2, generator=torch.Generator().manual_seed(1))
    last = torch.tensor([999])
    assert torch.equal(schedule.add_noise(x, noise, last), noise)
    assert torch.equal(schedule.velocity(x, noise, last), -x)


def test_rescaling_as_diffusers_does_it() -> None:
    from diffusers import DDPMScheduler

    settings = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
    reference: Any = DDPMScheduler(**settings, rescale_betas_zero_snr=True)
    ours = NoiseSchedule.scaled_linear(zero_terminal_snr=True).alphas_cumprod.float()
    torch.testing.assert_close(ours, reference.alphas_cumprod, rtol=1e-3, atol=1e-7)


def test_rescaling_keeps_the_first_value_and_ends_at_zero_for_any_schedule() -> None:
    bar = torch.linspace(0.9, 0.3, 7, dtype=torch.float64)
    rescaled = rescale_to_zero_terminal_snr(bar)
    assert rescaled[0] == pytest.approx(0.9) and rescaled[-1] == 0


@pytest.mark.parametrize("values", [[1.0, 0.5], [0.5, -0.1], [[0.5]]])
def test_values_that_are_no_schedule_are_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match=r"in \[0, 1\)"):
        NoiseSchedule(torch.tensor(values))
