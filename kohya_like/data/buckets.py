"""Aspect-ratio buckets: which size a picture is trained in. Sizes are (width, height) in pixels.

kohya's rules (sd-scripts, library/model_util.py and train_util.py) with corrections: the nearest shape is the
nearest by the logarithm of the ratio, so that tall and wide pictures are treated alike; no bucket has a side of 0; the
smallest and largest side hold for `no_upscale` as well, and pictures larger than the area share the ordinary shapes
there (kohya gives each its own); with buckets off, a picture of any size is resized to cover and cut.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from kohya_like.data.options import DataOptions
from kohya_like.data.plan import BatchPlan, BatchRef, SampleRef, StepCount, balanced_repeats, steps
from kohya_like.data.records import Fit, ImageRecord, Size

__all__ = [
    "BatchPlan",
    "BatchRef",
    "BucketRules",
    "Fit",
    "SampleRef",
    "StepCount",
    "balanced_repeats",
    "bucket_sizes",
    "count_buckets",
    "cover",
    "fit",
    "fits_of",
    "is_enlarged",
    "rules_of",
    "steps",
]


@dataclass(frozen=True)
class BucketRules:
    """The shapes allowed: sides are multiples of `step` from `min_size` to `max_size`, area at most the resolution's.

    Sides given between two steps are moved inwards (min up, max down), so that the promise holds.
    """

    resolution: Size
    enabled: bool = True
    min_size: int = 256
    max_size: int = 2048
    step: int = 64
    no_upscale: bool = False

    @property
    def area(self) -> int:
        return self.resolution[0] * self.resolution[1]

    @property
    def shortest(self) -> int:
        return max(self.step, -(-self.min_size // self.step) * self.step)

    @property
    def longest(self) -> int:
        """No side is longer: by max_size, and because the other side has its least length too."""
        by_area = self.area // self.shortest
        return max(self.shortest, _down(min(self.max_size, by_area), self.step))


def rules_of(options: DataOptions, default_resolution: int, default_step: int) -> BucketRules:
    """The rules the options ask for; what they leave open comes from the model family."""
    width, height = options.resolution or (default_resolution, default_resolution)
    step = options.bucket_reso_steps or default_step
    return BucketRules(
        resolution=(width, height),
        enabled=options.enable_bucket,
        min_size=options.min_bucket_reso or max(step, _down(min(256, min(width, height) // 2), step)),
        max_size=options.max_bucket_reso,
        step=step,
        no_upscale=options.bucket_no_upscale,
    )


@lru_cache(maxsize=64)
def bucket_sizes(rules: BucketRules) -> frozenset[Size]:
    """All shapes of full area: for each width the tallest that keeps the area, in both orientations."""
    if not rules.enabled:
        return frozenset((_single(rules),))
    square = _down(math.isqrt(rules.area), rules.step)
    square = min(max(square, rules.shortest), rules.longest)
    sizes = {(square, square)}
    for width in range(rules.shortest, rules.longest + 1, rules.step):
        height = min(_down(rules.area // width, rules.step), rules.longest)
        if height >= rules.shortest:
            sizes |= {(width, height), (height, width)}
    return frozenset(sizes)


@lru_cache(maxsize=65536)
def fit(size: Size, rules: BucketRules) -> Fit:
    """The bucket of a picture of this size, and the size it is resized to.

    Raises:
        ValueError: a side of 0 (a scan never lets such a picture through).
    """
    if min(size) < 1:
        raise ValueError(f"a picture of {size[0]}x{size[1]} has no shape")
    bucket = _nearest(size, rules) if rules.enabled else _single(rules)
    return Fit(bucket, cover(size, bucket))


def fits_of(images: Iterable[ImageRecord], rules: BucketRules) -> list[Fit]:
    """`fit` for each picture, in order."""
    return [fit(image.size, rules) for image in images]


def is_enlarged(size: Size, rules: BucketRules) -> bool:
    """Whether the picture has fewer pixels than it is trained with, so that it will look soft."""
    scaled = fit(size, rules).scaled
    return scaled[0] > size[0] or scaled[1] > size[1]


def cover(size: Size, bucket: Size) -> Size:
    """The smallest size of the picture's shape that covers the bucket."""
    width, height = size
    if width * bucket[1] > height * bucket[0]:  # wider than the bucket: heights meet
        return max(bucket[0], round_half_up(width * bucket[1], height)), bucket[1]
    return bucket[0], max(bucket[1], round_half_up(height * bucket[0], width))


def round_half_up(numerator: int, denominator: int) -> int:
    """Rounded quotient in whole numbers, the same on every machine."""
    return (2 * numerator + denominator) // (2 * denominator)


def count_buckets(fits: Iterable[Fit]) -> dict[Size, int]:
    """How many pictures per bucket, smallest shape first."""
    counts: dict[Size, int] = {}
    for one in fits:
        counts[one.bucket] = counts.get(one.bucket, 0) + 1
    return dict(sorted(counts.items()))


def _down(value: int, step: int) -> int:
    return value // step * step


def _single(rules: BucketRules) -> Size:
    width, height = rules.resolution
    return max(rules.step, _down(width, rules.step)), max(rules.step, _down(height, rules.step))


@lru_cache(maxsize=64)
def _by_shape(rules: BucketRules) -> tuple[tuple[float, ...], tuple[Size, ...]]:
    """Log ratios, rising, with the largest bucket of each."""
    largest: dict[float, Size] = {}
    for width, height in sorted(bucket_sizes(rules)):
        shape = math.log(width / height)
        if shape not in largest or width * height > math.prod(largest[shape]):
            largest[shape] = (width, height)
    shapes = tuple(sorted(largest))
    return shapes, tuple(largest[shape] for shape in shapes)


def _nearest(size: Size, rules: BucketRules) -> Size:
    """Of all shapes the nearest one; where enlarging is not wanted, of those that fit inside the picture.

    A small picture, inside which none fits, keeps its own size, cut to steps.
    """
    width, height = size
    if size in bucket_sizes(rules):
        return size
    shapes, sizes = _by_shape(rules)
    shape = math.log(width / height)
    right = bisect_left(shapes, shape)
    near = [i for i in (right - 1, right) if 0 <= i < len(shapes)]
    if rules.no_upscale:
        if width * height <= rules.area:
            return _bounded(width, rules), _bounded(height, rules)
        near = [i for i in near if _inside(sizes[i], size)] or [i for i in range(len(sizes)) if _inside(sizes[i], size)]
        if not near:
            return _bounded(width, rules), _bounded(height, rules)
    return sizes[min(near, key=lambda i: abs(shapes[i] - shape))]


def _inside(bucket: Size, size: Size) -> bool:
    return bucket[0] <= size[0] and bucket[1] <= size[1]


def _bounded(side: int, rules: BucketRules) -> int:
    return min(max(_down(side, rules.step), rules.shortest), rules.longest)
