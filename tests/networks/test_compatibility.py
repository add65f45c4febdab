"""Our LoRA file in diffusers, and diffusers' LoRA file here: the same outputs of UNet and text encoders.

Tiny random models in the layouts of SD1, SD2 and SDXL; SDXL's text encoders have different widths on purpose.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline, StableDiffusionXLPipeline
from peft import LoraConfig, get_peft_model_state_dict
from torch import Tensor

from kohya_like.formats.tensors import open_tensors, save_safetensors
from kohya_like.networks.algorithms.lora import LoRA
from kohya_like.networks.network import Network
from tests.networks.tiny import outputs, parts, randomise, relative_error

FAMILIES = ("sd1", "sd2", "sdxl")
LIMIT = 1e-5
OPTIONS = {
    "linear": LoRA(dim=4, alpha=2),
    "convolutions": LoRA(dim=4, alpha=3, conv_dim=3, conv_alpha=2),
    "full": LoRA(dim=2, alpha=2, conv_dim=2, conv_alpha=1, targets="full"),
}


def pipeline(family: str) -> StableDiffusionPipeline | StableDiffusionXLPipeline:
    models = parts(family)
    if family == "sdxl":
        made = StableDiffusionXLPipeline(
            vae=None, tokenizer=None, tokenizer_2=None, scheduler=DDIMScheduler(), add_watermarker=False, **models
        )
    else:
        made = StableDiffusionPipeline(
            vae=None, tokenizer=None, scheduler=DDIMScheduler(), safety_checker=None, feature_extractor=None,
            requires_safety_checker=False, **models,
        )  # fmt: skip
    return made


def models_of(pipe: StableDiffusionPipeline) -> dict[str, torch.nn.Module]:
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


@pytest.mark.parametrize("written", ["pipeline", pytest.param("peft", marks=pytest.mark.full)])
@pytest.mark.parametrize("family", FAMILIES)
def test_diffusers_file_here(family: str, written: str, tmp_path: Path) -> None:
    """Adapters of peft, saved by the pipeline's `save_lora_weights`, or peft's own state with a part in front."""
    pipe = pipeline(family)
    models = models_of(pipe)
    before = outputs(models)
    states: dict[str, dict[str, Tensor]] = {}
    for part, model in models.items():
        names = ["q_proj", "out_proj", "fc1"] if part != "unet" else ["to_q", "to_out.0", "proj_in", "conv1"]
        model.add_adapter(LoraConfig(r=3, lora_alpha=3, target_modules=names, init_lora_weights=False))
        states[part] = get_peft_model_state_dict(model)
    wanted = outputs(models)
    if written == "pipeline":
        layers = {f"{part}_lora_layers": state for part, state in states.items()}
        type(pipe).save_lora_weights(str(tmp_path), **layers)
        (path,) = tmp_path.glob("*.safetensors")
        with open_tensors(path) as file:
            tensors = {key: file.get(key).clone() for key in file}
    else:
        tensors = {f"{part}.{key}": value for part, state in states.items() for key, value in state.items()}
    ours = parts(family)
    network = Network.from_tensors(tensors, ours, family)
    assert {key.split("_")[1] for key in network.tensors()} <= {"unet", "te", "te1", "te2"}
    network.attach()
    check_equal(outputs(ours), wanted, before)
