"""Merging computes what attaching computes, in every layout, and never leaves half a file."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from kohya_like.formats.safetensors_header import read_safetensors_header
from kohya_like.networks.algorithms.loha import LoHa
from kohya_like.networks.algorithms.lora import LoRA
from kohya_like.networks.algorithms.oft import OFT
from kohya_like.networks.base import WeightDelta
from kohya_like.networks.network import Network
from kohya_like.tools.merge import NOTE, Ingredient, merge
from kohya_like.tools.model_file import open_model
from tests.families.conftest import TinyModel
from tests.networks.tiny import relative_error
from tests.tools.conftest import network_file

LORA = LoRA(dim=4, alpha=3.0, conv_dim=2, conv_alpha=1.0)


def merged_in_memory(tiny: TinyModel, *networks: tuple[Path, float]) -> dict[str, dict[str, Tensor]]:
    """What Network.merge makes of the modules: the other way to the same weights."""
    parts = {name: copy.deepcopy(module) for name, module in tiny.parts.items()}
    adapted = {name: module for name, module in parts.items() if name != "vae"}
    for file, strength in networks:
        Network.from_file(file, adapted, tiny.family).merge(strength)
    return {name: module.state_dict() for name, module in parts.items()}


def assert_weights(path: Path, wanted: dict[str, dict[str, Tensor]], tolerance: float = 1e-6) -> None:
    with open_model(path) as model:
        for part, state in wanted.items():
            names = model.held[part]
            for name, value in state.items():
                if "position_ids" not in name:
                    found = model.tensor(part, name)
                    assert found.shape == value.shape and relative_error(found, value) <= tolerance, name
                    del names[name]
            assert not names


@pytest.mark.parametrize("algorithm", [LORA, LoHa(dim=2, alpha=2.0), OFT(dim=4)], ids=lambda a: a.name)
def test_a_merged_file_is_the_merged_model(tiny: TinyModel, tmp_path: Path, algorithm: WeightDelta) -> None:
    network = network_file(tmp_path / "n.safetensors", tiny, algorithm)
    done = merge(tiny.file, [Ingredient(network, 0.7)], tmp_path / "out.safetensors")
    assert done.layers.keys() == tiny.parts.keys() - {"vae"} and done.layers["unet"] > 30
    wanted = merged_in_memory(tiny, (network, 0.7))
    assert not torch.equal(wanted["unet"]["mid_block.attentions.0.proj_in.weight"],
                           tiny.parts["unet"].state_dict()["mid_block.attentions.0.proj_in.weight"])  # fmt: skip
    assert_weights(tmp_path / "out.safetensors", wanted)
    assert read_safetensors_header(tmp_path / "out.safetensors").tensors.keys() == load_file(tiny.file).keys()


def test_a_folder_gives_a_folder(tiny: TinyModel, tmp_path: Path) -> None:
    network = network_file(tmp_path / "n.safetensors", tiny, LORA)
    folder = tiny.copied(tmp_path / "base")
    (folder / "unet" / "diffusion_pytorch_model.fp16.safetensors").write_bytes(b"stale")
    (folder / "whole.ckpt").write_bytes(b"stale")
    merge(folder, [Ingredient(network)], tmp_path / "out")
    assert_weights(tmp_path / "out", merged_in_memory(tiny, (network, 1.0)))
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    written = {
        path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*") if path.is_file()
    }
    assert written == files - {"unet/diffusion_pytorch_model.fp16.safetensors", "whole.ckpt"}


def test_into_a_folder_of_pickles(tiny_models: dict[str, TinyModel], tmp_path: Path) -> None:
    tiny = tiny_models["sd1"]
    folder = tiny.copied(tmp_path / "base")
    for file in list(folder.rglob("*.safetensors")):
        stem = "pytorch_model" if file.stem == "model" else file.stem
        torch.save(load_file(file), file.with_name(f"{stem}.bin"))
        file.unlink()
    network = network_file(tmp_path / "n.safetensors", tiny, LORA)
    merge(folder, [Ingredient(network)], tmp_path / "out")
    assert_weights(tmp_path / "out", merged_in_memory(tiny, (network, 1.0)))
    assert (tmp_path / "out/text_encoder/model.safetensors").exists() and not list((tmp_path / "out").rglob("*.bin"))


def test_into_a_ckpt(tiny_models: dict[str, TinyModel], tmp_path: Path) -> None:
    tiny = tiny_models["sd2"]
    torch.save({"state_dict": load_file(tiny.file), "global_step": 3}, tmp_path / "base.ckpt")
    network = network_file(tmp_path / "n.safetensors", tiny, LORA)
    merge(tmp_path / "base.ckpt", [Ingredient(network)], tmp_path / "out.safetensors")
    assert_weights(tmp_path / "out.safetensors", merged_in_memory(tiny, (network, 1.0)))


def test_several_networks_are_merged_as_attached_ones_work(tiny: TinyModel, tmp_path: Path) -> None:
    """OFT's change is made of the base weight: one after the other would give something else."""
    first = network_file(tmp_path / "a.safetensors", tiny, OFT(dim=4), std=0.3)
    second = network_file(tmp_path / "b.safetensors", tiny, LORA, std=0.3)
    merge(tiny.file, [Ingredient(second, 0.5), Ingredient(first)], tmp_path / "out.safetensors")
    base = {name: module.state_dict() for name, module in tiny.parts.items()}
    one, other = merged_in_memory(tiny, (first, 1.0)), merged_in_memory(tiny, (second, 0.5))
    wanted = {p: {n: base[p][n] + (one[p][n] - base[p][n]) + (other[p][n] - base[p][n]) for n in base[p]} for p in base}
    assert_weights(tmp_path / "out.safetensors", wanted, 1e-5)
    with pytest.raises(AssertionError):
        assert_weights(tmp_path / "out.safetensors", merged_in_memory(tiny, (second, 0.5), (first, 1.0)), 1e-5)


def test_in_and_out_again(tiny: TinyModel, tmp_path: Path) -> None:
    network = network_file(tmp_path / "n.safetensors", tiny, LORA)
    merge(tiny.file, [Ingredient(network)], tmp_path / "in.safetensors")
    merge(tmp_path / "in.safetensors", [Ingredient(network, -1.0)], tmp_path / "out.safetensors")
    assert_weights(tmp_path / "out.safetensors", {n: m.state_dict() for n, m in tiny.parts.items()})
    with pytest.raises(AssertionError):
        assert_weights(tmp_path / "in.safetensors", {n: m.state_dict() for n, m in tiny.parts.items()}, 1e-4)


def test_strength_by_part(tiny_models: dict[str, TinyModel], tmp_path: Path) -> None:
    tiny = tiny_models["sdxl"]
    network = network_file(tmp_path / "n.safetensors", tiny, LORA)
    wanted = merged_in_memory(tiny, (network, 0.5))
    wanted["text_encoder"] = merged_in_memory(tiny, (network, 2.0))["text_encoder"]
    wanted["text_encoder_2"] = tiny.parts["text_encoder_2"].state_dict()
    parts = {"text_encoder": 2.0, "text_encoder_2": 0.0}
    done = merge(tiny.file, [Ingredient(network, 0.5, parts)], tmp_path / "out.safetensors")
    assert done.layers.keys() == {"unet", "text_encoder"}
    assert_weights(tmp_path / "out.safetensors", wanted)


def test_number_type_and_metadata(tiny_models: dict[str, TinyModel], tmp_path: Path) -> None:
    tiny = tiny_models["sd1"]
    network = network_file(tmp_path / "style.safetensors", tiny, LORA)
    metadata = {"modelspec.title": "Base", "modelspec.hash_sha256": "0x1", "sshs_model_hash": "1"}
    whole = load_file(tiny.file) | {"counter": torch.tensor([3], dtype=torch.int64)}
    save_file(whole, tmp_path / "base.safetensors", metadata)
    out = tmp_path / "out.safetensors"
    merge(tmp_path / "base.safetensors", [Ingredient(network, 0.5)], out, dtype=torch.float16)
    merge(out, [Ingredient(network, 0.25, {"unet": 0.1})], out.with_name("twice.safetensors"))
    header = read_safetensors_header(out.with_name("twice.safetensors"))
    assert {name: info.dtype for name, info in header.tensors.items() if info.dtype != "F16"} == {"counter": "I64"}
    notes = json.loads(header.metadata.pop(NOTE))
    assert [(n["file"], n["multiplier"], n.get("parts")) for n in notes] == [
        ("style.safetensors", 0.5, None), ("style.safetensors", 0.25, {"unet": 0.1})
    ]  # fmt: skip
    assert header.metadata == {"modelspec.title": "Base", "modelspec.merged_from": "style, style"}


@pytest.mark.parametrize("family", [pytest.param("sd1", marks=pytest.mark.full), "sdxl"])
def test_as_diffusers_fuses_it(tiny_models: dict[str, TinyModel], tmp_path: Path, family: str) -> None:
    from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline

    tiny = tiny_models[family]
    network = network_file(tmp_path / "n.safetensors", tiny, LORA)
    merge(tiny.file, [Ingredient(network, 0.8)], tmp_path / "out.safetensors")
    loader = StableDiffusionXLPipeline if family == "sdxl" else StableDiffusionPipeline
    pipeline = loader.from_pretrained(tiny.folder)
    pipeline.load_lora_weights(network)
    pipeline.fuse_lora(lora_scale=0.8)
    pipeline.unload_lora_weights()
    parts = {name: getattr(pipeline, name).state_dict() for name in tiny.parts}
    assert_weights(tmp_path / "out.safetensors", parts, 1e-5)
