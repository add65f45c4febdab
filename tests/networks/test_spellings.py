"""One network under the names of every program has one effect; its kind is told by content, not by suffix or size."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor

from kohya_like.cli import main
from kohya_like.families.backbone import Backbone
from kohya_like.families.loading import load_backbone
from kohya_like.formats.a1111 import save_hypernetwork
from kohya_like.formats.headers import identify
from kohya_like.formats.tensors import save_safetensors
from kohya_like.networks.network import Network
from kohya_like.schema.registry import plugins
from tests.networks.spellings import OF_EVERY_KIND, SPELLINGS, processors, respelt
from tests.networks.tiny import outputs, parts, randomise, relative_error
from tests.tiny_runs import base
from tests.tools.test_merge_effect import effect

FAMILIES = [*(pytest.param(name, marks=pytest.mark.full) for name in ("sd1", "sd2")), "sdxl"]
KINDS: list[tuple[str, dict[str, Any]]] = [
    ("loha", {"conv_dim": 2}), ("lokr", {"factor": 4}), ("lora", {"dora_wd": True}), ("locon", {"use_tucker": True}),
    ("ia3", {}), ("full", {}), ("norms", {}), ("oft", {"dim": 4}), ("boft", {"dim": 4}), ("glora", {"dim": 2}),
]  # fmt: skip


@cache
def model(family: str) -> Backbone:
    return load_backbone(base(family).folder)


def tensors_of(family: str, name: str, options: dict[str, Any]) -> dict[str, Tensor]:
    algorithm: Any = plugins("algorithm")[name](**options)  # type: ignore[operator]
    network = Network.create(algorithm, model(family).parts(), family, seed=3)
    randomise(network, 0.1)
    return network.tensors()


def effect_of(path: Path, family: str) -> Tensor:
    backbone = model(family)
    network = Network.from_file(path, backbone.parts(), family).eval()
    network.attach()
    try:
        return effect(backbone)
    finally:
        network.detach()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_lora_under_every_name_and_in_every_container(family: str, tmp_path: Path) -> None:
    tensors = tensors_of(family, "lora", {"dim": 4, "alpha": 4.0, "conv_dim": 2, "conv_alpha": 2.0})
    before, wanted = effect(model(family)), None
    for style in SPELLINGS:
        path = tmp_path / f"{style}.safetensors"
        spelt = respelt(tensors, style, family)
        save_safetensors(path, {k: v for k, v in spelt.items() if not (style == "peft" and k.endswith("alpha"))}, {})
        found = effect_of(path, family)
        wanted = found if wanted is None else wanted
        assert torch.equal(found, wanted), style
        assert identify(path).kind == "lora"
    assert wanted is not None and relative_error(wanted, before) > 1e-2
    for name, value in (("x.pt", tensors), ("x.ckpt", {"state_dict": tensors}), ("x.png", tensors)):
        torch.save(value, tmp_path / name)
        assert identify(tmp_path / name).kind == "lora" and torch.equal(effect_of(tmp_path / name, family), wanted)
    torch.save(tensors, tmp_path / "legacy.safetensors", _use_new_zipfile_serialization=False)
    assert torch.equal(effect_of(tmp_path / "legacy.safetensors", family), wanted)


@pytest.mark.full
@pytest.mark.parametrize(("name", "options"), KINDS, ids=[f"{name}{options}" for name, options in KINDS])
@pytest.mark.parametrize("family", ["sd1", "sd2", "sdxl"])
def test_every_kind_under_every_name_it_may_have(
    family: str, name: str, options: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tensors, path = tensors_of(family, name, options), tmp_path / "x.safetensors"
    before, wanted = effect(model(family)), None
    for style in OF_EVERY_KIND:
        save_safetensors(path, respelt(tensors, style, family), {})
        found = effect_of(path, family)
        wanted = found if wanted is None else wanted
        assert torch.equal(found, wanted), style
        assert main(["inspect", str(path), "--json"]) == 0
        facts = json.loads(capsys.readouterr().out)
        assert facts["kind"] == "lycoris" and "foreign_keys" not in facts and "faults" not in facts
    assert wanted is not None and relative_error(wanted, before) > 1e-3


@pytest.mark.parametrize("family", [pytest.param("sd1"), pytest.param("sdxl", marks=pytest.mark.full)])
def test_the_verbs_take_a_hypernetwork_and_a_foreign_lora(
    family: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """generate --network and inspect; the hypernetwork's .pt is called .safetensors, and the LoRA .pt."""
    nets = tensors_of(family, "hypernetwork", {"activation": "relu"})
    save_hypernetwork(tmp_path / "h.pt", nets, {}, False)
    (tmp_path / "h.pt").rename(tmp_path / "h.safetensors")
    lora = respelt(tensors_of(family, "lora", {"dim": 4}), "diffusers", family)
    save_safetensors(tmp_path / "l.pt", lora, {})
    drawn = set()
    for i, more in enumerate(([], ["h.safetensors"], ["l.pt"], ["h.safetensors", "l.pt"])):
        networks = [word for name in more for word in ("--network", str(tmp_path / name))]
        own = ["--model", str(base(family).folder), "--prompt", "x", "--steps", "1", "--size", "64", "--device", "cpu"]
        assert main(["generate", *own, *networks, "--out", str(tmp_path / f"{i}.png")]) == 0
        drawn.add((tmp_path / f"{i}.png").read_bytes())
    assert len(drawn) == 4
    capsys.readouterr()
    for name, kind in (("h.safetensors", "hypernetwork"), ("l.pt", "lora")):
        assert main(["inspect", str(tmp_path / name), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["kind"] == kind


def test_processors_of_old_diffusers(tmp_path: Path) -> None:
    """diffusers still reads its old names itself: the same outputs there and here."""
    models = parts("sd1")
    network = Network.create(plugins("algorithm")["lora"](dim=4, alpha=2.0, train_text_encoder=False), models, "sd1")  # type: ignore[operator]
    randomise(network, 0.2)
    old = processors(network.tensors())
    assert all(".processor.to_" in key for key in old) and len(old) == 256
    save_safetensors(tmp_path / "old.safetensors", old, {})
    pipe: Any = StableDiffusionPipeline(
        vae=None, tokenizer=None, scheduler=None, safety_checker=None, feature_extractor=None,
        requires_safety_checker=False, **parts("sd1"),
    )  # fmt: skip
    before = outputs({"unet": pipe.unet})["unet"]
    pipe.load_lora_weights(str(tmp_path), weight_name="old.safetensors")
    wanted = outputs({"unet": pipe.unet})["unet"]
    read = Network.from_file(tmp_path / "old.safetensors", models, "sd1")
    read.attach()
    assert relative_error(outputs(models)["unet"], wanted) <= 1e-5 < 1e-2 < relative_error(wanted, before)
