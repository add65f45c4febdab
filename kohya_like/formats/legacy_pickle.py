"""Write a value as torch did before 1.6: five pickles in a row, then the numbers. What A1111's safe loader accepts.

    magic number, protocol, system, the value, the names of the storages;  per storage its length (8 bytes) and numbers

The zip archive of today's torch.save holds members that webui refuses. Written here and not by torch.save's old mode,
because that names storages by their address in memory: equal content would give different files.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from kohya_like.formats.atomic import atomic_write

_MAGIC, _PROTOCOL, _PICKLE_PROTOCOL = 0x1950A86A20F9469CFC6C, 1001, 2
_SYSTEM = {"protocol_version": _PROTOCOL, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
_STORAGES = {
    torch.float32: torch.FloatStorage, torch.float16: torch.HalfStorage, torch.bfloat16: torch.BFloat16Storage,
    torch.float64: torch.DoubleStorage, torch.int64: torch.LongStorage, torch.int32: torch.IntStorage,
}  # fmt: skip


class _Storage:
    """The numbers of one tensor, named in the pickle and written behind it."""

    def __init__(self, key: str, tensor: Tensor) -> None:
        self.key, self.tensor = key, tensor


class _Writer(pickle.Pickler):
    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file, protocol=_PICKLE_PROTOCOL)
        self.storages: list[_Storage] = []

    def reducer_override(self, value: object) -> Any:
        if not isinstance(value, Tensor):
            return NotImplemented
        tensor = value.detach().to("cpu").contiguous()
        storage = _Storage(str(len(self.storages)), tensor)
        self.storages.append(storage)
        shape, stride = tuple(tensor.shape), tuple(tensor.stride())
        rebuild: Callable[..., object] = torch._utils._rebuild_tensor_v2
        return rebuild, (storage, 0, shape, stride, False, OrderedDict())

    def persistent_id(self, value: object) -> tuple[object, ...] | None:
        if not isinstance(value, _Storage):
            return None
        return ("storage", _STORAGES[value.tensor.dtype], value.key, "cpu", value.tensor.numel(), None)


def save_legacy(path: Path, value: object, *, overwrite: bool = True) -> None:
    """Write `value` (dicts, lists, tuples, numbers, texts, tensors) under `path`, whole or not at all.

    Raises UserError where `path` exists and `overwrite` is False; OSError as the system says it.
    """

    def write(file: BinaryIO) -> None:
        for part in (_MAGIC, _PROTOCOL, _SYSTEM):
            pickle.dump(part, file, protocol=_PICKLE_PROTOCOL)
        writer = _Writer(file)
        writer.dump(value)
        pickle.dump([storage.key for storage in writer.storages], file, protocol=_PICKLE_PROTOCOL)
        for storage in writer.storages:
            file.write(storage.tensor.numel().to_bytes(8, "little"))
            file.write(storage.tensor.reshape(-1).view(torch.uint8).numpy().data)

    atomic_write(Path(path), write, overwrite=overwrite)
