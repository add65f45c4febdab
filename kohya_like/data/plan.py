"""Which pictures make up which batch, and how many steps that is.

The order is a pure function of (seed, epoch number) and of the sorted list of pictures: no generator is carried along,
so an epoch can be asked for at any time, by any worker, in any process.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kohya_like.data.records import Concept, Fit, ImageRecord, Size

Numbers = NDArray[np.int64]


class SampleRef(NamedTuple):
    """A picture (index into the list of pictures) and which of its repeats it is, from 0."""

    image: int
    repeat: int


class BatchRef(NamedTuple):
    """Samples that are trained at once, all in one bucket."""

    bucket: Size
    samples: tuple[SampleRef, ...]


class BatchPlan:
    """The batches of every epoch.

    A bucket of n samples gives ceil(n / batch_size) batches; the last of them may be smaller and is trained like any
    other (kohya's rule). Samples are shuffled within their bucket and batches over all buckets, anew each epoch.
    """

    def __init__(self, fits: Sequence[Fit], repeats: Sequence[int], batch_size: int, seed: int) -> None:
        """
        Args:
            fits: one per picture, pictures sorted by identity.
            repeats: one per picture; 0 leaves a picture out.
        """
        if len(fits) != len(repeats):
            raise ValueError(f"{len(fits)} pictures but {len(repeats)} repeats")
        if batch_size < 1:
            raise ValueError("a batch holds at least one picture")
        self.batch_size, self.seed = batch_size, seed
        times: Numbers = np.asarray(repeats, dtype=np.int64)
        if len(times) and times.min() < 0:
            raise ValueError("repeats cannot be negative")
        self.buckets: tuple[Size, ...] = tuple(sorted({one.bucket for one, n in zip(fits, repeats) if n}))
        number = {bucket: i for i, bucket in enumerate(self.buckets)}
        of_image: Numbers = np.array([number.get(one.bucket, 0) for one in fits], dtype=np.int64)
        self._counted = _counted(times[times > 0])
        self._image: Numbers = np.repeat(np.arange(len(fits)), times)
        self._repeat: Numbers = np.arange(len(self._image)) - np.repeat(np.cumsum(times) - times, times)
        self._bucket: Numbers = of_image[self._image]
        self._counts: Numbers = np.bincount(self._bucket, minlength=len(self.buckets))
        self._epoch = lru_cache(maxsize=2)(self._make_epoch)

    def __getstate__(self) -> dict[str, object]:
        """Without the remembered epochs, which do not pickle; worker processes are sent a plan."""
        return {name: value for name, value in vars(self).items() if name != "_epoch"}

    def __setstate__(self, state: dict[str, object]) -> None:
        vars(self).update(state)
        self._epoch = lru_cache(maxsize=2)(self._make_epoch)

    @property
    def samples_per_epoch(self) -> int:
        """Pictures with their repeats."""
        return len(self._image)

    @property
    def batches_per_epoch(self) -> int:
        return int(self._batches_of_buckets.sum())

    @cached_property
    def _batches_of_buckets(self) -> Numbers:
        return -(-self._counts // self.batch_size)

    def bucket_counts(self) -> dict[Size, int]:
        """Samples (pictures with repeats) per bucket."""
        return {bucket: int(n) for bucket, n in zip(self.buckets, self._counts)}

    def batch_counts(self) -> dict[Size, int]:
        """Batches per bucket in an epoch."""
        return {bucket: int(n) for bucket, n in zip(self.buckets, self._batches_of_buckets)}

    def epoch(self, number: int) -> tuple[BatchRef, ...]:
        """All batches of an epoch, in order. Epochs are numbered as the caller likes."""
        return self._epoch(number)

    def batch(self, number: int) -> tuple[int, BatchRef]:
        """(epoch, batch) of the `number`-th batch of a run, both from 0."""
        epoch, index = divmod(number, self.batches_per_epoch)
        return epoch, self._epoch(epoch)[index]

    def steps_before(self, number: int, accumulation: int) -> int:
        """Optimizer steps done before batch `number` of a run; the last step of an epoch may have fewer batches."""
        epoch, inside = divmod(number, self.batches_per_epoch)
        return epoch * -(-self.batches_per_epoch // accumulation) + inside // accumulation

    def count_steps(self, accumulation: int, epochs: int | None, max_steps: int | None) -> StepCount:
        """`steps` of this plan."""
        return steps(
            self.batches_per_epoch,
            accumulation,
            epochs,
            max_steps,
            samples=self.samples_per_epoch,
            batch_size=self.batch_size,
            buckets=len(self.buckets),
            counted=self._counted,
        )

    def _make_epoch(self, number: int) -> tuple[BatchRef, ...]:
        keys = shuffle_keys(len(self._image), f"{self.seed}/{number}/samples")
        order = np.lexsort((keys, self._bucket))  # by bucket, within it by key
        samples = list(map(SampleRef, self._image[order].tolist(), self._repeat[order].tolist()))
        batches: list[BatchRef] = []
        start = 0
        for bucket, count in zip(self.buckets, self._counts.tolist()):
            for first in range(start, start + count, self.batch_size):
                last = min(first + self.batch_size, start + count)
                batches.append(BatchRef(bucket, tuple(samples[first:last])))
            start += count
        turn = np.argsort(shuffle_keys(len(batches), f"{self.seed}/{number}/batches"), kind="stable")
        return tuple(batches[i] for i in turn.tolist())


def balanced_repeats(
    images: Sequence[ImageRecord], concepts: Sequence[Concept], equal_concepts: bool = False
) -> list[int]:
    """How often each picture is seen per epoch: its concept's repeats, and for regularisation kohya's balance.

    With `equal_concepts` every trained concept is seen as often as the one that is seen most by its repeats.

    There are as many regularisation samples as training samples. Each such picture is taken with its own repeats until
    that number is reached, the rest not at all; if they are too few, all get another repeat in turn. (kohya takes
    them in the order of the file system; here a hash of the name decides, so that all classes have their part.)
    """
    own = [concepts[image.subset].repeats for image in images]
    members: dict[int | None, list[int]] = {}  # None: all regularisation pictures are one group
    for i, image in enumerate(images):
        members.setdefault(None if concepts[image.subset].is_reg else image.subset, []).append(i)
    regularising = _by_hash(members.pop(None, []), images)
    if equal_concepts and members:
        most = max(sum(own[i] for i in group) for group in members.values())
        for group in members.values():
            _fill(own, _by_hash(group, images), most)
    if regularising:
        _fill(own, regularising, sum(own) - sum(own[i] for i in regularising))
    return own


def _by_hash(group: list[int], images: Sequence[ImageRecord]) -> list[int]:
    return sorted(group, key=lambda i: blake2b(images[i].identity.encode(), digest_size=8).digest())


def _fill(repeats: list[int], group: list[int], wanted: int) -> None:
    """Give the pictures of a group `wanted` samples in all: fewer of them, or more repeats, in their order."""
    for i in group:
        repeats[i] = min(repeats[i], wanted)
        wanted -= repeats[i]
    each, first = divmod(wanted, len(group))
    for turn, i in enumerate(group):
        repeats[i] += each + (turn < first)


def shuffle_keys(count: int, name: str) -> NDArray[np.uint64]:
    """`count` random numbers of 64 bits that depend on nothing but the name; sorting by them shuffles.

    SplitMix64 (Steele, Lea, Flood, OOPSLA 2014) from a blake2b start: written out, because numpy promises no fixed
    stream for its generators and an order must be the same after an update.
    """
    start = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little")
    with np.errstate(over="ignore"):
        z = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(start)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


@dataclass(frozen=True)
class StepCount:
    """How long a training is. A step is one change of the weights: `accumulation` batches, fewer at an epoch's end."""

    total: int
    epochs: int  # begun; the last one may be cut by max_train_steps
    per_epoch: int
    formula: str
    kohya_formula: int  # what tutorials and kohya_ss compute, without buckets


def steps(
    batches_per_epoch: int,
    accumulation: int,
    epochs: int | None,
    max_steps: int | None,
    *,
    samples: int = 0,
    batch_size: int = 1,
    buckets: int = 1,
    counted: str = "",
) -> StepCount:
    """The number of steps, by epochs or by a given number; with both, whichever ends first.

    Args:
        samples: pictures with repeats per epoch (default: as many as would fill the batches).
        counted: how the samples come about, for the formula: "26 pictures x 10 repeats".

    Raises:
        ValueError: no batches, or neither epochs nor steps given.
    """
    if batches_per_epoch < 1 or accumulation < 1:
        raise ValueError("an epoch needs at least one batch")
    if epochs is None and max_steps is None:
        raise ValueError("either epochs or steps must be given")
    samples = samples or batches_per_epoch * batch_size
    per_epoch = -(-batches_per_epoch // accumulation)
    total = min(n for n in (epochs and epochs * per_epoch, max_steps) if n)
    begun = -(-total // per_epoch)
    usual = math.ceil(samples * begun / (batch_size * accumulation)) if total == begun * per_epoch else total
    return StepCount(
        total=total,
        epochs=begun,
        per_epoch=per_epoch,
        formula=_formula(samples, batch_size, buckets, batches_per_epoch, accumulation, total, counted),
        kohya_formula=usual,
    )


def _counted(repeats: Numbers) -> str:
    """'26 pictures x 10 repeats', or with a range where repeats differ."""
    if not len(repeats):
        return ""
    least, most = int(repeats.min()), int(repeats.max())
    times = f"{least}" if least == most else f"{least} to {most}"
    return f"{len(repeats)} picture{'s' * (len(repeats) > 1)} x {times} repeat{'s' * (most > 1)}"


def _formula(
    samples: int, batch_size: int, buckets: int, batches: int, accumulation: int, total: int, counted: str
) -> str:
    """The count as a sentence a person can check with a pencil."""
    per_epoch = -(-batches // accumulation)
    whole, rest = divmod(total, per_epoch)
    spread = f" in {buckets} buckets" if buckets > 1 else ""
    text = f"{counted} = " if counted else ""
    text += f"{samples} samples / batch {batch_size}{spread} = {batches} batches per epoch"
    if accumulation > 1:
        text += f" / {accumulation} accumulated = {per_epoch} steps per epoch"
    if rest:
        return f"{text}; {total} steps = {total / per_epoch:.1f} epochs"
    return f"{text}; x {whole} {'epoch' if whole == 1 else 'epochs'} = {total} steps"
