"""The hypernetwork files we write: loaded by webui's rules, with the same effect; equal for equal content; atomic."""

from __future__ import annotations

import errno
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from kohya_like.formats.a1111 import residual_name, save_hypernetwork
from kohya_like.formats.headers import identify
from kohya_like.formats.tensors import open_tensors, save_safetensors
from kohya_like.networks.network import Network
from kohya_like.networks.reading import read_file
from kohya_like.schema.errors import FormatError, UserError
from tests.formats import webui
from tests.formats.hypernetworks import WIDTHS, Attention, inputs, net, trained, written
from tests.networks.tiny import randomise

METADATA = {
    "ss_steps": "300", "ss_output_name": "ghost", "ss_new_sd_model_hash": "0123456789abcdef" * 4,
    "ss_sd_model_name": "base.v1.safetensors", "ss_training_comment": "a note",
}  # fmt: skip


OPTIONS: list[dict[str, Any]] = [
    {},
    {"activation": "relu"},
    {"activation": "swish", "activate_output": True},
    {"activation": "tanh", "layer_norm": True, "dropout": 0.2},
    {"layer_structure": (1, 1.5, 2, 1), "activation": "mish", "dropout_structure": (0, 0.1, 0.3, 0)},
    {"layer_structure": (1, 1), "activation": "prelu", "activate_output": True, "layer_norm": True},
    {"layer_structure": (1, 1.3, 1), "activation": "sigmoid", "activate_output": True, "initialization": "normal"},
    {"sizes": (12,), "initialization": "kaiming_uniform", "activation": "leakyrelu"},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_webui_loads_our_file_and_computes_the_same(tmp_path: Path, options: dict[str, Any]) -> None:
    """4.5 safe loader, 4.1 fields and defaults, 4.2 net and its keys, 4.3 where it is applied; ours read it as well."""
    unet, given = Attention(), inputs()
    before, network = unet(*given), trained(unet, **options)
    theirs = webui.Hypernetwork(written(network, tmp_path / "ghost.pt", METADATA))
    assert set(theirs.layers) == set(options.get("sizes", WIDTHS))
    for strength in (1.0, 0.6):
        theirs.set_multiplier(strength)
        wanted = unet.by_hand(*given, [theirs])
        network.set_multiplier(strength)
        network.attach()
        assert torch.equal(unet(*given), wanted) and not torch.equal(wanted, before)
        network.detach()
    read = Network.from_file(tmp_path / "ghost.pt", {"unet": unet}, "sd1").eval()
    read.set_multiplier(0.6)
    read.attach()
    assert torch.equal(unet(*given), wanted)
    assert read.algorithm.constants() == pytest.approx(network.algorithm.constants())


def test_the_fields_are_webuis(tmp_path: Path) -> None:
    network = trained(Attention(), layer_structure=(1, 1.5, 2, 1), activation="mish", dropout=0.1, layer_norm=True)
    header = webui.Hypernetwork(written(network, tmp_path / "ghost-000002.pt", METADATA)).header
    assert {key: value for key, value in header.items() if type(key) is str} == {
        "step": 300, "name": "ghost-000002", "layer_structure": [1.0, 1.5, 2.0, 1.0], "activation_func": "mish",
        "is_layer_norm": True, "weight_initialization": "Normal", "sd_checkpoint": "0123456789",
        "sd_checkpoint_name": "base.v1", "activate_output": False, "use_dropout": True,
        "dropout_structure": pytest.approx([0.0, 0.1, 0.1, 0.0]), "last_layer_dropout": True, "optional_info": "a note",
    }  # fmt: skip
    assert all(type(pair) is tuple for width, pair in header.items() if type(width) is int)
    bare = webui.Hypernetwork(written(trained(Attention(), initialization="xavier_uniform"), tmp_path / "b.pt")).header
    assert bare["sd_checkpoint"] is bare["sd_checkpoint_name"] is bare["optional_info"] is None
    assert bare["weight_initialization"] == "XavierUniform" and not bare["use_dropout"] and bare["step"] == 0


def test_control_todays_torch_save_is_refused(tmp_path: Path) -> None:
    path = written(trained(Attention()), tmp_path / "ours.pt")
    value = torch.load(path, weights_only=True)
    torch.save(value, tmp_path / "zip.pt")
    with pytest.raises(webui.Refused, match="bad file inside"):
        webui.Hypernetwork(tmp_path / "zip.pt")
    torch.save(value, tmp_path / "legacy.pt", _use_new_zipfile_serialization=False)
    assert webui.Hypernetwork(tmp_path / "legacy.pt").layers.keys() == webui.Hypernetwork(path).layers.keys()
    assert read_file(tmp_path / "zip.pt").keys() == read_file(path).keys(), "here both are read"
    forbidden = value | {"activation_func": nn.ReLU}
    torch.save(forbidden, tmp_path / "class.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(webui.Refused, match=r"global torch\.nn\.modules.activation ReLU is forbidden"):
        webui.Hypernetwork(tmp_path / "class.pt")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_equal_content_is_an_equal_file(tmp_path: Path, dtype: torch.dtype) -> None:
    tensors = trained(Attention()).tensors(dtype)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        save_hypernetwork(tmp_path / name / "x.pt", {k: v.clone() for k, v in tensors.items()}, METADATA, False)
    assert (tmp_path / "a/x.pt").read_bytes() == (tmp_path / "b/x.pt").read_bytes()
    found = torch.load(tmp_path / "a/x.pt", weights_only=True)
    assert torch.equal(found[8][1]["linear.1.weight"], tensors["hypernetwork_8_v.linear.1.weight"])
    assert webui.Hypernetwork(tmp_path / "a/x.pt").step == 300


def test_several_chain_in_their_order_and_a_lora_sees_what_they_make(tmp_path: Path) -> None:
    from kohya_like.networks.algorithms.lora import LoRA

    unet, given = Attention(), inputs()
    first, second = trained(unet, 1, activation="relu"), trained(unet, 2, activation="tanh")
    theirs = [webui.Hypernetwork(written(network, tmp_path / f"{i}.pt")) for i, network in enumerate((first, second))]
    lora = Network.create(LoRA(dim=2, targets=("unet.*",)), {"unet": unet}, "sd1")
    for network in (first, lora, second):
        network.attach()
    assert torch.equal(unet(*given), Attention().by_hand(*given, theirs))
    assert not torch.equal(unet(*given), Attention().by_hand(*given, theirs[::-1]))
    randomise(lora, 0.3)
    found = unet(*given)
    lora.detach()
    lora.attach()
    assert torch.equal(unet(*given), found), "the LoRA reads x' wherever it stands in the row"
    first.detach()
    lora.detach()
    second.detach()
    assert torch.equal(unet(*given), Attention()(*given))


def test_a_twin_and_a_pt_are_one_thing(tmp_path: Path) -> None:
    network = trained(Attention(), activation="relu", dropout=0.3, layer_norm=True)
    about = {**METADATA, **network.algorithm.metadata()}
    save_safetensors(tmp_path / "ghost.safetensors", network.tensors(), about)
    save_hypernetwork(tmp_path / "ghost.pt", network.tensors(), about, False)
    twin, pt = read_file(tmp_path / "ghost.safetensors"), read_file(tmp_path / "ghost.pt")
    assert twin.keys() == pt.keys() and all(torch.equal(twin[key], pt[key]) for key in twin)
    (tmp_path / "again").mkdir()
    with open_tensors(tmp_path / "ghost.safetensors") as file:
        save_hypernetwork(tmp_path / "again/ghost.pt", twin, file.metadata, False)
    assert (tmp_path / "again/ghost.pt").read_bytes() == (tmp_path / "ghost.pt").read_bytes()
    with open_tensors(tmp_path / "ghost.pt") as file:
        assert file.metadata["ss_steps"] == "300" and file.metadata["ss_sd_model_name"] == "base.v1"
    facts = [identify(tmp_path / name) for name in ("ghost.safetensors", "ghost.pt")]
    assert [f.kind for f in facts] == ["hypernetwork"] * 2 and facts[0].details["widths"] == [8, 12]


@pytest.mark.parametrize(
    ("tensors", "sentence"),
    [
        ({"lora_unet_x.lora_down.weight": torch.ones(1, 1)}, "is no tensor of a hypernetwork"),
        ({f"hypernetwork_8_k.{key}": value for key, value in net(8).items()}, "the nets of width 8 are not whole"),
        ({"hypernetwork_8_k.linear.0.bias": torch.ones(1), "hypernetwork_8_v.linear.0.bias": torch.ones(1)},
         "without layers"),
    ],
)  # fmt: skip
def test_what_webuis_file_cannot_hold_is_not_written(tmp_path: Path, tensors: dict[str, Tensor], sentence: str) -> None:
    with pytest.raises(FormatError, match=sentence):
        save_hypernetwork(tmp_path / "x.pt", tensors, {}, False)
    assert list(tmp_path.iterdir()) == []


def test_nets_of_different_make_are_not_written(tmp_path: Path) -> None:
    unet = Attention()
    one, other = trained(unet, sizes=(8,)), trained(unet, sizes=(12,), activation="relu")
    with pytest.raises(FormatError, match="different activations, normalisations or dropouts"):
        save_hypernetwork(tmp_path / "x.pt", one.tensors() | other.tensors(), {}, False)
    other = trained(unet, sizes=(12,), layer_structure=(1, 3, 1))
    with pytest.raises(FormatError, match="another layer structure for each width"):
        save_hypernetwork(tmp_path / "x.pt", one.tensors() | other.tensors(), {}, False)


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = trained(Attention())
    path = written(network, tmp_path / "x.pt")
    before = path.read_bytes()
    with pytest.raises(UserError, match="already exists"):
        written(network, path)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pickle, "dump", full)
    with pytest.raises(OSError, match="No space left"):
        save_hypernetwork(path, network.tensors(), {}, True)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_names() -> None:
    assert residual_name(768, "k") == "hypernetwork_768_k"
