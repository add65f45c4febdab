"""Load a torch file (.ckpt, .pt, .bin) without running anything in it.

The value comes from our own interpreter (`pickle_reader`), which knows data and a short list of torch's and numpy's
own names. Tensors are views of the mapped file, so a 4 GB checkpoint is paged in as its tensors are used.
"""

from __future__ import annotations

import mmap
from pathlib import Path

import numpy
import torch
from torch import Tensor

from kohya_like.formats.archive import Member
from kohya_like.formats.opening import open_regular, unreadable
from kohya_like.formats.pickle_calls import NumpyArray, PickledTensor
from kohya_like.formats.torch_file import read_torch_file
from kohya_like.schema.errors import FormatError

DTYPES: dict[str, torch.dtype] = {
    "BOOL": torch.bool, "U8": torch.uint8, "I8": torch.int8, "F8_E5M2": torch.float8_e5m2,
    "F8_E4M3": torch.float8_e4m3fn, "F8_E8M0": torch.float8_e8m0fnu, "I16": torch.int16, "U16": torch.uint16,
    "F16": torch.float16, "BF16": torch.bfloat16, "I32": torch.int32, "U32": torch.uint32, "F32": torch.float32,
    "C64": torch.complex64, "F64": torch.float64, "I64": torch.int64, "U64": torch.uint64,
}  # fmt: skip
_MAX_DEPTH = 100
_MAX_NUMPY_BYTES = 256 * 1024 * 1024
_ALIGNMENT = 8


def load_pickle(path: Path) -> object:
    """The value that `torch.save` wrote to `path`: dicts, lists, tuples, numbers, texts and tensors.

    OrderedDict and ParameterDict come back as `dict`, a Parameter as a plain tensor, a foreign class that is only
    named (lightning uses one as a dictionary key) as an inert `ForeignName`.

    Raises:
        FormatError: broken, truncated, beyond a limit, or asking to run something, which is named.
    """
    path = Path(path)
    file = read_torch_file(path)
    return _Loader(path, file.storages).build(file.value, 0)


def state_dict_of(value: object) -> dict[str, Tensor]:
    """The named tensors of a loaded file: those below "state_dict" where a trainer wrote one, else those on top."""
    if not isinstance(value, dict):
        return {}
    inner = value.get("state_dict")
    table = inner if isinstance(inner, dict) else value
    return {name: item for name, item in table.items() if isinstance(name, str) and isinstance(item, Tensor)}


class _Loader:
    def __init__(self, path: Path, places: dict[str, Member]) -> None:
        self._path, self._places = path, places
        self._map: mmap.mmap | None = None
        self._storages: dict[str, Tensor] = {}
        self._built: dict[int, object] = {}
        self._numpy_bytes = 0

    def build(self, value: object, depth: int) -> object:
        """The described value with real tensors; containers that the file shares stay shared."""
        if not isinstance(value, (dict, list, tuple, PickledTensor, NumpyArray)):
            return value
        if id(value) in self._built:
            return self._built[id(value)]
        if depth > _MAX_DEPTH:
            raise FormatError(f"{self._path}: its content is nested more than {_MAX_DEPTH} levels deep.")
        if isinstance(value, dict):
            table: dict[object, object] = {}
            self._built[id(value)] = table
            for key, item in value.items():
                table[key] = self.build(item, depth + 1)
        elif isinstance(value, list):
            items: list[object] = []
            self._built[id(value)] = items
            items.extend(self.build(item, depth + 1) for item in value)
        elif isinstance(value, tuple):
            self._built[id(value)] = tuple(self.build(item, depth + 1) for item in value)
        else:
            self._built[id(value)] = self._tensor(value) if isinstance(value, PickledTensor) else self._array(value)
        return self._built[id(value)]

    def _tensor(self, described: PickledTensor) -> Tensor:
        dtype = DTYPES[described.dtype]
        octets = self._storage(described.storage.key)
        numbers = octets[: octets.numel() // dtype.itemsize * dtype.itemsize].view(dtype)
        return numbers.as_strided(described.shape, described.stride, described.storage.base + described.offset)

    def _storage(self, key: str) -> Tensor:
        """The bytes of a storage, mapped: a page that is written to becomes a private copy."""
        if key not in self._storages:
            place = self._places[key]
            if place.start + place.size > len(self._mapped()):
                raise FormatError(f"{self._path}: has become shorter while it was read.")
            if place.size == 0:
                octets = torch.empty(0, dtype=torch.uint8)
            else:
                octets = torch.frombuffer(self._mapped(), dtype=torch.uint8, count=place.size, offset=place.start)
            # old files put numbers at odd addresses, which torch's fast paths may not read
            self._storages[key] = octets if octets.data_ptr() % _ALIGNMENT == 0 else octets.clone()
        return self._storages[key]

    def _mapped(self) -> mmap.mmap:
        if self._map is None:
            with open_regular(self._path) as file:
                try:
                    self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
                except (OSError, ValueError) as error:
                    raise unreadable(self._path, OSError(str(error))) from None
        return self._map

    def _array(self, array: NumpyArray) -> object:
        self._numpy_bytes += len(array.raw)
        if self._numpy_bytes > _MAX_NUMPY_BYTES:
            raise FormatError(f"{self._path}: its numpy arrays take more than {_MAX_NUMPY_BYTES} bytes.")
        numbers = numpy.frombuffer(array.raw, dtype=array.order + array.dtype)
        if array.shape == () and len(numbers) == 1:
            return numbers[0].item()
        return torch.from_numpy(numbers.reshape(array.shape, order="F" if array.columns_first else "C").copy())
