"""Small stand-ins for preflight: models that are a header and a hole, folders of picture headers, a preset."""

from __future__ import annotations

import json
from math import prod
from pathlib import Path
from typing import Any

import pytest

from kohya_like.config import TrainConfig
from kohya_like.hardware import Disk, Memory, TorchBuild
from kohya_like.preflight import check
from kohya_like.preflight import machine as preflight_machine
from kohya_like.preflight import needs as preflight_needs
from kohya_like.preflight.report import CheckReport
from kohya_like.schema.errors import Fault
from kohya_like.schema.validate import build
from tests.data.folders_made import make

GB = 1024**3
Shapes = dict[str, tuple[int, ...]]

UNET = "model.diffusion_model."
CLIP = "cond_stage_model.transformer.text_model.encoder.layers.0."

SD1: Shapes = {
    f"{UNET}input_blocks.0.0.weight": (320, 4, 3, 3),
    f"{UNET}input_blocks.1.0.in_layers.2.weight": (320, 320, 3, 3),
    f"{UNET}input_blocks.1.1.proj_in.weight": (320, 320, 1, 1),
    f"{UNET}input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": (320, 768),
    f"{UNET}input_blocks.1.1.transformer_blocks.0.attn2.to_v.weight": (320, 768),
    f"{UNET}out.2.weight": (4, 320, 3, 3),
    f"{CLIP}self_attn.q_proj.weight": (768, 768),
    f"{CLIP}mlp.fc1.weight": (3072, 768),
    "first_stage_model.encoder.conv_in.weight": (128, 3, 3, 3),
    "first_stage_model.decoder.conv_in.weight": (512, 4, 3, 3),
}
SDXL: Shapes = {
    f"{UNET}input_blocks.0.0.weight": (320, 4, 3, 3),
    f"{UNET}label_emb.0.0.weight": (1280, 2816),
    f"{UNET}out.2.weight": (4, 320, 3, 3),
    "conditioner.embedders.0.transformer.text_model.encoder.layers.0.mlp.fc1.weight": (3072, 768),
    "conditioner.embedders.1.model.transformer.resblocks.0.mlp.c_fc.weight": (5120, 1280),
    "first_stage_model.encoder.conv_in.weight": (128, 3, 3, 3),
    "first_stage_model.decoder.conv_in.weight": (512, 4, 3, 3),
}
LORA: Shapes = {
    "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight": (4, 768),
    "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_up.weight": (320, 4),
}
VAE: Shapes = {"encoder.conv_in.weight": (128, 3, 3, 3), "decoder.conv_in.weight": (512, 4, 3, 3)}


def sparse_safetensors(path: Path, shapes: Shapes, metadata: dict[str, str] | None = None) -> Path:
    """A safetensors file of real size whose data is one large hole."""
    header: dict[str, object] = {"__metadata__": metadata} if metadata else {}
    at = 0
    for name, shape in shapes.items():
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [at, at + 2 * prod(shape)]}
        at += 2 * prod(shape)
    raw = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(raw).to_bytes(8, "little") + raw)
        file.truncate(8 + len(raw) + at)
    return path


def pictures(root: Path, count: int = 24, size: tuple[int, int] = (512, 512), name: str = "10_sks ghost") -> Path:
    files: dict[str, str | bytes | tuple[int, int]] = {}
    for number in range(count):
        files[f"{name}/{number}.png"] = size
        files[f"{name}/{number}.txt"] = f"sks ghost, picture {number}"
    return make(root, files)


def workplace(root: Path) -> dict[str, dict[str, object]]:
    """A model, 24 pictures (made once), and the sections of a preset over them that has no fault at all."""
    if not (root / "data").exists():
        sparse_safetensors(root / "base.safetensors", SD1)
        pictures(root / "data")
    return {
        "model": {"base": str(root / "base.safetensors")},
        "data": {"train_data_dir": str(root / "data"), "cache_dir": str(root / "cache")},
        "train": {"max_train_epochs": 5},
        "save": {"output_dir": str(root / "out")},
        "hardware": {"device": "cpu"},
    }


def roomy_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a CPU and plenty of memory and disk."""
    monkeypatch.setattr(preflight_machine, "gpus", tuple)
    monkeypatch.setattr(preflight_machine, "torch_build", lambda: TorchBuild("2.13.0+cpu", "cpu"))
    monkeypatch.setattr(preflight_machine, "memory", lambda: Memory(64 * GB, 60 * GB))
    monkeypatch.setattr(preflight_needs, "disk", lambda path: Disk(path, 900 * GB, 800 * GB))


def checked(root: Path, **changes: dict[str, Any]) -> CheckReport:
    """The report on the workplace's preset with some options changed."""
    sections = {name: dict(values) for name, values in workplace(root).items()}
    for name, values in changes.items():
        sections.setdefault(name, {}).update(values)
    return check(build(TrainConfig, sections))


def the(report: CheckReport, code: str) -> Fault:
    """The one fault of that code."""
    (fault,) = [fault for fault in report.faults if fault.code == code]
    return fault


def codes(report: CheckReport) -> set[str]:
    return {fault.code for fault in report.faults}
