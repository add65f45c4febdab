"""A batch becomes a loss: latents, conditioning, objective and the frozen backbone meet here."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from kohya_like.conditioning import Conditioner
from kohya_like.data.dataset import Batch
from kohya_like.families.backbone import Backbone, Conditioning
from kohya_like.objective.objective import LossResult, Objective

# Validation looks at the same noise at the same few steps each time, or its changes would be noise themselves.
VALIDATION_TIMESTEPS = (100, 300, 500, 700, 900)


class Learner:
    def __init__(
        self, backbone: Backbone, objective: Objective, conditioner: Conditioner, validation: Sequence[Batch] = ()
    ) -> None:
        self._backbone, self._objective, self._conditioner = backbone, objective, conditioner
        self._validation = validation

    def loss(self, batch: Batch, generator: torch.Generator, fixed_t: int | None = None) -> LossResult:
        """The batch's loss. All noise comes from `generator`, a CPU generator."""
        device = self._backbone.device
        conditioning = self.conditioning(batch)
        latents = self._latents(batch)

        def predict(noisy: Tensor, t: Tensor) -> Tensor:
            return self._backbone.predict(noisy, t, conditioning)

        weights = batch.loss_weights.to(device)
        return self._objective.loss(predict, latents, generator, weights, batch.masks, fixed_t)

    def conditioning(self, batch: Batch) -> Conditioning:
        return self._conditioner(batch)

    @torch.no_grad()
    def validation_loss(self) -> float:
        losses = []
        for number, batch in enumerate(self._validation):
            for t in VALIDATION_TIMESTEPS:
                generator = torch.Generator().manual_seed(1000 * number + t)
                losses.append(self.loss(batch, generator, t).per_sample)
        return float(torch.cat(losses).mean()) if losses else float("nan")

    def _latents(self, batch: Batch) -> Tensor:
        device = self._backbone.device
        if batch.latents is not None:
            return batch.latents.to(device, torch.float32)
        assert batch.pixels is not None, "a batch has pixels or latents"
        with torch.no_grad():
            return self._backbone.encode_images(batch.pixels.to(device)).float()
