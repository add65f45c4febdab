"""kohya's blocks of a UNet, numbered as in sd-scripts, and learning rates by block.

SD 1 and SD 2: 25 blocks, 12 down, 1 in the middle, 12 up. SDXL: 23, one for the embeddings of time and size, 9 down,
3 in the middle, 9 up, one for the last convolution. Pure arithmetic, without torch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite, pi, sin

_SIDE = re.compile(r"(down|up)_blocks\.(\d+)\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.")
_MIDDLE = re.compile(r"mid_block\.(resnets|attentions)\.(\d+)\.")
_CURVE = re.compile(r"(sine|cosine|linear|reverse_linear|zeros)(?:\+(\d+\.?\d*|\.\d+))?")
_OUTSIDE = {"time_embedding": 0, "add_embedding": 0, "conv_in": 1, "conv_norm_out": -1, "conv_out": -1}

Weights = str | tuple[float, ...]  # a factor for each block, or one of kohya's curves


@dataclass(frozen=True)
class Blocks:
    """How many blocks a family has: `sides` down and as many up, `middle`, and `ends` before and behind them."""

    label: str
    sides: int
    middle: int
    ends: int

    @property
    def total(self) -> int:
        return 2 * (self.sides + self.ends) + self.middle

    def index(self, path: str) -> int | None:
        """The block of a layer by its path in diffusers' UNet; None where it stands in no block (SD 1's conv_in)."""
        if found := _SIDE.match(path):
            side, level, kind, item = found.groups()
            place = 3 * int(level) + (2 if kind.endswith("samplers") else int(item))
            return place + (1 + self.ends if side == "down" else self.ends + self.sides + self.middle)
        if found := _MIDDLE.match(path):
            place = 1 if found[1] == "attentions" else 2 * int(found[2])
            return self.ends + self.sides + (place if self.middle > 1 else 0)
        outside = _OUTSIDE.get(path.partition(".")[0]) if self.ends else None
        return outside % self.total if outside is not None else None

    def factors(
        self, down: Weights | None, mid: Weights | None, up: Weights | None, threshold: float
    ) -> tuple[float, ...]:
        """A factor of the learning rate for each block; () where none is asked for.

        What is not above the threshold becomes 0. Lists must have the right length.
        """
        if not (down or mid or up):
            return ()
        ends = (1.0,) * self.ends
        parts = (self._weights(down, self.sides), self._weights(mid, self.middle), self._weights(up, self.sides))
        inner = (weight if weight > threshold else 0.0 for part in parts for weight in part)
        return (*ends, *inner, *ends)

    def _weights(self, given: Weights | None, count: int) -> tuple[float, ...]:
        if not given:
            return (1.0,) * count
        return curve(given, count) if isinstance(given, str) else given


SD = Blocks("SD1/SD2", sides=12, middle=1, ends=0)
SDXL = Blocks("SDXL", sides=9, middle=3, ends=1)
TOTALS = (SD.total, SDXL.total)


def blocks_of(paths: Iterable[str]) -> Blocks:
    """The blocks of a UNet with layers at these paths: only SDXL's embeds sizes."""
    return SDXL if any(path.startswith("add_embedding.") for path in paths) else SD


def curve(text: str, count: int) -> tuple[float, ...]:
    """kohya's words for block weights: sine, cosine, linear, reverse_linear or zeros, and +base added to each."""
    found = _CURVE.fullmatch(text)
    assert found, text  # `block_weights` lets nothing else pass
    name, base = found[1], float(found[2] or 0.0)
    steps = [i / (count - 1) for i in range(count)]
    values = {
        "sine": [sin(pi * step / 2) for step in steps],
        "cosine": [sin(pi * step / 2) for step in reversed(steps)],
        "linear": steps,
        "reverse_linear": list(reversed(steps)),
        "zeros": [0.0] * count,
    }[name]
    return tuple(value + base for value in values)


def listed(weights: Weights) -> str:
    """As kohya's network_args have it: numbers with commas, or the curve's word."""
    return weights if isinstance(weights, str) else ",".join(f"{number:g}" for number in weights)


def block_weights(given: Weights) -> Weights:
    """Weights of the blocks of one side as a user wrote them; kohya's "0, 0.5, 1" becomes numbers.

    Raises ValueError with a sentence.
    """
    if isinstance(given, str):
        text = given.replace(" ", "")
        if _CURVE.fullmatch(text):
            return text
        try:
            given = tuple(float(number) for number in text.split(",")) if text else ()
        except ValueError:
            raise ValueError(
                "expects one number for each block, or sine, cosine, linear, reverse_linear or zeros, with +0.25 or "
                "the like behind it"
            ) from None
    if not all(isfinite(number) and number >= 0.0 for number in given):
        raise ValueError("each number must be 0 or more")
    return given
