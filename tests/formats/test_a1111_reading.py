"""Hypernetwork files of webui and others are read by its rules; what is wrong with one is told in a sentence."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch

from kohya_like.formats.headers import identify
from kohya_like.networks.algorithms.hypernetwork import Hypernetwork
from kohya_like.networks.network import Network
from kohya_like.schema.errors import FormatError
from tests.formats import webui
from tests.formats.hypernetworks import Attention, inputs, net, trained, written


@pytest.mark.parametrize("legacy", [True, False], ids=["legacy", "zip"])
@pytest.mark.parametrize("kind", [tuple, list])
def test_old_files_with_nothing_but_nets(tmp_path: Path, legacy: bool, kind: type) -> None:
    """linear1/linear2, no header: webui's defaults ([1, 2, 1], no activation); the extension does not matter."""
    small, large = (net(8, old=True), net(8, old=True, fill=0.2)), (net(12), net(12))
    value: dict[object, object] = {8: kind(small), 12: kind(large)}
    path = tmp_path / "old.safetensors"
    torch.save(value, path, _use_new_zipfile_serialization=not legacy)
    unet, given = Attention(), inputs()
    network = Network.from_file(path, {"unet": unet}, "sd1")
    network.attach()
    found = unet(*given)
    torch.save(value, tmp_path / "legacy.pt", _use_new_zipfile_serialization=False)
    assert torch.equal(found, Attention().by_hand(*given, [webui.Hypernetwork(tmp_path / "legacy.pt")]))


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ({"use_dropout": True}, (0.0, 0.0, 0.0)),
        ({"use_dropout": True, "last_layer_dropout": True}, (0.0, 0.3, 0.0)),
        ({"use_dropout": False, "last_layer_dropout": True}, (0.0, 0.0, 0.0)),
        ({"dropout_structure": [0, 0.05, 0]}, (0.0, 0.05, 0.0)),
    ],
)
def test_dropout_of_old_files(tmp_path: Path, header: dict[str, Any], wanted: tuple[float, ...]) -> None:
    nets = net(8)
    if wanted[1]:  # a dropout takes the place between the layers
        nets = OrderedDict((key.replace("linear.1", "linear.2"), value) for key, value in nets.items())
    value: dict[Any, Any] = {8: (nets, nets), **header}
    torch.save(value, tmp_path / "x.pt", _use_new_zipfile_serialization=False)
    webui.Hypernetwork(tmp_path / "x.pt")
    algorithm = Network.from_file(tmp_path / "x.pt", {"unet": Attention()}, "sd1").algorithm
    assert isinstance(algorithm, Hypernetwork) and algorithm.dropout_structure == pytest.approx(wanted)


def test_activate_output_is_on_in_files_that_do_not_say(tmp_path: Path) -> None:
    relu = OrderedDict((key.replace("linear.1", "linear.2"), value) for key, value in net(8).items())
    torch.save({8: (relu, relu), "activation_func": "relu"}, tmp_path / "x.pt", _use_new_zipfile_serialization=False)
    algorithm = Network.from_file(tmp_path / "x.pt", {"unet": Attention()}, "sd1").algorithm
    assert isinstance(algorithm, Hypernetwork) and algorithm.activate_output and algorithm.activation == "relu"


def test_nets_for_other_widths_do_nothing_beside_those_of_the_prompt(tmp_path: Path) -> None:
    """webui passes over them; a file without the prompt's width is for another family and refused."""
    torch.save({1024: (net(1024),) * 2, 12: (net(12),) * 2}, tmp_path / "spare.pt")
    assert list(Network.from_file(tmp_path / "spare.pt", {"unet": Attention()}, "sd1").layers) == [
        "hypernetwork_12_k", "hypernetwork_12_v",
    ]  # fmt: skip
    torch.save({1024: (net(1024),) * 2, 8: (net(8),) * 2}, tmp_path / "sd2.pt")
    with pytest.raises(FormatError, match="for contexts of width 1024; this model's attention reads 8, 12") as error:
        Network.from_file(tmp_path / "sd2.pt", {"unet": Attention()}, "sd1")
    assert error.value.hint == "it was made for SD2"
    assert identify(tmp_path / "sd2.pt").family == "sd2"


class Code:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, ("true",)


GOOD = {8: (net(8), net(8))}
WIDE = {8: (net(12), net(12))}
BROKEN = net(8) | {"linear.0.bias": torch.full((16,), float("nan"))}
BAD: list[tuple[dict[Any, Any], str]] = [
    (GOOD | {"activation_func": 7}, "its activation_func is no name: '7'"),
    (GOOD | {"activation_func": "relu"}, "hypernetwork_8_k lacks linear.2.bias, which its header asks for"),
    (GOOD | {"layer_structure": [1, 3, 1]}, r"linear.0.weight has shape \(16, 8\), its header asks for \(24, 8\)"),
    (GOOD | {"layer_structure": [1, 2, 2, 1]}, "lacks linear.2.bias"),
    (GOOD | {"layer_structure": [1, 2]}, r"its layer_structure \[1.0, 2.0\] does not begin and end with 1"),
    (GOOD | {"layer_structure": "1,2,1"}, "its layer_structure is no list of numbers"),
    (GOOD | {"dropout_structure": [0, 0.3]}, "its dropout_structure .* does not fit its layer_structure"),
    (GOOD | {"dropout_structure": [0, 1.5, 0]}, "its dropout_structure .* does not fit its layer_structure"),
    (GOOD | {"skip_connection": True}, r"an extension of webui \(skip_connection\) that works differently"),
    (WIDE, r"linear.0.weight has shape \(24, 12\), its header asks for \(16, 8\)"),
    ({8: (net(8),)}, "has no pair of nets for width 8"),
    ({8: (net(8), 3)}, "hypernetwork_8_v is no table of tensors"),
    ({8: (net(8), {"linear.0.weight": "x"})}, "holds 'linear.0.weight', which is no tensor"),
    ({8: (net(8), net(8) | {"more.weight": torch.ones(1)})}, "holds more.weight, for which its header has no layer"),
    ({8: (net(8), BROKEN)}, "NaN or infinity"),
    (GOOD | {"optional_info": Code()}, "system"),
]


@pytest.mark.parametrize(("value", "sentence"), BAD, ids=lambda x: x[:30] if isinstance(x, str) else "")
def test_bad_files_are_told_in_a_sentence(tmp_path: Path, value: dict[Any, Any], sentence: str) -> None:
    path = tmp_path / "bad.pt"
    torch.save(value, path, _use_new_zipfile_serialization=False)
    with pytest.raises(FormatError, match=sentence) as error:
        Network.from_file(path, {"unet": Attention()}, "sd1")
    assert str(path) in error.value.text


def test_an_unknown_activation_lists_the_known(tmp_path: Path) -> None:
    moved = OrderedDict((key.replace("linear.1", "linear.2"), value) for key, value in net(8).items())
    value = {8: (moved, moved), "activation_func": "wobble", "activate_output": False}
    torch.save(value, tmp_path / "x.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(FormatError, match="activation 'wobble', which is unknown; known: linear, relu, leakyrelu"):
        Network.from_file(tmp_path / "x.pt", {"unet": Attention()}, "sd1")
    with pytest.raises(webui.Refused, match="unsupported activation function: wobble"):
        webui.Hypernetwork(tmp_path / "x.pt")


def test_truncated_anywhere_is_a_sentence(tmp_path: Path) -> None:
    whole = written(trained(Attention()), tmp_path / "whole.pt").read_bytes()
    for length in (0, 1, 20, 200, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.pt").write_bytes(whole[:length])
        with pytest.raises(FormatError):
            Network.from_file(tmp_path / "cut.pt", {"unet": Attention()}, "sd1")
