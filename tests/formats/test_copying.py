"""Tensors that stay as they are go from file to file as bytes."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from kohya_like.formats import tensors as module
from kohya_like.formats.tensors import Content, open_tensors, save_safetensors

KEPT = {"b": torch.arange(700_000, dtype=torch.float32), "h": torch.randn(7, 3).half(), "none": torch.ones(0, 4)}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    save_file({**KEPT, "changed": torch.zeros(3)}, tmp_path / "source.safetensors")
    return tmp_path / "source.safetensors"


def contents(source: Path) -> dict[str, Content]:
    with open_tensors(source) as file:
        copied = {name: place for name in KEPT if (place := file.copied(name))}
    assert copied.keys() == KEPT.keys()
    return {**copied, "changed": torch.tensor([1.0, 2.0, 3.0])}


@pytest.mark.parametrize("refusal", [None, errno.EXDEV, errno.EOPNOTSUPP, "short", "absent"])
def test_the_file_is_the_librarys(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: int | str | None
) -> None:
    """Also where the system copies nothing, or less than it was asked for, or knows no such call."""
    real = getattr(os, "copy_file_range", None)

    def refused(one: int, other: int, count: int, *, offset_src: int) -> int:
        if isinstance(refusal, int):
            raise OSError(refusal, "not between these")
        assert real is not None
        return int(real(one, other, min(count, 1000), offset_src=offset_src)) if offset_src % 3 else 0

    if refusal == "absent":
        monkeypatch.delattr(os, "copy_file_range", raising=False)
    elif refusal and real:
        monkeypatch.setattr(os, "copy_file_range", refused)
    save_safetensors(tmp_path / "out", contents(source), {"a": "b"})
    whole = {**KEPT, "changed": torch.tensor([1.0, 2.0, 3.0])}
    save_safetensors(tmp_path / "made", whole, {"a": "b"})
    assert (tmp_path / "out").read_bytes() == (tmp_path / "made").read_bytes()
    assert all(torch.equal(load_file(tmp_path / "out")[name], value) for name, value in whole.items())


def test_nothing_of_it_is_loaded(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    real = module._raw
    monkeypatch.setattr(module, "_raw", lambda tensor: made.append(tensor) or real(tensor))
    save_safetensors(tmp_path / "out", contents(source))
    assert len(made) == 1


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EIO])
def test_a_failure_leaves_the_old_file(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: int
) -> None:
    (tmp_path / "out").write_bytes(b"old")

    def failing(*_: object, **__: object) -> int:
        raise OSError(fault, os.strerror(fault))

    monkeypatch.setattr(os, "copy_file_range", failing, raising=False)
    with pytest.raises(OSError, match=os.strerror(fault)):
        save_safetensors(tmp_path / "out", contents(source))
    assert (tmp_path / "out").read_bytes() == b"old"
    assert {path.name for path in tmp_path.iterdir()} == {"out", "source.safetensors"}


def test_a_source_that_became_shorter(source: Path, tmp_path: Path) -> None:
    wanted = contents(source)
    os.truncate(source, source.stat().st_size - 5)
    with pytest.raises(OSError, match="become shorter"):
        save_safetensors(tmp_path / "out", wanted)
    assert not (tmp_path / "out").exists()


def test_a_pickle_has_no_such_place(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(3)}, tmp_path / "a.ckpt")
    with open_tensors(tmp_path / "a.ckpt") as file:
        assert file.copied("a") is None
