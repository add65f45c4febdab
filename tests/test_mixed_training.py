"""Several algorithms in one whole small run: what learns, what is logged, what the file does; a resume is exact."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from kohya_like.cli import main
from kohya_like.events import Resumed, Started, Step
from kohya_like.formats.tensors import open_tensors
from kohya_like.networks.network import Network
from tests.tiny_runs import Run, base, mini_unet, same

RULES = [
    "*.resnets.*.conv?: name=loha dim=2",
    "*.attn2.to_?: dim=3 lr=0.5",
    "*.attn1.to_q: name=oft dim=4",
    "*.fc1: off",
]
OPTIONS: dict[str, Any] = {
    "network__targets": "attn-mlp", "network__rules": RULES, "network__up_lr_weight": "zeros+0.5",
    "network__scale_weight_norms": 1.0, "optimizer__learning_rate": 0.05,
}  # fmt: skip

IN_ANOTHER_PROCESS = """
import sys
from safetensors.torch import save_file
from tests.test_mixed_training import noise_of
save_file({"noise": noise_of(sys.argv[1])}, sys.argv[2])
"""


def noise_of(network: str = "") -> torch.Tensor:
    """What the mini UNet predicts for a fixed input, with a network or without."""
    unet: Any = mini_unet()
    if network:
        # the file also has layers of the text encoder, which this test leaves aside
        with open_tensors(Path(network)) as file:
            tensors = {key: file.get(key).clone() for key in file if key.startswith("lora_unet")}
        Network.from_tensors(tensors, {"unet": unet}, "sd1").eval().attach()
    generator = torch.Generator().manual_seed(1)
    latents = torch.randn(1, 4, 8, 8, generator=generator)
    context = torch.randn(1, 77, unet.config.cross_attention_dim, generator=generator)
    with torch.no_grad():
        return unet(latents, torch.tensor([500]), context).sample.contiguous()  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(tmp_path_factory.mktemp("whole"), **OPTIONS).train()


def test_a_mixed_run_learns_and_its_resume_is_exact(whole: Run, tmp_path: Path) -> None:
    zero_at_first = ("hada_w2_a", "oft_blocks", "lora_up.weight")
    learned = {end: [v.abs().max() for k, v in whole.weights.items() if k.endswith(end)] for end in zero_at_first}
    assert all(found and min(found) > 0 for found in learned.values())
    rates = whole.all(Started)[0].groups
    assert list(rates) == ["unet x0.25", "unet x0.5", "unet", "text_encoder"]
    assert rates["unet x0.25"] == pytest.approx(0.05 / 4) and set(whole.all(Step)[-1].lr) == set(rates)
    assert "keys_scaled" in whole.all(Step)[-1].numbers
    broken = Run(tmp_path / "broken", **OPTIONS, save__save_state_every_n_steps=1)
    trainer = broken.build()
    batches = trainer.batches(0)
    for _ in range(2):
        trainer.one_whole_step(batches)
    broken.train(resume=True)
    assert broken.all(Resumed)[-1].step == 2
    assert same(broken.weights, whole.weights)


def test_its_file_does_the_same_in_another_process(whole: Run, tmp_path: Path) -> None:
    here, out = noise_of(str(whole.file)), tmp_path / "noise.safetensors"
    command = [sys.executable, "-c", IN_ANOTHER_PROCESS, str(whole.file), str(out)]
    subprocess.run(command, check=True, timeout=300)
    assert torch.equal(load_file(out)["noise"], here)
    assert not torch.allclose(here, noise_of(), atol=1e-4)
    with open_tensors(whole.file) as file:
        metadata = file.metadata
    assert metadata["ss_network_module"] == "lycoris.kohya"
    told = json.loads(metadata["ss_network_args"])
    assert told["rules"] == "\n".join(RULES) and told["up_lr_weight"] == "zeros+0.5"


def test_generate_attaches_it(whole: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def draw(name: str, *more: str) -> bytes:
        out = tmp_path / f"{name}.png"
        common = ["--prompt", "a thing", "--size", "64x64", "--steps", "2", "--seed", "3", "--out", str(out)]
        assert main(["generate", "--model", str(base("mini").folder), *common, *more]) == 0, capsys.readouterr().err
        return out.read_bytes()

    assert draw("none") != draw("one", "--network", str(whole.file))


def test_off_for_all_but_one_layer_trains_that_layer(tmp_path: Path) -> None:
    rules = ["unet.mid_block.attentions.0.proj_in: dim=2", "*: off"]
    run = Run(tmp_path, network__rules=rules).train()
    assert {key.partition(".")[0] for key in run.weights} == {"lora_unet_mid_block_attentions_0_proj_in"}
    assert run.weights["lora_unet_mid_block_attentions_0_proj_in.lora_up.weight"].abs().max() > 0
    assert len(run.all(Started)[0].groups) == 1
    control = Run(tmp_path / "control").train()
    assert len({key.partition(".")[0] for key in control.weights}) > 20


def test_frozen_layers_are_saved_as_they_were(tmp_path: Path) -> None:
    first = Run(tmp_path / "first", optimizer__learning_rate=0.05).train()
    onward = Run(
        tmp_path / "onward", network__weights=str(first.file), network__rules=["*.attn2.*: lr=0"],
        optimizer__learning_rate=0.05,
    ).train()  # fmt: skip
    before, after = first.weights, onward.weights
    kept = {key for key in before if torch.equal(before[key], after[key]) and not key.endswith("alpha")}
    assert kept == {key for key in before if "_attn2_" in key and not key.endswith("alpha")}


def test_a_unet_only_set_leaves_the_text_encoder_alone(tmp_path: Path) -> None:
    run = Run(tmp_path, network__targets="unet-transformer-only", train__max_train_steps=1).train()
    assert {key[:9] for key in run.weights} == {"lora_unet"} and list(run.all(Started)[0].groups) == ["unet"]
