"""What `inspect` says of a hypernetwork: its make, and how strong each net is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kohya_like.networks.adapter import shapes_and_constants
from kohya_like.networks.algorithms.hypernetwork import Hypernetwork
from kohya_like.networks.reading import by_module, read_file
from kohya_like.schema.errors import FormatError


def hypernetwork_facts(path: Path) -> dict[str, Any]:
    """Structure, activation and the like, as far as all nets have the same; the norm of each net's numbers.

    Raises FormatError.
    """
    makes, nets, faults = set(), {}, []
    for module, held in by_module(read_file(path)).items():
        try:
            makes.add(Hypernetwork.infer(*shapes_and_constants(held)).layout)
        except FormatError as error:
            faults.append(f"{module} is {error.text}")
        weights = [value.double().square().sum() for value in held.values() if value.ndim]
        nets[module] = {"norm": round(float(sum(weights)) ** 0.5, 4)}
    found: dict[str, Any] = {}
    if len(makes) == 1:
        layout = makes.pop()
        found = {
            "layer_structure": list(layout.structure), "activation": layout.activation,
            "activate_output": layout.activate_output, "layer_norm": layout.layer_norm,
            "dropout_structure": list(layout.dropouts),
        }  # fmt: skip
    elif makes:
        faults.append("its nets are made differently")
    return found | {"nets": nets} | ({"faults": faults} if faults else {})
