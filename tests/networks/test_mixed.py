"""Several algorithms in one network: groups, files, merging, norms; the rest of the model is left alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from kohya_like.formats.tensors import save_safetensors
from kohya_like.networks.algorithms.full import FullDifference
from kohya_like.networks.algorithms.loha import LoHa
from kohya_like.networks.algorithms.lora import LoRA
from kohya_like.networks.algorithms.oft import OFT
from kohya_like.networks.network import Network
from kohya_like.schema.errors import FormatError, UserError
from tests.networks.tiny import outputs, parts, randomise, relative_error

pytestmark = pytest.mark.quick

RULES = ("*.resnets.*.conv?: name=loha dim=2 lr=0.5", "*.attn2.to_q: name=oft dim=4", "text_encoder.*.fc1: lr=0")
INVERTIBLE = ("*.resnets.*.conv?: name=loha dim=2", "*.attn2.to_q: name=full")
MIXED = LoRA(dim=2, alpha=2, targets="attn-mlp", rules=RULES)


def made(algorithm: LoRA = MIXED, models: dict[str, nn.Module] | None = None) -> Network:
    network = Network.create(algorithm, models or parts("sd1"), "sd1", seed=3)
    randomise(network, 0.05)
    return network


def kinds(network: Network) -> set[type]:
    return {type(adapter.algorithm) for adapter in network.adapters}


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(value, b[key]) for key, value in a.items())


def close(a: dict[str, Tensor], b: dict[str, Tensor], error: float = 1e-5) -> bool:
    return all(relative_error(a[part], b[part]) < error for part in a)


def test_groups_by_rate_and_part_and_none_for_what_is_frozen() -> None:
    network = made()
    rates = {"unet": 1e-3, "text_encoder": 1e-4}
    groups = network.parameter_groups(rates)
    assert [(group["name"], group["lr"]) for group in groups] == [
        ("unet x0.5", 5e-4), ("unet", 1e-3), ("text_encoder", 1e-4),
    ]  # fmt: skip
    frozen = [adapter for adapter in network.adapters if adapter.rate == 0.0]
    assert len(frozen) == 2 and not any(p.requires_grad for adapter in frozen for p in adapter.parameters())
    grouped = sum(p.numel() for group in groups for p in group["params"])
    assert grouped == sum(p.numel() for p in network.parameters() if p.requires_grad)
    plus = made(MIXED.model_copy(update={"loraplus_lr_ratio": 16.0}))
    names = [group["name"] for group in plus.parameter_groups(rates)]
    assert names == ["unet x0.5", "unet", "unet x16", "text_encoder", "text_encoder x16"]


def test_merging_is_attaching_and_detaching_leaves_nothing() -> None:
    models = parts("sd1")
    before = outputs(models)
    network = made(models=models)
    assert kinds(network) == {LoRA, LoHa, OFT}
    network.eval().attach()
    attached = outputs(models)
    assert not close(attached, before, 1e-3)
    network.detach()
    assert same(outputs(models), before)
    network.merge(1.0)
    assert close(outputs(models), attached)


def test_unmerging_takes_all_of_them_out() -> None:
    models = parts("sd1")
    before = outputs(models)
    network = made(LoRA(dim=2, targets="attn-only", rules=INVERTIBLE), models)
    assert kinds(network) == {LoRA, LoHa, FullDifference}
    network.merge(0.7)
    assert not close(outputs(models), before, 1e-3)
    network.unmerge(0.7)
    assert close(outputs(models), before)


def test_one_algorithm_that_cannot_be_taken_out_keeps_all_in() -> None:
    models = parts("sd1")
    network = made(models=models)
    before = outputs(models)
    with pytest.raises(UserError, match="a OFT cannot be taken out of a model again: the change depends on the weight"):
        network.unmerge()
    assert same(outputs(models), before)


def test_a_file_of_several_kinds_is_read_back_with_the_same_effect(tmp_path: Path) -> None:
    models = parts("sd1")
    network = made(models=models)
    path = tmp_path / "mixed.safetensors"
    save_safetensors(path, network.tensors(), {})
    network.eval().attach()
    wanted = outputs(models)
    network.detach()
    read = Network.from_file(path, models, "sd1")
    assert kinds(read) == {LoRA, LoHa, OFT} and len(read.adapters) == len(network.adapters)
    read.eval().attach()
    assert close(outputs(models), wanted, 1e-6)


def test_going_on_with_a_mixed_file_takes_sizes_from_it_and_rates_from_the_rules(tmp_path: Path) -> None:
    path = tmp_path / "mixed.safetensors"
    save_safetensors(path, made().tensors(), {})
    again = MIXED.model_copy(update={"dim": 99, "weights": str(path), "dim_from_weights": True, "dropout": 0.25})
    network = Network.create(again, parts("sd1"), "sd1")
    assert kinds(network) == {LoRA, LoHa, OFT}
    assert {a.algorithm.dim for a in network.adapters if isinstance(a.algorithm, LoRA)} == {2}
    assert {a.algorithm.dropout for a in network.adapters} == {0.25}
    groups = network.parameter_groups({"unet": 1e-3, "text_encoder": 1e-4})
    assert [group["name"] for group in groups] == ["unet x0.5", "unet", "text_encoder"]
    other = again.model_copy(update={"rules": ()})
    with pytest.raises(FormatError, match=r"a LoHa, but network\.name asks for LoRA"):
        Network.create(other, parts("sd1"), "sd1")


def test_what_off_leaves_out_stays_in_a_file_that_is_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "plain.safetensors"
    models = {"unet": parts("sd1")["unet"]}
    plain = LoRA(dim=2, train_text_encoder=False)
    save_safetensors(path, made(plain, models).tensors(), {})
    again = LoRA(weights=str(path), dim_from_weights=True, train_text_encoder=False, rules=("*.to_q: off",))
    network = Network.create(again, models, "sd1")
    assert {a.rate for a in network.adapters if a.name.endswith("to_q")} == {0.0}
    assert {a.rate for a in network.adapters if not a.name.endswith("to_q")} == {1.0}


def test_values_go_back_into_a_mixed_network_bit_for_bit() -> None:
    state = made().state()
    other = Network.create(MIXED, parts("sd1"), "sd1", seed=4)
    assert not same(other.state(), state)
    other.load_tensors(state)
    assert same(other.state(), state)


def test_norms_are_limited_where_they_can_be_and_not_where_nothing_is_trained() -> None:
    rules = ("*.resnets.*.conv?: name=loha dim=2", "*.attn2.to_q: name=oft dim=4", "text_encoder.*: lr=0")
    network = made(LoRA(dim=2, alpha=2, scale_weight_norms=0.05, rules=rules))
    frozen = {key: value.clone() for key, value in network.state().items() if key.startswith("lora_te")}
    oft = {key: value.clone() for key, value in network.state().items() if key.endswith("oft_blocks")}
    told = network.limit_norms()
    assert told["keys_scaled"] > 0 and told["max_key_norm"] <= 0.05 * (1 + 1e-5)
    state = network.state()
    assert frozen and all(torch.equal(value, state[key]) for key, value in frozen.items())
    assert oft and all(torch.equal(value, state[key]) for key, value in oft.items())


def test_what_a_mixed_file_says_of_itself() -> None:
    assert MIXED.file_module == "lycoris.kohya" and LoRA().file_module == "networks.lora"
    assert LoRA(rules=("*: name=lora_fa",)).file_module == "networks.lora"
    told = LoRA(rules=RULES, block_dims=(4,) * 25, up_lr_weight="sine+0.2", mid_lr_weight=(0.5,)).layer_arguments()
    assert told == {
        "block_dims": ",".join(["4"] * 25), "up_lr_weight": "sine+0.2", "mid_lr_weight": "0.5",
        "rules": "\n".join(RULES),
    }  # fmt: skip
    assert json.loads(json.dumps(told)) == told and LoRA().layer_arguments() == {}
