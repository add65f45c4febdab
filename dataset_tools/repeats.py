"""How often each folder should be repeated: steps = images x repeat x epoch / batch, solved for the repeats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kohya_like.data.folders import MAX_REPEATS

USUAL_STEPS = 4000  # the guides' advice for a LoRA at batch 1


@dataclass(frozen=True)
class RepeatPlan:
    """`repeats` run parallel to the folders; `steps` is what they come to."""

    repeats: tuple[int, ...]
    steps: int


def suggest_repeats(pictures: Sequence[int], epochs: int = 10, batch: int = 1, steps: int = USUAL_STEPS) -> RepeatPlan:
    """Repeats with which every folder is seen equally often and the training is about `steps` long.

    Args:
        pictures: how many each folder holds; one without any has 1 repeat and counts for nothing.
        epochs, batch, steps: at least 1.

    Raises:
        ValueError: a number is below 1 (pictures: below 0).
    """
    if min(epochs, batch, steps) < 1 or min(pictures, default=0) < 0:
        raise ValueError("epochs, batch and steps are 1 or more, pictures 0 or more")
    filled = [count for count in pictures if count]
    share = steps * batch / epochs / max(1, len(filled))  # pictures of each folder in one epoch
    repeats = tuple(min(MAX_REPEATS, max(1, round(share / count))) if count else 1 for count in pictures)
    seen = sum(count * repeat for count, repeat in zip(pictures, repeats))
    return RepeatPlan(repeats, -(-seen // batch) * epochs)
