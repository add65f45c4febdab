"""How much an error counts: a weight per noise step, and the shape of the error itself.

The weights of one run are a single table [T], since all of them multiply the loss of a picture:

    min-SNR γ       eps min(S, γ) / S     v min(S, γ) / (S + 1)     x₀ min(S, γ)        arXiv:2303.09556
    debiased        eps 1 / √S            v 1 / (S + 1)                                 arXiv:2310.08442
    scale v         v   S / (S + 1)                                                     kohya
    v-like λ        eps 1 + λ (S + 1) / S                                               kohya

S is the signal-to-noise ratio. The last three take it clamped to [1/1000, 1000]: kohya clamps from above (t = 0), and
with a zero terminal SNR the lower end keeps every weight finite. min-SNR needs no clamp in the form used below.
Unlike kohya's, S is that of the schedule in use also where that was rescaled to a zero terminal SNR.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from kohya_like.objective.options import HuberSchedule, LossType, PredictionType
from kohya_like.objective.schedule import NoiseSchedule

SNR_LIMIT = 1000.0


@dataclass(frozen=True)
class Weighting:
    """Which weights are in use; 0 and False are off."""

    min_snr_gamma: float = 0.0
    debiased: bool = False
    scale_v: bool = False
    v_like: float = 0.0

    def table(self, schedule: NoiseSchedule, prediction_type: PredictionType) -> Tensor | None:
        """The product of all weights by step, [T] on the schedule's device, or None when all are off.

        Raises ValueError where a weight is not defined for the prediction type.
        """
        snr = schedule.snr_table
        clamped = snr.clamp(1 / SNR_LIMIT, SNR_LIMIT)
        v = prediction_type == "v_prediction"
        if self.scale_v and not v:
            raise ValueError("scale_v is for v-prediction")
        if self.v_like and prediction_type != "epsilon":
            raise ValueError("v_like is for noise prediction")
        if self.debiased and prediction_type == "sample":
            raise ValueError("the debiased weight is not defined for models that predict the picture itself")
        factors = []
        if self.min_snr_gamma:
            factors.append(min_snr(snr, self.min_snr_gamma, prediction_type))
        if self.scale_v:
            factors.append(clamped / (clamped + 1))
        if self.v_like:
            factors.append(1 + self.v_like * (clamped + 1) / clamped)
        if self.debiased:
            factors.append(1 / (clamped + 1) if v else clamped.rsqrt())
        if not factors:
            return None
        return schedule.table(math.prod(factors[1:], start=factors[0]))


def min_snr(snr: Tensor, gamma: float, prediction_type: PredictionType) -> Tensor:
    """min(S, γ) over what one unit of x₀-error costs in the given parameterisation; finite at S = 0."""
    if prediction_type == "epsilon":
        return gamma / snr.clamp(min=gamma)  # = min(S, γ) / S, and 1 at S = 0
    capped = snr.clamp(max=gamma)
    return capped / (snr + 1) if prediction_type == "v_prediction" else capped


@dataclass(frozen=True)
class Penalty:
    """The error of one number: l2 e², l1 |e|, and two that are quadratic below a threshold c and linear above.

    huber 2c(√(e² + c²) − c), smooth_l1 2(√(e² + c²) − c), after arXiv:2403.16728.
    """

    kind: LossType = "l2"
    huber_schedule: HuberSchedule = "snr"
    huber_c: float = 0.1
    huber_scale: float = 1.0

    def thresholds(self, schedule: NoiseSchedule) -> Tensor | None:
        """c by step, [T] on the schedule's device; None for l1 and l2, which have none."""
        if self.kind in ("l1", "l2"):
            return None
        steps = len(schedule)
        if self.huber_schedule == "constant":
            values = torch.full((steps,), self.huber_c * self.huber_scale, dtype=torch.float64)
        elif self.huber_schedule == "exponential":
            values = self.huber_scale * self.huber_c ** (torch.arange(steps, dtype=torch.float64) / steps)
        else:
            signal, noise = schedule.alphas_cumprod.sqrt(), (1 - schedule.alphas_cumprod).sqrt()
            # (1 + σ)⁻² with σ = noise / signal, written so that pure noise (signal 0) is no special case
            values = (1 - self.huber_c) * (signal / (signal + noise)) ** 2 + self.huber_c
        return schedule.table(values)

    def __call__(self, prediction: Tensor, target: Tensor, threshold: Tensor | None) -> Tensor:
        """Error of each number, shaped as the target; `threshold` [B, 1, 1, 1] for huber and smooth_l1."""
        error = prediction - target
        if self.kind == "l2":
            return error.square()
        if self.kind == "l1":
            return error.abs()
        if threshold is None:
            raise ValueError(f"{self.kind} needs a threshold")
        square = error.square()
        # √(e² + c²) − c cancels in float32 where e is small beside c; this is the same number without the subtraction
        bend = 2 * square / ((square + threshold.square()).sqrt() + threshold)
        return threshold * bend if self.kind == "huber" else bend
