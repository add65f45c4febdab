"""A batch becomes a loss: latents, conditioning, objective, method and the frozen backbone meet here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from kohya_like.conditioning import Conditioner
from kohya_like.data.dataset import Batch
from kohya_like.families.backbone import Backbone, Conditioning
from kohya_like.methods.base import FamilyPrediction, Guess, TrainingMethod
from kohya_like.objective.objective import LossResult, Objective

# Validation looks at the same noise at the same few steps each time, or its changes would be noise themselves.
VALIDATION_TIMESTEPS = (100, 300, 500, 700, 900)


class Learner:
    """`method` says what is encoded, how the prediction is made, and what is added to the loss."""

    def __init__(
        self,
        backbone: Backbone,
        objective: Objective,
        conditioner: Conditioner,
        validation: Sequence[Batch] = (),
        method: TrainingMethod | FamilyPrediction | None = None,
    ) -> None:
        self._backbone, self._objective, self._conditioner = backbone, objective, conditioner
        self._validation, self._method = validation, method or FamilyPrediction()

    def loss(self, batch: Batch, generator: torch.Generator, fixed_t: int | None = None) -> LossResult:
        """The batch's loss. All noise comes from `generator`, a CPU generator."""
        device, method = self._backbone.device, self._method
        conditioning = self.conditioning(batch)
        latents = self._latents(batch)
        guesses: list[Guess] = []

        def predict(noisy: Tensor, t: Tensor) -> Tensor:
            prediction = method.predict(self._backbone, noisy, t, conditioning)
            guesses.append(Guess(latents, noisy, t, prediction))
            return prediction

        weights = batch.loss_weights.to(device)
        masks = None if batch.masks is None else method.mask_weights(batch.masks)
        result = self._objective.loss(predict, latents, generator, weights, masks, fixed_t)
        extra = method.extra_loss(guesses[0])
        return result if extra is None else replace(result, loss=result.loss + extra)

    def conditioning(self, batch: Batch) -> Conditioning:
        """Of all texts that the method asks for, each with the geometry of its picture."""
        texts = self._method.texts(batch.captions)
        times = len(texts) // len(batch.captions)
        encoded = self._conditioner.encode(texts)
        return encoded.with_geometry(batch.original * times, batch.crop * times, batch.target * times)

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
