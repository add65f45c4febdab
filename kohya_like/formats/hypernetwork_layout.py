"""Where the tensors of a hypernetwork's net stand in webui's Sequential, and what they tell. Torch-free.

    linear.<i>.weight [int(d·s_{k+1}), int(d·s_k)]     s the layer structure, d the width of the context

Every activation, normalisation and dropout takes a place of its own between the layers, so that <i> depends on all of
them. What the tensors cannot tell stands beside them as numbers: `activation.<name>`, `activate_output`, `dropout.<k>`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import ceil

from kohya_like.schema.errors import FormatError

Shape = tuple[int, ...]
INITIALIZATION_KEY = "kohya_like.weight_initialization"  # in metadata, with webui's words
_WEIGHT = re.compile(r"linear\.(\d{1,4})\.weight")
_DIGITS = 15  # a float holds no more


@dataclass(frozen=True)
class Layer:
    """One Linear: its place, the places of what follows it (None: nothing), and the dropout behind all of it."""

    linear: int
    activation: int | None
    norm: int | None
    dropout: float


@dataclass(frozen=True)
class Layout:
    """The options that decide the places. `dropouts` is as long as `structure`; the first one is behind no layer."""

    structure: tuple[float, ...]
    activation: str = "linear"
    activate_output: bool = False
    layer_norm: bool = False
    dropouts: tuple[float, ...] = ()

    def layers(self) -> tuple[Layer, ...]:
        return _layers(self)

    def shapes(self, width: int) -> dict[str, Shape]:
        """Every tensor of the net for contexts of this width."""
        sizes = [int(width * factor) for factor in self.structure]
        found: dict[str, Shape] = {}
        for layer, (size, before) in zip(self.layers(), zip(sizes[1:], sizes)):
            found |= {f"linear.{layer.linear}.weight": (size, before), f"linear.{layer.linear}.bias": (size,)}
            if layer.activation is not None and self.activation == "prelu":
                found[f"linear.{layer.activation}.weight"] = (1,)
            if layer.norm is not None:
                found |= {f"linear.{layer.norm}.weight": (size,), f"linear.{layer.norm}.bias": (size,)}
        return found

    def constants(self) -> dict[str, float]:
        """What stands beside the tensors: nothing for the plainest net."""
        found = {} if self.activation == "linear" else {f"activation.{self.activation}": 1.0}
        if self.activate_output:
            found["activate_output"] = 1.0
        return found | {f"dropout.{i}": p for i, p in enumerate(self.dropouts) if p and 0 < i < len(self.structure) - 1}


@lru_cache(maxsize=64)
def _layers(layout: Layout) -> tuple[Layer, ...]:
    found, place, last = [], 0, len(layout.structure) - 2
    for i in range(last + 1):
        activated = layout.activation != "linear" and (i < last or layout.activate_output)
        dropout = layout.dropouts[i + 1] if layout.dropouts and i < last else 0.0
        norm = place + 1 + activated if layout.layer_norm else None
        found.append(Layer(place, place + 1 if activated else None, norm, dropout))
        place += 1 + activated + layout.layer_norm + bool(dropout)
    return tuple(found)


def layout_of(shapes: Mapping[str, Shape], constants: Mapping[str, float]) -> Layout:
    """The layout of one net by its tensors and the numbers beside them.

    Raises FormatError, worded to follow "hypernetwork_768_k is ...".
    """
    rows, layer_norm = linear_rows(shapes)
    width = shapes["linear.0.weight"][1]
    structure = structure_of({width: rows})
    words = sorted(key.partition(".")[2] for key in constants if key.startswith("activation."))
    if len(words) > 1:
        raise FormatError(f"a hypernetwork with several activation functions: {', '.join(words)}")
    dropouts = [0.0] * len(structure)
    for key, value in constants.items():
        number = key.removeprefix("dropout.")
        if key != number and number.isdecimal() and int(number) < len(dropouts):
            dropouts[int(number)] = round(value, 6)  # 0.3 was stored as 0.30000001
    found = Layout(
        structure, words[0] if words else "linear", bool(constants.get("activate_output")), layer_norm, tuple(dropouts)
    )
    if {f"linear.{layer.linear}.weight" for layer in found.layers()} - shapes.keys():
        raise FormatError("a hypernetwork whose layers stand in other places than its activation and dropout tell")
    return found


def linear_rows(shapes: Mapping[str, Shape]) -> tuple[list[int], bool]:
    """How many numbers each Linear of a net gives out, and whether normalisations follow. Raises FormatError."""
    places = sorted(int(match[1]) for key in shapes if (match := _WEIGHT.fullmatch(key)))
    weights = {place: shapes[f"linear.{place}.weight"] for place in places}
    linears = [shape for shape in weights.values() if len(shape) == 2]
    if not linears or len(weights.get(0, ())) != 2 or min(map(min, linears)) < 1:
        raise FormatError("a hypernetwork without layers")
    norm = any(len(shape) == 1 and f"linear.{place}.bias" in shapes for place, shape in weights.items())
    return [shape[0] for shape in linears], norm


def structure_of(rows: Mapping[int, Sequence[int]]) -> tuple[float, ...]:
    """The layer structure, in as few digits as can be, that gives these rows for each width. Raises FormatError."""
    depths = {len(of_width) for of_width in rows.values()}
    if len(depths) != 1:
        raise FormatError("a hypernetwork whose nets have different numbers of layers")
    return (1.0, *(_factor({width: of_width[i] for width, of_width in rows.items()}) for i in range(depths.pop())))


def _factor(rows: Mapping[int, int]) -> float:
    """The shortest decimal f with int(width · f) = rows for every width."""
    least = max(Fraction(size, width) for width, size in rows.items())
    for digits in range(_DIGITS + 1):
        factor = ceil(least * 10**digits) / 10**digits
        if all(int(width * factor) == size for width, size in rows.items()):
            return factor
    raise FormatError("a hypernetwork with another layer structure for each width, which no file of webui can hold")
