"""Hypernetworks between webui's .pt and the safetensors twin: the same nets both ways, nothing half written."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from kohya_like.cli import main
from kohya_like.formats.safetensors_header import read_safetensors_header
from kohya_like.networks.network import Network
from kohya_like.networks.reading import read_file
from kohya_like.schema.errors import UserError
from kohya_like.tools.convert import convert
from tests.formats import webui
from tests.formats.hypernetworks import Attention, inputs, net, trained, written

METADATA = {
    "ss_steps": "300", "ss_new_sd_model_hash": "0123456789", "ss_sd_model_name": "base.v1",
    "ss_training_comment": "a note",
}  # fmt: skip
OPTIONS: list[dict[str, Any]] = [
    {},
    {"activation": "mish", "layer_norm": True, "dropout": 0.3, "layer_structure": (1, 1.5, 2, 1)},
    {"activation": "prelu", "activate_output": True, "initialization": "xavier_normal"},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_pt_to_twin_to_pt_is_the_same_file(tmp_path: Path, options: dict[str, Any]) -> None:
    (tmp_path / "again").mkdir()
    pt, twin, again = tmp_path / "x.pt", tmp_path / "x.safetensors", tmp_path / "again" / "x.pt"
    network = trained(Attention(), **options)
    written(network, pt, METADATA)
    done = convert(pt, twin)
    assert (done.to, done.count, done.of) == ("same", 4, "nets")
    assert convert(twin, again).to == "a1111"
    assert again.read_bytes() == pt.read_bytes()
    unet, given = Attention(), inputs()
    read = Network.from_file(twin, {"unet": unet}, "sd1").eval()
    read.attach()
    assert torch.equal(unet(*given), Attention().by_hand(*given, [webui.Hypernetwork(pt)]))
    metadata = read_safetensors_header(twin).metadata
    assert {key: metadata[key] for key in METADATA} == METADATA and len(metadata["sshs_model_hash"]) == 64


def test_an_old_file_of_webui_becomes_todays(tmp_path: Path) -> None:
    """linear1 and linear2, lists, no header at all; the zip container that webui refuses becomes one that it takes."""
    torch.save({8: [net(8, old=True), net(8, old=True, fill=0.2)], 12: (net(12), net(12))}, tmp_path / "old.pt")
    with pytest.raises(webui.Refused):
        webui.Hypernetwork(tmp_path / "old.pt")
    convert(tmp_path / "old.pt", tmp_path / "new.pt")
    theirs = webui.Hypernetwork(tmp_path / "new.pt")
    assert theirs.layers.keys() == {8, 12} and theirs.header["layer_structure"] == [1.0, 2.0, 1.0]
    old, new = read_file(tmp_path / "old.pt"), read_file(tmp_path / "new.pt")
    assert old.keys() == new.keys() and all(torch.equal(new[key], value) for key, value in old.items())


def test_number_type_leaves_the_marks_alone(tmp_path: Path) -> None:
    written(trained(Attention(), activation="relu", dropout=0.3), tmp_path / "x.pt")
    convert(tmp_path / "x.pt", tmp_path / "half.pt", dtype=torch.float16)
    header = webui.Hypernetwork(tmp_path / "half.pt").header
    assert header["activation_func"] == "relu" and header["dropout_structure"] == pytest.approx([0, 0.3, 0])
    kinds = {value.dtype for value in read_file(tmp_path / "half.pt").values() if value.ndim}
    assert kinds == {torch.float16}


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pt, twin = written(trained(Attention()), tmp_path / "x.pt"), tmp_path / "x.safetensors"
    assert main(["convert", str(pt), "--out", str(twin)]) == 0
    assert capsys.readouterr().out == f"{twin}: 4 nets, same\n"
    assert main(["convert", str(twin), "--to", "a1111", "--out", str(tmp_path / "y.pt"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["to"] == "a1111" and webui.Hypernetwork(tmp_path / "y.pt").name == "y"


class Code:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch ran",)


def test_what_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    twin = tmp_path / "x.safetensors"
    convert(written(trained(Attention(), activation="relu"), tmp_path / "x.pt"), twin)
    good = load_file(twin)

    def refused(path: Path, said: str, *more: str, out: str = "out.pt") -> None:
        before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
        assert main(["convert", str(path), "--out", out, *more]) == 1
        error = capsys.readouterr().err
        assert said in error and error.startswith("error: ") and "Traceback" not in error
        assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before

    def changed(tensors: dict[str, torch.Tensor]) -> Path:
        save_file(tensors, tmp_path / "changed.safetensors")
        return tmp_path / "changed.safetensors"

    refused(twin, "cannot become kohya", "--to", "kohya")
    refused(twin, "files are written as .pt", "--to", "a1111", out="out.safetensors")
    refused(twin, "files are written as .safetensors", out="out.ckpt")
    refused(twin, "already exists", out="x.pt")
    refused(twin, "is the file that is read", "--force", out="x.safetensors")
    odd = {k.replace("activation.relu", "activation.wobble"): v for k, v in good.items()}
    refused(changed(odd), "activation 'wobble', which is unknown; known: linear, relu")
    key = "hypernetwork_8_k.linear.0.weight"
    refused(changed(good | {key: torch.full_like(good[key], torch.nan)}), f"{key} holds a number that is not finite")
    refused(changed({k: v for k, v in good.items() if "_8_v" not in k}), "the nets of width 8 are not whole")
    refused(changed(good | {"lora_unet_x.lora_up.weight": torch.ones(1, 1)}), "lora_unet_x is")
    torch.save({8: (net(12), net(12))}, tmp_path / "wide.pt")
    refused(tmp_path / "wide.pt", "its header asks for (16, 8)", out="out.safetensors")
    torch.save({8: (net(8), net(8)), "optional_info": Code()}, tmp_path / "evil.pt")
    refused(tmp_path / "evil.pt", "system", out="out.safetensors")
    (tmp_path / "cut.pt").write_bytes((tmp_path / "x.pt").read_bytes()[:-30])
    refused(tmp_path / "cut.pt", "is truncated", out="out.safetensors")


def test_other_networks_have_no_pt_of_webui(tmp_path: Path) -> None:
    save_file({"lora_unet_conv_in.lora_down.weight": torch.ones(2, 4, 3, 3),
               "lora_unet_conv_in.lora_up.weight": torch.ones(8, 2, 1, 1)}, tmp_path / "x.safetensors")  # fmt: skip
    with pytest.raises(UserError, match="cannot become a1111"):
        convert(tmp_path / "x.safetensors", tmp_path / "x.pt", "a1111")
    with pytest.raises(UserError, match=r"files are written as \.safetensors"):
        convert(tmp_path / "x.safetensors", tmp_path / "x.pt", "kohya")
