"""The header of a `.safetensors` file: names, types, shapes and metadata, read without torch and without trust.

    8 bytes header length (little endian) | JSON header | data, one tensor after the other without holes

Every limit is checked before the step it protects: length before reading, counts before parsing, offsets before any
tensor is touched. The layout is https://github.com/huggingface/safetensors#format; this is the product's only parser.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import BinaryIO

from kohya_like.formats.opening import DOWNLOAD_AGAIN, open_regular, refuse_known_strangers, unreadable
from kohya_like.schema.errors import FormatError

MAX_HEADER_BYTES = 64 * 1024 * 1024
MAX_TENSORS = 100_000
MAX_DIMENSIONS = 16
MAX_DIMENSION = 2**31 - 1
MAX_JSON_VALUES = 4_000_000

# In the order in which the safetensors library sorts types; a file holds the later ones first.
DTYPE_BYTES = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "F8_E8M0": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2,
    "I32": 4, "U32": 4, "F32": 4, "C64": 8, "F64": 8, "I64": 8, "U64": 8,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One tensor: type code ("F16"), shape, and its bytes [start, end) counted from the end of the header."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True)
class SafetensorsHeader:
    """All a file says about itself. `header_bytes` includes the eight bytes of the length: data begins there."""

    tensors: dict[str, TensorInfo]
    metadata: dict[str, str]
    header_bytes: int


def read_safetensors_header(path: Path) -> SafetensorsHeader:
    """Read and check the header of `path`.

    Raises:
        FormatError: the file is missing, unreadable, empty, truncated, something else, or against a limit.
    """
    path = Path(path)
    with open_regular(path) as file:
        try:
            return _read(path, file)
        except OSError as error:
            raise unreadable(path, error) from None


def _read(path: Path, file: BinaryIO) -> SafetensorsHeader:
    file_bytes = os.fstat(file.fileno()).st_size
    start = file.read(512)
    refuse_known_strangers(path, start)
    if start[8:9] != b"{" and start.startswith((b"PK\x03\x04", b"\x80")):
        raise FormatError(f"{path}: is a pickle file (.ckpt, .pt) under another name, not safetensors.")
    if len(start) < 10:
        raise FormatError(f"{path}: is truncated: it has only {file_bytes} bytes.", hint=DOWNLOAD_AGAIN)
    length = int.from_bytes(start[:8], "little")
    if start[8:9] != b"{":
        raise FormatError(f"{path}: is not a safetensors file: no header at its beginning.")
    if length > MAX_HEADER_BYTES:
        raise FormatError(f"{path}: its header claims {length} bytes; at most {MAX_HEADER_BYTES} are accepted.")
    if length + 8 > file_bytes:
        raise FormatError(
            f"{path}: is truncated: its header needs {length + 8} bytes, the file has {file_bytes}.",
            hint=DOWNLOAD_AGAIN,
        )
    file.seek(8)
    raw = file.read(length)
    tensors, metadata = _parse(path, raw)
    _check_offsets(path, tensors, file_bytes - 8 - length)
    return SafetensorsHeader(tensors, metadata, length + 8)


def _parse(path: Path, raw: bytes) -> tuple[dict[str, TensorInfo], dict[str, str]]:
    count = raw.count(b'"data_offsets"')
    if count > MAX_TENSORS:
        raise FormatError(f"{path}: holds {count} tensors; at most {MAX_TENSORS} are accepted.")
    if raw.count(b",") > MAX_JSON_VALUES:
        raise FormatError(f"{path}: its header holds more than {MAX_JSON_VALUES} values.")
    try:
        header = json.loads(raw.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except FormatError as error:
        raise FormatError(f"{path}: {error.text}") from None
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path}: its header is not valid JSON: {_short(error)}.") from None
    if not isinstance(header, dict):
        raise FormatError(f"{path}: its header is not a table of tensors.")
    metadata = header.pop("__metadata__", None)
    if len(header) > MAX_TENSORS:
        raise FormatError(f"{path}: holds {len(header)} tensors; at most {MAX_TENSORS} are accepted.")
    tensors = {name: _tensor_info(path, name, entry) for name, entry in header.items()}
    _check_text(path, tensors)
    return tensors, _metadata(path, metadata)


def _metadata(path: Path, metadata: object) -> dict[str, str]:
    if metadata is None:
        return {}
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise FormatError(f"{path}: its __metadata__ is not a table of texts.")
    _check_text(path, metadata)
    _check_text(path, metadata.values())
    return metadata


def _tensor_info(path: Path, name: str, entry: object) -> TensorInfo:
    where = f"{path}: tensor {name[:100]!r}"
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise FormatError(f"{where} is not described by dtype, shape and data_offsets.")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPE_BYTES:
        raise FormatError(f"{where} has the unknown type {str(dtype)[:40]!r}.")
    if not _naturals(shape) or not _naturals(offsets) or len(offsets) != 2:
        raise FormatError(f"{where} has a shape or an offset that is not a list of whole numbers.")
    if len(shape) > MAX_DIMENSIONS:
        raise FormatError(f"{where} has {len(shape)} dimensions; at most {MAX_DIMENSIONS} are accepted.")
    if any(size > MAX_DIMENSION for size in shape):
        raise FormatError(f"{where} has a dimension of {max(shape)}; at most {MAX_DIMENSION} is accepted.")
    start, end = offsets
    if end - start != prod(shape) * DTYPE_BYTES[dtype]:
        raise FormatError(f"{where} of shape {shape} and type {dtype} does not fit its {end - start} bytes.")
    return TensorInfo(dtype, tuple(shape), start, end)


def _check_offsets(path: Path, tensors: Mapping[str, TensorInfo], data_bytes: int) -> None:
    position = 0
    for name, info in sorted(tensors.items(), key=lambda item: (item[1].start, item[1].end)):
        if info.start != position:
            what = "overlaps the one before it" if info.start < position else "leaves a hole before it"
            raise FormatError(f"{path}: tensor {name[:100]!r} {what} (byte {info.start}, expected {position}).")
        position = info.end
    if position > data_bytes:
        raise FormatError(
            f"{path}: is truncated: its tensors need {position} bytes, the file has {data_bytes} "
            f"({position - data_bytes} are missing).",
            hint=DOWNLOAD_AGAIN,
        )
    if position < data_bytes:
        raise FormatError(f"{path}: {data_bytes - position} bytes follow its last tensor that belong to none.")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    table = dict(pairs)
    if len(table) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise FormatError(f"its header names {twice[:100]!r} twice; a file that says two things is refused.")
    return table


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not a number")


def _naturals(value: object) -> bool:
    return isinstance(value, list) and all(type(item) is int and item >= 0 for item in value)


def _check_text(path: Path, texts: Iterable[str]) -> None:
    try:
        for text in texts:
            text.encode("utf-8")
    except UnicodeEncodeError:  # a lone surrogate would break every screen and log it is later printed to
        raise FormatError(f"{path}: its header holds text that is not valid Unicode.") from None


def _short(error: Exception) -> str:
    return str(error)[:200].rstrip(".")
