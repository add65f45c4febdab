"""Whether the network fits the model it is for: widths of hypernetworks, ranks, options for convolutions. No torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from kohya_like.networks.base import InputResidual, NetworkAlgorithm, WeightDelta
from kohya_like.networks.selection import select
from kohya_like.preflight.shapes import Shapes
from kohya_like.preflight.trainable import context_widths, places
from kohya_like.schema.errors import Fault

if TYPE_CHECKING:
    from kohya_like.networks.selection import Chosen

OF_CONVOLUTIONS = ("conv_dim", "convolutions", "use_tucker")


def fit_faults(algorithm: NetworkAlgorithm, shapes: Mapping[str, Shapes]) -> Iterator[Fault]:
    """Faults and warnings of a network for a model of these shapes; none where no model was read."""
    if isinstance(algorithm, InputResidual):
        yield from _absent_sizes(algorithm, shapes.get("unet", {}))
    elif isinstance(algorithm, WeightDelta):
        parts = [part for part in shapes if part != "vae" and algorithm.trains(part)]
        chosen = select(algorithm, places(algorithm, shapes, parts))[0]
        yield from _large_ranks(chosen)
        yield from _idle_convolutions(algorithm, chosen)


def _absent_sizes(algorithm: InputResidual, unet: Shapes) -> Iterator[Fault]:
    widths = context_widths(unet)
    absent = sorted(set(algorithm.sizes) - set(widths))
    if widths and absent:
        names, reads = ", ".join(map(str, absent)), ", ".join(map(str, sorted(set(widths))))
        text = f"names {names}, but the attention of this model reads {reads}"
        mend = "leave the others out, or leave sizes empty for all of them"
        yield Fault(text, "network.sizes", mend=mend, code="absent-size")


def _large_ranks(chosen: list[Chosen]) -> Iterator[Fault]:
    """A rank above a layer's width is allowed, and only makes the file larger: the change has no higher rank."""
    for key, wide in (("dim", False), ("conv_dim", True)):
        widths = [
            min(each.place.shape.out, each.place.shape.fan_in) for each in chosen if each.place.shape.is_wide == wide
        ]
        ranks = [_rank(each) for each in chosen if each.place.shape.is_wide == wide]
        beyond = [(width, rank) for width, rank in zip(widths, ranks) if rank > width]
        if beyond:
            width, rank = min(beyond)
            text = f"{rank} is more than {len(beyond)} of {len(ranks)} layers are wide (the narrowest: {width})"
            mend = f"a rank above a layer's width adds to the file and to nothing else; {width} is enough there"
            yield Fault(text, f"network.{key}", mend=mend, severity="warning", code="large-rank")


def _rank(chosen: Chosen) -> int:
    """The rank of a layer's matrices; 0 where the algorithm has none there, as in a whole matrix of LoKr."""
    rank = getattr(chosen.algorithm, "dim", 0)
    specs = chosen.algorithm.parameters(chosen.place.shape)
    return rank if any(rank in spec.shape for spec in specs.values()) else 0


def _idle_convolutions(algorithm: WeightDelta, chosen: list[Chosen]) -> Iterator[Fault]:
    if not chosen or any(each.place.shape.is_wide for each in chosen):
        return
    for name in OF_CONVOLUTIONS:
        if getattr(algorithm, name, None):
            yield Fault(
                "is set, but no convolution larger than 1x1 is among the chosen layers", f"network.{name}",
                mend="choose layers with network.targets that have some, or take it out", severity="warning",
                code="no-effect",
            )  # fmt: skip
