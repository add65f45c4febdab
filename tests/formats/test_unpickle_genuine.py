"""The restricted reader gives back what torch, lightning and the webui saved, value for value."""

from __future__ import annotations

import collections
import io
import pickle
import struct
import sys
import types
import zipfile
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

from kohya_like.formats.pickle_calls import ForeignName
from kohya_like.formats.tensors import open_tensors
from kohya_like.formats.unpickle import load_pickle, state_dict_of
from kohya_like.schema.errors import FormatError
from tests.formats.bad_pickles import legacy, saved, tensor, zipped

pytestmark = pytest.mark.quick


def as_zip64(data: bytes) -> bytes:
    """The same archive with a table of 64-bit numbers, as one of more than 4 GiB has."""
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        start, infos = file.start_dir, file.infolist()
    table = b""
    for info in infos:
        wide = struct.pack("<HHQQQ", 1, 24, info.file_size, info.compress_size, info.header_offset)
        sizes = (info.CRC, 0xFFFFFFFF, 0xFFFFFFFF, len(info.filename), len(wide), 0, 0, 0, 0, 0xFFFFFFFF)
        table += struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 45, 45, 0, 0, 0, 0, *sizes) + info.filename.encode() + wide
    end = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, len(infos), len(infos), len(table), start)
    end += struct.pack("<4sIQI", b"PK\x06\x07", 0, start + len(table), 1)
    end += struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return data[:start] + table + end


def test_the_table_of_a_file_beyond_4_gib(tmp_path: Path) -> None:
    value = every_kind_of_value()
    wide = as_zip64(saved(value))
    with zipfile.ZipFile(io.BytesIO(wide)) as other:  # Python's reader finds it in order
        assert other.testzip() is None
    (tmp_path / "f.pt").write_bytes(wide)
    assert_same(load_pickle(tmp_path / "f.pt"), value)
    place = wide.index(b"PK\x06\x06")
    lie = wide[: place + 48] + struct.pack("<Q", 2**63) + wide[place + 56 :]
    (tmp_path / "f.pt").write_bytes(lie)
    with pytest.raises(FormatError, match="does not fit the file"):
        load_pickle(tmp_path / "f.pt")


def test_members_that_a_later_torch_may_add_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "f.pt").write_bytes(zipped(pickle.dumps({"a": 1}, 2), {"m/.new_thing": b"x", "m/.data/other": b"x"}))
    assert load_pickle(tmp_path / "f.pt") == {"a": 1}


def every_kind_of_value() -> dict[str, Any]:
    base = torch.arange(24.0).reshape(4, 6)
    return {
        "linear": torch.nn.Linear(3, 4).state_dict(),
        "shared": [base, base.t(), base[1:3, 2:4], base[0]],
        "types": [
            torch.arange(3).to(dtype)
            for dtype in (
                torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.int32, torch.int16, torch.int8,
                torch.uint8, torch.bool, torch.complex64, torch.uint16, torch.float8_e4m3fn, torch.float8_e5m2,
            )
        ],
        "odd": [torch.zeros(0, 3), torch.tensor(2.5), torch.ones(2, 3, 4).permute(2, 0, 1)],
        "plain": [1, -5, 2**40, 2.5, "é", b"\x00\xff", None, True, (1, (2,)), {3: "x"}, {1, 2}],
    }  # fmt: skip


def assert_same(found: Any, expected: Any) -> None:
    if isinstance(expected, torch.Tensor):
        assert isinstance(found, torch.Tensor) and found.dtype == expected.dtype and torch.equal(found, expected)
    elif isinstance(expected, dict):
        assert list(found) == list(expected)
        for key in expected:
            assert_same(found[key], expected[key])
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected):
            assert_same(one, other)
    else:
        assert found == expected and type(found) is type(expected)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("legacy_format", [False, True])
def test_what_torch_saves_loads_equal(protocol: int, legacy_format: bool, tmp_path: Path) -> None:
    path, value = tmp_path / "f.pt", every_kind_of_value()
    torch.save(value, path, pickle_protocol=protocol, _use_new_zipfile_serialization=not legacy_format)
    assert_same(load_pickle(path), value)


def test_parameters_and_numpy_values_become_plain(tmp_path: Path) -> None:
    value = {
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "dict": torch.nn.ParameterDict({"*": torch.ones(2, 3)}),
        "score": numpy.float64(2.5),
        "flag": numpy.bool_(True),
        "rows": numpy.arange(6.0).reshape(2, 3),
        "columns": numpy.asfortranarray(numpy.arange(6, dtype="i4").reshape(2, 3)),
        "size": torch.ones(2, 3).shape,
        "device": torch.device("cpu"),
        "ordered": collections.OrderedDict(a=1),
    }
    for legacy_format in (False, True):
        path = tmp_path / f"f{legacy_format}.pt"
        path.write_bytes(saved(value, legacy_format))
        found = load_pickle(path)
        assert isinstance(found, dict)
        assert type(found["parameter"]) is torch.Tensor and torch.equal(found["dict"]["*"], torch.ones(2, 3))
        assert (found["score"], found["flag"], found["size"], found["device"]) == (2.5, True, (2, 3), "cpu")
        assert torch.equal(found["rows"], torch.from_numpy(value["rows"]))
        assert torch.equal(found["columns"], torch.from_numpy(numpy.ascontiguousarray(value["columns"])))
        assert found["ordered"] == {"a": 1}


@pytest.fixture
def lightning(monkeypatch: pytest.MonkeyPatch) -> type:
    """A stand-in for lightning's callback class, importable while the file is written."""
    module = types.ModuleType("pytorch_lightning.callbacks.model_checkpoint")
    callback = type("ModelCheckpoint", (), {"__module__": module.__name__, "__qualname__": "ModelCheckpoint"})
    module.ModelCheckpoint = callback  # type: ignore[attr-defined]
    for name in ("pytorch_lightning", "pytorch_lightning.callbacks"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return callback


@pytest.mark.parametrize("legacy_format", [False, True])
def test_a_checkpoint_with_a_lightning_callback_loads(legacy_format: bool, lightning: type, tmp_path: Path) -> None:
    weights = collections.OrderedDict({"model.diffusion_model.out.2.bias": torch.arange(4.0)})
    value = {
        "epoch": 3, "global_step": 840_000, "pytorch-lightning_version": "1.4.2", "state_dict": weights,
        "callbacks": {lightning: {"monitor": "val/loss", "best_model_score": torch.tensor(0.5),
                                  "kth_value": numpy.float32(0.25)}},
    }  # fmt: skip
    path = tmp_path / "model.ckpt"
    path.write_bytes(saved(value, legacy_format))
    found = load_pickle(path)
    assert isinstance(found, dict)
    (name,) = found["callbacks"]
    assert name == ForeignName("pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint")
    assert found["callbacks"][name]["kth_value"] == 0.25
    with open_tensors(path) as file:
        assert torch.equal(file.get("model.diffusion_model.out.2.bias"), torch.arange(4.0))
    # the control: the same class, but to be made by a call
    value["callbacks"] = {"callback": lightning()}
    path.write_bytes(saved(value, legacy_format))
    with pytest.raises(FormatError, match="ModelCheckpoint"):
        load_pickle(path)


def test_genuine_files_of_the_webui_load(tmp_path: Path) -> None:
    """A1111's own formats (formats.md 4.1, 5.1, 5.4), saved by torch in both containers and as A1111 accepts them."""
    net = {"linear.0.weight": torch.randn(8, 4), "linear.0.bias": torch.zeros(8)}
    hypernetwork = {768: (net, net), 320: [net, net], "step": 5, "layer_structure": [1, 2, 1], "activation_func": None}
    embedding = {"string_to_token": {"*": 265}, "string_to_param": {"*": torch.randn(3, 768)}, "name": "g", "step": 9,
                 "sd_checkpoint": None, "sd_checkpoint_name": None}  # fmt: skip
    original = {
        "string_to_token": {"*": torch.tensor(265)},
        "string_to_param": torch.nn.ParameterDict({"*": torch.nn.Parameter(torch.randn(2, 768))}),
    }
    values: list[Any] = [hypernetwork, embedding, original, torch.randn(1, 768)]
    for number, value in enumerate(values):
        for legacy_format in (False, True):
            path = tmp_path / f"{number}{legacy_format}.pt"
            path.write_bytes(saved(value, legacy_format))
            found = load_pickle(path)
            if isinstance(value, dict):
                assert isinstance(found, dict) and list(found) == list(value)
            else:
                assert isinstance(found, torch.Tensor) and torch.equal(found, value)
        with zipfile.ZipFile(tmp_path / f"{number}False.pt") as file:
            names = [n for n in file.namelist() if n.endswith(("data.pkl", "/version")) or "/data/" in n]
            rewritten = io.BytesIO()
            with zipfile.ZipFile(rewritten, "w") as out:
                for name in names:
                    out.writestr(name, file.read(name))
        (tmp_path / "rezipped.pt").write_bytes(rewritten.getvalue())
        assert load_pickle(tmp_path / "rezipped.pt") is not None
    found = load_pickle(tmp_path / "0True.pt")
    assert isinstance(found, dict) and type(found[768]) is tuple and type(found[320]) is list
    assert_same(found[768][1], net)


def test_tensors_may_be_written_to_without_touching_the_file(tmp_path: Path) -> None:
    path = tmp_path / "f.pt"
    torch.save({"a": torch.zeros(4)}, path)
    before = path.read_bytes()
    found = load_pickle(path)
    assert isinstance(found, dict)
    found["a"].add_(1)
    assert path.read_bytes() == before and found["a"].sum() == 4


def test_a_list_that_holds_itself(tmp_path: Path) -> None:
    value: list[Any] = [torch.ones(1)]
    value.append(value)
    torch.save(value, tmp_path / "f.pt")
    found = load_pickle(tmp_path / "f.pt")
    assert isinstance(found, list) and found[1] is found


def test_state_dict_of() -> None:
    one = torch.ones(1)
    assert state_dict_of({"state_dict": {"a": one, "n": 3, 5: one}, "b": one}) == {"a": one}
    assert state_dict_of({"b": one, "state_dict": 5}) == {"b": one}
    assert state_dict_of([one]) == {} and state_dict_of(one) == {}


def test_a_tensor_on_an_old_view_of_a_storage(tmp_path: Path) -> None:
    """torch before 0.4 wrote views of storages: root key, offset, length."""
    view = tensor(shape=(2,), kind="FloatStorage").replace(b"tQ", b"(X\x01\x00\x00\x00vK\x02K\x02ttQ")
    data = numpy.arange(4, dtype="<f4").tobytes()
    (tmp_path / "f.pt").write_bytes(legacy(view, ["0"], (4).to_bytes(8, "little") + data))
    found = load_pickle(tmp_path / "f.pt")
    assert isinstance(found, torch.Tensor) and found.tolist() == [2.0, 3.0]
