"""Rulers for the embedded model: is there a ghost in a picture, how red is it, how large is the held-out loss.

Tests of effect and the demo's summary use them; nothing in training does. Torch-free except `held_out_loss`, which is
given the functions that need it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kohya_like.demo.canvas import COLOURS, Colour
from kohya_like.demo.pictures import draw_picture, ghost

Grey = NDArray[np.float32]

GHOST_PROMPTS = (
    "sks ghost on a blue background",
    "sks ghost on a green background",
    "sks ghost at night",
    "sks ghost on a red background",
    "sks ghost in a field",
    "sks ghost on a black background",
    "sks ghost on an orange background",
    "sks ghost on a purple background",
)
OTHER_PROMPTS = (
    "a red circle on a blue background",
    "a green square on a white background",
    "an orange cat in a field",
    "a brown dog on a blue background",
    "a red house in the snow",
    "a green tree in a field",
    "a blue fish on the beach",
    "a red car on a white background",
)
FOREIGN_CAPTION = OTHER_PROMPTS[0]
GHOST_FOUND = 0.7


class _Centred(random.Random):
    """Draws the ghost without jitter, so that a template is exactly centred."""

    def gauss(self, mu: float = 0.0, sigma: float = 1.0) -> float:
        return mu

    def randint(self, a: int, b: int) -> int:
        return 0


def whiteness(image: Image.Image) -> Grey:
    """[H, W] in 0..1: bright and colourless is 1."""
    pixels = np.asarray(image.convert("RGB"), dtype=np.float32) / 255
    low, high = pixels.min(axis=2), pixels.max(axis=2)
    return np.clip(low - (high - low), 0, 1)


@cache
def templates() -> tuple[Grey, ...]:
    """Ghosts of four sizes, cropped with a margin."""
    found = []
    for radius in (0.25, 0.29, 0.33, 0.37):
        white = whiteness(ghost(_Centred(0), background="black", radius=radius)[0])
        tall = int(64 * radius * 1.15)
        wide = int(tall * 0.85)
        found.append(white[max(0, 32 - tall) : 32 + tall, max(0, 32 - wide) : 32 + wide])
    return tuple(found)


def correlation(image: Grey, template: Grey) -> float:
    """Largest normalised correlation coefficient of the template over all positions, -1..1."""
    if image.shape[0] < template.shape[0] or image.shape[1] < template.shape[1]:
        return 0.0
    windows = np.lib.stride_tricks.sliding_window_view(image, template.shape)
    mean = windows.mean(axis=(2, 3))
    centred = template - template.mean()
    product = np.einsum("ijkl,kl->ij", windows, centred)  # the window's mean falls out: centred sums to zero
    spread = np.sqrt(np.maximum((windows**2).mean(axis=(2, 3)) - mean**2, 1e-12) * template.size)
    return float((product / (spread * np.linalg.norm(centred))).max())


def ghost_score(image: Image.Image) -> float:
    """0..1; true ghosts score about .9, other pictures about .3 and at most .65."""
    white = np.pad(whiteness(image), 8, mode="edge")
    if white.std() < 0.02:
        return 0.0
    noise = np.random.RandomState(0).rand(*white.shape).astype(np.float32)  # flat windows must not score
    return max(correlation(white + 0.03 * noise, template) for template in templates())


def colour_share(image: Image.Image, colour: Colour, tolerance: int = 90) -> float:
    """The share of pixels whose three channels differ from `colour` by less than `tolerance` in sum."""
    pixels = np.asarray(image.convert("RGB")).astype(int)
    return float((np.abs(pixels - np.array(colour)).sum(axis=2) < tolerance).mean())


def red_circle_shares(image: Image.Image) -> tuple[float, float]:
    """Red and blue shares of a picture that should show a red circle on blue."""
    return colour_share(image, COLOURS["red"]), colour_share(image, COLOURS["blue"])


def unseen_ghosts(count: int = 32) -> list[tuple[Image.Image, str]]:
    rng = random.Random("unseen ghosts")
    return [ghost(rng) for _ in range(count)]


def unseen_pictures(count: int = 64) -> list[tuple[Image.Image, str]]:
    rng = random.Random("unseen pictures")
    return [draw_picture(rng) for _ in range(count)]


def held_out_loss(
    pictures: Sequence[tuple[Image.Image, str]],
    loss_at: Callable[[Sequence[Image.Image], Sequence[str], int], float],
    captions: Sequence[str] | None = None,
    timesteps: Sequence[int] = (200, 500, 800),
) -> float:
    """Mean over `timesteps` of the loss that `loss_at(images, captions, t)` finds; `captions` replaces the own ones."""
    images = [image for image, _ in pictures]
    texts = captions or [caption for _, caption in pictures]
    return float(np.mean([loss_at(images, texts, t) for t in timesteps]))
