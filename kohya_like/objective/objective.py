"""The training objective: draw a step and noise, ask for a prediction, measure it.

Order of operations, as in kohya's trainer: error of each number in float32 -> mask -> mean over C, h, w -> weight of
the picture -> weight of the step (min-SNR, scale-v, v-like, debiased) -> mean over the batch.

Order of the draws from the generator: steps, noise, offset, pyramid, perturbation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from kohya_like.objective.noise import NoiseSettings, perturbed, training_noise
from kohya_like.objective.options import ObjectiveOptions, PredictionType, conflicts
from kohya_like.objective.schedule import NoiseSchedule
from kohya_like.objective.weighting import Penalty, Weighting
from kohya_like.schema.errors import ConfigError

Predict = Callable[[Tensor, Tensor], Tensor]  # (x_t [B, C, h, w] float32, t [B]) -> prediction [B, C, h, w]


@dataclass(frozen=True)
class LossResult:
    """`loss` carries the gradient; `per_sample` [B] (weighted, its mean is the loss) and `timesteps` [B] do not."""

    loss: Tensor
    per_sample: Tensor
    timesteps: Tensor


class Objective:
    """The loss of a batch of latents under a model that predicts noise, velocity or the latents themselves.

    `timesteps` is the range steps are drawn from, its end not included; an empty range means its end, as in kohya's.
    """

    def __init__(
        self, schedule: NoiseSchedule, prediction_type: PredictionType = "epsilon", *, penalty: Penalty | None = None,
        weighting: Weighting | None = None, noise: NoiseSettings | None = None,
        timesteps: tuple[int, int] | None = None,
    ) -> None:  # fmt: skip
        self.schedule = schedule
        self.prediction_type = prediction_type
        self.penalty = penalty or Penalty()
        self.noise = noise or NoiseSettings()
        self.first, self.end = timesteps or (0, len(schedule))
        self._weights = (weighting or Weighting()).table(schedule, prediction_type)
        self._thresholds = self.penalty.thresholds(schedule)

    def loss(
        self, predict: Predict, latents: Tensor, generator: Generator, loss_weights: Tensor | None = None,
        masks: Tensor | None = None, fixed_t: int | Tensor | None = None,
    ) -> LossResult:  # fmt: skip
        """The loss of scaled latents [B, C, h, w].

        `loss_weights` [B] per picture; `masks` [B, 1, H, W] in 0..1, of any size, shrunk to the latents by area.
        `fixed_t` (one step, or [B]) replaces the draw of steps, for validation on fixed noise.
        All randomness comes from `generator`; `predict` gets float32 and may answer in any floating type.
        """
        latents = latents.float()
        t = self.draw_timesteps(len(latents), generator) if fixed_t is None else _steps(fixed_t, len(latents))
        t = t.to(latents.device)
        noise = training_noise(latents, self.noise, generator)
        noisy = self.schedule.add_noise(latents, perturbed(noise, self.noise, generator), t)
        target = self.target(latents, noise, t)
        errors = self.penalty(predict(noisy, t).float(), target, self._threshold(t))
        per_sample = self._weighted(errors, t, loss_weights, masks)
        return LossResult(per_sample.mean(), per_sample.detach(), t)

    def draw_timesteps(self, count: int, generator: Generator) -> Tensor:
        """`count` steps, each equally likely, on the generator's device."""
        if self.first >= self.end:
            return torch.full((count,), min(self.end, len(self.schedule) - 1), device=generator.device)
        return torch.randint(self.first, self.end, (count,), generator=generator, device=generator.device)

    def target(self, latents: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """What the model should have answered, [B, C, h, w]."""
        if self.prediction_type == "epsilon":
            return noise
        return self.schedule.velocity(latents, noise, t) if self.prediction_type == "v_prediction" else latents

    def _threshold(self, t: Tensor) -> Tensor | None:
        return None if self._thresholds is None else self._thresholds[t].view(-1, 1, 1, 1)

    def _weighted(self, errors: Tensor, t: Tensor, loss_weights: Tensor | None, masks: Tensor | None) -> Tensor:
        """[B, C, h, w] -> [B]. The mean is over all pixels, masked or not: a small mask makes a small loss."""
        if masks is not None:
            masks = masks.to(errors.device, errors.dtype)
            if masks.shape[-2:] != errors.shape[-2:]:
                masks = F.interpolate(masks, size=errors.shape[-2:], mode="area")
            errors = errors * masks
        per_sample = errors.mean(dim=(1, 2, 3))
        if loss_weights is not None:
            per_sample = per_sample * loss_weights.to(per_sample.device, per_sample.dtype)
        return per_sample if self._weights is None else per_sample * self._weights[t]


def build_objective(
    options: ObjectiveOptions, prediction_type: PredictionType, device: torch.device | str = "cpu"
) -> Objective:
    """The objective an options section describes. Raises ConfigError where the options contradict the model."""
    errors = [fault for fault in conflicts(options, prediction_type) if fault.severity == "error"]
    if errors:
        raise ConfigError(errors)
    return Objective(
        NoiseSchedule.scaled_linear(options.zero_terminal_snr, device=device),
        prediction_type,
        penalty=Penalty(options.loss_type, options.huber_schedule, options.huber_c, options.huber_scale),
        weighting=Weighting(
            min_snr_gamma=options.min_snr_gamma or 0.0,
            debiased=options.debiased_estimation_loss,
            scale_v=options.scale_v_pred_loss_like_noise_pred,
            v_like=options.v_pred_like_loss or 0.0,
        ),
        noise=NoiseSettings(
            offset=options.noise_offset,
            offset_random=options.noise_offset_random_strength,
            offset_adaptive=options.adaptive_noise_scale,
            pyramid_levels=options.multires_noise_iterations,
            pyramid_discount=options.multires_noise_discount,
            perturbation=options.ip_noise_gamma,
            perturbation_random=options.ip_noise_gamma_random_strength,
        ),
        timesteps=(options.min_timestep, options.max_timestep),
    )


def _steps(fixed: int | Tensor, count: int) -> Tensor:
    return fixed.long() if isinstance(fixed, Tensor) else torch.full((count,), fixed)
