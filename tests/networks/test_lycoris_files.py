"""What a LyCORIS module saves has the same effect here, and what is saved here has the same effect in LyCORIS."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
import torch
from torch import Tensor

from kohya_like.networks.base import WeightDelta
from kohya_like.networks.network import Network
from kohya_like.schema.registry import plugins
from tests.networks.tiny import OneLayer, one_layer, randomise, relative_error

pytest.importorskip("lycoris")
pytestmark = pytest.mark.quick

LIMIT = 1e-5
NAME = "lora_unet_block_layer"
RANK: dict[str, Any] = {"lora_dim": 4, "alpha": 2.0}
OURS: dict[str, Any] = {"dim": 4, "alpha": 2.0, "conv_dim": 4, "conv_alpha": 2.0}
LAYERS = ("linear", "conv1x1", "conv3x3")

# algorithm here, its options, LyCORIS' module, its options, cells
KINDS: list[tuple[str, dict[str, Any], str, dict[str, Any], tuple[str, ...]]] = [
    ("locon", OURS, "locon.LoConModule", RANK, LAYERS),
    ("locon", {**OURS, "use_tucker": True}, "locon.LoConModule", {**RANK, "use_tucker": True}, LAYERS),
    ("loha", OURS, "loha.LohaModule", RANK, LAYERS),
    ("loha", {**OURS, "use_tucker": True}, "loha.LohaModule", {**RANK, "use_tucker": True}, LAYERS),
    ("lokr", OURS, "lokr.LokrModule", RANK, LAYERS),
    ("lokr", {**OURS, "dim": 1, "conv_dim": 1}, "lokr.LokrModule", {**RANK, "lora_dim": 1}, LAYERS),
    ("lokr", {**OURS, "factor": 2, "dim": 1, "conv_dim": 1, "use_tucker": True}, "lokr.LokrModule",
     {**RANK, "lora_dim": 1, "factor": 2, "use_tucker": True}, LAYERS),
    ("lokr", {**OURS, "dim": 1, "conv_dim": 1, "decompose_both": True}, "lokr.LokrModule",
     {**RANK, "lora_dim": 1, "decompose_both": True}, LAYERS),
    ("lokr", {**OURS, "full_matrix": True}, "lokr.LokrModule", {**RANK, "full_matrix": True}, LAYERS),
    ("glora", OURS, "glora.GLoRAModule", RANK, LAYERS),
    ("ia3", {"convolutions": True}, "ia3.IA3Module", {}, LAYERS),
    ("ia3", {"convolutions": True, "on_input": "all"}, "ia3.IA3Module", {"train_on_input": True}, LAYERS),
    ("full", {"convolutions": True}, "full.FullModule", {}, LAYERS),
    ("norms", {}, "norms.NormModule", {}, ("layernorm", "groupnorm")),
]  # fmt: skip
CASES = [(kind[:4], cell) for kind in KINDS for cell in kind[4]]
every_case = pytest.mark.parametrize(
    ("kind", "cell"), CASES, ids=[f"{k[0]}{'-'.join(map(str, k[3]))}-{cell}" for k, cell in CASES]
)
Kind = tuple[str, dict[str, Any], str, dict[str, Any]]


def their_module(kind: Kind, model: OneLayer) -> Any:
    file, _, name = kind[2].partition(".")
    return getattr(importlib.import_module(f"lycoris.modules.{file}"), name)(NAME, model.block.layer, **kind[3])


def our_algorithm(kind: Kind) -> WeightDelta:
    made = plugins("algorithm")[kind[0]](**kind[1])  # type: ignore[operator]
    assert isinstance(made, WeightDelta)
    return made


def effect(theirs: Any, model: OneLayer, x: Tensor) -> Tensor:
    theirs.apply_to()
    found = model(x).detach()
    return found


@every_case
def test_their_file_here(kind: Kind, cell: str) -> None:
    model, x = one_layer(cell)
    before = model(x)
    again, _ = one_layer(cell)
    theirs = their_module(kind, again)
    randomise(theirs, 0.2)
    wanted = effect(theirs, again, x)
    saved = {f"{NAME}.{key}": value.detach().clone() for key, value in theirs.state_dict().items()}
    network = Network.from_tensors(saved, {"unet": model}, "sd1").eval()
    network.attach()
    assert relative_error(model(x), wanted) < LIMIT
    assert relative_error(wanted, before) > 1e-2
    ours = network.tensors()
    assert ours.keys() == saved.keys()
    assert all(value.shape == ours[key].shape for key, value in saved.items())
    assert all(value.dtype == ours[key].dtype for key, value in saved.items() if not value.is_floating_point())


@every_case
def test_our_file_there(kind: Kind, cell: str) -> None:
    model, x = one_layer(cell)
    again, _ = one_layer(cell)
    network = Network.create(our_algorithm(kind), {"unet": model}, "sd1", seed=1)
    randomise(network, 0.2)
    tensors = {key.removeprefix(f"{NAME}."): value.clone() for key, value in network.tensors().items()}
    network.attach()
    wanted = model(x)
    theirs = their_module(kind, again)
    found = theirs.load_state_dict(tensors, strict=False)
    assert not found.unexpected_keys
    assert set(found.missing_keys) <= {"scalar", "dtype_tensor", "weight", "bias"}
    assert relative_error(effect(theirs, again, x), wanted) < LIMIT
    assert not torch.equal(wanted, one_layer(cell)[0](x))
