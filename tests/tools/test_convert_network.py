"""Networks change their names and nothing else; diffusers reads what we write for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from kohya_like.formats.kohya_keys import sgm_path
from kohya_like.formats.safetensors_header import read_safetensors_header
from kohya_like.networks.algorithms.loha import LoHa
from kohya_like.networks.algorithms.lora import LoRA
from kohya_like.schema.errors import FormatError, UserError
from kohya_like.tools.convert import convert
from kohya_like.tools.names import layer_name
from tests.families.conftest import TinyModel
from tests.networks.tiny import relative_error
from tests.tools.conftest import network_file

LORA = LoRA(dim=4, alpha=3.0, conv_dim=2, conv_alpha=1.0)
NAMES = Path(__file__).parents[1] / "networks" / "lora_module_names.json"


def all_names(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value] if value.startswith("lora_") else []
    return [name for inner in (value.values() if isinstance(value, dict) else value) for name in all_names(inner)]


def test_every_name_of_the_real_models_is_understood() -> None:
    names = all_names(json.loads(NAMES.read_text()))
    assert len(names) > 1000
    for name in names:
        family = (
            "sdxl" if name.startswith(("lora_te1", "lora_te2")) or "put_blocks" in name or "middle" in name else "sd1"
        )
        layer, tensor = layer_name(f"{name}.alpha")
        assert layer.kohya(family) == name and tensor == "alpha"


@pytest.mark.parametrize("algorithm", [LORA, LoHa(dim=2, alpha=1.0)], ids=["lora", "loha"])
def test_every_spelling_becomes_ours(tiny: TinyModel, tmp_path: Path, algorithm: LoRA | LoHa) -> None:
    network = network_file(tmp_path / "n.safetensors", tiny, algorithm, {"ss_tag_frequency": "{}"})
    ours = load_file(network)
    foreign = {}
    for key, value in ours.items():
        layer, tensor = layer_name(key)
        path = layer.path.removeprefix("text_model.") if layer.part == "text_encoder" else layer.path
        prefix = {"unet": "lora_unet", "text_encoder": "lora_te1" if tiny.family == "sdxl" else "lora_te"}
        foreign[f"{prefix.get(layer.part, 'lora_te2')}_{path.replace('.', '_')}.{tensor}"] = value
    save_file(foreign, tmp_path / "foreign.safetensors", {"ss_tag_frequency": "{}"})
    assert foreign.keys() != ours.keys()
    done = convert(tmp_path / "foreign.safetensors", tmp_path / "out.safetensors", family=tiny.family)
    found = load_file(tmp_path / "out.safetensors")
    assert done.count == len({key.partition(".")[0] for key in ours}) and found.keys() == ours.keys()
    assert all(torch.equal(found[key], value) for key, value in ours.items())
    assert read_safetensors_header(tmp_path / "out.safetensors").metadata["ss_tag_frequency"] == "{}"


def test_to_peft_and_back(tiny: TinyModel, tmp_path: Path) -> None:
    network = network_file(tmp_path / "n.safetensors", tiny, LORA)
    convert(network, tmp_path / "peft.safetensors", "peft", family=tiny.family)
    peft = load_file(tmp_path / "peft.safetensors")
    assert all(key.endswith(("lora_A.weight", "lora_B.weight")) and "text_model" not in key for key in peft
               if not key.startswith("text_encoder_2"))  # fmt: skip
    convert(tmp_path / "peft.safetensors", tmp_path / "back.safetensors", "kohya", family=tiny.family)
    ours, back = load_file(network), load_file(tmp_path / "back.safetensors")
    assert back.keys() == ours.keys() and all(torch.equal(back[key], value) for key, value in ours.items())


@pytest.mark.parametrize("family", [pytest.param("sd1", marks=pytest.mark.full), "sdxl"])
def test_diffusers_computes_the_same_with_both(tiny_models: dict[str, TinyModel], tmp_path: Path, family: str) -> None:
    from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline

    tiny = tiny_models[family]
    network = network_file(tmp_path / "n.safetensors", tiny, LORA)
    convert(network, tmp_path / "peft.safetensors", "peft", family=family)
    loader = StableDiffusionXLPipeline if family == "sdxl" else StableDiffusionPipeline
    found: list[dict[str, Tensor]] = []
    for file in (network, tmp_path / "peft.safetensors"):
        pipeline = loader.from_pretrained(tiny.folder)
        pipeline.load_lora_weights(file)
        pipeline.fuse_lora()
        pipeline.unload_lora_weights()
        found.append({f"{part}.{n}": v for part in tiny.parts for n, v in getattr(pipeline, part).state_dict().items()})
    base = {f"{part}.{n}": v for part, module in tiny.parts.items() for n, v in module.state_dict().items()}
    assert all(relative_error(found[1][name], value) <= 1e-6 for name, value in found[0].items() if value.any())
    assert sum(not torch.equal(base[name], value) for name, value in found[0].items()) > 50


def test_number_type(tiny_models: dict[str, TinyModel], tmp_path: Path) -> None:
    network = network_file(tmp_path / "n.safetensors", tiny_models["sd1"], LORA)
    convert(network, tmp_path / "out.safetensors", family="sd1", dtype=torch.bfloat16)
    assert {value.dtype for value in load_file(tmp_path / "out.safetensors").values()} == {torch.bfloat16}
    torch.save(load_file(network), tmp_path / "n.pt")
    convert(tmp_path / "n.pt", tmp_path / "pt.safetensors", family="sd1")
    assert load_file(tmp_path / "pt.safetensors").keys() == load_file(network).keys()


def test_linear_layers_stored_as_convolutions_are_mended_for_diffusers(
    tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    network = network_file(tmp_path / "n.safetensors", tiny_models["sd1"], LoRA(dim=2, alpha=2.0))
    tensors = {k: v[:, :, None, None] if v.ndim == 2 else v for k, v in load_file(network).items()}
    save_file(tensors, network)
    convert(network, tmp_path / "out.safetensors", "peft", family="sd1")
    shapes = {k: v.ndim for k, v in load_file(tmp_path / "out.safetensors").items()}
    assert shapes["unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q.lora_A.weight"] == 2
    assert shapes["unet.mid_block.attentions.0.proj_in.lora_A.weight"] == 4


def test_what_is_refused(tiny_models: dict[str, TinyModel], tmp_path: Path) -> None:
    sd1, out = tiny_models["sd1"], tmp_path / "out.safetensors"

    def refused(
        path: Path, text: str, to: str = "", where: Path = out, kind: type[UserError] = UserError, family: str = ""
    ) -> str:
        with pytest.raises(kind, match=text) as error:
            convert(path, where, to, family=family)
        assert not out.exists()
        return str(error.value)

    loha = network_file(tmp_path / "loha.safetensors", sd1, LoHa(dim=2))
    refused(loha, "diffusers reads plain LoRA alone", "peft", family="sd1")
    refused(loha, "cannot become diffusers", "diffusers")
    refused(loha, "is the file that is read", where=loha)
    refused(loha, "is no name for the result", where=tmp_path / "out.pt")
    network = network_file(tmp_path / "n.safetensors", sd1, LORA)
    save_file(load_file(network) | {"lora_unet_blocks_7_q.lora_down.weight": torch.ones(2, 2)}, network)
    assert "lora_unet_blocks_7_q" in refused(
        network, "names no layer of Stable Diffusion", kind=FormatError, family="sd1"
    )
    twice = load_file(network_file(network, tiny_models["sdxl"], LORA))
    key = "lora_unet_middle_block_1_proj_in.alpha"
    other = "lora_unet_mid_block_attentions_0_proj_in.alpha"
    assert sgm_path("mid_block.attentions.0.proj_in") == "middle_block.1.proj_in"
    save_file(twice | {other: twice[key].clone()}, network)
    refused(network, "stands in the file under two names", kind=FormatError, family="sdxl")
    save_file({"lora_unet_conv_in.lora_down.weight": torch.ones(2, 4, 3, 3),
               "lora_unet_conv_in.lora_up.weight": torch.ones(8, 2, 1, 1)}, network)  # fmt: skip
    refused(network, "does not tell its family")
    save_file({"emb_params": torch.ones(2, 768), "x.y": torch.ones(2)}, network)
    refused(network, "is neither a base model nor a network")
