"""From noise to latents: each sampler is one function named after its algorithm.

Written in the variance-exploding form of Karras et al. (arXiv:2206.00364): x = x₀ + σ·noise, with σ = √((1-ᾱ)/ᾱ) of the
training schedule, so that a picture free of noise has σ = 0. `Denoiser` turns what a Stable Diffusion UNet predicts
into x₀; the samplers know nothing of UNets, prompts or prediction types.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal, Protocol

import torch
from torch import Tensor

Predict = Callable[[Tensor, Tensor], Tensor]  # (x_t at unit variance [B, C, H, W], t [B]) -> noise or v, same shape
Callback = Callable[[int, Tensor], None]  # (steps done, estimate of the finished latents)
Generators = torch.Generator | Sequence[torch.Generator] | None  # one for all pictures, or one for each
Spacing = Literal["leading", "trailing"]
SamplerName = Literal["ddim", "euler", "euler_a", "dpmpp_2m", "dpmpp_2m_karras", "unipc"]

KARRAS = ("dpmpp_2m_karras",)  # samplers that choose their σ by Karras' rule
RHO = 7.0
SMALLEST_ALPHA = 2.0**-24  # σ = 4096 stands for the infinite σ of a schedule with zero terminal SNR


class Sampler(Protocol):
    def __call__(
        self, denoise: Denoiser, x: Tensor, sigmas: Tensor, generator: Generators, callback: Callback | None
    ) -> Tensor: ...


class Denoiser:
    """(x, σ) -> x₀ for a network that predicts noise or v.  Salimans & Ho, arXiv:2202.00512, for v.

    `predict` sees x scaled to unit variance and the integer timestep of σ; guidance is its affair.
    """

    def __init__(self, predict: Predict, alphas_cumprod: Tensor, prediction_type: str = "epsilon") -> None:
        self.predict, self.is_v = predict, prediction_type == "v_prediction"
        alphas = alphas_cumprod.double().cpu().clamp(min=SMALLEST_ALPHA)
        self.sigmas = ((1 - alphas) / alphas).sqrt()  # [T], rising

    def __call__(self, x: Tensor, sigma: float) -> Tensor:
        t = int((self.sigmas.log() - math.log(sigma)).abs().argmin())
        shrink = 1 / math.sqrt(sigma**2 + 1)
        prediction = self.predict(x * shrink, torch.full((len(x),), t, device=x.device)).to(x.dtype)
        if self.is_v:
            return x * shrink**2 - prediction * (sigma * shrink)
        return x - prediction * sigma

    def schedule(self, steps: int, spacing: Spacing) -> Tensor:
        """σ of each step and a last 0: [steps + 1], falling.

        "leading" is what Stable Diffusion was released with and skips the noisiest timesteps; "trailing" begins at
        the last one, which a schedule with zero terminal SNR needs (Lin et al., arXiv:2305.08891, 3.3).
        """
        total = len(self.sigmas)
        if not 1 <= steps <= total:
            raise ValueError(f"{steps} steps; between 1 and {total} are possible")
        if spacing == "trailing":
            timesteps = [round(total - i * total / steps) - 1 for i in range(steps)]
        else:
            stride = total // steps
            first = 1 if (steps - 1) * stride + 1 < total else 0
            timesteps = [i * stride + first for i in reversed(range(steps))]
        return torch.cat([self.sigmas[timesteps], torch.zeros(1, dtype=torch.float64)])

    def karras_schedule(self, steps: int) -> Tensor:
        """σ even in σ^(1/ρ) from the largest to the smallest, and a last 0: Karras et al., equation 5."""
        ramp = torch.linspace(0, 1, steps, dtype=torch.float64)
        low, high = float(self.sigmas[0]) ** (1 / RHO), float(self.sigmas[-1]) ** (1 / RHO)
        return torch.cat([(high + ramp * (low - high)) ** RHO, torch.zeros(1, dtype=torch.float64)])


def ddim(denoise: Denoiser, x: Tensor, sigmas: Tensor, generator: Generators, callback: Callback | None) -> Tensor:
    """Song et al., Denoising Diffusion Implicit Models, arXiv:2010.02502, equation 12 with η = 0."""
    x = x / math.sqrt(float(sigmas[0]) ** 2 + 1)  # this one is kept at unit variance, as in the paper
    alphas = (1 / (sigmas**2 + 1)).tolist()
    for i, (sigma, alpha, after) in enumerate(zip(sigmas.tolist(), alphas, alphas[1:])):
        finished = denoise(x * math.sqrt(sigma**2 + 1), sigma)
        noise = (x - finished * math.sqrt(alpha)) / math.sqrt(1 - alpha)
        x = finished * math.sqrt(after) + noise * math.sqrt(1 - after)
        if callback:
            callback(i + 1, finished)
    return x


def euler(denoise: Denoiser, x: Tensor, sigmas: Tensor, generator: Generators, callback: Callback | None) -> Tensor:
    """Karras et al., arXiv:2206.00364, algorithm 2 without churn and without its second-order correction."""
    for i, (sigma, after) in enumerate(zip(sigmas.tolist(), sigmas[1:].tolist())):
        finished = denoise(x, sigma)
        x = x + (x - finished) * ((after - sigma) / sigma)
        if callback:
            callback(i + 1, finished)
    return x


def euler_a(denoise: Denoiser, x: Tensor, sigmas: Tensor, generator: Generators, callback: Callback | None) -> Tensor:
    """Ancestral sampling (Ho et al., arXiv:2006.11239, algorithm 2) as an Euler step down and fresh noise up."""
    for i, (sigma, after) in enumerate(zip(sigmas.tolist(), sigmas[1:].tolist())):
        finished = denoise(x, sigma)
        up = math.sqrt(after**2 * (sigma**2 - after**2) / sigma**2)
        down = math.sqrt(after**2 - up**2)
        x = x + (x - finished) * ((down - sigma) / sigma)
        if after > 0:
            x = x + noise_like(x, generator) * up
        if callback:
            callback(i + 1, finished)
    return x


def dpmpp_2m(denoise: Denoiser, x: Tensor, sigmas: Tensor, generator: Generators, callback: Callback | None) -> Tensor:
    """DPM-Solver++(2M): Lu et al., arXiv:2211.01095, algorithm 2. λ = -ln σ; the last step is of first order."""
    before: Tensor | None = None
    last_h = 0.0
    for i, (sigma, after) in enumerate(zip(sigmas.tolist(), sigmas[1:].tolist())):
        finished = denoise(x, sigma)
        if after == 0:
            x = finished
        else:
            h = math.log(sigma / after)
            ahead = finished if before is None else finished + (finished - before) * (h / (2 * last_h))
            x = x * (after / sigma) - ahead * math.expm1(-h)
            last_h = h
        before = finished
        if callback:
            callback(i + 1, finished)
    return x


def unipc(denoise: Denoiser, x: Tensor, sigmas: Tensor, generator: Generators, callback: Callback | None) -> Tensor:
    """UniPC-2 with B(h) = e^h - 1: Zhao et al., arXiv:2302.04867, algorithms 1 and 2 in the form that predicts x₀.

    The network is asked once a step: its answer corrects the step that led there before it predicts the next one.
    """
    schedule = sigmas.tolist()
    answers: list[Tensor] = []
    x_before = x
    for i, (sigma, after) in enumerate(pairwise(schedule)):
        finished = denoise(x, sigma)
        if answers:
            x = _unipc_corrected(x_before, schedule[max(0, i - 2) : i + 1], answers, finished)
        answers = [*answers[-1:], finished]
        x_before = x
        if after == 0:
            x = finished
        else:
            h = math.log(sigma / after)
            ahead = finished
            if len(answers) == 2:
                ratio = math.log(sigma / schedule[i - 1]) / h  # negative: the step before, in units of this one
                ahead = finished + (answers[0] - finished) * (0.5 / ratio)
            x = x * (after / sigma) - ahead * math.expm1(-h)
        if callback:
            callback(i + 1, finished)
    return x


def _unipc_corrected(x: Tensor, schedule: Sequence[float], answers: Sequence[Tensor], here: Tensor) -> Tensor:
    """The last step once more, from x, now that the network's answer at its end is known."""
    *earlier, start, end = schedule
    h = math.log(start / end)
    base = x * (end / start) - answers[-1] * math.expm1(-h)
    change = here - answers[-1]
    if not earlier:
        return base - change * (0.5 * math.expm1(-h))
    ratio = math.log(start / earlier[-1]) / h
    first = math.expm1(-h) / -h - 1
    second = first / -h - 0.5
    wanted, wanted_2 = first / math.expm1(-h), 2 * second / math.expm1(-h)
    weight = (wanted - wanted_2) / (1 - ratio)
    older = (answers[0] - answers[1]) / ratio
    return base - (older * weight + change * (wanted - weight)) * math.expm1(-h)


SAMPLERS: dict[SamplerName, Sampler] = {
    "ddim": ddim,
    "euler": euler,
    "euler_a": euler_a,
    "dpmpp_2m": dpmpp_2m,
    "dpmpp_2m_karras": dpmpp_2m,
    "unipc": unipc,
}


def noise_like(x: Tensor, generator: Generators) -> Tensor:
    """Unit noise, drawn where the generator lives: a CPU generator gives the same picture on every device."""
    if isinstance(generator, Sequence):
        return torch.cat([noise_like(one, own) for one, own in zip(x.split(1), generator, strict=True)])
    device = generator.device if generator is not None else x.device
    return torch.randn(x.shape, generator=generator, device=device, dtype=x.dtype).to(x.device)


@torch.no_grad()
def sample(
    name: SamplerName,
    denoise: Denoiser,
    noise: Tensor,
    steps: int,
    *,
    spacing: Spacing = "leading",
    generator: Generators = None,
    callback: Callback | None = None,
    init: Tensor | None = None,
    strength: float = 1.0,
) -> Tensor:
    """Unit noise [B, C, H, W] -> latents of that shape. `generator` is used by "euler_a" only.

    With `init`, latents of pictures, only the last `strength` of the steps are taken, from these latents noised
    accordingly: at least one step, and int(strength · steps) + 1 of them, as A1111 counts.
    """
    sigmas = denoise.karras_schedule(steps) if name in KARRAS else denoise.schedule(steps, spacing)
    if init is None:
        start = noise * math.sqrt(float(sigmas[0]) ** 2 + 1)
    else:
        sigmas = sigmas[steps - img2img_steps(steps, strength) :]
        start = init + noise * float(sigmas[0])
    return SAMPLERS[name](denoise, start, sigmas, generator, callback)


def img2img_steps(steps: int, strength: float) -> int:
    """How many of the steps are taken from a picture; strength from 0 to 1."""
    return int(min(strength, 0.999) * steps) + 1
