"""Base models between one file and a folder, whole and to the bit."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from kohya_like.families.loading import load_backbone
from kohya_like.schema.errors import FormatError, UserError
from kohya_like.tools.convert import convert
from tests.families.conftest import TinyModel
from tests.formats.small_models import same_tensors


def weights(folder: Path) -> dict[str, Tensor]:
    files = folder.rglob("*.safetensors")
    return {f"{f.parent.name}.{n}": v for f in files for n, v in load_file(f).items() if "position_ids" not in n}


@pytest.fixture
def original(tiny: TinyModel, tmp_path: Path) -> Path:
    """A file with what diffusers cannot hold."""
    extra: dict[str, Tensor] = {
        "betas": torch.rand(10), "model_ema.decay": torch.tensor(0.99), "v_pred": torch.empty(0),
        "first_stage_model.loss.logvar": torch.zeros(()), "step": torch.tensor(7),
    }  # fmt: skip
    tensors = load_file(tiny.file) | extra
    for name in tensors:
        if name.endswith((".logit_scale", "cond_stage_model.model.text_projection")):
            tensors[name] = torch.randn(tensors[name].shape)
    save_file(tensors, tmp_path / "original.safetensors", {"modelspec.title": "Mine"})
    return tmp_path / "original.safetensors"


def test_folder_to_file_to_folder(tiny: TinyModel, tmp_path: Path) -> None:
    convert(tiny.folder, tmp_path / "one.safetensors")
    assert same_tensors(load_file(tmp_path / "one.safetensors"), load_file(tiny.file))
    convert(tmp_path / "one.safetensors", tmp_path / "folder", like=tiny.folder)
    found, wanted = weights(tmp_path / "folder"), weights(tiny.folder)
    bare = {name.replace(".text_model.", "."): value for name, value in wanted.items()}
    assert same_tensors({name.replace(".text_model.", "."): value for name, value in found.items()}, bare)
    backbone = load_backbone(tmp_path / "folder")
    assert all(torch.equal(v, backbone.unet.state_dict()[n]) for n, v in tiny.parts["unet"].state_dict().items())


def test_file_to_folder_to_file(tiny: TinyModel, original: Path, tmp_path: Path) -> None:
    convert(original, tmp_path / "folder", "diffusers", like=tiny.folder)
    convert(tmp_path / "folder", tmp_path / "whole.safetensors", like=original)
    assert (tmp_path / "whole.safetensors").read_bytes() == original.read_bytes()
    convert(tmp_path / "folder", tmp_path / "bare.safetensors")
    bare, whole = load_file(tmp_path / "bare.safetensors"), load_file(original)
    differing = {name for name in whole if name not in bare or not torch.equal(bare[name], whole[name])}
    ends = ("logit_scale", "text_projection", "betas", "v_pred", "step", "decay", "logvar")
    assert all(name.endswith(ends) for name in differing)
    assert {"betas", "step"} <= differing


def test_diffusers_loads_the_folder(tiny_models: dict[str, TinyModel], tmp_path: Path) -> None:
    from diffusers import StableDiffusionXLPipeline

    tiny = tiny_models["sdxl"]
    convert(tiny.file, tmp_path / "folder", like=tiny.folder)
    pipeline = StableDiffusionXLPipeline.from_pretrained(tmp_path / "folder")
    for part, module in tiny.parts.items():
        assert same_tensors(getattr(pipeline, part).state_dict(), module.state_dict())


def test_without_a_folder_like_it_the_public_configs_are_taken(
    tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    convert(tiny_models["sd1"].file, tmp_path / "folder")
    assert (tmp_path / "folder" / "model_index.json").is_file()
    assert '"cross_attention_dim": 768' in (tmp_path / "folder" / "unet" / "config.json").read_text()


def test_an_old_file_without_text_model(tiny_models: dict[str, TinyModel], tmp_path: Path) -> None:
    tiny = tiny_models["sd1"]
    old = {name.replace("transformer.text_model.", "transformer."): v for name, v in load_file(tiny.file).items()}
    save_file(old, tmp_path / "old.safetensors")
    convert(tiny.folder, tmp_path / "out.safetensors", like=tmp_path / "old.safetensors")
    assert same_tensors(load_file(tmp_path / "out.safetensors"), old)


def test_ckpt_and_number_type(tiny_models: dict[str, TinyModel], tmp_path: Path) -> None:
    tiny = tiny_models["sd1"]
    tensors = load_file(tiny.file) | {"counter": torch.tensor([1])}
    torch.save({"state_dict": tensors, "epoch": 2, "callbacks": {"x": [1]}}, tmp_path / "model.ckpt")
    done = convert(tmp_path / "model.ckpt", tmp_path / "model.safetensors")
    assert done.to == "same" and same_tensors(load_file(tmp_path / "model.safetensors"), tensors)
    convert(tmp_path / "model.safetensors", tmp_path / "half.safetensors", dtype=torch.float16)
    half = {name: v.half() if v.is_floating_point() else v for name, v in tensors.items()}
    assert same_tensors(load_file(tmp_path / "half.safetensors"), half)


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch ran",)


def test_what_is_refused(tiny_models: dict[str, TinyModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sd1, out = tiny_models["sd1"], tmp_path / "out.safetensors"

    def refused(path: Path, text: str, to: str = "", like: Path | None = None, where: Path = out) -> None:
        before = sorted(tmp_path.iterdir())
        with pytest.raises(UserError, match=text):
            convert(path, where, to, like=like)
        assert sorted(tmp_path.iterdir()) == before

    torch.save({"state_dict": load_file(sd1.file), "evil": Evil()}, tmp_path / "evil.ckpt")
    refused(tmp_path / "evil.ckpt", "system")
    refused(sd1.file, "cannot become peft", "peft")
    refused(sd1.folder, "is already a diffusers folder", "diffusers", where=tmp_path / "folder")
    refused(sd1.file, "is already one file", "ldm")
    refused(sd1.folder, "say --to ldm", "same")
    refused(sd1.folder, "original.safetensors|is of another size|has no", like=tiny_models["sdxl"].file)
    refused(sd1.file, "is no diffusers folder", "diffusers", tmp_path, tmp_path / "folder")
    tensors = load_file(sd1.file)
    save_file({n: v for n, v in tensors.items() if not n.startswith("first_stage")}, tmp_path / "no_vae.safetensors")
    refused(tmp_path / "no_vae.safetensors", "holds no vae", "diffusers", sd1.folder, tmp_path / "folder")
    shutil.copytree(sd1.folder, tmp_path / "there")
    refused(sd1.file, "a folder is never replaced", "diffusers", sd1.folder, tmp_path / "there")
    (tmp_path / "cut.safetensors").write_bytes(sd1.file.read_bytes()[:-5])
    refused(tmp_path / "cut.safetensors", "is truncated")
    large = {n: v * 1e9 for n, v in tensors.items()}
    save_file(large, tmp_path / "large.safetensors")
    with pytest.raises(FormatError, match="too large for fp16"):
        convert(tmp_path / "large.safetensors", out, dtype=torch.float16)
    assert not out.exists()
