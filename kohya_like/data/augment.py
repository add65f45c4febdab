"""Chance in the preparation of pictures: the dice are thrown first and kept as values, then applied.

That way the latent cache, the batch and a preview agree on what was drawn, and SDXL is told the true crop.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from kohya_like.data.options import SubsetSettings
    from kohya_like.data.records import Fit

HUE_TURN = math.radians(6)
SATURATION_CHANGE = 0.1
BRIGHTNESS_CHANGE = 0.05

# YIQ: brightness apart from colour, so that a turn of the colour plane is a change of hue (FCC 1953)
_RGB_TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])


@dataclass(frozen=True)
class ColourShift:
    """A small change of all colours of a picture."""

    hue: float  # radians
    saturation: float  # factor
    brightness: float  # factor

    def apply(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """[H, W, 3] -> [H, W, 3]"""
        cos, sin = self.saturation * math.cos(self.hue), self.saturation * math.sin(self.hue)
        shift = self.brightness * np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
        matrix = (np.linalg.inv(_RGB_TO_YIQ) @ shift @ _RGB_TO_YIQ).astype(np.float32)
        return np.rint(pixels.astype(np.float32) @ matrix.T).clip(0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Augmentation:
    """What was drawn for one picture at one time. The default changes nothing."""

    flipped: bool = False
    crop: tuple[float, float] | None = None  # (down, right) as shares of the free margin, 0..1; None is the middle
    colour: ColourShift | None = None


AUGMENT_NOTHING = Augmentation()


def draw(settings: SubsetSettings, rng: random.Random) -> Augmentation:
    """Throw the dice. All are thrown each time, so that switching one option on leaves the others as they were."""
    flip, down, right = rng.random(), rng.random(), rng.random()
    hue, saturation, brightness = (rng.uniform(-1, 1) for _ in range(3))
    colour = ColourShift(hue * HUE_TURN, 1 + saturation * SATURATION_CHANGE, 1 + brightness * BRIGHTNESS_CHANGE)
    return Augmentation(
        flipped=settings.flip_aug and flip < 0.5,
        crop=(down, right) if settings.random_crop else None,
        colour=colour if settings.color_aug else None,
    )


@dataclass(frozen=True)
class Placement:
    """Where the bucket lies in the scaled picture, in pixels."""

    top: int
    left: int
    scaled: tuple[int, int]  # (width, height)
    bucket: tuple[int, int]  # (width, height)
    flipped: bool

    @property
    def crop(self) -> tuple[int, int]:
        """(top, left) as SDXL is told. In the mirror image the left margin is what was the right one."""
        return self.top, self.scaled[0] - self.bucket[0] - self.left if self.flipped else self.left

    def box(self, size: tuple[int, int]) -> tuple[float, float, float, float]:
        """(left, top, right, bottom) of the bucket in a picture of `size` (width, height), before scaling."""
        (width, height), (scaled_w, scaled_h) = size, self.scaled
        right, bottom = self.left + self.bucket[0], self.top + self.bucket[1]
        return (
            self.left * width / scaled_w,
            self.top * height / scaled_h,
            min(right * width / scaled_w, width),
            min(bottom * height / scaled_h, height),
        )


def place(fit: Fit, augmentation: Augmentation) -> Placement:
    free_w, free_h = fit.scaled[0] - fit.bucket[0], fit.scaled[1] - fit.bucket[1]
    top, left = free_h // 2, free_w // 2
    if augmentation.crop is not None:
        down, right = augmentation.crop
        top, left = int(down * (free_h + 1)), int(right * (free_w + 1))
    return Placement(top, left, fit.scaled, fit.bucket, augmentation.flipped)
