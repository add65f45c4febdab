"""Changes of several networks go into a weight in one pass over a few rows at a time."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from kohya_like.networks import merging
from kohya_like.networks.algorithms.full import FullDifference
from kohya_like.networks.algorithms.loha import LoHa
from kohya_like.networks.algorithms.lora import LoRA
from kohya_like.networks.algorithms.oft import OFT
from kohya_like.networks.base import WeightDelta
from kohya_like.networks.layer import AdaptedLayer
from kohya_like.networks.merging import Change, NotFiniteError, add_change, change_of_weight, finite
from kohya_like.networks.network import Network
from tests.networks.tiny import OneLayer, one_layer, randomise, relative_error

FOUR = (LoRA(dim=3, conv_dim=2), OFT(dim=4, conv_dim=4), LoRA(dim=2, conv_dim=3), LoHa(dim=2, conv_dim=2))


def layers(model: OneLayer, *algorithms: WeightDelta) -> list[AdaptedLayer]:
    found = []
    for algorithm in algorithms:
        network = Network.create(algorithm, {"unet": model}, "sd1", seed=1)
        randomise(network)
        found += [adapter for adapter in network.adapters if isinstance(adapter, AdaptedLayer)]
    return found


@pytest.mark.parametrize("block", [1, 200, 1 << 20])
@pytest.mark.parametrize("cell", ["linear", "conv3x3"])
def test_several_networks_in_blocks(cell: str, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each ΔW as if the others were not there; the blocks' size makes no difference."""
    monkeypatch.setattr(merging, "_BLOCK_NUMBERS", block)
    model, _ = one_layer(cell)
    weight: Tensor = model.block.layer.weight.data  # type: ignore[union-attr, assignment]
    before = weight.clone()
    changes = [(adapter, 0.5 + i) for i, adapter in enumerate(layers(model, *FOUR))]
    wanted = before + sum(strength * adapter.delta() for adapter, strength in changes)
    change = change_of_weight(weight, changes)
    assert change.left is not None and change.left.shape[1] == 5  # the ranks of both LoRA
    assert torch.equal(weight, before)
    half = torch.empty_like(weight, dtype=torch.float16)
    add_change(weight, change, half)
    add_change(weight, change, weight)
    assert relative_error(weight, wanted) < 1e-6
    assert torch.equal(half, weight.half())


def test_a_strided_weight() -> None:
    """OpenCLIP's projection lies transposed in its file."""
    model, _ = one_layer("linear")
    adapters = layers(model, LoRA(dim=3))
    stored = torch.randn(10, 12)
    wanted = stored.t() + adapters[0].delta()
    add_change(stored.t(), change_of_weight(stored.t(), [(adapters[0], 1.0)]), stored.t())
    assert relative_error(stored.t(), wanted) < 1e-6


def test_merging_leaves_the_network_as_it_is() -> None:
    model, _ = one_layer("linear")
    (adapter,) = layers(model, FullDifference())
    before = {key: value.clone() for key, value in adapter.weights_by_key().items()}
    adapter.merge(3.0)
    adapter.merge(-0.5)
    assert all(torch.equal(before[key], value) for key, value in adapter.weights_by_key().items())


@pytest.mark.parametrize(("value", "rounded"), [(7e4, True), (float("nan"), False), (float("inf"), False)])
def test_numbers_that_do_not_fit(value: float, rounded: bool) -> None:
    weight, change = torch.ones(4, 3), torch.zeros(4, 3)
    change[2, 1] = value
    with pytest.raises(NotFiniteError) as caught:
        add_change(weight, Change(whole=change), torch.empty(4, 3, dtype=torch.float16), check=True)
    assert caught.value.rounded == rounded
    add_change(weight, Change(whole=torch.zeros(4, 3)), weight, check=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_finite(dtype: torch.dtype) -> None:
    tensor = torch.randn(70, 30).to(dtype)
    assert finite(tensor) and finite(tensor[:0])
    for bad in (float("nan"), float("inf"), float("-inf")):
        for place in (0, 1031, 2099):
            broken = tensor.clone()
            broken.view(-1)[place] = bad
            assert not finite(broken)
