"""Whole files: what lycoris-lora saves has the same effect here, and its loader finds the same effect in ours.

Layer by layer this stands in test_lycoris_files.py; here are names, text encoders, and kinds mixed in one file. Not
asked of its loader, because it is wrong there (its own files do not come back either): LoKr with a Tucker core, DoRA on
inputs, (IA)^3, and names of SDXL's original code, which it only knows from sd-scripts' UNet.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from kohya_like.formats.headers import identify
from kohya_like.networks.network import Network
from kohya_like.schema.registry import plugins
from tests.networks.lycoris_networks import applied, loaded, written
from tests.networks.tiny import outputs, parts, randomise, relative_error

pytest.importorskip("lycoris")

LIMIT = 1e-5
# their arguments, ours; the first four cover the ways a module is built and run by default
THEIRS: list[tuple[str, dict[str, Any]]] = [
    ("locon", {"use_tucker": True}), ("locon", {"train_norm": True, "use_scalar": True}), ("loha", {}),
    ("lokr", {"factor": 4}), ("loha", {"use_tucker": True}), ("lokr", {"use_tucker": True}), ("glora", {}),
    ("ia3", {}), ("full", {}), ("diag-oft", {"constraint": 0.1, "rescaled": True}),
    ("boft", {"dim": 8, "rescaled": True}),
    ("locon", {"dora_wd": True}), ("loha", {"dora_wd": True}), ("locon", {"rs_lora": True}),
]  # fmt: skip
OURS: list[tuple[str, dict[str, Any]]] = [
    ("lora", {"conv_dim": 3}), ("loha", {"conv_dim": 2}), ("oft", {"conv_dim": 2}), ("full", {"convolutions": True}),
    ("locon", {"use_tucker": True}), ("locon", {"use_scalar": True, "rs_lora": True}), ("lokr", {"factor": 4}),
    ("lokr", {"full_matrix": True}), ("loha", {"conv_dim": 2, "use_tucker": True}), ("boft", {"dim": 4}),
    ("glora", {}), ("norms", {}), ("lora", {"dora_wd": True, "dora_axis": "output"}), ("dylora", {}), ("lora_fa", {}),
]  # fmt: skip


def cases(rows: list[tuple[str, dict[str, Any]]], quick: int) -> list[Any]:
    """The first few always, the others in the long run."""
    marks = [[] if i < quick else [pytest.mark.full] for i in range(len(rows))]
    return [pytest.param(*row, id=f"{row[0]}{row[1]}", marks=mark) for row, mark in zip(rows, marks)]


@pytest.mark.parametrize(("algo", "arguments"), cases(THEIRS, 4))
@pytest.mark.parametrize("family", ["sd1", pytest.param("sdxl", marks=pytest.mark.full)])
def test_their_file_here(family: str, algo: str, arguments: dict[str, Any], tmp_path: Path) -> None:
    theirs, ours = parts(family), parts(family)
    before = outputs(theirs)
    network = applied(theirs, algo=algo, **{"dim": 4, "alpha": 2.0, **arguments})
    path = written(network, tmp_path / "theirs.safetensors")
    wanted = outputs(theirs)
    assert identify(path).kind in ("lora", "lycoris")
    read = Network.from_file(path, ours, family).eval()
    assert len(read.adapters) == len(network.loras)
    read.attach()
    found = outputs(ours)
    for part, value in wanted.items():
        assert relative_error(found[part], value) <= LIMIT, part
        assert relative_error(value, before[part]) > 1000 * LIMIT, f"the network does nothing in {part}"


@pytest.mark.parametrize(("name", "options"), cases(OURS, 4))
def test_our_file_there(name: str, options: dict[str, Any]) -> None:
    theirs, ours = parts("sd1"), parts("sd1")
    before = outputs(ours)
    network = Network.create(plugins("algorithm")[name](**options), ours, "sd1", seed=1).eval()  # type: ignore[operator]
    randomise(network, 0.1)
    network.attach()
    wanted = outputs(ours)
    there = loaded(theirs, {key: value.clone() for key, value in network.tensors().items()})
    assert len(there.loras) == len(network.adapters)
    found = outputs(theirs)
    for part, value in wanted.items():
        assert relative_error(found[part], value) <= LIMIT, part
        assert relative_error(value, before[part]) > 100 * LIMIT, f"the network does nothing in {part}"


def test_control_another_alpha_is_seen(tmp_path: Path) -> None:
    theirs, ours = parts("sd1"), parts("sd1")
    network = applied(theirs, 4, 2.0, algo="loha")
    tensors = load_file(written(network, tmp_path / "theirs.safetensors"))
    tensors = {key: value * 1.01 if key.endswith("alpha") else value for key, value in tensors.items()}
    Network.from_tensors(tensors, ours, "sd1").attach()
    found, wanted = outputs(ours), outputs(theirs)
    assert all(relative_error(found[part], value) > LIMIT for part, value in wanted.items())
    assert torch.isfinite(found["unet"]).all()
