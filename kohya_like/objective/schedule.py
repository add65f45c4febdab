"""The noise schedule of SD: how much of a latent is left at each of 1000 steps.

    x_t = √ᾱ_t · x₀ + √(1 − ᾱ_t) · ε        SNR_t = ᾱ_t / (1 − ᾱ_t)        v_t = √ᾱ_t · ε − √(1 − ᾱ_t) · x₀

Shapes: latents and noise [B, C, h, w]; t [B], int64; tables [T].
DDPM, arXiv:2006.11239; v-prediction, arXiv:2202.00512; zero terminal SNR, arXiv:2305.08891.
"""

from __future__ import annotations

import torch
from torch import Tensor


class NoiseSchedule:
    """Tables by step, computed in float64 and kept in float32 on `device`, so that a training step only looks them up.

    `alphas_cumprod` [T] is ᾱ, falling, in [0, 1). An ᾱ of 0 (pure noise) is allowed: nothing here divides by it.
    """

    def __init__(self, alphas_cumprod: Tensor, device: torch.device | str = "cpu") -> None:
        alpha_bar = alphas_cumprod.detach().to("cpu", torch.float64)
        if alpha_bar.ndim != 1 or not bool(((alpha_bar >= 0) & (alpha_bar < 1)).all()):
            raise ValueError("alphas_cumprod is a row of numbers in [0, 1)")
        self.alphas_cumprod = alpha_bar  # [T] float64, CPU: the exact values other tables are made from
        self.snr_table = alpha_bar / (1 - alpha_bar)  # [T] float64, CPU
        self.device = torch.device(device)
        self._signal = self.table(alpha_bar.sqrt())
        self._noise = self.table((1 - alpha_bar).sqrt())
        self._snr = self.table(self.snr_table)

    @classmethod
    def scaled_linear(
        cls, zero_terminal_snr: bool = False, *, steps: int = 1000, start: float = 0.00085, end: float = 0.012,
        device: torch.device | str = "cpu",
    ) -> NoiseSchedule:  # fmt: skip
        """The schedule of every SD1, SD2 and SDXL: √β runs linearly from √start to √end."""
        betas = torch.linspace(start**0.5, end**0.5, steps, dtype=torch.float64) ** 2
        alpha_bar = torch.cumprod(1 - betas, dim=0)
        return cls(rescale_to_zero_terminal_snr(alpha_bar) if zero_terminal_snr else alpha_bar, device)

    def __len__(self) -> int:
        return len(self.alphas_cumprod)

    def table(self, values: Tensor) -> Tensor:
        """Any row of T values as this schedule keeps its own: float32, on its device."""
        return values.to(self.device, torch.float32)

    def add_noise(self, latents: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """x_t [B, C, h, w]."""
        return _column(self._signal, t) * latents + _column(self._noise, t) * noise

    def velocity(self, latents: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """v_t [B, C, h, w]; at an ᾱ of 0 it is −x₀."""
        return _column(self._signal, t) * noise - _column(self._noise, t) * latents

    def snr(self, t: Tensor) -> Tensor:
        """Signal-to-noise ratio [B]; 0 at a step of pure noise."""
        return self._snr[t]


def rescale_to_zero_terminal_snr(alphas_cumprod: Tensor) -> Tensor:
    """Shift and stretch √ᾱ so that it ends at 0 and starts where it did (arXiv:2305.08891, algorithm 1)."""
    signal = alphas_cumprod.sqrt()
    first, last = signal[0], signal[-1]
    return ((signal - last) * first / (first - last)) ** 2


def _column(table: Tensor, t: Tensor) -> Tensor:
    return table[t].view(-1, 1, 1, 1)  # [B, 1, 1, 1]
