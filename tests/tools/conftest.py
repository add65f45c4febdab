"""The tiny models of the families' tests, and networks for them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from kohya_like.networks.base import NetworkAlgorithm
from kohya_like.networks.network import Network
from tests.families import conftest as of_families
from tests.families.conftest import TinyModel
from tests.networks.tiny import randomise

tiny_models = of_families.tiny_models


@pytest.fixture(params=["sd1", pytest.param("sd2", marks=pytest.mark.full), "sdxl"])
def tiny(request: pytest.FixtureRequest, tiny_models: dict[str, TinyModel]) -> TinyModel:
    """Each family; SD 2's layers are of SD 1's and SDXL's kinds, so that it waits for the long run."""
    return tiny_models[request.param]


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(1)


def network_tensors(model: TinyModel, algorithm: NetworkAlgorithm, std: float = 0.05) -> dict[str, Tensor]:
    """A network with random weights on all parts of the model."""
    parts = {name: module for name, module in model.parts.items() if name != "vae"}
    network = Network.create(algorithm, parts, model.family, seed=3)
    randomise(network, std)
    return network.tensors()


def network_file(
    path: Path, model: TinyModel, algorithm: NetworkAlgorithm, metadata: dict[str, str] | None = None, std: float = 0.05
) -> Path:
    save_file({name: value.clone() for name, value in network_tensors(model, algorithm, std).items()}, path, metadata)
    return path
