"""Read and write files of named tensors.

`open_tensors` looks at the content, not the extension: safetensors are mapped into memory, pickles (.ckpt, .pt, .bin)
go through our own restricted reader. `save_safetensors` streams one tensor after the other into an atomic file, in the
byte layout of the safetensors library, so that a checkpoint of many GB needs the memory of its largest tensor.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from kohya_like.formats.a1111 import hypernetwork_metadata, hypernetwork_tensors
from kohya_like.formats.atomic import atomic_write
from kohya_like.formats.copying import copy_bytes
from kohya_like.formats.headers import container_of
from kohya_like.formats.opening import open_regular
from kohya_like.formats.safetensors_header import (
    DTYPE_BYTES,
    MAX_HEADER_BYTES,
    MAX_TENSORS,
    TensorInfo,
    read_safetensors_header,
)
from kohya_like.formats.unpickle import DTYPES, load_pickle, state_dict_of
from kohya_like.schema.errors import FormatError

CODES = {dtype: code for code, dtype in DTYPES.items()}
_SORTED_CODES = list(DTYPE_BYTES)
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Deferred:
    """A tensor that is made only when its turn to be written comes."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    make: Callable[[], Tensor]


@dataclass(frozen=True)
class Copied:
    """A tensor whose bytes stand in another file as they are wanted: they are copied, it is never made."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    path: Path
    start: int


Content = Tensor | Deferred | Copied


class TensorFile(ABC):
    """Named tensors of an open file. A context manager; `get` reads one tensor, nothing else is loaded."""

    metadata: dict[str, str]

    @abstractmethod
    def keys(self) -> list[str]: ...

    @abstractmethod
    def shape(self, name: str) -> tuple[int, ...]: ...

    @abstractmethod
    def dtype(self, name: str) -> torch.dtype: ...

    @abstractmethod
    def get(self, name: str, dtype: torch.dtype | None = None, device: str | torch.device = "cpu") -> Tensor:
        """The tensor, cast and moved as asked. Without a cast it may share the mapped file: do not write into it."""

    def read(self, name: str) -> Tensor:
        """The tensor in memory that may be written into, and that the next `read` or `get` may use again.

        Unlike `get` it leaves no mapped pages behind, so a file of any size passes through the memory of one tensor.
        """
        return self.get(name).clone()

    def copied(self, name: str) -> Copied | None:
        """Where the tensor's bytes lie, for another file that wants them as they are; None: they lie nowhere so."""
        return None

    @abstractmethod
    def close(self) -> None:
        """Give the file back. Tensors already read stay valid."""

    def __contains__(self, name: object) -> bool:
        return name in self.keys()

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())

    def __enter__(self) -> TensorFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Safetensors(TensorFile):
    def __init__(self, path: Path) -> None:
        header = read_safetensors_header(path)
        self.metadata = header.metadata
        self._infos = header.tensors
        self._path, self._data_start = path, header.header_bytes
        self._buffer = torch.empty(0, dtype=torch.uint8)
        try:
            self._file = safe_open(str(path), framework="pt", device="cpu").__enter__()
        except (SafetensorError, OSError) as error:
            raise FormatError(f"{path}: cannot be read: {error}.") from None

    def keys(self) -> list[str]:
        return list(self._infos)

    def __contains__(self, name: object) -> bool:
        return name in self._infos

    def shape(self, name: str) -> tuple[int, ...]:
        return self._infos[name].shape

    def dtype(self, name: str) -> torch.dtype:
        return DTYPES[self._infos[name].dtype]

    def get(self, name: str, dtype: torch.dtype | None = None, device: str | torch.device = "cpu") -> Tensor:
        if name not in self._infos:
            raise KeyError(name)
        wanted = dtype or self.dtype(name)
        try:
            if wanted == self.dtype(name) and torch.device(device).type == "cpu":
                return self._file.get_tensor(name)
            return self._passing(self._infos[name]).to(device=device, dtype=wanted)
        except (SafetensorError, OSError) as error:
            raise FormatError(f"{self._path}: tensor {name[:100]!r} cannot be read: {error}.") from None

    def read(self, name: str) -> Tensor:
        try:
            return self._passing(self._infos[name])
        except OSError as error:
            raise FormatError(f"{self._path}: tensor {name[:100]!r} cannot be read: {error}.") from None

    def copied(self, name: str) -> Copied:
        return Copied(self.shape(name), self.dtype(name), self._path, self._data_start + self._infos[name].start)

    def _passing(self, info: TensorInfo) -> Tensor:
        """A tensor in a buffer that the next one overwrites: what is cast or moved need not be mapped, and mapped
        pages of a 4 GB file would count as memory of this process until the file is closed."""
        size = info.end - info.start
        if self._buffer.numel() < size:
            self._buffer = torch.empty(size, dtype=torch.uint8)
        raw = self._buffer[:size]
        with open(self._path, "rb", buffering=0) as file:
            file.seek(self._data_start + info.start)
            target, read = raw.numpy().data, 0
            while read < size:
                count = file.readinto(target[read:])
                if not count:
                    raise OSError("the file has become shorter")
                read += count
        return raw.view(DTYPES[info.dtype]).reshape(info.shape)

    def close(self) -> None:
        self._buffer = torch.empty(0, dtype=torch.uint8)
        if self._file is not None:
            self._file.__exit__(None, None, None)
            self._file = None


class _Pickle(TensorFile):
    def __init__(self, path: Path) -> None:
        value = load_pickle(path)
        self.metadata = {}
        self._tensors = hypernetwork_tensors(path, value)
        if self._tensors:
            self.metadata = hypernetwork_metadata(value)
        else:
            self._tensors = state_dict_of(value)
        if not self._tensors:
            raise FormatError(f"{path}: holds no named tensors.")

    def keys(self) -> list[str]:
        return list(self._tensors)

    def __contains__(self, name: object) -> bool:
        return name in self._tensors

    def shape(self, name: str) -> tuple[int, ...]:
        return tuple(self._tensors[name].shape)

    def dtype(self, name: str) -> torch.dtype:
        return self._tensors[name].dtype

    def get(self, name: str, dtype: torch.dtype | None = None, device: str | torch.device = "cpu") -> Tensor:
        tensor = self._tensors[name]
        return tensor.to(device=device, dtype=dtype or tensor.dtype).contiguous()

    def close(self) -> None:
        self._tensors = {}


def open_tensors(path: Path) -> TensorFile:
    """Open a file of named tensors, whatever its extension says.

    Raises:
        FormatError: missing, truncated, foreign, hostile, or a file without named tensors.
    """
    path = Path(path)
    return _Safetensors(path) if container_of(path) == "safetensors" else _Pickle(path)


def save_safetensors(
    path: Path,
    tensors: Mapping[str, Content],
    metadata: Mapping[str, str] | None = None,
    overwrite: bool = True,
) -> None:
    """Write `tensors` under `path`, whole or not at all, in the layout of the safetensors library.

    Args:
        tensors: by name; a `Deferred` one is made when it is written and freed after, a `Copied` one never loaded.
        metadata: texts for the header, written sorted, so that equal input gives equal bytes.
        overwrite: False refuses an existing file.

    Raises:
        UserError: `path` exists and `overwrite` is False.
        OSError: as the system says it; the old file is whole.
        ValueError: a tensor of a type the format lacks, or a header beyond what our reader accepts.
    """

    order = _file_order(tensors)

    def write(file: BinaryIO) -> None:
        file.write(_header(order, tensors, metadata))
        for name in order:
            tensor = tensors[name]
            if isinstance(tensor, Copied):
                copy_bytes(tensor.path, tensor.start, _size(tensor), file)
            else:
                file.write(_raw(tensor))

    atomic_write(Path(path), write, overwrite=overwrite)


def safetensors_bytes(tensors: Mapping[str, Content], metadata: Mapping[str, str] | None = None) -> int:
    """The size in bytes of the file that `save_safetensors` would write."""
    order = _file_order(tensors)
    return len(_header(order, tensors, metadata)) + sum(_size(tensors[name]) for name in order)


def sha256_file(path: Path) -> str:
    """Hexadecimal sha256 of the whole file."""
    digest = hashlib.sha256()
    with open_regular(Path(path)) as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def serialized(
    tensors: Mapping[str, Tensor | Deferred], metadata: Mapping[str, str] | None = None
) -> Iterator[memoryview | bytes]:
    """The bytes of the file piece by piece: first the header, then each tensor's data."""
    order = _file_order(tensors)
    yield _header(order, tensors, metadata)
    for name in order:
        yield _raw(tensors[name])


def _file_order(tensors: Mapping[str, Content]) -> list[str]:
    """Largest type first, then by name, as the library does: every tensor stays aligned to its own size."""
    for name, tensor in tensors.items():
        if tensor.dtype not in CODES:
            raise ValueError(f"tensor {name!r} is {tensor.dtype}, which safetensors files cannot hold")
    return sorted(tensors, key=lambda name: (-_SORTED_CODES.index(CODES[tensors[name].dtype]), name))


def _header(order: list[str], tensors: Mapping[str, Content], metadata: Mapping[str, str] | None) -> bytes:
    if len(order) > MAX_TENSORS:
        raise ValueError(f"{len(order)} tensors; at most {MAX_TENSORS} go into one file")
    entries: dict[str, object] = {}
    if metadata is not None:
        entries["__metadata__"] = {_utf8(key): _utf8(metadata[key]) for key in sorted(metadata)}
    position = 0
    for name in order:
        end = position + _size(tensors[name])
        shape = list(tensors[name].shape)
        entries[name] = {"dtype": CODES[tensors[name].dtype], "shape": shape, "data_offsets": [position, end]}
        position = end
    text = json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % 8)
    if len(text) > MAX_HEADER_BYTES:
        raise ValueError(f"the header takes {len(text)} bytes; at most {MAX_HEADER_BYTES} are accepted")
    return len(text).to_bytes(8, "little") + text


def _utf8(text: str) -> str:
    """The text with what UTF-8 cannot hold (a file name with undecodable bytes) spelt out."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _size(tensor: Content) -> int:
    return prod(tensor.shape) * tensor.dtype.itemsize


def _raw(tensor: Tensor | Deferred) -> memoryview:
    """The tensor's bytes, little endian, row by row."""
    if isinstance(tensor, Deferred):
        made = tensor.make()
        if tuple(made.shape) != tuple(tensor.shape) or made.dtype != tensor.dtype:
            raise ValueError(f"promised {tensor.dtype} {tensor.shape}, made {made.dtype} {tuple(made.shape)}")
        tensor = made
    flat = tensor.detach().to("cpu").contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().data
