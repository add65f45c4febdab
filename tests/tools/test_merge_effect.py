"""Merge then generate = attach then generate, for every kind that can be merged; and out again, where that can be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from kohya_like.cli import main
from kohya_like.families.backbone import Backbone
from kohya_like.families.loading import load_backbone
from kohya_like.formats.tensors import save_safetensors
from kohya_like.networks.network import Network
from kohya_like.prompt_encoder import PromptEncoder
from kohya_like.schema.registry import plugins
from kohya_like.tools.model_file import open_model
from kohya_like.verbs.generate import attach_network
from tests.networks.tiny import randomise, relative_error
from tests.tiny_runs import base

LIMIT, ROUNDING = 1e-5, 1e-6
KINDS: list[tuple[str, dict[str, Any], bool]] = [  # name, options, invertible
    ("lora", {"dim": 3, "alpha": 2.0, "conv_dim": 2}, True),
    ("lora", {"dim": 3, "dora_wd": True, "conv_dim": 2}, False),
    ("full", {"convolutions": True}, True),
    ("norms", {}, True),
    ("oft", {"dim": 4, "conv_dim": 4, "rescaled": True}, False),
    ("loha", {"dim": 2, "conv_dim": 2}, True),
    ("lokr", {"dim": 2, "conv_dim": 2, "factor": 4}, True),
    ("ia3", {"convolutions": True}, False),
    ("glora", {"dim": 2, "conv_dim": 2}, False),
    ("boft", {"dim": 4, "conv_dim": 4}, False),
    ("locon", {"dim": 2, "use_tucker": True}, True),
    ("loha", {"dim": 2, "conv_dim": 2, "dora_wd": True, "dora_axis": "output"}, False),
    ("lokr", {"dim": 2, "use_tucker": True, "conv_dim": 1, "use_scalar": True}, True),
    ("dylora", {"dim": 4, "unit": 2}, True),
    ("lora_fa", {"dim": 2, "rs_lora": True}, True),
]
QUICK = 3
CASES = [
    pytest.param(*kind, id=f"{kind[0]}{kind[1]}", marks=[] if i < QUICK else pytest.mark.full)
    for i, kind in enumerate(KINDS)
]


def network_file(path: Path, model: str, name: str, options: dict[str, Any], std: float = 0.1) -> Path:
    backbone = load_backbone(base(model).folder)
    network = Network.create(plugins("algorithm")[name](**options), backbone.parts(), backbone.family.name, seed=3)  # type: ignore[operator]
    randomise(network, std)
    save_safetensors(path, network.tensors(), {})
    return path


@torch.no_grad()
def effect(backbone: Backbone) -> Tensor:
    """What the model predicts for a prompt, so that text encoders and UNet are in it."""
    torch.manual_seed(0)
    condition = PromptEncoder(backbone).encode(["a red square"], 1)
    condition = condition.with_geometry([(64, 64)], [(0, 0)], [(64, 64)])
    return backbone.predict(torch.randn(1, 4, 8, 8), torch.tensor([500]), condition)


def run(*words: object, code: int = 0) -> None:
    assert main([str(word) for word in words]) == code


def weights(path: Path) -> dict[str, Tensor]:
    with open_model(path) as model:
        return {
            f"{part}.{name}": model.tensor(part, name).clone() for part, held in model.held.items() for name in held
        }


@pytest.mark.parametrize(("name", "options", "invertible"), CASES)
def test_merged_is_attached_and_out_again(
    name: str, options: dict[str, Any], invertible: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    original, merged, back = base("mini").folder, tmp_path / "merged", tmp_path / "back"
    file = network_file(tmp_path / "n.safetensors", "mini", name, options)
    run("merge", original, f"{file}:0.7", "--out", merged)
    backbone = load_backbone(original)
    before = effect(backbone)
    attach_network(backbone, file, 0.7)
    wanted, found = effect(backbone), effect(load_backbone(merged))
    assert relative_error(found, wanted) <= LIMIT
    assert relative_error(wanted, before) > 1000 * LIMIT, "the control: the network is seen"
    capsys.readouterr()
    run("merge", merged, f"{file}:0.7", "--multiplier", -1, "--out", back, code=0 if invertible else 1)
    if invertible:
        there = weights(original)
        assert all(relative_error(value, there[key]) <= ROUNDING for key, value in weights(back).items())
        assert relative_error(weights(merged)["unet.conv_in.weight"], there["unet.conv_in.weight"]) == 0
    else:
        assert "cannot be taken out of a model again: " in capsys.readouterr().err and not back.exists()


SEVERAL = [
    ("two", [("lora", {"dim": 3, "dora_wd": True}), ("norms", {})]),
    ("three", [("oft", {"dim": 4}), ("lora", {"dim": 2, "conv_dim": 2}), ("ia3", {})]),
]


@pytest.mark.parametrize(
    ("family", "kinds"), [("mini", SEVERAL[0][1]), pytest.param("sdxl", SEVERAL[1][1], marks=pytest.mark.full)]
)
def test_several_networks_draw_the_same_picture_merged_and_attached(
    family: str, kinds: list[tuple[str, dict[str, Any]]], tmp_path: Path
) -> None:
    files = [network_file(tmp_path / f"{i}.safetensors", family, *kind) for i, kind in enumerate(kinds)]
    named = [f"{file}:{0.6 + 0.2 * i}" for i, file in enumerate(files)]
    run("merge", base(family).folder, *named, "--out", tmp_path / "merged")
    own = ("generate", "--prompt", "a red square", "--steps", 3, "--size", 64, "--device", "cpu")
    run(
        *own, "--model", base(family).folder, *(w for n in named for w in ("--network", n)), "--out", tmp_path / "a.png"
    )
    run(*own, "--model", tmp_path / "merged", "--out", tmp_path / "m.png")
    run(*own, "--model", base(family).folder, "--out", tmp_path / "base.png")
    attached, merged, plain = (pixels(tmp_path / f"{name}.png") for name in ("a", "m", "base"))
    assert int((attached - merged).abs().max()) <= 1
    assert float((attached - plain).abs().float().mean()) > 2, "the control: the networks are seen"


def pixels(path: Path) -> Tensor:
    with Image.open(path) as image:
        return torch.frombuffer(bytearray(image.convert("RGB").tobytes()), dtype=torch.uint8).int()
