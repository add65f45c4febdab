"""A network on one layer, for the tests of the variants."""

from __future__ import annotations

from typing import Any

import pytest
from torch import Tensor

from kohya_like.networks.base import WeightDelta
from kohya_like.networks.layer import AdaptedLayer
from kohya_like.networks.network import Network
from tests.networks.tiny import OneLayer, one_layer, randomise

CELLS = pytest.mark.parametrize("cell", ["linear", "conv1x1", "conv3x3"])
NAME = "lora_unet_block_layer"
CONVOLUTIONS: dict[str, Any] = {"conv_dim": 4, "conv_alpha": 2.0}


def made(algorithm: WeightDelta, cell: str = "linear", std: float = 0.3) -> tuple[Network, OneLayer, Tensor]:
    model, x = one_layer(cell)
    network = Network.create(algorithm, {"unet": model}, "sd1", seed=1)
    if std:
        randomise(network, std)
    return network, model, x


def only_layer(network: Network) -> AdaptedLayer:
    (layer,) = network.adapters
    assert isinstance(layer, AdaptedLayer)
    return layer


def weight_of(model: OneLayer) -> Tensor:
    weight = model.block.layer.weight
    assert isinstance(weight, Tensor)
    return weight.detach().clone()
