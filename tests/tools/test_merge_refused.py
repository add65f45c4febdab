"""What a merge refuses, and that what stood there before is whole afterwards."""

from __future__ import annotations

import errno
import os
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from kohya_like.networks.algorithms.hypernetwork import Hypernetwork
from kohya_like.networks.algorithms.lora import LoRA
from kohya_like.networks.algorithms.oft import OFT
from kohya_like.schema.errors import FormatError, UserError
from kohya_like.tools.merge import Ingredient, merge
from tests.families.conftest import TinyModel
from tests.tools.conftest import network_file

LORA = LoRA(dim=2, alpha=2.0)


@pytest.fixture
def sd1(tiny_models: dict[str, TinyModel]) -> TinyModel:
    return tiny_models["sd1"]


@pytest.fixture
def network(sd1: TinyModel, tmp_path: Path) -> Path:
    return network_file(tmp_path / "n.safetensors", sd1, LORA)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder of its own, so that a file left over would be seen."""
    (tmp_path / "results").mkdir()
    return tmp_path / "results" / "out.safetensors"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def assert_refused(base: Path, network: Ingredient, out: Path, text: str, force: bool = False) -> str:
    before = contents(out.parent)
    with pytest.raises(UserError, match=text) as error:
        merge(base, [network], out, force=force)
    assert contents(out.parent) == before
    return str(error.value)


def changed(network: Path, change: dict[str, torch.Tensor | None]) -> Path:
    tensors = load_file(network)
    for name, value in change.items():
        tensors.pop(name, None)
        if value is not None:
            tensors[name] = value
    save_file(tensors, network)
    return network


def first_key(network: Path, end: str) -> str:
    return next(key for key in load_file(network) if key.endswith(end))


def test_of_another_family(tiny_models: dict[str, TinyModel], sd1: TinyModel, tmp_path: Path, out: Path) -> None:
    theirs = network_file(tmp_path / "xl.safetensors", tiny_models["sdxl"], LORA)
    said = "is a network for Stable Diffusion XL, and model.safetensors is a Stable Diffusion 1.x model"
    assert_refused(sd1.file, Ingredient(theirs), out, said)


def test_keys_that_are_missing_foreign_or_mixed(sd1: TinyModel, network: Path, out: Path) -> None:
    up = first_key(network, "lora_up.weight")
    module = up.partition(".")[0]
    changed(network, {up: None, "lora_unet_no_such_layer.lora_down.weight": torch.ones(2, 3)})
    said = assert_refused(sd1.file, Ingredient(network), out, r"n.safetensors.*2 faults")
    assert module in said and "lora_unet_no_such_layer" in said


def test_a_layer_the_model_lacks(sd1: TinyModel, network: Path, out: Path) -> None:
    ones = {f"lora_unet_other.lora_{end}.weight": torch.ones(2, 2) for end in ("up", "down")}
    said = assert_refused(sd1.file, Ingredient(changed(network, {**ones})), out, "does not fit the model")
    assert "lora_unet_other is no layer of this sd1 model" in said


def test_shapes_that_do_not_fit(sd1: TinyModel, network: Path, out: Path) -> None:
    key = first_key(network, "lora_up.weight")
    said = assert_refused(sd1.file, Ingredient(changed(network, {key: torch.ones(3, 2)})), out, "does not fit")
    assert key in said and "(3, 2)" in said


def test_numbers_that_are_not_finite(sd1: TinyModel, network: Path, out: Path, tmp_path: Path) -> None:
    key = first_key(network, "lora_up.weight")
    broken = load_file(network)[key]
    broken[0] = torch.nan
    good = network.read_bytes()
    assert_refused(
        sd1.file, Ingredient(changed(network, {key: broken})), out, f"{key} holds a number that is not finite"
    )
    network.write_bytes(good)
    name = "model.diffusion_model.middle_block.1.proj_in.weight"
    whole = load_file(sd1.file)
    whole[name][0] = torch.inf
    save_file(whole, tmp_path / "base.safetensors")
    assert_refused(tmp_path / "base.safetensors", Ingredient(network), out, f"infinite numbers in {name}")
    merge(sd1.file, [Ingredient(network)], out)  # the control


def test_a_truncated_file(sd1: TinyModel, network: Path, out: Path) -> None:
    network.write_bytes(network.read_bytes()[:-100])
    assert_refused(sd1.file, Ingredient(network), out, "is truncated")


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch ran",)


def test_a_pickle_with_code(sd1: TinyModel, tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"lora_unet_x.lora_up.weight": torch.ones(2), "evil": Evil()}, tmp_path / "evil.pt")
    assert zipfile.is_zipfile(tmp_path / "evil.pt")
    assert_refused(sd1.file, Ingredient(tmp_path / "evil.pt"), out, "system")
    assert not (tmp_path / "ran").exists()


def test_what_cannot_be_taken_out_again(sd1: TinyModel, tmp_path: Path, out: Path) -> None:
    oft = network_file(tmp_path / "oft.safetensors", sd1, OFT(dim=4))
    said = "cannot be taken out of a model again: the change depends on the weight"
    assert_refused(sd1.file, Ingredient(oft, -1.0), out, said)
    merge(sd1.file, [Ingredient(oft, 1.0)], out)


def test_what_cannot_be_merged(sd1: TinyModel, tmp_path: Path, out: Path) -> None:
    algorithm = Hypernetwork()
    network = network_file(tmp_path / "h.safetensors", sd1, algorithm)
    assert_refused(sd1.file, Ingredient(network), out, "cannot be merged: ")


def test_nothing_to_do(sd1: TinyModel, network: Path, out: Path) -> None:
    assert_refused(sd1.file, Ingredient(network, 0.0), out, "all multipliers are 0")
    with pytest.raises(UserError, match="at least one network"):
        merge(sd1.file, [], out)


def test_a_network_in_place_of_the_base(sd1: TinyModel, network: Path, out: Path) -> None:
    assert_refused(network, Ingredient(network), out, "this is a LoRA, not a base model")


def test_where_something_stands(sd1: TinyModel, network: Path, out: Path) -> None:
    out.write_bytes(b"precious")
    assert_refused(sd1.file, Ingredient(network), out, "already exists")
    assert_refused(sd1.file, Ingredient(network), out.parent, "is no name for the result")
    merge(sd1.file, [Ingredient(network)], out, force=True)
    assert load_file(out).keys() == load_file(sd1.file).keys()


def test_over_an_input(sd1: TinyModel, network: Path, out: Path, tmp_path: Path) -> None:
    base = tmp_path / "base.safetensors"
    base.write_bytes(sd1.file.read_bytes())
    before = base.read_bytes()
    assert_refused(base, Ingredient(network), base, "is the file that is read", force=True)
    out.symlink_to(base)
    assert_refused(base, Ingredient(network), out, "is the file that is read", force=True)
    assert_refused(base, Ingredient(network), network, "is the file that is read", force=True)
    assert base.read_bytes() == before


def test_no_such_folder(sd1: TinyModel, network: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing can be written there"):
        merge(sd1.file, [Ingredient(network)], tmp_path / "no" / "out.safetensors")


def test_a_folder_is_never_replaced(sd1: TinyModel, network: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(UserError, match="a folder is never replaced"):
        merge(sd1.folder, [Ingredient(network)], tmp_path / "out", force=True)


@pytest.mark.parametrize("folder", [False, True])
def test_a_full_disk(sd1: TinyModel, network: Path, out: Path, monkeypatch: pytest.MonkeyPatch, folder: bool) -> None:
    if not folder:
        out.write_bytes(b"old and whole")
    target = out.with_suffix("") if folder else out
    real, calls = os.fsync, []

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    before = contents(out.parent)
    with pytest.raises(OSError, match="No space left"):
        merge(sd1.folder if folder else sd1.file, [Ingredient(network)], target, force=not folder)
    assert calls and contents(out.parent) == before


def test_another_prediction_type_is_a_warning(tiny_models: dict[str, TinyModel], tmp_path: Path) -> None:
    sd2 = tiny_models["sd2"]
    metadata = {"ss_base_model_version": "sd_v2"}
    network = network_file(tmp_path / "n.safetensors", sd2, LORA, metadata)
    done = merge(sd2.folder, [Ingredient(network)], tmp_path / "out")
    assert len(done.warnings) == 1 and "predicts epsilon, this one predicts v_prediction" in done.warnings[0]
    same = network_file(tmp_path / "v.safetensors", sd2, LORA, {"ss_base_model_version": "sd_v2_v"})
    assert merge(sd2.folder, [Ingredient(same)], tmp_path / "again").warnings == ()


def test_too_large_for_fp16(sd1: TinyModel, network: Path, out: Path) -> None:
    with pytest.raises(FormatError, match="too large for fp16"):
        merge(sd1.file, [Ingredient(network, 1e7)], out, dtype=torch.float16)
    assert not list(out.parent.iterdir())
