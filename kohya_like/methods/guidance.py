"""DreamArtist's guidance over the steps of the noise: γ(t) = (high − low)·rate(t) + low. Torch-free.

Written as in its webui extension: "3" is constant, "1-5" rises from low (no noise) to high (all noise) in a line,
"1-5:cos" late, "1-5:cos2" early.  With r = t / (T − 1): cos((r − 1)·π/2), 1 − cos(r·π/2), or r itself (ln).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

_NUMBER = r"\d{1,3}(?:\.\d{1,6})?"
_TEXT = re.compile(rf"\s*({_NUMBER})(?:\s*-\s*({_NUMBER}))?(?:\s*:\s*(\w+))?\s*")
_RATES = {
    "cos": lambda r: math.cos((r - 1) * math.pi / 2),
    "cos2": lambda r: 1 - math.cos(r * math.pi / 2),
    "ln": lambda r: r,
}


@dataclass(frozen=True)
class Guidance:
    """How strongly the positive word is set off against the negative one."""

    low: float
    high: float
    rate: str = "ln"

    @classmethod
    def parse(cls, text: str) -> Guidance:
        """Raises ValueError with a sentence."""
        match = _TEXT.fullmatch(text)
        if match is None or (match[3] and (match[3] not in _RATES or not match[2])):
            raise ValueError(f"{text!r} is no guidance: write 3, 1-5, 1-5:cos, 1-5:cos2 or 1-5:ln")
        low = float(match[1])
        return cls(low, float(match[2]) if match[2] else low, match[3] or "ln")

    @property
    def is_off(self) -> bool:
        """γ = 1 everywhere: the negative word is never heard."""
        return self.low == self.high == 1.0

    def at(self, rate: float) -> float:
        """γ at a share of all noise, 0 to 1."""
        return (self.high - self.low) * _RATES[self.rate](rate) + self.low
