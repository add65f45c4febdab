"""Metadata texts and hashes as sd-scripts writes them."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import pytest
import safetensors.torch
import torch

from kohya_like.formats.metadata import (
    DatasetFolder,
    ModelSpec,
    base_model_metadata,
    dataset_metadata,
    minimum_metadata,
    model_hashes,
    modelspec,
    old_model_hash,
    training_metadata,
    with_hashes,
)
from kohya_like.formats.safetensors_header import read_safetensors_header
from kohya_like.formats.tensors import save_safetensors

pytestmark = pytest.mark.quick


def kohya_hashes(tensors: dict[str, torch.Tensor], metadata: dict[str, str]) -> tuple[str, str]:
    """sd-scripts' precalculate_safetensors_hashes, written from its description: serialise, then hash the bytes."""
    ss = {key: value for key, value in metadata.items() if key.startswith("ss_")}
    file = io.BytesIO(safetensors.torch.save(tensors, ss))
    header = int.from_bytes(file.read(8), "little")
    file.seek(8 + header)
    model = hashlib.sha256(file.read()).hexdigest()
    file.seek(0x100000)
    return model, hashlib.sha256(file.read(0x10000)).hexdigest()[:8]


@pytest.mark.parametrize("numbers", [10, 0x100000 // 4 - 70, 0x100000 // 4 + 3, 500_000, 0])
def test_hashes_equal_sd_scripts_bit_for_bit(numbers: int, tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(7)
    tensors = {
        "lora_unet_b.lora_up.weight": torch.randn(numbers, generator=generator),
        "lora_unet_a.lora_down.weight": torch.randn(37, 5, generator=generator).half(),
        "lora_unet_a.alpha": torch.tensor(4.0),
    }
    metadata = {"ss_network_dim": "5", "ss_output_name": 'ghost "é"\n', "modelspec.title": "not in the legacy hash"}
    assert model_hashes(tensors, metadata) == kohya_hashes(tensors, metadata)
    full = with_hashes(tensors, metadata)
    path = tmp_path / "lora.safetensors"
    save_safetensors(path, tensors, full)
    header = read_safetensors_header(path)
    assert header.metadata == full
    assert hashlib.sha256(path.read_bytes()[header.header_bytes :]).hexdigest() == full["sshs_model_hash"]


def test_a_small_file_has_the_legacy_hash_of_nothing_and_a_changed_tensor_another_model_hash() -> None:
    one, other = {"a": torch.zeros(3)}, {"a": torch.tensor([0.0, 0.0, 1e-30])}
    assert model_hashes(one, {})[1] == model_hashes(other, {})[1] == "e3b0c442"
    assert model_hashes(one, {})[0] != model_hashes(other, {})[0]


def test_values_become_texts_as_sd_scripts_spells_them() -> None:
    values = {
        "network_dim": 8, "network_alpha": 4.0, "v2": False, "min_snr_gamma": None, "resolution": (512, 512),
        "network_args": {"conv_dim": "4"}, "learning_rate": 1e-4, "base_model_version": "sd_v1",
        "network_module": "networks.lora",
    }  # fmt: skip
    written = training_metadata(values)
    assert written == {
        "ss_network_dim": "8", "ss_network_alpha": "4.0", "ss_v2": "False", "ss_min_snr_gamma": "None",
        "ss_resolution": "(512, 512)", "ss_network_args": '{"conv_dim": "4"}', "ss_learning_rate": "0.0001",
        "ss_base_model_version": "sd_v1", "ss_network_module": "networks.lora",
    }  # fmt: skip
    assert sorted(minimum_metadata(written)) == sorted(
        f"ss_{key}" for key in values if key not in ("min_snr_gamma", "resolution", "learning_rate")
    )
    with pytest.raises(ValueError, match="netwrok_dim"):
        training_metadata({"netwrok_dim": 8})


def test_dataset_values() -> None:
    folders = [
        DatasetFolder("10_sks ghost", 10, 2, ["sks ghost, Sea", "sks ghost,  sea , "]),
        DatasetFolder("10_sks ghost", 10, 1, ["moon"]),
        DatasetFolder("1_ghost", 1, 5, is_reg=True),
    ]
    buckets = {(512, 512): 20, (448, 576): 0, (576, 448): 10}
    written = training_metadata(dataset_metadata(folders, buckets, 0.25))
    assert json.loads(written["ss_dataset_dirs"]) == {
        "10_sks ghost": {"n_repeats": 10, "img_count": 2},
        "10_sks ghost (2)": {"n_repeats": 10, "img_count": 1},
    }
    assert json.loads(written["ss_reg_dataset_dirs"]) == {"1_ghost": {"n_repeats": 1, "img_count": 5}}
    assert json.loads(written["ss_tag_frequency"]) == {
        "10_sks ghost": {"sks ghost": 2, "sea": 2},
        "10_sks ghost (2)": {"moon": 1},
    }
    assert json.loads(written["ss_bucket_info"]) == {
        "buckets": {"0": {"resolution": [512, 512], "count": 20}, "1": {"resolution": [576, 448], "count": 10}},
        "mean_img_ar_error": 0.25,
    }
    assert training_metadata(dataset_metadata(folders, None, 0.0))["ss_bucket_info"] == "null"


def test_modelspec_of_each_family() -> None:
    spec = ModelSpec("stable-diffusion-v1", (512, 768), "epsilon", 1_700_000_000.5, "lora", title="ghost", clip_skip=2)
    written = modelspec(spec)
    date = written.pop("modelspec.date")
    assert len(date) == len("2023-11-14T22:13:20") and date[10] == "T"
    assert written == {
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.architecture": "stable-diffusion-v1/lora",
        "modelspec.implementation": "diffusers",
        "modelspec.title": "ghost",
        "modelspec.resolution": "512x768",
        "modelspec.prediction_type": "epsilon",
        "modelspec.encoder_layer": "2",
    }
    xl = modelspec(ModelSpec("stable-diffusion-xl-v1-base", (1024, 1024), "epsilon", 5.0, "lora"))
    assert xl["modelspec.implementation"] == "https://github.com/Stability-AI/generative-models"
    assert xl["modelspec.title"] == "LoRA@5.0"
    v = modelspec(ModelSpec("stable-diffusion-v2-768-v", (768, 768), "v_prediction", 5.0, timestep_range=(0, 500)))
    assert (v["modelspec.prediction_type"], v["modelspec.timestep_range"]) == ("v", "0,500")
    assert (v["modelspec.architecture"], v["modelspec.title"]) == ("stable-diffusion-v2-768-v", "Checkpoint@5.0")


def test_base_model_hashes(tmp_path: Path) -> None:
    data = bytes(range(256)) * 0x1200
    path = tmp_path / "model.safetensors"
    path.write_bytes(data)
    window = hashlib.sha256(data[0x100000:0x110000]).hexdigest()[:8]
    assert base_model_metadata(path) == {
        "sd_model_name": "model.safetensors",
        "sd_model_hash": window,
        "new_sd_model_hash": hashlib.sha256(data).hexdigest(),
    }
    assert old_model_hash(path) == window
    assert base_model_metadata(tmp_path, "vae") == {"vae_name": tmp_path.name, "vae_hash": "IsADirectory"}
