"""Files of tensors: the bytes we write, what we read back, and that nothing is loaded that was not asked for."""

from __future__ import annotations

import hashlib
import os
from functools import partial
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor

from kohya_like.formats.tensors import (
    Deferred,
    open_tensors,
    safetensors_bytes,
    save_safetensors,
    sha256_file,
)
from kohya_like.schema.errors import FormatError, UserError

pytestmark = pytest.mark.quick


def every_type() -> dict[str, Tensor]:
    types = (
        torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.int32, torch.int16, torch.int8,
        torch.uint8, torch.bool, torch.complex64, torch.float8_e4m3fn, torch.float8_e5m2, torch.uint16, torch.uint32,
        torch.uint64,
    )  # fmt: skip
    tensors = {f"t{i}": torch.arange(1, 4 + i % 3).to(dtype) for i, dtype in enumerate(types)}
    odd = {"scalar": torch.tensor(2.5), "empty": torch.zeros(0, 3), 'name "\\\n\x01é/<': torch.ones(1).half()}
    return tensors | odd


@pytest.mark.parametrize("metadata", [None, {}, {"key": 'value "ü"\n\t\x1f\x7f'}])
def test_our_bytes_are_the_librarys(metadata: dict[str, str] | None, tmp_path: Path) -> None:
    tensors = every_type()
    save_safetensors(tmp_path / "ours", tensors, metadata)
    assert (tmp_path / "ours").read_bytes() == safetensors.torch.save(tensors, metadata)
    assert (tmp_path / "ours").stat().st_size == safetensors_bytes(tensors, metadata)


def test_metadata_is_written_sorted_so_equal_input_gives_equal_files(tmp_path: Path) -> None:
    keys = [f"ss_{i}" for i in range(20)]
    save_safetensors(tmp_path / "one", {"a": torch.ones(1)}, dict.fromkeys(keys, "v"))
    save_safetensors(tmp_path / "other", {"a": torch.ones(1)}, dict.fromkeys(reversed(keys), "v"))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_views_are_written_as_what_they_show(tmp_path: Path) -> None:
    base = torch.arange(24.0).reshape(4, 6)
    views = {"t": base.t(), "row": base[1], "column": base[:, 2:4], "wide": base[:1].expand(3, 6), "base": base}
    save_safetensors(tmp_path / "f", views)
    with open_tensors(tmp_path / "f") as file:
        assert all(torch.equal(file.get(name), tensor) for name, tensor in views.items())


def test_reading_back_cast_and_moved(tmp_path: Path) -> None:
    tensors = every_type()
    save_safetensors(tmp_path / "f", tensors, {"ss_v2": "False"})
    with open_tensors(tmp_path / "f") as file:
        assert file.metadata == {"ss_v2": "False"}
        assert set(file) == set(file.keys()) == set(tensors) and len(file) == len(tensors)
        for name, tensor in tensors.items():
            assert (file.dtype(name), file.shape(name)) == (tensor.dtype, tuple(tensor.shape))
            assert torch.equal(file.get(name), tensor), name
        assert file.get("t0", torch.float16).dtype == torch.float16
        assert file.get("t0", device="meta").is_meta
        assert "absent" not in file
        with pytest.raises(KeyError):
            file.get("absent")
        kept = file.get("t0")
    assert torch.equal(kept, tensors["t0"])  # a tensor outlives its file


def test_a_file_that_shrinks_while_it_is_read(tmp_path: Path) -> None:
    save_safetensors(tmp_path / "f", {"a": torch.ones(1000)})
    with open_tensors(tmp_path / "f") as file:
        os.truncate(tmp_path / "f", 200)
        with pytest.raises(FormatError, match="has become shorter"):
            file.get("a", torch.float16)


def test_the_extension_is_not_looked_at(tmp_path: Path) -> None:
    save_safetensors(tmp_path / "really-safetensors.ckpt", {"a": torch.ones(2)})
    torch.save({"a": torch.ones(2)}, tmp_path / "really-pickle.safetensors")
    for path in tmp_path.iterdir():
        with open_tensors(path) as file:
            assert torch.equal(file.get("a"), torch.ones(2))


def test_deferred_tensors_are_made_one_at_a_time(tmp_path: Path) -> None:
    alive, most = 0, 0

    class Counted(Tensor):
        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    def make(value: float) -> Tensor:
        nonlocal alive, most
        alive += 1
        most = max(most, alive)
        return torch.full((4, 4), value).as_subclass(Counted)

    deferred = {f"w{i}": Deferred((4, 4), torch.float32, partial(make, float(i))) for i in range(10)}
    save_safetensors(tmp_path / "f", deferred)
    assert most <= 2  # the one being written, and the one before it until the name moves on
    with open_tensors(tmp_path / "f") as file:
        assert [file.get(f"w{i}")[0, 0].item() for i in range(10)] == list(range(10))


def test_a_deferred_tensor_that_breaks_its_promise_leaves_no_file(tmp_path: Path) -> None:
    promise = {"w": Deferred((4,), torch.float32, lambda: torch.ones(3))}
    with pytest.raises(ValueError, match="promised"):
        save_safetensors(tmp_path / "f", promise)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_kept_where_asked(tmp_path: Path) -> None:
    path = tmp_path / "f"
    save_safetensors(path, {"a": torch.ones(1)})
    before = path.read_bytes()
    with pytest.raises(UserError, match="already exists"):
        save_safetensors(path, {"a": torch.zeros(1)}, overwrite=False)
    assert path.read_bytes() == before
    save_safetensors(path, {"a": torch.zeros(1)})
    assert path.read_bytes() != before


def test_what_the_format_cannot_hold_is_said_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="complex128"):
        save_safetensors(tmp_path / "f", {"a": torch.ones(1, dtype=torch.complex128)})
    assert list(tmp_path.iterdir()) == []


def test_undecodable_file_names_in_metadata_do_not_spoil_the_file(tmp_path: Path) -> None:
    name = b"caf\xe9.png".decode("utf-8", "surrogateescape")
    save_safetensors(tmp_path / "f", {"a": torch.ones(1)}, {"ss_output_name": name})
    with safetensors.safe_open(str(tmp_path / "f"), "pt") as other:  # the library reads it too
        assert other.metadata() == {"ss_output_name": "caf\\udce9.png"}
    with open_tensors(tmp_path / "f") as file:
        assert file.metadata == {"ss_output_name": "caf\\udce9.png"}


def test_a_pickle_without_named_tensors_is_no_tensor_file(tmp_path: Path) -> None:
    torch.save(torch.ones(1, 768), tmp_path / "aesthetic.pt")
    with pytest.raises(FormatError, match="no named tensors"):
        open_tensors(tmp_path / "aesthetic.pt")


def test_sha256(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x" * 3_000_000)
    assert sha256_file(tmp_path / "f") == hashlib.sha256(b"x" * 3_000_000).hexdigest()
