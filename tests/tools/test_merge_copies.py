"""What a merge does not change it does not load: its bytes go from file to file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from kohya_like.formats import tensors as module
from kohya_like.networks.algorithms.lora import LoRA
from kohya_like.tools.merge import Ingredient, merge
from tests.families.conftest import TinyModel
from tests.tools.conftest import network_file

UNET_ONLY = {"text_encoder": 0.0, "text_encoder_2": 0.0}


@pytest.fixture
def base(tiny_models: dict[str, TinyModel], tmp_path: Path) -> Path:
    tiny = tiny_models["sdxl"]
    network_file(tmp_path / "n.safetensors", tiny, LoRA(dim=2))
    save_file({name: value.half() for name, value in load_file(tiny.file).items()}, tmp_path / "base.safetensors")
    return tmp_path / "base.safetensors"


def loaded(base: Path, monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype | None = None) -> tuple[list[str], set[str]]:
    """The names of the base that are read, and those whose bytes are other ones in the result."""
    names: list[str] = []
    real = module._Safetensors.read

    def read(self: module._Safetensors, name: str) -> Tensor:
        names.append(name)
        return real(self, name)

    monkeypatch.setattr(module._Safetensors, "read", read)
    monkeypatch.setattr(module._Safetensors, "get", lambda *_: pytest.fail("loaded by another way"))
    out, network = base.with_name("out.safetensors"), base.with_name("n.safetensors")
    held = load_file(network)
    monkeypatch.setattr("kohya_like.tools.merge.read_file", lambda *_: held)
    merge(base, [Ingredient(network, 1.0, UNET_ONLY)], out, dtype=dtype, force=True)
    before, after = load_file(base), load_file(out)
    return names, {name for name in before if not torch.equal(before[name], after[name])}


def test_only_what_changes_is_loaded(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names, changed = loaded(base, monkeypatch)
    assert len(names) == len(set(names)) and set(names) == changed
    assert changed and all(name.startswith("model.diffusion_model.") for name in changed)
    assert len(changed) < len(load_file(base)) / 2


def test_another_number_type_needs_all_of_it(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names, _ = loaded(base, monkeypatch, torch.float32)
    assert sorted(names) == sorted(load_file(base))
