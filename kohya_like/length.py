"""How long a run is: steps, batches and epochs counted from one another."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Length:
    """How long a run is. A step takes `accumulation` batches; the last step of an epoch takes what is left."""

    total: int
    batches_per_epoch: int
    accumulation: int = 1

    @property
    def steps_per_epoch(self) -> int:
        return math.ceil(self.batches_per_epoch / self.accumulation)

    def first_batch(self, step: int) -> int:
        """Number, over all epochs, of the first batch of the step after `step`."""
        epoch, inside = divmod(step, self.steps_per_epoch)
        return epoch * self.batches_per_epoch + inside * self.accumulation

    def batches_in(self, step: int) -> int:
        inside = step % self.steps_per_epoch
        return min(self.accumulation, self.batches_per_epoch - inside * self.accumulation)

    def epoch(self, step: int) -> int:
        """The epoch, from 1, that the `step`-th step (from 1) belongs to."""
        return max(0, step - 1) // self.steps_per_epoch + 1

    def epoch_ended(self, step: int) -> int | None:
        return step // self.steps_per_epoch if step % self.steps_per_epoch == 0 else None
