"""The verbs for files from the command line: what they write, say and answer in JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from kohya_like.cli import main
from kohya_like.networks.algorithms.lora import LoRA
from kohya_like.verbs.tools import ingredient
from tests.families import conftest as of_families
from tests.families.conftest import TinyModel
from tests.tools.conftest import network_file

tiny_models = of_families.tiny_models


@pytest.fixture
def sd1(tiny_models: dict[str, TinyModel]) -> TinyModel:
    return tiny_models["sd1"]


@pytest.fixture
def network(sd1: TinyModel, tmp_path: Path) -> Path:
    tags = {"10_ghost": {"ghost": 12, "white": 3}, "5_more": {"ghost": 4}}
    metadata = {"ss_tag_frequency": json.dumps(tags), "ss_base_model_version": "sd_v1"}
    return network_file(tmp_path / "n.safetensors", sd1, LoRA(dim=4, alpha=2.0), metadata)


def said(capsys: pytest.CaptureFixture[str], *words: object, code: int = 0) -> str:
    assert main([str(word) for word in words]) == code
    streams = capsys.readouterr()
    return streams.err if code else streams.out


def test_merge_in_and_out(sd1: TinyModel, network: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, back = tmp_path / "out.safetensors", tmp_path / "back.safetensors"
    text = said(capsys, "merge", sd1.file, f"{network}:0.5", "--out", out)
    assert "out.safetensors: changed " in text and "layers of unet" in text
    assert "already exists" in said(capsys, "merge", sd1.file, network, "--out", out, code=1)
    facts = json.loads(said(capsys, "merge", out, f"{network}:0.5", "--multiplier", "-1", "--out", back, "--json"))
    assert facts["out"] == str(back) and facts["layers"]["unet"] > 10 and facts["warnings"] == []
    base, found, between = load_file(sd1.file), load_file(back), load_file(out)
    assert all(torch.allclose(found[name], value, atol=1e-6) for name, value in base.items())
    assert not all(torch.allclose(between[name], value, atol=1e-6) for name, value in base.items())


def test_strengths_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert ingredient("a:b.safetensors").path == Path("a:b.safetensors")
    assert (ingredient("n.pt:0.5", -1.0).multiplier, ingredient("n.pt", -1.0).multiplier) == (-0.5, -1.0)
    assert ingredient("n.pt:unet=0.5,text_encoder=0", 2.0).parts == {"unet": 1.0, "text_encoder": 0.0}
    wrong = said(capsys, "merge", "x", "n.pt:vae=1", "--out", "o.safetensors", code=1)
    assert "expects one of unet, text_encoder, text_encoder_2" in wrong


def test_extract_resize_convert(
    sd1: TinyModel, network: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tuned, lora, small, peft = (tmp_path / f"{name}.safetensors" for name in ("tuned", "lora", "small", "peft"))
    said(capsys, "merge", sd1.file, network, "--out", tuned)
    facts = json.loads(said(capsys, "extract", sd1.file, tuned, "--value", 4, "--out", lora, "--json"))
    assert set(facts["ranks"].values()) == {4} and facts["least_kept"] > 0.99
    assert {value.dtype for key, value in load_file(lora).items() if key.endswith("weight")} == {torch.float16}
    table = said(capsys, "resize", lora, "--rank", 2, "--out", small, "--verbose")
    assert "  4 -> 2" in table and "layers of rank 2 to 2" in table
    ghost = said(capsys, "resize", lora, "--rank", 4, "--method", "sv_fro", "--target", 2, "--out", peft, code=1)
    assert "sv_fro = 2: expects a share" in ghost and not peft.exists()
    assert (
        json.loads(said(capsys, "convert", small, "--to", "peft", "--family", "sd1", "--out", peft, "--json"))["to"]
        == "peft"
    )
    assert "tensors, same" in said(capsys, "convert", tuned, "--dtype", "bf16", "--out", tmp_path / "half.safetensors")
    attention = said(capsys, "extract", sd1.file, tuned, "--targets", "attn-only", "--out", lora, "--force")
    assert "lora.safetensors: " in attention and "without a change" in attention


def test_inspect_a_network(network: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = json.loads(said(capsys, "inspect", network, "--json"))
    assert facts["alphas"] == {"2": sum(block["layers"] for block in facts["blocks"].values())}
    assert {"unet down_blocks.0", "unet mid_block", "unet up_blocks.3", "text_encoder"} <= facts["blocks"].keys()
    tensors = load_file(network)
    key = "lora_unet_mid_block_attentions_0_"
    wanted = sum(
        float((tensors[n.replace("down", "up")].flatten(1) @ d.flatten(1) * 0.5).norm() ** 2)
        for n, d in tensors.items() if n.startswith(key) and n.endswith("lora_down.weight")
    )  # fmt: skip
    assert facts["blocks"]["unet mid_block"]["norm"] == pytest.approx(wanted**0.5, rel=1e-3)
    assert facts["tags"] == {"ghost": 16, "white": 3} and facts["family"] == "sd1"
    assert len(facts["hashes"]["sha256"]) == 64 and facts["hashes"]["sha256"].startswith(facts["hashes"]["short"])
    assert "unet mid_block" in said(capsys, "inspect", network)


def test_inspect_hashes_are_those_written(network: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.safetensors"
    said(capsys, "resize", network, "--rank", 2, "--out", out)
    facts = json.loads(said(capsys, "inspect", out, "--json"))
    assert facts["hashes"]["sshs_model_hash"] == facts["metadata"]["sshs_model_hash"]


def test_inspect_a_model(sd1: TinyModel, capsys: pytest.CaptureFixture[str]) -> None:
    assert "hashes" not in json.loads(said(capsys, "inspect", sd1.file, "--json"))
    assert "short" in json.loads(said(capsys, "inspect", sd1.file, "--hashes", "--json"))["hashes"]


def test_inspect_what_is_strange(network: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = {
        "lora_unet_blocks_7.lora_down.weight": torch.ones(2, 2),
        "lora_unet_blocks_7.lora_up.weight": torch.ones(3, 1),
    }
    save_file(load_file(network) | odd, network, {"ss_tag_frequency": "[1, 2"})
    facts = json.loads(said(capsys, "inspect", network, "--json"))
    assert facts["foreign_keys"] and "tags" not in facts
    key = next(iter(load_file(network)))
    save_file(load_file(network) | {key: torch.full_like(load_file(network)[key], torch.nan)}, network)
    assert key in json.loads(said(capsys, "inspect", network, "--json"))["fault"]
