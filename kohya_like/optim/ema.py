"""An exponential moving average of the trained weights: steadier than the last step, at the cost of one more copy.

    shadow ← d · shadow + (1 − d) · weight,    d = min(decay, (1 + n) / (10 + n)) after n updates

The early n keep d small, so that the average leaves the starting point as fast as the weights do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from kohya_like.schema.errors import FormatError


class Ema:
    """The averages (`shadow`, float32, one per parameter, on its device), starting as copies of the weights.

    `warmup=False` uses the full decay from the first update on.
    """

    def __init__(self, parameters: Iterable[Tensor], decay: float, *, warmup: bool = True) -> None:
        if not 0.0 <= decay < 1.0:
            raise ValueError(f"decay = {decay}: wanted is a number from 0 up to, not including, 1")
        self.parameters = list(parameters)
        self.decay, self.warmup = decay, warmup
        self.updates = 0
        self.shadow = [p.detach().to(torch.float32, copy=True) for p in self.parameters]

    @torch.no_grad()
    def update(self) -> None:
        """Take the weights in; once after each optimizer step."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates)) if self.warmup else self.decay
        self.updates += 1
        torch._foreach_lerp_(self.shadow, [p.detach().float() for p in self.parameters], weight=1 - decay)

    @contextmanager
    def swap(self) -> Iterator[None]:
        """The averages stand in the model inside the block; afterwards the weights are back, bit for bit."""
        kept = [p.detach().clone() for p in self.parameters]
        self._write(self.shadow)
        try:
            yield
        finally:
            self._write(kept)

    @torch.no_grad()
    def _write(self, values: list[Tensor]) -> None:
        for parameter, value in zip(self.parameters, values, strict=True):
            parameter.copy_(value)

    def state_dict(self) -> dict[str, Any]:
        return {"updates": self.updates, "shadow": list(self.shadow)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved average. Raises FormatError where it belongs to other weights."""
        saved: list[Tensor] = state["shadow"]
        if [s.shape for s in saved] != [s.shape for s in self.shadow]:
            raise FormatError(
                f"The saved average holds {len(saved)} tensors that do not match the {len(self.shadow)} trained ones: "
                "it belongs to another network."
            )
        self.updates = int(state["updates"])
        for shadow, value in zip(self.shadow, saved, strict=True):
            shadow.copy_(value)
