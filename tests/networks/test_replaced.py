"""Where W + ΔW in W's place is cheaper, it is used, and computes what Δy beside the layer's own output does."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from kohya_like.networks.algorithms.boft import BOFT
from kohya_like.networks.algorithms.full import FullDifference
from kohya_like.networks.algorithms.ia3 import IA3
from kohya_like.networks.algorithms.loha import LoHa
from kohya_like.networks.algorithms.lora import LoRA
from kohya_like.networks.algorithms.norms import Norms
from kohya_like.networks.algorithms.oft import OFT
from kohya_like.networks.base import WORTH_A_SUM, LayerShape, WeightDelta
from kohya_like.networks.network import Network
from tests.networks.tiny import OneLayer, one_layer, randomise, relative_error

pytestmark = pytest.mark.quick
CASES = [
    pytest.param(algorithm, cell, id=f"{algorithm.name}-{cell}")  # type: ignore[attr-defined]
    for algorithm, cells in (
        (FullDifference(convolutions=True), ("linear", "conv1x1", "conv3x3")),
        (OFT(dim=4, conv_dim=4), ("linear", "conv3x3")),
        (BOFT(dim=6, conv_dim=6), ("linear", "conv3x3")),
        (LoHa(dim=8, conv_dim=8), ("linear", "conv3x3")),
        (Norms(), ("layernorm", "groupnorm")),
    )
    for cell in cells
]
IA3_CELLS = ("linear", "conv1x1", "conv3x3")


def many(cell: str) -> Tensor:
    """Inputs with more positions than a sum needs to be worth it."""
    torch.manual_seed(5)
    return torch.randn(2, WORTH_A_SUM, 10) if cell in ("linear", "layernorm") else torch.randn(2, 10, 12, 12)


def on(cell: str, algorithm: WeightDelta, dtype: torch.dtype = torch.float32) -> tuple[Network, OneLayer, Tensor]:
    model, _ = one_layer(cell)
    network = Network.create(algorithm, {"unet": model.to(dtype)}, "sd1", seed=1)
    randomise(network)
    network.attach()
    return network, model, many(cell).to(dtype)


def counted(monkeypatch: pytest.MonkeyPatch, model: OneLayer) -> list[str]:
    """Grows by one word for each time that a layer's operation is called with values of the layer's size."""
    calls: list[str] = []
    real, own = LayerShape.apply, type(model.block.layer).forward

    def apply(self: LayerShape, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        calls.append("with a weight")
        return real(self, x, weight, bias)

    def forward(self: nn.Module, *given: Any) -> Tensor:
        calls.append("own")
        return own(self, *given)

    monkeypatch.setattr(LayerShape, "apply", apply)
    monkeypatch.setattr(type(model.block.layer), "forward", forward)
    return calls


def outcome(network: Network, model: OneLayer, x: Tensor) -> list[Tensor]:
    """The output, and the gradients of the input and of every parameter."""
    network.zero_grad()
    own = x.clone().requires_grad_()
    y = model(own)
    y.float().square().mean().backward()
    assert own.grad is not None
    return [y.detach(), own.grad, *(p.grad for p in network.parameters() if p.grad is not None)]


@pytest.mark.parametrize("multiplier", [1.0, 0.7])
@pytest.mark.parametrize(("algorithm", "cell"), CASES)
def test_one_product_and_the_same_numbers(
    algorithm: WeightDelta, cell: str, multiplier: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, model, x = on(cell, algorithm)
    network.set_multiplier(multiplier)
    network.detach()
    with monkeypatch.context() as patch:
        calls = counted(patch, model)
        network.attach()
        found = outcome(network, model, x)
        assert calls == ["with a weight"]
        network.detach()
    network.attach()
    with monkeypatch.context() as patch:
        patch.setattr(type(algorithm), "replaces", lambda *_: False)
        wanted = outcome(network, model, x)
    assert len(found) == len(wanted) > 2
    assert all(relative_error(ours, theirs) < 1e-5 for ours, theirs in zip(found, wanted, strict=True))


@pytest.mark.parametrize("cell", IA3_CELLS)
def test_ia3_takes_the_layers_own_output(cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network, model, x = on(cell, IA3(on_input="none", convolutions=True))
    network.detach()
    with monkeypatch.context() as patch:
        calls = counted(patch, model)
        network.attach()
        found = outcome(network, model, x)
        assert calls == ["own"]
        network.detach()
    network.attach()
    with monkeypatch.context() as patch:
        patch.setattr(IA3, "from_output", lambda *_: None)
        wanted = outcome(network, model, x)
    assert all(relative_error(ours, theirs) < 3e-6 for ours, theirs in zip(found, wanted, strict=True))


@pytest.mark.parametrize("algorithm", [FullDifference(), IA3(on_input="none")], ids=["full", "ia3"])
def test_not_where_another_network_lies_beneath(algorithm: WeightDelta) -> None:
    """Both changes are of the base weight: neither may swallow or scale the other's."""
    for first, second in ((LoRA(dim=3), algorithm), (algorithm, LoRA(dim=3))):
        model, x = one_layer("linear")[0], many("linear")
        before = model(x)
        networks = [Network.create(each, {"unet": model}, "sd1", seed=1).eval() for each in (first, second)]
        alone = []
        for network in networks:
            randomise(network)
            network.attach()
            alone.append(model(x) - before)
            network.detach()
        for network in networks:
            network.attach()
        assert relative_error(model(x) - before, alone[0] + alone[1]) < 1e-5
        for network in reversed(networks):
            network.detach()
        assert torch.equal(model(x), before)


@pytest.mark.parametrize("autocast", [False, True])
def test_a_change_below_half_a_step_of_bf16_is_not_lost(autocast: bool) -> None:
    """W + ΔW rounds to W then; Δy beside the layer's output does not. The control is the sum."""
    network, model, x = on("linear", FullDifference(train_bias=False), torch.float32 if autocast else torch.bfloat16)
    weight = model.get_parameter("block.layer.weight").detach().to(torch.bfloat16)
    change = weight.float() * 2**-10
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(change)
    assert torch.equal(weight + change.bfloat16(), weight)
    seen: list[Tensor] = []
    real = LayerShape.apply

    def apply(self: LayerShape, x: Tensor, given: Tensor, bias: Tensor | None = None) -> Tensor:
        seen.append(given)
        return real(self, x, given, bias)

    with pytest.MonkeyPatch.context() as patch, torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        patch.setattr(LayerShape, "apply", apply)
        model(x)
    assert len(seen) == 1 and seen[0].abs().max() < 2**-9
