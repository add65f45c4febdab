"""Every activation, structure, normalisation and dropout: webui's rules load our file, and both compute the same.

One pass over all activations by default, each with another of the other options; the whole product in the long run.
"""

from __future__ import annotations

import itertools
import warnings
from pathlib import Path
from typing import Any, get_args

import pytest
import torch

from kohya_like.networks.activations import Activation
from kohya_like.networks.network import Network
from kohya_like.tools.convert import convert
from tests.formats import webui
from tests.formats.hypernetworks import Attention, inputs, trained, written
from tests.networks.tiny import relative_error

STRUCTURES = ((1.0, 1.0), (1.0, 2.0, 1.0), (1.0, 1.5, 2.0, 1.0), (1.0, 0.5, 3.0, 0.5, 1.0))
ACTIVATIONS = get_args(Activation)
OPTIONS = list(itertools.product(STRUCTURES, (False, True), (False, True), (0.0, 0.3)))


def options(activation: str, number: int) -> dict[str, Any]:
    structure, norm, output, dropout = OPTIONS[number % len(OPTIONS)]
    return {
        "activation": activation, "layer_structure": structure, "layer_norm": norm, "activate_output": output,
        "dropout": dropout, "initialization": "kaiming_normal",
    }  # fmt: skip


def compare(tmp_path: Path, chosen: dict[str, Any], twin: bool) -> None:
    unet, given = Attention(), inputs()
    before, network = unet(*given), trained(unet, **chosen)
    path = written(network, tmp_path / "x.pt")
    theirs = webui.Hypernetwork(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a softmax without its axis
        wanted = unet.by_hand(*given, [theirs])
    if twin:
        path = convert(path, tmp_path / "x.safetensors").out
    read = Network.from_file(path, {"unet": unet}, "sd1").eval()
    read.attach()
    assert relative_error(unet(*given), wanted) <= 1e-6, chosen
    assert not torch.equal(wanted, before), chosen
    drops = theirs.header["dropout_structure"]
    assert len(drops) == len(chosen["layer_structure"]) and any(drops) == (
        chosen["dropout"] > 0 and len(chosen["layer_structure"]) > 2
    )
    for file in tmp_path.iterdir():
        file.unlink()


def test_every_activation_with_other_options_in_turn(tmp_path: Path) -> None:
    for number, activation in enumerate(ACTIVATIONS):
        compare(tmp_path, options(activation, 7 * number + 3), twin=bool(number % 2))


@pytest.mark.full
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_whole_product(tmp_path: Path, activation: str) -> None:
    for number in range(len(OPTIONS)):
        compare(tmp_path, options(activation, number), twin=bool(number % 2))


def test_control_the_order_of_the_layers_matters(tmp_path: Path) -> None:
    """The same tensors under a header with another activation are refused or compute something else."""
    unet, given = Attention(), inputs()
    network = trained(unet, activation="tanh")
    path = written(network, tmp_path / "x.pt")
    value = torch.load(path, weights_only=True)
    torch.save(value | {"activation_func": "relu"}, tmp_path / "relu.pt", _use_new_zipfile_serialization=False)
    one, other = (unet.by_hand(*given, [webui.Hypernetwork(p)]) for p in (path, tmp_path / "relu.pt"))
    assert relative_error(one, other) > 1e-3
    torch.save(value | {"activation_func": None}, tmp_path / "none.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(webui.Refused):
        webui.Hypernetwork(tmp_path / "none.pt")
