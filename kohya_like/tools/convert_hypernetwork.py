"""A hypernetwork as webui's `.pt` or as its safetensors twin: the same numbers, with what both know of their making."""

from __future__ import annotations

from pathlib import Path

import torch

from kohya_like.formats.a1111 import save_hypernetwork
from kohya_like.formats.tensors import open_tensors
from kohya_like.networks.adapter import shapes_and_constants
from kohya_like.networks.algorithms.hypernetwork import Hypernetwork
from kohya_like.networks.reading import by_module, raise_faults, read_file
from kohya_like.schema.errors import FormatError
from kohya_like.tools.output import cast, save_network


def convert_hypernetwork(path: Path, out: Path, style: str, dtype: torch.dtype | None, force: bool) -> int:
    """Write the nets of `path` as "a1111" (.pt) or "same" (.safetensors); returns the number of nets.

    Raises FormatError for nets that webui does not know, or that one file of webui's cannot hold.
    """
    tensors = read_file(path)
    modules = by_module(tensors)
    faults = []
    for module, held in modules.items():
        try:
            Hypernetwork.infer(*shapes_and_constants(held))
        except FormatError as error:
            faults.append(f"{module} is {error.text}")
    raise_faults(faults, f"{path}: cannot be converted", "")
    with open_tensors(path) as file:
        metadata = {**file.metadata}
    # what stands beside the tensors (activation, dropouts) are marks and shares, not weights
    made = {key: cast(value, dtype, key) if dtype and value.ndim else value for key, value in tensors.items()}
    if style == "a1111":
        try:
            save_hypernetwork(out, made, metadata, force)
        except FormatError as error:
            raise FormatError(f"{path}: {error.text}", error.hint) from None
    else:
        save_network(out, made, metadata, force)
    return len(modules)
