"""At real size, on the meta device: which layers are chosen, and their names in files.

`lora_module_names.json` holds the names kohya's networks.lora writes for SD1.5 and SDXL with convolutions on.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from kohya_like.networks.algorithms.loha import LoHa
from kohya_like.networks.algorithms.lora import LoRA
from kohya_like.networks.base import WeightDelta
from kohya_like.networks.network import Network

pytestmark = pytest.mark.quick

ASSETS = Path(__file__).parents[2] / "kohya_like" / "families" / "assets"
NAMES: dict[str, list[str]] = json.loads((Path(__file__).parent / "lora_module_names.json").read_text())


def config(family: str, part: str) -> dict[str, Any]:
    values = json.loads((ASSETS / family / part / "config.json").read_text())
    return {key: value for key, value in values.items() if key not in ("_class_name", "architectures", "model_type")}


@cache
def real_parts(family: str) -> dict[str, nn.Module]:
    """The public model's parts without memory for their weights."""
    with torch.device("meta"):
        parts: dict[str, Any] = {
            "unet": UNet2DConditionModel(**config(family, "unet")),
            "text_encoder": CLIPTextModel(CLIPTextConfig(**config(family, "text_encoder"))),
        }
        if family == "sdxl":
            second = CLIPTextConfig(**config(family, "text_encoder_2"))
            parts["text_encoder_2"] = CLIPTextModelWithProjection(second)
    return parts


def network(algorithm: WeightDelta, family: str) -> Network:
    return Network.create(algorithm, real_parts(family), family)


TEXT = {"sd1": {"text_encoder": 72}, "sd2": {"text_encoder": 138}, "sdxl": {"text_encoder": 72, "text_encoder_2": 192}}


@pytest.mark.parametrize(
    ("family", "linear", "with_convolutions"), [("sd1", 192, 278), ("sd2", 192, 278), ("sdxl", 722, 788)]
)
def test_counts_are_kohyas(family: str, linear: int, with_convolutions: int) -> None:
    assert network(LoRA(), family).counts() == {"unet": linear, **TEXT[family]}
    assert network(LoRA(conv_dim=4), family).counts() == {"unet": with_convolutions, **TEXT[family]}


@pytest.mark.parametrize(("family", "key"), [("sd1", "sd15"), ("sdxl", "sdxl_sgm")])
def test_unet_names_are_kohyas(family: str, key: str) -> None:
    found = [a.name for a in network(LoRA(conv_dim=4, train_text_encoder=False), family).adapters]
    assert sorted(found) == sorted(NAMES[key])


@pytest.mark.parametrize(("family", "prefixes"), [("sd1", ["lora_te"]), ("sdxl", ["lora_te1", "lora_te2"])])
def test_text_encoder_names_are_kohyas(family: str, prefixes: list[str]) -> None:
    """transformers' CLIPTextModel has no `text_model` in its paths, its sister has; files always do."""
    found = {a.name for a in network(LoRA(train_unet=False), family).adapters}
    layers = {"lora_te": 12, "lora_te1": 12, "lora_te2": 32}
    inner = [f"self_attn_{x}_proj" for x in ("q", "k", "v", "out")] + ["mlp_fc1", "mlp_fc2"]
    wanted = {
        f"{prefix}_text_model_encoder_layers_{i}_{name}"
        for prefix in prefixes
        for i in range(layers[prefix])
        for name in inner
    }
    assert found == wanted


def test_shapes_and_ranks_of_a_file() -> None:
    """Linear and 1x1 layers get dim, 3x3 convolutions conv_dim; the shapes are those of formats.md 1.1."""
    made = network(LoRA(dim=8, alpha=4, conv_dim=2, conv_alpha=1), "sd1")
    shapes = {
        key: tuple(p.shape) for a in made.adapters for key, p in ((f"{a.name}.{k}", w) for k, w in a.weights.items())
    }
    block = "lora_unet_down_blocks_1"
    assert shapes[f"{block}_attentions_0_proj_in.lora_down.weight"] == (8, 640, 1, 1)
    assert shapes[f"{block}_attentions_0_proj_in.lora_up.weight"] == (640, 8, 1, 1)
    assert shapes[f"{block}_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight"] == (8, 768)
    assert shapes[f"{block}_resnets_0_conv1.lora_down.weight"] == (2, 320, 3, 3)
    assert shapes[f"{block}_resnets_0_conv1.lora_up.weight"] == (640, 2, 1, 1)
    assert shapes[f"{block}_resnets_0_time_emb_proj.lora_down.weight"] == (8, 1280)
    assert shapes[f"{block}_resnets_0_conv_shortcut.lora_down.weight"] == (8, 320, 1, 1)
    alphas = {a.algorithm.constants()["alpha"] for a in made.adapters}
    assert alphas == {4.0, 1.0}


def test_number_of_trained_parameters() -> None:
    """6.78 million on SD1.5's 192 UNet layers at rank 16."""
    made = network(LoRA(dim=16, train_text_encoder=False), "sd1")
    assert sum(p.numel() for p in made.parameters()) == 6_782_976
    rates = made.parameter_groups({"unet": 1e-4})
    assert [(g["name"], g["lr"], sum(p.numel() for p in g["params"])) for g in rates] == [("unet", 1e-4, 6_782_976)]


@pytest.mark.parametrize(
    ("targets", "sd1", "sdxl", "text"),
    [  # with a rank for convolutions; formats.md 1.2 has the sums, 2.6 the lists of LyCORIS
        ("attn-only", 128, 560, 48),
        ("attn-mlp", 192, 722, 72),
        ("full", 278 + 4, 788 + 4, 72),
        ("full-lin", 278 - 50 + 2, 788 - 38 + 2, 72),
        ("unet-only", 278 + 4, 788 + 4, 0),
        ("unet-transformer-only", 192, 722, 0),
        ("unet-convblock-only", 278 - 192 + 2, 788 - 722 + 2, 0),
    ],
)
def test_lycoris_target_sets(targets: str, sd1: int, sdxl: int, text: int) -> None:
    for family, count in (("sd1", sd1), ("sdxl", sdxl)):
        made = network(LoRA(targets=targets, conv_dim=4), family).counts()
        assert (made["unet"], made.get("text_encoder", 0)) == (count, text)


def test_patterns() -> None:
    made = network(LoHa(targets=("unet.*.attn2.to_[kv]", "!unet.mid_block.*", "text_encoder_2.*.fc1")), "sdxl")
    assert made.counts() == {"unet": 120, "text_encoder_2": 32}
    assert all("middle_block" not in a.name for a in made.adapters)
