"""A network file in the names of another program: kohya's (ours; SDXL's UNet in its original names) or peft's.

Values stay as they are, to the bit, but for a change of the number type. diffusers keeps alphas in the metadata.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from kohya_like.formats.headers import identify
from kohya_like.formats.tensors import open_tensors
from kohya_like.networks.algorithms.lora import DOWN, UP
from kohya_like.networks.reading import read_file
from kohya_like.schema.errors import FormatError, UserError
from kohya_like.tools.names import LayerName, layer_name
from kohya_like.tools.output import cast, save_network

Layers = dict[LayerName, dict[str, Tensor]]
PEFT = "lora_adapter_metadata"  # where diffusers keeps the options of each part's LoraConfig
_PEFT_NAMES = {DOWN: "lora_A.weight", UP: "lora_B.weight"}
SHOWN = 5


def convert_network(path: Path, out: Path, style: str, family: str, dtype: torch.dtype | None, force: bool) -> int:
    """Write the network of `path` in the names of `style`; returns the number of layers.

    Raises FormatError that lists the keys which name no layer, and UserError for what the other style cannot hold.
    """
    facts = identify(path)
    family = family or facts.family
    if not family:
        raise UserError(f"{path}: the file does not tell its family", "say it with --family sd1, sd2 or sdxl")
    layers = read_layers(path)
    with open_tensors(path) as file:
        metadata = {key: value for key, value in file.metadata.items() if key != PEFT}
    if style == "peft":
        tensors, options = peft_tensors(path, layers, family)
        metadata |= {PEFT: json.dumps(options, sort_keys=True), "format": "pt"}
    else:
        metadata.pop("format", None)
        tensors = {f"{name.kohya(family)}.{key}": value for name, held in layers.items() for key, value in held.items()}
    if dtype:
        tensors = {key: cast(v, dtype, key) if v.is_floating_point() else v for key, v in tensors.items()}
    save_network(out, tensors, metadata, force)
    return len(layers)


def read_layers(path: Path) -> Layers:
    """The tensors of a network file by layer. Raises FormatError with the keys that name none, or name one twice."""
    layers: Layers = {}
    faults: list[str] = []
    for key, value in read_file(path).items():
        try:
            name, tensor = layer_name(key)
        except FormatError as error:
            faults.append(error.text)
            continue
        if tensor in layers.setdefault(name, {}):
            faults.append(f"{key} stands in the file under two names")
        layers[name][tensor] = value
    if faults:
        more = f"\n... and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        raise FormatError(f"{path}: cannot be converted:\n" + "\n".join(faults[:SHOWN]) + more)
    return layers


def peft_tensors(path: Path, layers: Layers, family: str) -> tuple[dict[str, Tensor], dict[str, object]]:
    """Keys of diffusers, and the options of each part by which it gets ranks and alphas right.

    Raises UserError: diffusers reads plain LoRA and refuses a whole file for any other key.
    """
    tensors: dict[str, Tensor] = {}
    sizes: dict[str, dict[str, tuple[int, float]]] = {}
    strange = [name.peft() for name, held in layers.items() if not {UP, DOWN} <= held.keys() <= {UP, DOWN, "alpha"}]
    if strange:
        raise UserError(
            f"{path}: diffusers reads plain LoRA alone, and {len(strange)} layers are of another kind: "
            f"{', '.join(strange[:3])}"
        )
    for name, held in layers.items():
        rank = held[DOWN].shape[0]
        part, _, inner = name.peft().partition(".")
        sizes.setdefault(part, {})[inner] = (rank, float(held.get("alpha", torch.tensor(float(rank)))))
        for key, own in _PEFT_NAMES.items():
            flat = name.is_linear(family) and held[key].ndim == 4
            tensors[f"{name.peft()}.{own}"] = held[key].flatten(1) if flat else held[key]
    return tensors, {f"{part}.{k}": v for part, held in sizes.items() for k, v in _options(held).items()}


def _options(sizes: Mapping[str, tuple[int, float]]) -> dict[str, object]:
    """peft's LoraConfig of one part: the usual rank and alpha, and the layers that differ."""
    (rank, alpha), _ = Counter(sizes.values()).most_common(1)[0]
    return {
        "r": rank, "lora_alpha": alpha, "target_modules": sorted(sizes),
        "rank_pattern": {name: size[0] for name, size in sizes.items() if size[0] != rank},
        "alpha_pattern": {name: size[1] for name, size in sizes.items() if size[1] != alpha},
    }  # fmt: skip
