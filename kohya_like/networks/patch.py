"""Put a function in place of a module's forward, and take it out again bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

Forward = Callable[..., Tensor]


class Patch:
    """One replaced forward. Several on one module nest: the last one put on is the first to come off."""

    def __init__(self, module: nn.Module, forward: Forward) -> None:
        self.module, self.forward = module, forward
        self.inner: Forward | None = None  # what was there before; None while it is not applied
        self._own: Any = None

    def apply(self) -> Forward:
        """Replace the forward; returns the one that was there. Applying twice changes nothing."""
        if self.inner is None:
            self._own = self.module.__dict__.get("forward")
            self.inner = self.module.forward
            self.module.forward = self.forward
        assert self.inner is not None
        return self.inner

    @property
    def alone(self) -> bool:
        """Whether the module's own forward is what lies beneath, and nothing that was put on before."""
        return self.inner is not None and self._own is None

    def remove(self) -> None:
        """Raises RuntimeError when something else was put on top in the meantime; removing twice changes nothing."""
        if self.inner is None:
            return
        if self.module.__dict__.get("forward") != self.forward:
            raise RuntimeError("another network was attached on top of this one; detach that one first")
        if self._own is None:
            del self.module.forward  # the method of its class is seen again
        else:
            self.module.forward = self._own
        self.inner = self._own = None
