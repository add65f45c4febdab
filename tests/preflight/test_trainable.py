"""Counts from a file's header equal those of a network on the real modules."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from kohya_like.families.base import family
from kohya_like.families.components import skeleton
from kohya_like.formats.ldm import to_ldm
from kohya_like.formats.tensors import save_safetensors
from kohya_like.methods.options import NetworkMethod
from kohya_like.networks.network import Network
from kohya_like.preflight.shapes import model_shapes, numbers
from kohya_like.preflight.trainable import count_trained
from kohya_like.schema.registry import plugins
from tests.preflight.made import sparse_safetensors


def parts_of(name: str) -> dict[str, nn.Module]:
    """A family's parts at real size, without memory."""
    found = family(name)
    configs = {part: json.loads((found.config_folder / part / "config.json").read_text()) for part in found.parts}
    return {part: skeleton(part, config, "here") for part, config in configs.items()}


def shapes_of(parts: dict[str, nn.Module]) -> dict[str, dict[str, tuple[int, ...]]]:
    return {
        part: {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
        for part, module in parts.items()
    }


@pytest.fixture(scope="module", params=["sd1", pytest.param("sd2", marks=pytest.mark.full), "sdxl"])
def model(request: pytest.FixtureRequest) -> tuple[str, dict[str, nn.Module]]:
    return request.param, parts_of(request.param)


OPTIONS: list[dict[str, Any]] = [
    {"name": "lora", "dim": 4},
    {"name": "lora", "dim": 4, "conv_dim": 2, "train_text_encoder": False},
    {"name": "lora", "dim": 4, "targets": "full", "conv_dim": 4},
    {"name": "lora", "dim": 4, "targets": "attn-only"},
    {"name": "lora", "dim": 4, "targets": "attn-mlp", "train_unet": False},
    {"name": "lora", "dim": 4, "targets": ("unet.mid_block.*", "*.self_attn.q_proj", "!*.resnets.*")},
    {"name": "lora", "dim": 4, "dora_wd": True, "use_scalar": True},
    {"name": "lora_fa", "dim": 4, "conv_dim": 4},
    {"name": "dylora", "dim": 4, "dora_wd": True, "dora_axis": "output"},
    {"name": "boft", "conv_dim": 16},
    {"name": "oft", "blocks": 4},
    {"name": "loha"},
    {"name": "locon", "dim": 4, "use_tucker": True},
    {"name": "lokr", "dim": 4, "conv_dim": 4, "factor": 8},
    {"name": "ia3", "layers": "paper"},
    {"name": "full", "convolutions": True},
    {"name": "glora", "targets": "attn-only"},
    {"name": "lora", "dim": 4, "conv_dim": 2, "targets": "full-lin"},
    {"name": "lora", "dim": 4, "conv_dim": 2, "targets": "unet-only"},
    {"name": "loha", "dim": 4, "conv_dim": 2, "targets": "unet-transformer-only"},
    {"name": "full", "convolutions": True, "targets": "unet-convblock-only"},
    {"name": "lora", "dim": 4, "targets": "attn-only", "rules": (
        "*.resnets.*.conv?: name=loha dim=4", "*.norm1: name=norms", "unet.up_blocks.*: lr=0", "*.attn1.*: off",
        "text_encoder.*: dim=2")},
    {"name": "lora", "dim": 4, "conv_dim": 2, "down_lr_weight": "linear", "up_lr_weight": "sine+0.1",
     "block_lr_zero_threshold": 0.3},
    {"name": "norms"},
    {"name": "norms", "residual_blocks": False, "train_text_encoder": False},
    {"name": "hypernetwork"},
]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(map(str, options.values()))[:40])
def test_counts_equal_those_of_a_network(model: tuple[str, dict[str, nn.Module]], options: dict[str, Any]) -> None:
    name, parts = model
    algorithm = plugins("algorithm")[options["name"]](**options)  # type: ignore[operator]
    with torch.device("meta"):
        network = Network.create(algorithm, parts, name)
    rows = count_trained(NetworkMethod(), algorithm, shapes_of(parts))
    counted = {row.part: (row.layers, row.parameters) for row in rows}
    made = dict.fromkeys(counted, (0, 0))
    for adapter in network.adapters:
        layers, size = made[adapter.part]
        made[adapter.part] = (layers + 1, size + sum(p.numel() for p in adapter.parameters() if p.requires_grad))
    assert counted == made


def test_kohyas_counts(model: tuple[str, dict[str, nn.Module]]) -> None:
    """Numbers of layers as sd-scripts makes them (formats.md 1.2)."""
    name, parts = model
    expected = {"sd1": [192, 72], "sd2": [192, 138], "sdxl": [722, 72, 192]}[name]
    algorithm = plugins("algorithm")["lora"]()  # type: ignore[operator]
    assert [row.layers for row in count_trained(NetworkMethod(), algorithm, shapes_of(parts))] == expected


def test_a_single_file_gives_the_same_shapes_as_the_modules(tmp_path: Path) -> None:
    parts = parts_of("sd2")
    full = {part: {f"text_model.{n}" if part == "text_encoder" else n: s for n, s in tensors.items()}
            for part, tensors in shapes_of(parts).items()}  # fmt: skip
    flat = {}
    for part, tensors in full.items():
        for name, piece in to_ldm(part, "sd2", tensors).items():
            if piece.how != "scalar":
                flat[name] = piece.shape(tensors.__getitem__)
    path = tmp_path / "model.safetensors"
    sparse_safetensors(path, flat)
    found = model_shapes(path, "sd2")
    assert {part: numbers(found[part]) for part in full} == {part: numbers(full[part]) for part in full}
    algorithm = plugins("algorithm")["lora"]()  # type: ignore[operator]
    method = NetworkMethod()
    assert count_trained(method, algorithm, found) == count_trained(method, algorithm, shapes_of(parts))


def test_a_diffusers_folder_is_read_part_by_part(tmp_path: Path) -> None:
    for part, name in (("unet", "diffusion_pytorch_model.safetensors"), ("text_encoder", "model.safetensors")):
        (tmp_path / part).mkdir()
        (tmp_path / part / "config.json").write_text("{}")
        save_safetensors(tmp_path / part / name, {"text_model.x.weight": torch.zeros(2, 3)}, None)
    assert model_shapes(tmp_path, "sd1") == {
        "unet": {"text_model.x.weight": (2, 3)},
        "text_encoder": {"x.weight": (2, 3)},
    }


def test_counting_needs_no_torch() -> None:
    code = "import sys, kohya_like.preflight.trainable, kohya_like.preflight.shapes; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
