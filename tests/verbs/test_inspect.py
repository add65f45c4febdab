"""`inspect` on a file of every kind: ranks, alphas, blocks, strength and make are those of the network inside."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from kohya_like.cli import main
from kohya_like.formats.a1111 import save_hypernetwork
from kohya_like.formats.tensors import save_safetensors
from kohya_like.networks.base import NetworkAlgorithm
from kohya_like.networks.layer import AdaptedLayer
from kohya_like.networks.network import Network
from kohya_like.schema.registry import plugins
from kohya_like.tools.names import layer_name
from kohya_like.verbs.inspect import describe_file, render
from kohya_like.verbs.network_facts import block_of
from tests.networks.tiny import parts, randomise

# algorithm, options, what its layers are counted by, whether the file tells the strength
KINDS: list[tuple[str, dict[str, Any], str, bool]] = [
    ("lora", {"dim": 4, "alpha": 2.0, "conv_dim": 3}, "ranks", True),
    ("lora", {"dim": 4, "dora_wd": True}, "ranks", False),
    ("locon", {"dim": 3, "use_tucker": True}, "ranks", True),
    ("loha", {"dim": 2, "conv_dim": 3}, "ranks", True),
    ("loha", {"dim": 2, "conv_dim": 3, "use_tucker": True}, "ranks", True),
    ("lokr", {"dim": 1, "conv_dim": 2, "decompose_both": True}, "ranks", True),
    ("lokr", {"dim": 1, "conv_dim": 1, "use_tucker": True, "factor": 2}, "ranks", True),
    ("lokr", {"full_matrix": True}, "ranks", True),
    ("glora", {"dim": 5}, "ranks", False),
    ("oft", {"dim": 4, "constraint": 0.5}, "block_sizes", False),
    ("boft", {"dim": 4}, "block_sizes", False),
    ("ia3", {}, "", False),
    ("full", {"convolutions": True}, "", True),
    ("norms", {}, "", True),
]


def size_of(adapter: AdaptedLayer, counted: str) -> str:
    if counted == "block_sizes":
        return str(adapter.weights["oft_blocks"].shape[-1])
    return "whole" if {"lokr_w1", "lokr_w2"} <= adapter.weights.keys() else str(getattr(adapter.algorithm, "dim", ""))


@cache
def model() -> dict[str, nn.Module]:
    return parts("sd1")


def network_of(name: str, options: dict[str, Any], **more: Any) -> Network:
    """A network on the middle block and the text encoder."""
    if name != "hypernetwork":
        more = {"targets": ("unet.mid_block.*", "text_encoder.*")}
    algorithm = plugins("algorithm")[name](**options, **more)  # type: ignore[operator]
    assert isinstance(algorithm, NetworkAlgorithm)
    network = Network.create(algorithm, model(), "sd1", seed=1)
    randomise(network, 0.1)
    return network


def inspected(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], str]:
    """The facts, and the text a person reads."""
    facts = describe_file(path, with_keys=False)
    render(facts)
    return facts, capsys.readouterr().out


@pytest.mark.parametrize(("name", "options", "counted", "told"), KINDS, ids=[f"{k[0]}-{k[1]}" for k in KINDS])
def test_every_kind(
    name: str, options: dict[str, Any], counted: str, told: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network, path = network_of(name, options), tmp_path / "x.safetensors"
    save_safetensors(path, network.tensors(), {"ss_output_name": "x"})
    facts, text = inspected(path, capsys)
    count = len(network.adapters)
    assert sum(facts["layers"].values()) == count and "fault" not in facts and "faults" not in facts
    assert sum(block["layers"] for block in facts["blocks"].values()) == count
    if counted:
        sizes = Counter(size_of(a, counted) for a in network.adapters if isinstance(a, AdaptedLayer))
        assert facts[counted] == sizes
        assert all(f"  {size}: {layers} layers\n" in text for size, layers in sizes.items())
    norms: dict[str, float] = {}
    for adapter in network.adapters:
        assert isinstance(adapter, AdaptedLayer)
        block = block_of(layer_name(f"{adapter.name}.alpha")[0])
        norms[block] = norms.get(block, 0.0) + float(adapter.delta().detach().norm()) ** 2
    if told:
        found = {block: entry["norm"] for block, entry in facts["blocks"].items()}
        assert found == pytest.approx({block: square**0.5 for block, square in norms.items()}, rel=1e-4, abs=1e-4)
        assert "strength" not in facts
    else:
        assert all("norm" not in block for block in facts["blocks"].values())
        assert "depends on the weights of the base model" in facts["strength"] and "{" not in text


def test_conv_and_axis(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for options, wide in (({"dim": 2}, False), ({"dim": 2, "conv_dim": 2, "use_tucker": True}, True)):
        save_safetensors(tmp_path / "x.safetensors", network_of("loha", options).tensors(), {})
        facts, text = inspected(tmp_path / "x.safetensors", capsys)
        assert facts["conv"] is wide and f"conv: {'yes' if wide else 'no'}\n" in text
    network = network_of("lora", {"dora_wd": True, "dora_axis": "output"})
    save_safetensors(tmp_path / "x.safetensors", network.tensors(), {})
    facts, text = inspected(tmp_path / "x.safetensors", capsys)
    assert (
        facts["dora_axis"] == {"output": len(network.adapters)}
        and f"LoRA (DoRA): {len(network.adapters)} layers\n" in text
    )


def test_a_hypernetwork_tells_the_same_from_both_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = network_of("hypernetwork", {"activation": "mish", "layer_norm": True, "dropout": 0.2})
    tensors, told = network.tensors(), {"ss_steps": "300", "ss_sd_model_name": "base"}
    save_hypernetwork(tmp_path / "x.pt", tensors, told, False)
    save_safetensors(tmp_path / "x.safetensors", tensors, told)
    (pt, text), (twin, _) = (inspected(tmp_path / name, capsys) for name in ("x.pt", "x.safetensors"))
    same = ("widths", "layer_structure", "activation", "activate_output", "layer_norm", "dropout_structure", "nets")
    assert {key: pt[key] for key in same} == {key: twin[key] for key in same}
    assert (pt["layer_structure"], pt["activation"], pt["layer_norm"]) == ([1.0, 2.0, 1.0], "mish", True)
    assert pt["dropout_structure"] == pytest.approx([0.0, 0.2, 0.0]) and pt["widths"] == [8, 16, 24]
    for net in network.adapters:
        wanted = sum(float(p.detach().double().square().sum()) for p in net.parameters()) ** 0.5
        assert pt["nets"][net.name]["norm"] == pytest.approx(wanted, rel=1e-3)
    assert pt["metadata"]["ss_steps"] == 300 or pt["metadata"]["ss_steps"] == "300"
    assert (
        len(pt["hashes"]["short"]) == 10 and "  hypernetwork_24_k: norm " in text and "layer_structure: 1.0, 2" in text
    )


def test_a_pickled_lora_tells_what_its_safetensors_tell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tensors = network_of("lora", {"dim": 4}).tensors()
    torch.save(tensors, tmp_path / "x.pt")
    save_file(tensors, tmp_path / "x.safetensors")
    (pt, _), (twin, _) = (inspected(tmp_path / name, capsys) for name in ("x.pt", "x.safetensors"))
    assert pt["container"] == "pickle-zip" and "metadata" in pt
    same = ("kind", "family", "layers", "ranks", "alphas", "blocks", "parts", "naming")
    assert {key: pt[key] for key in same} == {key: twin[key] for key in same}
    assert main(["inspect", str(tmp_path / "x.pt"), "--json", "--keys"]) == 0
    assert json.loads(capsys.readouterr().out)["keys"].keys() == tensors.keys()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"lora_down.weight": torch.ones(3, 5)}, "whose tensors do not go together"),
        ({"lora_down.weight": None}, "is of an unknown kind"),
        ({"alpha": torch.tensor(-3.0)}, "has numbers or shapes no LoRA can have"),
    ],
)
def test_broken_layers_are_named_and_the_rest_is_told(
    change: dict[str, Tensor | None], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_safetensors(tmp_path / "x.safetensors", network_of("lora", {"dim": 4}).tensors(), {})
    tensors: dict[str, Tensor | None] = {**load_file(tmp_path / "x.safetensors")}
    tensors |= {f"lora_unet_mid_block_attentions_0_proj_in.{key}": value for key, value in change.items()}
    save_file({key: value for key, value in tensors.items() if value is not None}, tmp_path / "x.safetensors")
    facts, text = inspected(tmp_path / "x.safetensors", capsys)
    assert len(facts["faults"]) == 1 and said in facts["faults"][0] and said in text
    assert "unet.mid_block.attentions.0.proj_in" in facts["faults"][0] and facts["blocks"]["text_encoder"]["norm"] > 0
