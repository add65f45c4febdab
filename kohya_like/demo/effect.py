"""What a model knows of the ghost and of everything else, in numbers: the gates of the tests and of the demo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from kohya_like.data.placeholders import Placeholders
from kohya_like.demo.measure import (
    FOREIGN_CAPTION,
    GHOST_FOUND,
    GHOST_PROMPTS,
    OTHER_PROMPTS,
    ghost_score,
    held_out_loss,
    red_circle_shares,
    unseen_ghosts,
    unseen_pictures,
)
from kohya_like.families.backbone import Backbone
from kohya_like.objective.objective import Objective
from kohya_like.objective.schedule import NoiseSchedule
from kohya_like.prompt_encoder import PromptEncoder
from kohya_like.prompt_file import SamplePrompt
from kohya_like.sampling import Painter


@dataclass(frozen=True)
class Effect:
    """Losses are eps-MSE at t = 200, 500, 800 on fixed noise; pictures are drawn with fixed seeds."""

    ghost_loss: float  # of unseen ghosts under their captions
    other_loss: float  # of unseen ordinary pictures
    foreign_loss: float  # of unseen ghosts under the caption of a red circle: binding
    score: float  # mean ghost score of the ghost prompts' pictures
    found: int  # how many of the eight show a ghost
    red: float  # of the red circle's picture
    blue: float


def unseen_loss(
    backbone: Backbone,
    pictures: Sequence[tuple[Image.Image, str]],
    captions: Sequence[str] | None = None,
    encoder: PromptEncoder | None = None,
    against: Sequence[str] | None = None,
    guidance: float = 1.0,
) -> float:
    """Loss of pictures under their captions, or under others, on fixed noise. About a second on one core for 32.

    `against` are negative prompts, one for each picture, from which the prediction is led away by `guidance`.
    """
    encoder = encoder or PromptEncoder(backbone)
    objective = Objective(NoiseSchedule.scaled_linear(), backbone.prediction_type)

    @torch.no_grad()
    def loss_at(images: Sequence[Image.Image], texts: Sequence[str], t: int) -> float:
        pixels = torch.from_numpy(np.stack([np.asarray(image) for image in images]))
        latents = backbone.encode_images(pixels.permute(0, 3, 1, 2).float() / 127.5 - 1)
        wanted = encoder.encode(texts, 1)
        unwanted = encoder.encode(against, 1) if against else None
        generator = torch.Generator().manual_seed(3000 + t)

        def predict(noisy: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
            there = backbone.predict(noisy, steps, wanted)
            if unwanted is None:
                return there
            away = backbone.predict(noisy, steps, unwanted)
            return away + guidance * (there - away)

        return float(objective.loss(predict, latents, generator, fixed_t=t).loss)

    return held_out_loss(pictures, loss_at, captions)


def measure_effect(
    backbone: Backbone, with_pictures: bool = True, words: Placeholders | None = None, negative: str = ""
) -> Effect:
    """Measure a backbone as it stands, with whatever is attached. About ten seconds on one core.

    `words` are the names of embeddings that the text encoders know; `negative` is the negative prompt of the pictures.
    """
    encoder = PromptEncoder(backbone, placeholders=words)
    ghosts, others = unseen_ghosts(), unseen_pictures()
    ghost_loss = unseen_loss(backbone, ghosts, None, encoder)
    other_loss = unseen_loss(backbone, others, None, encoder)
    foreign_loss = unseen_loss(backbone, ghosts, [FOREIGN_CAPTION] * len(ghosts), encoder)
    if not with_pictures:
        return Effect(ghost_loss, other_loss, foreign_loss, 0.0, 0, 0.0, 0.0)
    texts = [*GHOST_PROMPTS, OTHER_PROMPTS[0]]
    prompts = [SamplePrompt(text, negative, 64, 64, 11 + i, 4.0, 25, "ddim") for i, text in enumerate(texts)]
    alphas = NoiseSchedule.scaled_linear().alphas_cumprod
    drawn = dict(Painter(backbone, encoder, alphas).draw(prompts))
    scores = [ghost_score(drawn[i]) for i in range(len(GHOST_PROMPTS))]
    red, blue = red_circle_shares(drawn[len(GHOST_PROMPTS)])
    found = sum(score > GHOST_FOUND for score in scores)
    return Effect(ghost_loss, other_loss, foreign_loss, float(np.mean(scores)), found, red, blue)
