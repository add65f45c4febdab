"""What `inspect` says of a network file beyond its header: kinds, ranks, alphas, blocks and their strength."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from kohya_like.networks.adapter import shapes_and_constants
from kohya_like.networks.base import Shape, WeightDelta
from kohya_like.networks.reading import read_file
from kohya_like.schema.errors import FormatError
from kohya_like.schema.registry import plugins
from kohya_like.tools.names import LayerName, layer_name
from kohya_like.verbs.network_norms import change_norm

BY_THE_MODEL = "depends on the weights of the base model as well: the file alone does not tell it"
SHOWN = 10


@dataclass
class _Sums:
    """What is counted while the layers are looked at one by one."""

    kinds: Counter[str] = field(default_factory=Counter)
    ranks: Counter[str] = field(default_factory=Counter)
    block_sizes: Counter[str] = field(default_factory=Counter)
    alphas: Counter[str] = field(default_factory=Counter)
    constraints: Counter[str] = field(default_factory=Counter)
    axes: Counter[str] = field(default_factory=Counter)
    blocks: dict[str, list[float]] = field(default_factory=dict)
    by_the_model: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)


@torch.no_grad()
def network_facts(path: Path) -> dict[str, Any]:
    """Kinds, ranks and alphas by number of layers; layers and strength of each block. Raises FormatError."""
    layers: dict[LayerName, dict[str, Tensor]] = {}
    foreign = []
    for key, value in read_file(path).items():
        try:
            name, tensor = layer_name(key)
        except FormatError:
            foreign.append(key)
            continue
        layers.setdefault(name, {})[tensor] = value
    sums = _Sums()
    for name, held in layers.items():
        _count(name, held, sums)
    found: dict[str, Any] = {"layers": dict(sums.kinds)}
    counters = {"ranks": sums.ranks, "alphas": sums.alphas, "block_sizes": sums.block_sizes,
                "constraints": sums.constraints, "dora_axis": sums.axes}  # fmt: skip
    found |= {key: dict(sorted(counter.items(), key=_numeric)) for key, counter in counters.items() if counter}
    found["conv"] = any(_is_wide(held) for held in layers.values())
    found["blocks"] = {
        block: {"layers": len(norms)} | ({"norm": round(sum(n * n for n in norms) ** 0.5, 4)} if any(norms) else {})
        for block, norms in sorted(sums.blocks.items())
    }
    if sums.by_the_model:
        found["strength"] = f"of {', '.join(sorted(sums.by_the_model))} {BY_THE_MODEL}"
    if sums.faults:
        found["faults"] = sums.faults[:SHOWN]
    if foreign:
        found["foreign_keys"] = foreign[:SHOWN]
    return found


def _numeric(item: tuple[str, int]) -> tuple[float, str]:
    try:
        return float(item[0]), ""
    except ValueError:
        return float("inf"), item[0]


def block_of(name: LayerName) -> str:
    """`unet down_blocks.0`, `unet mid_block`, `text_encoder`: the places that block weights are set for."""
    if name.part != "unet":
        return name.part
    words = name.path.split(".")
    return f"unet {'.'.join(words[:2])}" if words[0] in ("down_blocks", "up_blocks") else f"unet {words[0]}"


def _count(name: LayerName, held: Mapping[str, Tensor], sums: _Sums) -> None:
    norms = sums.blocks.setdefault(block_of(name), [])
    norms.append(0.0)
    shapes, constants = shapes_and_constants(held)
    algorithm = _algorithm(name, shapes, constants, sums)
    if algorithm is None:
        return
    title = f"{algorithm.title} (DoRA)" if algorithm.decomposed else algorithm.title
    sums.kinds[title] += 1
    if algorithm.decomposed:
        sums.axes[str(getattr(algorithm, "dora_axis", ""))] += 1
    rotates = "oft_blocks" in shapes
    if rotates:
        sums.block_sizes[str(shapes["oft_blocks"][-1])] += 1
    elif "alpha" in algorithm.constants():
        whole = {"lokr_w1", "lokr_w2"} <= shapes.keys()
        sums.ranks["whole" if whole else str(getattr(algorithm, "dim", ""))] += 1
    if "alpha" in constants:
        (sums.constraints if rotates else sums.alphas)[f"{constants['alpha']:g}"] += 1
    if algorithm.decomposed or algorithm.reads_base:
        sums.by_the_model.add(title)
        return
    try:
        norms[-1] = change_norm(algorithm, {key: held[key] for key in shapes})
    except (KeyError, IndexError, RuntimeError):
        sums.faults.append(f"{name.peft()} is a {algorithm.title} whose tensors do not go together")


def _algorithm(
    name: LayerName, shapes: Mapping[str, Shape], constants: Mapping[str, float], sums: _Sums
) -> WeightDelta | None:
    for entry in plugins("algorithm").values():
        if isinstance(entry, type) and issubclass(entry, WeightDelta) and entry.recognises(shapes):
            try:
                return entry.infer(shapes, constants)
            except FormatError as error:
                sums.faults.append(f"{name.peft()} is {error.text}")
            except (ValidationError, ValueError, IndexError, KeyError):
                sums.faults.append(f"{name.peft()} has numbers or shapes no {entry.title} can have")
            return None
    sums.faults.append(f"{name.peft()} ({', '.join(sorted([*shapes, *constants]))}) is of an unknown kind")
    return None


def _is_wide(held: Mapping[str, Tensor]) -> bool:
    """Whether the layer is a convolution larger than 1x1, where its tensors tell it."""
    return any(value.ndim == 4 and max(value.shape[2:]) > 1 for key, value in held.items() if key != "oft_blocks")
