"""Our LoRA file in diffusers, and diffusers' LoRA file here: the same outputs of UNet and text encoders.

Tiny random models in the layouts of SD1, SD2 and SDXL; SDXL's text encoders have different widths on purpose.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline, StableDiffusionXLPipeline
from peft import LoraConfig, get_peft_model_state_dict
from torch import Tensor

from kohya_like.formats.tensors import save_safetensors
from kohya_like.networks.algorithms.lora import LoRA
from kohya_like.networks.network import Network
from kohya_like.schema.errors import FormatError
from tests.networks.tiny import outputs, parts, randomise, relative_error

FAMILIES = ("sd1", "sd2", "sdxl")
LIMIT = 1e-5
OPTIONS = {
    "linear": LoRA(dim=4, alpha=2),
    "convolutions": LoRA(dim=4, alpha=3, conv_dim=3, conv_alpha=2),
    "full": LoRA(dim=2, alpha=2, conv_dim=2, conv_alpha=1, targets="full"),
}


def pipeline(family: str) -> Any:
    models = parts(family)
    if family == "sdxl":
        return StableDiffusionXLPipeline(
            vae=None, tokenizer=None, tokenizer_2=None, scheduler=DDIMScheduler(), add_watermarker=False, **models
        )
    return StableDiffusionPipeline(
        vae=None, tokenizer=None, scheduler=DDIMScheduler(), safety_checker=None, feature_extractor=None,
        requires_safety_checker=False, **models,
    )  # fmt: skip


def models_of(pipe: Any) -> dict[str, Any]:
    return {name: getattr(pipe, name) for name in ("unet", "text_encoder", "text_encoder_2") if hasattr(pipe, name)}


def check_equal(found: dict[str, Tensor], wanted: dict[str, Tensor], before: dict[str, Tensor]) -> None:
    assert found.keys() == wanted.keys()
    for part in wanted:
        assert relative_error(found[part], wanted[part]) <= LIMIT, part
        assert relative_error(found[part], before[part]) > 1000 * LIMIT, f"the network does nothing in {part}"


@pytest.mark.parametrize(
    "options",
    [pytest.param("linear", marks=pytest.mark.full), "convolutions", pytest.param("full", marks=pytest.mark.full)],
)
@pytest.mark.parametrize("family", FAMILIES)
def test_our_file_in_diffusers(family: str, options: str, tmp_path: Path) -> None:
    ours = parts(family)
    before = outputs(ours)
    network = Network.create(OPTIONS[options], ours, family, seed=1)
    randomise(network, 0.2)
    path = tmp_path / "ours.safetensors"
    save_safetensors(path, network.tensors(), {})
    network.attach()
    wanted = outputs(ours)

    pipe = pipeline(family)
    assert all(torch.equal(value, before[part]) for part, value in outputs(models_of(pipe)).items())
    pipe.load_lora_weights(str(tmp_path), weight_name=path.name)
    check_equal(outputs(models_of(pipe)), wanted, before)
    network.set_multiplier(0.5)
    pipe.set_adapters(pipe.get_active_adapters(), 0.5)
    check_equal(outputs(models_of(pipe)), outputs(ours), before)


def test_control_another_alpha_is_seen(family: str = "sdxl") -> None:
    """The comparison above is sharp enough: alpha 1 % larger fails it."""
    ours = parts(family)
    network = Network.create(OPTIONS["linear"], ours, family, seed=1)
    randomise(network, 0.2)
    tensors = {k: v * 1.01 if k.endswith("alpha") else v for k, v in network.tensors().items()}
    network.attach()
    pipe = pipeline(family)
    pipe.load_lora_weights(tensors)
    found, wanted = outputs(models_of(pipe)), outputs(ours)
    assert all(relative_error(found[part], wanted[part]) > LIMIT for part in wanted)


def peft_adapters(pipe: Any, **options: Any) -> dict[str, LoraConfig]:
    """Random adapters of peft in every part."""
    configs = {}
    for part, model in models_of(pipe).items():
        names = ["q_proj", "out_proj", "fc1"] if part != "unet" else ["to_q", "to_out.0", "proj_in", "conv1"]
        configs[part] = LoraConfig(r=3, target_modules=names, init_lora_weights=False, **options)
        torch.manual_seed(1)
        model.add_adapter(configs[part])
    return configs


@pytest.mark.parametrize("options", [{"lora_alpha": 3}, {"lora_alpha": 5, "alpha_pattern": {"to_q": 2, "fc1": 1}}])
@pytest.mark.filterwarnings("ignore:The following alpha_pattern keys")
@pytest.mark.parametrize("family", ["sd1", pytest.param("sd2", marks=pytest.mark.full), "sdxl"])
def test_diffusers_file_here(family: str, options: dict[str, Any], tmp_path: Path) -> None:
    """Adapters of peft, saved by the pipeline's `save_lora_weights`; alphas other than the rank are in the metadata."""
    pipe = pipeline(family)
    models = models_of(pipe)
    before = outputs(models)
    configs = peft_adapters(pipe, **options)
    wanted = outputs(models)
    layers = {f"{part}_lora_layers": get_peft_model_state_dict(model) for part, model in models.items()}
    told = {f"{part}_lora_adapter_metadata": config.to_dict() for part, config in configs.items()}
    for metadata in told.values():
        metadata["target_modules"] = sorted(metadata["target_modules"])
    type(pipe).save_lora_weights(str(tmp_path), **layers, **told)
    (path,) = tmp_path.glob("*.safetensors")
    ours = parts(family)
    network = Network.from_file(path, ours, family)
    assert {key.split("_")[1] for key in network.tensors()} <= {"unet", "te", "te1", "te2"}
    network.attach()
    check_equal(outputs(ours), wanted, before)


def test_peft_keys_without_a_pipeline() -> None:
    """`lora_A` and `lora_B` as peft names them, with the part in front or, for a UNet, with peft's own prefix."""
    pipe = pipeline("sd1")
    peft_adapters(pipe, lora_alpha=3)
    wanted = outputs(models_of(pipe))
    tensors = {
        f"{'base_model.model' if part == 'unet' else part}.{key}": value
        for part, model in models_of(pipe).items()
        for key, value in get_peft_model_state_dict(model).items()
    }
    assert all(".lora_A." in key or ".lora_B." in key for key in tensors)
    ours = parts("sd1")
    Network.from_tensors(tensors, ours, "sd1").attach()
    found = outputs(ours)
    assert all(relative_error(found[part], wanted[part]) <= LIMIT for part in wanted)


def test_metadata_that_is_no_lora_config(tmp_path: Path) -> None:
    path = tmp_path / "odd.safetensors"
    tensors = {
        "unet.conv_in.lora_A.weight": torch.zeros(2, 4, 3, 3),
        "unet.conv_in.lora_B.weight": torch.zeros(8, 2, 1, 1),
    }
    for text in ("{", '{"unet.lora_alpha": []}', '{"unet.lora_alpha": 1, "unet.alpha_pattern": 3}'):
        save_safetensors(path, tensors, {"lora_adapter_metadata": text})
        with pytest.raises(FormatError, match=r"odd.safetensors: the metadata lora_adapter_metadata cannot be"):
            Network.from_file(path, parts("sd1"), "sd1")
