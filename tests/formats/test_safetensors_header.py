"""The header parser: what it accepts is what the library accepts; what it refuses it says in a sentence."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError, safe_open

from kohya_like.formats import safetensors_header
from kohya_like.formats.headers import identify, read_safetensors_header
from kohya_like.formats.safetensors_header import MAX_DIMENSIONS, MAX_HEADER_BYTES, MAX_TENSORS, TensorInfo
from kohya_like.formats.tensors import open_tensors
from kohya_like.schema.errors import FormatError

pytestmark = pytest.mark.quick


def file_of(header: Any, data: bytes = b"", length: int | None = None) -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(raw) if length is None else length).to_bytes(8, "little") + raw + data


def entry(shape: list[Any], offsets: list[Any], dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def refusal(path: Path) -> str:
    with pytest.raises(FormatError) as caught:
        read_safetensors_header(path)
    assert str(path) in caught.value.text and "Traceback" not in caught.value.text
    return caught.value.text


def test_a_good_header(tmp_path: Path) -> None:
    path = tmp_path / "a b é.safetensors"
    header = {"__metadata__": {"k": "v"}, "a": entry([2, 1], [0, 8]), "b": entry([], [8, 10], "BF16")}
    path.write_bytes(file_of(header, bytes(10)))
    read = read_safetensors_header(path)
    assert read.tensors == {"a": TensorInfo("F32", (2, 1), 0, 8), "b": TensorInfo("BF16", (), 8, 10)}
    assert read.metadata == {"k": "v"} and path.stat().st_size == read.header_bytes + 10


GOOD = entry([2], [0, 8])
STRANGERS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty (0 bytes)"),
    "one byte": (b"\x01", "is truncated: it has only 1 bytes"),
    "html": (b"\n <!DOCTYPE html><html><title>404</title>" + b" " * 600, "is a web page (HTML)"),
    "html with BOM": (b"\xef\xbb\xbf<html lang=en>", "is a web page (HTML)"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1\n", "is a git-lfs pointer"),
    "json error": (b'{"error":"Invalid username or password."}', "is a JSON text"),
    "zip": (b"PK\x03\x04\x00\x00\x08\x08\x00\x00", "is a pickle file (.ckpt, .pt) under another name"),
    "pickle": (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "is a pickle file"),
    "noise": (bytes(range(100, 200)), "is not a safetensors file"),
    "truncated header": (file_of({"a": GOOD}, length=500), "is truncated: its header needs 508 bytes"),
    "truncated data": (file_of({"a": GOOD}, bytes(5)), "its tensors need 8 bytes, the file has 5 (3 are missing)"),
    "bytes behind": (file_of({"a": GOOD}, bytes(9)), "1 bytes follow its last tensor"),
    "absurd length": (file_of({"a": GOOD}, length=2**63), f"its header claims {2**63} bytes"),
    "not JSON": (file_of(b'{"a": nope}     '), "not valid JSON"),
    "not UTF-8": (file_of(b'{"\xff":1}'), "not valid JSON"),
    "deep": (file_of(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"), "not valid JSON"),
    "constants": (file_of(b'{"a":{"dtype":"F32","shape":[NaN],"data_offsets":[0,4]}}'), "NaN is not a number"),
    "huge number": (file_of(b'{"a":' + b"9" * 10_000 + b"}"), "not valid JSON"),
    "surrogates": (file_of(b'{"__metadata__":{"a":"\\ud800"}}'), "not valid Unicode"),
    "duplicate": (file_of(b'{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"a":1}', b"\0"), "names 'a' twice"),
    "duplicate inside": (file_of(b'{"a":{"dtype":"U8","dtype":"U8"}}'), "names 'dtype' twice"),
    "metadata number": (file_of({"__metadata__": {"a": 1}}), "not a table of texts"),
    "metadata list": (file_of({"__metadata__": []}), "not a table of texts"),
    "extra field": (file_of({"a": GOOD | {"strides": [1]}}, bytes(8)), "is not described by dtype, shape"),
    "not a table": (file_of({"a": 5}), "is not described by dtype, shape"),
    "type": (file_of({"a": entry([1], [0, 1], "F4")}, b"\0"), "has the unknown type 'F4'"),
    "float shape": (file_of({"a": entry([2.0], [0, 8])}, bytes(8)), "not a list of whole numbers"),
    "true shape": (file_of({"a": entry([True], [0, 4])}, bytes(4)), "not a list of whole numbers"),
    "negative": (file_of({"a": entry([-2], [0, 8])}, bytes(8)), "not a list of whole numbers"),
    "three offsets": (file_of({"a": entry([2], [0, 8, 8])}, bytes(8)), "not a list of whole numbers"),
    "wrong size": (file_of({"a": entry([3], [0, 8])}, bytes(8)), "does not fit its 8 bytes"),
    "overflow": (file_of({"a": entry([2**31 - 1] * 3, [0, 8])}, bytes(8)), "does not fit its 8 bytes"),
    "huge with a zero": (file_of({"a": entry([2**40, 0], [0, 0])}), "has a dimension of 1099511627776"),
    "overlap": (file_of({"a": GOOD, "b": entry([1], [4, 8])}, bytes(8)), "overlaps the one before it"),
    "hole": (file_of({"a": GOOD, "b": entry([1], [12, 16])}, bytes(16)), "leaves a hole before it"),
    "backwards": (file_of({"a": entry([1], [8, 4])}, bytes(8)), "does not fit its -4 bytes"),
}


@pytest.mark.parametrize("name", STRANGERS)
def test_each_stranger_is_refused_in_a_sentence(name: str, tmp_path: Path) -> None:
    data, sentence = STRANGERS[name]
    path = tmp_path / "model.safetensors"
    path.write_bytes(data)
    assert sentence in refusal(path)
    for reader in (identify, open_tensors):
        with pytest.raises(FormatError):
            reader(path)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "absent.safetensors")
    assert "is a folder" in refusal(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert "not an ordinary file" in refusal(tmp_path / "pipe")
    with pytest.raises(FormatError, match="not a file name"):
        read_safetensors_header(Path("a\0b"))


def header_of_size(size: int) -> bytes:
    start = b'{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]}'
    return start + b" " * (size - len(start) - 1) + b"}"


def with_tensors(count: int) -> tuple[bytes, bytes]:
    entries = ",".join(f'"{i}":{{"dtype":"U8","shape":[1],"data_offsets":[{i},{i + 1}]}}' for i in range(count))
    return b"{" + entries.encode() + b"}", bytes(count)


def with_dimensions(count: int) -> tuple[bytes, bytes]:
    return json.dumps({"a": entry([1] * count, [0, 1], "U8")}).encode(), b"\0"


LIMITS: dict[str, tuple[int, Callable[[int], tuple[bytes, bytes]], str]] = {
    "header bytes": (MAX_HEADER_BYTES, lambda size: (header_of_size(size), b"\0"), f"at most {MAX_HEADER_BYTES}"),
    "tensors": (MAX_TENSORS, with_tensors, f"at most {MAX_TENSORS}"),
    "dimensions": (MAX_DIMENSIONS, with_dimensions, f"at most {MAX_DIMENSIONS}"),
}


@pytest.mark.parametrize("name", LIMITS)
def test_limits(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit, make, sentence = LIMITS[name]
    if name == "tensors":  # the true number is in test_the_count_of_tensors_is_refused_before_parsing
        limit, sentence = 1000, "at most 1000"
        monkeypatch.setattr(safetensors_header, "MAX_TENSORS", limit)
    path = tmp_path / "limit.safetensors"
    for value in (limit - 1, limit):
        path.write_bytes(file_of(*make(value)))
        assert read_safetensors_header(path).tensors
    path.write_bytes(file_of(*make(limit + 1)))
    message = refusal(path)
    assert sentence in message and str(limit + 1) in message


def test_the_count_of_tensors_is_refused_before_parsing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "many.safetensors"
    path.write_bytes(file_of(*with_tensors(MAX_TENSORS + 1)))

    def parse(*_: object, **__: object) -> object:
        raise AssertionError("parsed")

    monkeypatch.setattr(safetensors_header.json, "loads", parse)
    assert "100001 tensors" in refusal(path)
    path.write_bytes(file_of(b'{"a":{"shape":[' + b"0," * 4_000_001 + b"0]}}"))
    assert "more than 4000000 values" in refusal(path)


def test_a_count_hidden_by_escapes_is_refused_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safetensors_header, "MAX_TENSORS", 1000)
    raw, data = with_tensors(1001)
    path = tmp_path / "hidden.safetensors"
    path.write_bytes(file_of(raw.replace(b"data_offsets", b"\\u0064ata_offsets"), data))
    assert "1001 tensors" in refusal(path)


@pytest.mark.full
def test_as_many_tensors_as_allowed(tmp_path: Path) -> None:
    path = tmp_path / "many.safetensors"
    path.write_bytes(file_of(*with_tensors(MAX_TENSORS)))
    assert len(read_safetensors_header(path).tensors) == MAX_TENSORS


def library_accepts(path: Path) -> bool:
    try:
        with safe_open(str(path), "pt") as file:
            return file is not None
    except SafetensorError:
        return False


PIECES = [
    b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F16","shape":[],"data_offsets":[8,10]}}',
    b'{"__metadata__":{"x":"y"},"a":{"dtype":"U8","shape":[1,0],"data_offsets":[0,0]}}',
    b"{}",
]


@settings(max_examples=400, deadline=None, derandomize=True)
@given(
    base=st.sampled_from(PIECES),
    edits=st.lists(st.tuples(st.integers(0, 130), st.integers(0, 3), st.binary(max_size=6)), max_size=5),
    size=st.one_of(st.none(), st.integers(0, 2**64 - 1), st.integers(0, 200)),
    data=st.binary(max_size=16),
)
def test_only_format_errors_leave_and_nothing_the_library_refuses_is_accepted(
    tmp_path_factory: pytest.TempPathFactory,
    base: bytes,
    edits: list[tuple[int, int, bytes]],
    size: int | None,
    data: bytes,
) -> None:
    path = tmp_path_factory.getbasetemp() / "mutant.safetensors"
    for at, cut, new in edits:
        base = base[:at] + new + base[at + cut :]
    path.write_bytes(file_of(base, data, size))
    try:
        read_safetensors_header(path)
    except FormatError:
        return
    assert library_accepts(path)


@given(st.binary(max_size=600))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_noise(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "noise"
    path.write_bytes(data)
    for reader in (read_safetensors_header, identify, open_tensors):
        with pytest.raises(FormatError):
            reader(path)


@pytest.mark.full
def test_many_mutants(tmp_path: Path) -> None:
    """Flips, cuts and doublings of good files."""
    rng = random.Random(5)
    path = tmp_path / "mutant.safetensors"
    seeds = [file_of(piece, bytes(n)) for piece, n in zip(PIECES, (10, 0, 0))]
    accepted = 0
    for _ in range(50_000):
        data = bytearray(rng.choice(seeds))
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(len(data) + 1)
            data[at : at + rng.randint(0, 3)] = rng.choice((b"", rng.randbytes(2), data[at : at + 20], b"[{"))
        path.write_bytes(data)
        try:
            read_safetensors_header(path)
        except FormatError:
            continue
        accepted += 1
        assert library_accepts(path)
    assert accepted  # some mutants are still good files
