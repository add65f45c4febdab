"""The variants of LoRA by their rules: rs-LoRA, scalar, LoRA+, weight norms, LoRA-FA, DyLoRA; dropouts of all."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from kohya_like.networks.algorithms.boft import BOFT
from kohya_like.networks.algorithms.dylora import DyLoRA
from kohya_like.networks.algorithms.lora import DOWN, UP, LoRA
from kohya_like.networks.algorithms.lora_fa import LoRAFA
from kohya_like.networks.algorithms.oft import OFT
from kohya_like.networks.base import LayerShape, WeightDelta
from kohya_like.networks.network import Network
from tests.networks.tiny import randomise, relative_error
from tests.networks.variants import CELLS, CONVOLUTIONS, NAME, made, only_layer

pytestmark = pytest.mark.quick


def test_rank_stabilised_scale_is_in_the_stored_alpha() -> None:
    network, model, _ = made(LoRA(dim=9, alpha=2.0, rs_lora=True))
    saved = network.tensors()
    assert saved[f"{NAME}.alpha"].item() == pytest.approx(2.0 * 3.0)
    up, down = saved[f"{NAME}.lora_up.weight"], saved[f"{NAME}.lora_down.weight"]
    assert relative_error(only_layer(network).delta(), up @ down * 2.0 / 3.0) < 1e-6
    on = Network.from_tensors(saved, {"unet": model}, "sd1", template=LoRA(rs_lora=True, dropout=0.1))
    assert isinstance(on.algorithm, LoRA) and on.algorithm.scale == pytest.approx(2.0 / 3.0)
    assert on.algorithm.dropout == 0.1


@CELLS
def test_a_scalar_is_folded_into_the_file_and_kept_in_the_state(cell: str) -> None:
    network, model, _ = made(LoRA(dim=4, use_scalar=True, **CONVOLUTIONS), cell, std=0.0)
    fresh = only_layer(network).weights
    assert fresh["scalar"].item() == 0.0 and fresh[UP].abs().max() <= 4**-0.5 and fresh[UP].abs().max() > 0.3
    randomise(network, 0.3)
    saved, state = network.tensors(), network.state()
    assert set(saved) == {f"{NAME}.{key}" for key in (UP, DOWN, "alpha")}
    scalar = state[f"{NAME}.scalar"]
    torch.testing.assert_close(saved[f"{NAME}.{UP}"], state[f"{NAME}.{UP}"] * scalar, rtol=0, atol=0)
    network.load_tensors(saved)
    assert only_layer(network).weights["scalar"].item() == 1.0
    with pytest.raises(Exception, match="scalar is unknown here"):
        Network.create(LoRA(dim=4, **CONVOLUTIONS), {"unet": model}, "sd1").load_tensors(state)


@pytest.mark.parametrize(
    ("options", "ratios"),
    [
        ({}, {"unet": 1.0}),
        ({"loraplus_lr_ratio": 16.0}, {"unet": 1.0, "unet x16": 16.0}),
        ({"loraplus_lr_ratio": 16.0, "loraplus_unet_lr_ratio": 4.0}, {"unet": 1.0, "unet x4": 4.0}),
        ({"loraplus_text_encoder_lr_ratio": 4.0}, {"unet": 1.0}),
    ],
)
def test_lora_plus_gives_the_up_matrices_a_rate_of_their_own(options: dict[str, Any], ratios: dict[str, float]) -> None:
    network, _, _ = made(LoRA(dim=4, **options))
    groups = {group["name"]: group for group in network.parameter_groups({"unet": 1e-4})}
    assert {name: group["lr"] / 1e-4 for name, group in groups.items()} == pytest.approx(ratios)
    weights = only_layer(network).weights
    if len(groups) == 2:
        (faster,) = [group for name, group in groups.items() if name != "unet"]
        assert [id(p) for p in faster["params"]] == [id(weights[UP])]
    assert network.tensors().keys() == made(LoRA(dim=4))[0].tensors().keys()


@CELLS
@pytest.mark.parametrize("largest", [0.5, 1e3])
def test_weight_norms_by_kohyas_rule(cell: str, largest: float) -> None:
    network, _, _ = made(LoRA(dim=4, alpha=2, scale_weight_norms=largest, **CONVOLUTIONS), cell)
    layer = only_layer(network)
    up, down = (layer.weights[key].detach().clone() for key in (UP, DOWN))
    change = up.flatten(1) @ down.flatten(1) * 0.5
    counted = change.norm().clamp(min=largest / 2)
    ratio = counted.clamp(max=largest) / counted
    told = network.limit_norms()
    torch.testing.assert_close(layer.weights[UP], up * ratio**0.5)
    torch.testing.assert_close(layer.weights[DOWN], down * ratio**0.5)
    norm = (change.norm() * ratio).item()
    assert told == pytest.approx({"keys_scaled": float(ratio < 1), "average_key_norm": norm, "max_key_norm": norm})
    assert (ratio < 1) == (largest == 0.5)
    assert made(LoRA(dim=4))[0].limit_norms() == {}


def test_weight_norms_leave_what_is_frozen_alone() -> None:
    network, _, _ = made(LoRAFA(dim=4, scale_weight_norms=0.5))
    down = only_layer(network).weights[DOWN].clone()
    network.limit_norms()
    assert torch.equal(only_layer(network).weights[DOWN], down)
    assert only_layer(network).delta().norm().item() == pytest.approx(0.5, rel=1e-5)


def test_a_network_whose_change_has_no_factor_refuses_weight_norms() -> None:
    for algorithm in (OFT, BOFT):
        with pytest.raises(ValueError, match=r"scale_weight_norms: the change of a B?OFT cannot be scaled down"):
            algorithm(scale_weight_norms=1.0)


def test_lora_fa_starts_as_kohyas() -> None:
    specs = LoRAFA(dim=8, conv_dim=8).parameters(LayerShape("conv2d", 12, 10, (3, 3)))
    assert (specs[DOWN].init, specs[DOWN].std) == ("normal", pytest.approx((2 / 18) ** 0.5))
    network, _, _ = made(LoRAFA(dim=8), std=0.0)
    assert [p.requires_grad for p in network.parameters()] == [False, True]


@CELLS
def test_dylora_uses_the_lower_ranks_and_trains_one_unit(cell: str) -> None:
    network, model, x = made(DyLoRA(dim=4, alpha=2, unit=2, **CONVOLUTIONS), cell)
    layer = only_layer(network)
    network.attach()
    seen = set()
    for seed in range(8):
        torch.manual_seed(seed)
        first = int(torch.randint(4, ()).item()) // 2 * 2
        seen.add(first)
        torch.manual_seed(seed)
        found = model(x)
        up, down = (layer.weights[key].detach() for key in (UP, DOWN))
        change = (up[:, : first + 2].flatten(1) @ down[: first + 2].flatten(1)).reshape(layer.shape.weight_shape)
        network.set_multiplier(0.0)
        wanted = model(x) + layer.shape.apply(x, change * 0.5 * (4 / (first + 2)) ** 0.5)
        network.set_multiplier(1.0)
        assert relative_error(found, wanted) < 1e-5
        network.zero_grad()
        found.square().sum().backward()
        gradient = layer.weights[DOWN].grad
        assert gradient is not None
        learns = gradient.flatten(1).abs().sum(1) > 0
        assert learns.tolist() == [first <= rank < first + 2 for rank in range(4)]
    assert seen == {0, 2}
    network.eval()
    assert torch.equal(model(x), model(x))


def test_going_on_from_a_lora_keeps_the_kind_that_was_asked_for() -> None:
    network, model, _ = made(LoRA(dim=6, alpha=3.0))
    for template in (DyLoRA(unit=4), LoRAFA(dropout=0.2)):
        on = Network.from_tensors(network.tensors(), {"unet": model}, "sd1", template=template)
        assert type(on.algorithm) is type(template)
        assert on.algorithm == template.model_copy(update={"dim": 6, "alpha": 3.0})


@pytest.mark.parametrize(
    "algorithm",
    [
        LoRA(dim=4, dora_wd=True, use_scalar=True, dropout=0.3, rank_dropout=0.3, module_dropout=0.2),
        LoRA(dim=4, dora_wd=True, dora_axis="output", rs_lora=True, dropout=0.3),
        DyLoRA(dim=4, unit=1, rank_dropout=0.3, module_dropout=0.2),
        BOFT(dropout=0.3, rank_dropout=0.3),
    ],
    ids=lambda algorithm: algorithm.name,
)
def test_gradient_checkpointing_gives_the_same_gradients(algorithm: WeightDelta) -> None:
    from torch.utils.checkpoint import checkpoint

    network, model, x = made(algorithm)
    network.attach()
    gradients = []
    for forward in (model, lambda x: checkpoint(model, x, use_reentrant=False)):
        network.zero_grad()
        torch.manual_seed(1)
        forward(x).square().sum().backward()
        gradients.append([p.grad.clone() for p in network.parameters() if p.grad is not None])
    assert len(gradients[0]) == len(list(network.parameters()))
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


@pytest.mark.parametrize("algorithm", [LoRA, DyLoRA, LoRAFA, BOFT, OFT])
@pytest.mark.parametrize("option", ["dropout", "rank_dropout", "module_dropout"])
def test_dropouts_act_in_training_only(algorithm: type[WeightDelta], option: str) -> None:
    more: dict[str, Any] = {"dora_wd": True} if algorithm is LoRA else {"unit": 16} if algorithm is DyLoRA else {}
    network, model, x = made(algorithm(**{option: 0.5}, **more))
    network.attach()
    network.eval()
    still = model(x)
    assert torch.equal(still, model(x))
    network.train()
    torch.manual_seed(4)
    assert any(not torch.equal(model(x), still) for _ in range(8))
