"""Our samplers against the schedulers of diffusers, on a toy network."""

from __future__ import annotations

import math

import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    UniPCMultistepScheduler,
)
from torch import Tensor

from kohya_like.samplers import SAMPLERS, Denoiser, img2img_steps, sample

pytestmark = pytest.mark.quick

SD = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}
ORACLES = {
    "ddim": (DDIMScheduler, {"clip_sample": False, "set_alpha_to_one": True}),
    "euler": (EulerDiscreteScheduler, {}),
    "euler_a": (EulerAncestralDiscreteScheduler, {}),
    "dpmpp_2m": (DPMSolverMultistepScheduler, {"final_sigmas_type": "zero", "lower_order_final": False}),
    "dpmpp_2m_karras": (
        DPMSolverMultistepScheduler,
        {"final_sigmas_type": "zero", "lower_order_final": False, "use_karras_sigmas": True},
    ),
    "unipc": (UniPCMultistepScheduler, {"final_sigmas_type": "zero"}),
}


def alphas(zero_terminal_snr: bool = False) -> Tensor:
    betas = torch.linspace(math.sqrt(0.00085), math.sqrt(0.012), 1000, dtype=torch.float64) ** 2
    root = (1 - betas).cumprod(0).sqrt()
    if zero_terminal_snr:
        root = (root - root[-1]) * root[0] / (root[0] - root[-1])
    return root**2


def toy(x: Tensor, t: Tensor) -> Tensor:
    """Smooth, nonlinear, mixes neighbours, depends on t."""
    time = (t.to(x.dtype) / 1000).reshape(-1, 1, 1, 1)
    return torch.tanh(x + 0.3 * x.roll(1, -1)) * (0.9 - 0.4 * time) + 0.1 * torch.sin(7 * time + x)


def noise() -> Tensor:
    return torch.randn(2, 4, 6, 6, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def oracle(name: str, steps: int, spacing: str, prediction_type: str, zero_terminal_snr: bool = False) -> Tensor:
    kind, extra = ORACLES[name]
    config = {**SD, **extra, "timestep_spacing": spacing, "prediction_type": prediction_type}
    if zero_terminal_snr:
        config["rescale_betas_zero_snr"] = True
    if spacing == "leading":
        config["steps_offset"] = 1
    scheduler = kind(**config)
    if name == "dpmpp_2m" and spacing == "leading":  # its "leading" is another grid than that of the other three
        scheduler.set_timesteps(timesteps=[i * (1000 // steps) + 1 for i in reversed(range(steps))])
    else:
        scheduler.set_timesteps(steps)
    if name == "unipc" and spacing == "leading":  # likewise, and it takes no timesteps from outside
        scheduler.timesteps = torch.tensor([i * (1000 // steps) + 1 for i in reversed(range(steps))])
        table = ((1 - scheduler.alphas_cumprod) / scheduler.alphas_cumprod).sqrt()
        scheduler.sigmas = torch.cat([table[scheduler.timesteps], torch.zeros(1)])
    # diffusers leaves out the unit of variance that the noise itself adds when it starts from the noisiest timestep
    start = getattr(scheduler, "sigmas", [0.0])[0] if name.startswith("euler") else 0.0
    x = noise() * math.sqrt(float(start) ** 2 + 1)
    generator = torch.Generator().manual_seed(11)
    for t in scheduler.timesteps:
        prediction = toy(scheduler.scale_model_input(x, t), t.reshape(1))
        draws = {"generator": generator} if name == "euler_a" else {}
        x = scheduler.step(prediction, t, x, **draws).prev_sample
    return x


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("spacing", ["leading", "trailing"])
@pytest.mark.parametrize("name", sorted(SAMPLERS))
def test_same_latents_as_diffusers(name: str, spacing: str, prediction_type: str) -> None:
    denoise = Denoiser(toy, alphas(), prediction_type)
    ours = sample(name, denoise, noise(), 20, spacing=spacing, generator=torch.Generator().manual_seed(11))
    theirs = oracle(name, 20, spacing, prediction_type)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    other = "epsilon" if prediction_type == "v_prediction" else "v_prediction"
    assert (theirs - oracle(name, 20, spacing, other)).abs().max() > 0.1, "the control must be another picture"


@pytest.mark.parametrize("name", ["ddim", "euler"])
def test_zero_terminal_snr_starts_from_pure_noise(name: str) -> None:
    seen: list[Tensor] = []

    def predict(x: Tensor, t: Tensor) -> Tensor:
        seen.append(x)
        assert seen[1:] or t.tolist() == [999, 999]
        return toy(x, t)

    denoise = Denoiser(predict, alphas(zero_terminal_snr=True), "v_prediction")
    ours = sample(name, denoise, noise(), 10, spacing="trailing")
    torch.testing.assert_close(seen[0], noise(), rtol=0, atol=1e-9)
    assert ours.isfinite().all()
    theirs = oracle(name, 10, "trailing", "v_prediction", zero_terminal_snr=True)
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", sorted(SAMPLERS))
def test_a_perfect_network_gives_the_picture_back(name: str) -> None:
    picture = torch.linspace(-1, 1, 2 * 4 * 6 * 6, dtype=torch.float64).reshape(2, 4, 6, 6)
    table = alphas()

    def predict(x: Tensor, t: Tensor) -> Tensor:
        a = table[t].reshape(-1, 1, 1, 1)
        return (x - a.sqrt() * picture) / (1 - a).sqrt()

    steps_seen: list[int] = []
    result = sample(
        name, Denoiser(predict, table), noise(), 7, generator=torch.Generator().manual_seed(0),
        callback=lambda i, _: steps_seen.append(i),
    )  # fmt: skip
    torch.testing.assert_close(result, picture, rtol=1e-6, atol=1e-6)
    assert steps_seen == [1, 2, 3, 4, 5, 6, 7]


def test_from_a_picture_only_the_last_steps_are_taken() -> None:
    denoise = Denoiser(toy, alphas())
    picture = torch.linspace(-1, 1, 2 * 4 * 6 * 6, dtype=torch.float64).reshape(2, 4, 6, 6)
    for strength, steps in ((0.0, 1), (0.5, 11), (0.75, 16), (1.0, 20)):
        seen: list[int] = []
        sample(
            "euler", denoise, noise(), 20, init=picture, strength=strength,
            callback=lambda i, _, seen=seen: seen.append(i),
        )  # fmt: skip
        assert seen[-1] == len(seen) == steps == img2img_steps(20, strength)
    near = sample("ddim", denoise, noise(), 20, init=picture, strength=0.0)
    far = sample("ddim", denoise, noise(), 20, init=picture, strength=0.9)
    assert (near - picture).abs().mean() < 0.2 < (far - picture).abs().mean()


def test_as_many_steps_as_timesteps_are_possible_and_no_more() -> None:
    denoise = Denoiser(toy, alphas())
    for spacing in ("leading", "trailing"):
        sigmas = denoise.schedule(1000, spacing)
        assert len(sigmas) == 1001 and bool((sigmas[1:] < sigmas[:-1]).all())
    with pytest.raises(ValueError, match="between 1 and 1000"):
        denoise.schedule(1001, "leading")
