"""The noise a latent is mixed with: Gaussian, and the variations that help against grey pictures.

Every random number is drawn from the generator that is handed in, on the generator's own device (a CPU one in
training), and then moved: the same seed gives the same noise on every machine, and its state is all a resume needs.

Shapes: latents and noise [B, C, h, w], float32.
Offset noise: crosslabs.org/blog/diffusion-with-offset-noise. Pyramid (multi-resolution) noise: J. Whitaker,
"Multi-Resolution Noise for Diffusion Model Training" (wandb). Input perturbation: arXiv:2301.11706.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor


@dataclass(frozen=True)
class NoiseSettings:
    """Strengths; 0 turns a variation off. `offset_adaptive` only acts where there is an offset, as kohya's."""

    offset: float = 0.0
    offset_random: bool = False
    offset_adaptive: float = 0.0
    pyramid_levels: int = 0
    pyramid_discount: float = 0.3
    perturbation: float = 0.0
    perturbation_random: bool = False


def gaussian(shape: Sequence[int], generator: Generator) -> Tensor:
    return torch.randn(tuple(shape), generator=generator, device=generator.device, dtype=torch.float32)


def strength(most: float, random: bool, generator: Generator) -> float | Tensor:
    """`most`, or where `random`, one draw between 0 and `most` for the whole batch: [1]."""
    return most * torch.rand(1, generator=generator, device=generator.device) if random else most


def training_noise(latents: Tensor, settings: NoiseSettings, generator: Generator) -> Tensor:
    """ε for a batch, on the latents' device: Gaussian, then the offset, then the pyramid (kohya's order)."""
    noise = gaussian(latents.shape, generator).to(latents.device)
    if settings.offset:
        noise = noise + channel_offset(latents, settings, generator)
    if settings.pyramid_levels:
        levels = pyramid(latents.shape, settings.pyramid_levels, settings.pyramid_discount, generator)
        noise = noise + levels.to(latents.device)
        noise = noise / noise.std()  # over the whole batch: back to about unit variance
    return noise


def channel_offset(latents: Tensor, settings: NoiseSettings, generator: Generator) -> Tensor:
    """One number per picture and channel, [B, C, 1, 1]: o · n, with n normal and o the strength.

    Adaptive: o grows by a · |mean of that channel of x₀|, and never falls below 0.
    """
    height: float | Tensor = strength(settings.offset, settings.offset_random, generator)
    if isinstance(height, Tensor):
        height = height.to(latents.device)
    if settings.offset_adaptive:
        height = height + settings.offset_adaptive * latents.mean(dim=(2, 3), keepdim=True).abs()
        height = height.clamp(min=0.0)
    return height * gaussian((*latents.shape[:2], 1, 1), generator).to(latents.device)


def pyramid(shape: Sequence[int], levels: int, discount: float, generator: Generator) -> Tensor:
    """The sum of ever coarser noise, [B, C, h, w], on the generator's device.

    Level i is noise of size h/rⁱ x w/rⁱ, enlarged and multiplied by discountⁱ, with r drawn anew from [2, 4) at each
    level; level 0 is a second noise of full size. The first level with a side of 1 is the last.
    """
    *batch, height, width = shape
    ratios = (2 + 2 * torch.rand(levels, generator=generator, device=generator.device)).tolist()
    total = torch.zeros(tuple(shape), device=generator.device)
    for i, ratio in enumerate(ratios):
        size = max(1, int(height / ratio**i)), max(1, int(width / ratio**i))
        level = gaussian((*batch, *size), generator)
        total += F.interpolate(level, size=(height, width), mode="bilinear") * discount**i
        if 1 in size:
            break
    return total


def perturbed(noise: Tensor, settings: NoiseSettings, generator: Generator) -> Tensor:
    """The noise that goes into the input: ε + γ · ξ. The target keeps the plain ε."""
    if not settings.perturbation:
        return noise
    gamma = strength(settings.perturbation, settings.perturbation_random, generator)
    return noise + (gamma * gaussian(noise.shape, generator)).to(noise.device)
