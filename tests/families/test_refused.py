"""Models that cannot be trained on: every fault is a sentence that names the file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from kohya_like.families.loading import load_backbone
from kohya_like.schema.errors import FormatError
from tests.families.conftest import TinyModel
from tests.families.tiny_models import write_json


def refused(match: str, *arguments: object, **more: object) -> FormatError:
    with pytest.raises(FormatError, match=match) as error:
        load_backbone(*arguments, **more)  # type: ignore[arg-type]
    assert str(arguments[0]) in str(error.value)
    return error.value


def test_missing(tmp_path: Path) -> None:
    refused("no such file or folder", tmp_path / "nothing.safetensors")
    with pytest.raises(FormatError, match="no such file") as error:
        load_backbone(Path("runwayml/stable-diffusion-v1-5"))
    assert "fetch runwayml/stable-diffusion-v1-5" in error.value.hint


def test_web_page_and_truncated(tiny_models: dict[str, TinyModel], tmp_path: Path) -> None:
    page = tmp_path / "model.safetensors"
    page.write_text("<!DOCTYPE html><html>login</html>")
    refused("web page", page)
    page.write_bytes(tiny_models["sd1"].file.read_bytes()[:-100])
    refused("truncated|incomplete|ends", page)


def test_lora_and_vae_as_base(tiny_models: dict[str, TinyModel], tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    name = "lora_unet_down_blocks_0_attentions_0_proj_in"
    save_file({f"{name}.lora_down.weight": torch.ones(4, 8), f"{name}.lora_up.weight": torch.ones(8, 4)}, path)
    error = refused("this is a LoRA, not a base model", path)
    assert "model.base" in error.hint
    save_file(tiny_models["sd1"].parts["vae"].state_dict(), path)
    refused("this is a VAE, not a base model", path)
    refused("this is a VAE, not a base model", tiny_models["sd1"].folder / "vae")
    refused("this is a UNet without", tiny_models["sd1"].folder / "unet")
    save_file({"anything": torch.ones(3, 3, 3)}, path)
    refused("no Stable Diffusion model", path)


def test_another_family_than_said(tiny_models: dict[str, TinyModel]) -> None:
    for path in (tiny_models["sdxl"].file, tiny_models["sdxl"].folder):
        error = refused("this is a Stable Diffusion XL model, model.family says Stable Diffusion 1.x", path, "sd1")
        assert '"sdxl"' in error.hint


def test_inpainting(tiny_models: dict[str, TinyModel], tmp_path: Path) -> None:
    tiny = tiny_models["sd1"]
    tensors = load_file(tiny.file)
    tensors["model.diffusion_model.input_blocks.0.0.weight"] = torch.ones(16, 9, 3, 3)
    save_file(tensors, tmp_path / "inpaint.safetensors")
    refused("this is an inpainting model", tmp_path / "inpaint.safetensors", config_folder=tiny.configs)
    folder = tiny.copied(tmp_path / "folder")
    config = json.loads((folder / "unet" / "config.json").read_text())
    write_json(folder / "unet" / "config.json", {**config, "in_channels": 9})
    refused("this is an inpainting model", folder)


def test_names_and_shapes_that_differ(tiny_models: dict[str, TinyModel], tmp_path: Path) -> None:
    folder = tiny_models["sd1"].copied(tmp_path / "model")
    path = folder / "unet" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(path)
    gone = sorted(n for n in tensors if n.startswith("mid_block.attentions"))
    save_file({n: t for n, t in tensors.items() if n not in gone}, path)
    with pytest.raises(FormatError) as caught:
        load_backbone(folder)
    assert f"{len(gone)} of {len(tensors)} tensors are missing: " in caught.value.text
    assert caught.value.text.count("mid_block.") == 5 and caught.value.text.endswith(", ...")
    save_file(tensors | {"conv_in.weight": torch.ones(16, 4, 5, 5)}, path)
    with pytest.raises(FormatError, match=r"conv_in.weight \[16, 4, 5, 5\] instead of \[16, 4, 3, 3\]"):
        load_backbone(folder)
    save_file(tensors | {"ghost.weight": torch.ones(1)}, path)
    with pytest.raises(FormatError, match=r"1 tensors belong to no part of this model: ghost.weight"):
        load_backbone(folder)


@pytest.mark.parametrize(
    ("part", "change", "match"),
    [
        ("text_encoder", {"num_hidden_layers": 10**9}, "num_hidden_layers is 1000000000; at most 64"),
        ("text_encoder", {"vocab_size": 1000}, "1000 words"),
        ("text_encoder", {"hidden_act": "os.system"}, "no text_encoder can be built"),
        ("unet", {"block_out_channels": [8] * 1000}, "1000 entries; at most 6"),
        ("unet", {"layers_per_block": 10**6}, "at most 4 makes sense"),
        ("unet", {"block_out_channels": "many"}, "no unet can be built"),
        ("unet", {"down_block_types": ["Evil", "Evil", "Evil", "Evil"]}, "no unet can be built"),
        ("unet", {"cross_attention_dim": {"a": 1}}, "not a plain number"),
        ("unet", {"cross_attention_dim": -1}, "no unet can be built|tensors have another shape"),
        ("vae", {"latent_channels": 16}, "latents of 16 channels"),
        ("vae", {"scaling_factor": "big"}, "scaling_factor is 'big'"),
    ],
)
def test_configs(
    tiny_models: dict[str, TinyModel], tmp_path: Path, part: str, change: dict[str, object], match: str
) -> None:
    folder = tiny_models["sd1"].copied(tmp_path / "model")
    path = folder / part / "config.json"
    write_json(path, {**json.loads(path.read_text()), **change})
    refused(match, folder)


@pytest.mark.parametrize("content", [b"", b"[1, 2]", b"\xff\xfe", b"[" * 100_000, b" " * 2_000_000])
def test_config_that_is_none(tiny_models: dict[str, TinyModel], tmp_path: Path, content: bytes) -> None:
    folder = tiny_models["sd1"].copied(tmp_path / "model")
    (folder / "vae" / "config.json").write_bytes(content)
    refused("config.json", folder)


def test_incomplete_folders(tiny_models: dict[str, TinyModel], tmp_path: Path) -> None:
    folder = tiny_models["sd1"].copied(tmp_path / "model")
    (folder / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    refused("vae: no weights; expected", folder)
    shutil.rmtree(folder / "text_encoder")
    refused("text_encoder: no config.json", folder)
    (tmp_path / "empty").mkdir()
    refused("folder without a model", tmp_path / "empty")


def test_unusual_size_without_its_configs(tiny_models: dict[str, TinyModel]) -> None:
    error = refused("2 of 686 tensors are missing", tiny_models["sd1"].file)
    assert "model.config_folder" in error.hint
