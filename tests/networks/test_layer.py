"""One adapted layer: the three dropouts, the multiplier, number types, and what happens when networks are stacked."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from kohya_like.networks.algorithms.loha import LoHa
from kohya_like.networks.algorithms.lora import LoRA
from kohya_like.networks.base import WeightDelta
from kohya_like.networks.layer import AdaptedLayer
from kohya_like.networks.network import Network
from tests.networks.tiny import OneLayer, one_layer, randomise

pytestmark = pytest.mark.quick


def attached(algorithm: WeightDelta, cell: str = "linear") -> tuple[Network, OneLayer, Tensor]:
    model, x = one_layer(cell)
    network = Network.create(algorithm, {"unet": model}, "sd1", seed=1)
    randomise(network, 0.5)
    network.attach()
    return network, model, x


def only_layer(network: Network) -> AdaptedLayer:
    (layer,) = network.adapters
    assert isinstance(layer, AdaptedLayer)
    return layer


def inner(network: Network, x: Tensor) -> Tensor:
    """down(x), where LoRA's dropouts fall."""
    layer = only_layer(network)
    return layer.shape.apply(x, layer.weights["lora_down.weight"])


def outer(network: Network, hidden: Tensor) -> Tensor:
    layer = only_layer(network)
    assert isinstance(layer.algorithm, LoRA)
    return layer.shape.mix(hidden, layer.weights["lora_up.weight"]) * layer.algorithm.scale


@pytest.mark.parametrize("cell", ["linear", "conv3x3"])
def test_dropout_falls_on_the_inner_values(cell: str) -> None:
    network, model, x = attached(LoRA(dim=4, alpha=2, conv_dim=4, conv_alpha=2, dropout=0.4), cell)
    torch.manual_seed(3)
    found = model(x)
    torch.manual_seed(3)
    wanted = outer(network, functional.dropout(inner(network, x), 0.4))
    network.set_multiplier(0.0)
    torch.testing.assert_close(found, model(x) + wanted)


@pytest.mark.parametrize("cell", ["linear", "conv3x3"])
def test_rank_dropout_switches_ranks_off_for_one_picture(cell: str) -> None:
    """kohya: mask [B, R] = rand > p on down(x), the rest scaled by 1 / (1 - p)."""
    network, model, x = attached(LoRA(dim=16, alpha=8, conv_dim=16, conv_alpha=8, rank_dropout=0.5), cell)
    torch.manual_seed(3)
    found = model(x)
    torch.manual_seed(3)
    mask = (torch.rand(3, 16) > 0.5).float()
    mask = mask[:, None, :] if cell == "linear" else mask[:, :, None, None]
    wanted = outer(network, inner(network, x) * mask / (1 - 0.5))
    assert 0 < mask.sum() < mask.numel()
    network.set_multiplier(0.0)
    torch.testing.assert_close(found, model(x) + wanted)


def test_rank_dropout_of_a_vector_input() -> None:
    """time_emb_proj reads [B, I]."""
    network, model, _ = attached(LoRA(dim=8, rank_dropout=0.5))
    x = torch.randn(3, 10)
    torch.manual_seed(3)
    found = model(x)
    torch.manual_seed(3)
    wanted = outer(network, inner(network, x) * (torch.rand(3, 8) > 0.5) * 2.0)
    network.set_multiplier(0.0)
    torch.testing.assert_close(found, model(x) + wanted)


def test_module_dropout_leaves_the_base_output() -> None:
    network, model, x = attached(LoRA(dim=4, module_dropout=0.3))
    network.eval()
    with_network = model(x)
    network.set_multiplier(0.0)
    without = model(x)
    network.set_multiplier(1.0)
    network.train()
    torch.manual_seed(0)
    results = [model(x) for _ in range(400)]
    base = sum(torch.equal(y, without) for y in results)
    assert base + sum(torch.equal(y, with_network) for y in results) == 400
    assert 90 < base < 150


@pytest.mark.parametrize("option", ["dropout", "rank_dropout", "module_dropout"])
@pytest.mark.parametrize("algorithm", [LoRA, LoHa])
def test_dropouts_act_in_training_only_and_follow_the_seed(option: str, algorithm: type[WeightDelta]) -> None:
    network, model, x = attached(algorithm(**{option: 0.5}))
    network.eval()
    assert torch.equal(model(x), model(x))
    still = model(x)
    network.train()
    torch.manual_seed(4)
    first = [model(x) for _ in range(8)]
    torch.manual_seed(4)
    assert all(torch.equal(y, model(x)) for y in first)
    assert any(not torch.equal(y, still) for y in first)


@pytest.mark.parametrize("algorithm", [LoRA, LoHa])
def test_dropouts_keep_the_mean(algorithm: type[WeightDelta]) -> None:
    network, model, x = attached(algorithm(dropout=0.3, rank_dropout=0.3))
    network.eval()
    wanted = model(x)
    network.train()
    torch.manual_seed(0)
    mean = torch.stack([model(x) for _ in range(3000)]).mean(0)
    network.set_multiplier(0.0)
    change = (wanted - model(x)).abs().mean()
    assert (mean - wanted).abs().mean() < 0.05 * change


def test_multiplier_scales_the_change() -> None:
    network, model, x = attached(LoRA(dim=4))
    one = model(x)
    network.set_multiplier(0.0)
    none = model(x)
    network.set_multiplier(-0.5)
    torch.testing.assert_close(model(x), none - 0.5 * (one - none))


def test_networks_nest_and_come_off_in_order() -> None:
    first, model, x = attached(LoRA(dim=4))
    one = model(x)
    second = Network.create(LoRA(dim=2), {"unet": model}, "sd1", seed=2)
    randomise(second)
    second.attach()
    both = model(x)
    assert not torch.equal(both, one)
    with pytest.raises(RuntimeError, match="detach that one first"):
        first.detach()
    second.detach()
    assert torch.equal(model(x), one)
    first.detach()
    assert "forward" not in vars(model.block.layer)


def test_attaching_twice_counts_once_and_merging_needs_a_free_layer() -> None:
    network, model, x = attached(LoRA(dim=4))
    one = model(x)
    network.attach()
    assert torch.equal(model(x), one)
    with pytest.raises(RuntimeError, match="detach before merging"):
        only_layer(network).merge()


def test_detached_for_a_while() -> None:
    network, model, x = attached(LoRA(dim=4))
    one = model(x)
    with network.detached():
        assert not network.attached
        assert not torch.equal(model(x), one)
    assert torch.equal(model(x), one)
    network.detach()
    with network.detached():
        pass
    assert not network.attached


@pytest.mark.parametrize("cast", ["parameters", "state"])
def test_formula_sees_parameters_that_were_replaced(cast: str) -> None:
    """`.to(dtype)` and `load_state_dict(assign=True)` may make new parameters; the cached view must follow."""
    network, model, x = attached(LoRA(dim=4, alpha=2))
    if cast == "parameters":
        network.to(torch.float64)
        x, model = x.double(), model.double()
        assert model(x).dtype == torch.float64
    else:
        state = {key: torch.zeros_like(value) for key, value in network.state_dict().items()}
        network.load_state_dict(state, assign=True)
        found = model(x)
        network.set_multiplier(0.0)
        assert torch.equal(found, model(x))
    assert set(map(id, network.adapters[0].weights.values())) == set(map(id, network.parameters()))


def test_bf16_parameters_on_a_float32_model() -> None:
    model, x = one_layer("linear")
    network = Network.create(LoRA(dim=4), {"unet": model}, "sd1", seed=1, dtype=torch.bfloat16)
    randomise(network, 0.5)
    assert all(p.dtype == torch.bfloat16 for p in network.parameters())
    network.attach()
    assert model(x).dtype == torch.float32


def test_a_copy_of_an_attached_model_is_independent() -> None:
    network, model, x = attached(LoRA(dim=4))
    both: dict[str, Any] = copy.deepcopy({"model": model, "network": network})
    one = model(x)
    assert torch.equal(both["model"](x), one)
    both["network"].set_multiplier(0.0)
    assert torch.equal(model(x), one)
    assert not torch.equal(both["model"](x), one)


def test_gradient_checkpointing_gives_the_same_gradients() -> None:
    from torch.utils.checkpoint import checkpoint

    network, model, x = attached(LoRA(dim=4, dropout=0.5, module_dropout=0.2))
    torch.manual_seed(1)
    model(x).square().sum().backward()
    plain = [p.grad.clone() for p in network.parameters() if p.grad is not None]
    network.zero_grad()
    torch.manual_seed(1)
    checkpoint(model, x, use_reentrant=False).square().sum().backward()
    assert len(plain) == 2
    assert all(torch.equal(a, p.grad) for a, p in zip(plain, network.parameters(), strict=True) if p.grad is not None)
