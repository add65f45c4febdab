"""Encoder outputs on disk: one small file per entry, whole or not there.

    sha256 of the rest (32 bytes) | one line of JSON, padded with spaces | the tensors' bytes, one after the other

One read and one hash tell whether an entry is whole, so a torn or flipped one is found at once and made again; the
name is the key, so nothing has to be listed or indexed. Entries are written through `formats.atomic`.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from math import prod
from pathlib import Path

import torch
from torch import Tensor

from kohya_like.formats.atomic import atomic_bytes, sweep_orphans
from kohya_like.schema.errors import FormatError

Tensors = dict[str, Tensor]

SUFFIX = ".entry"
ALIGNMENT = 64  # bytes; every tensor starts on a multiple
_DIGEST_BYTES = 32
_MAX_LINE_BYTES = 64 * 1024
_DTYPES = {str(dtype): dtype for dtype in (torch.float32, torch.float16, torch.bfloat16)}
_DAY_SECONDS = 86_400


@dataclass(frozen=True)
class EntryInfo:
    """One entry as a list shows it."""

    key: str
    source: str  # the picture or caption it was made from, for people
    bytes: int
    used: float  # seconds since the epoch: last written, or found useful by a run


@dataclass(frozen=True)
class Removed:
    entries: int = 0
    bytes: int = 0


def pack(tensors: Mapping[str, Tensor], source: str) -> bytes:
    """An entry as bytes. `tensors` are float32, float16 or bfloat16."""
    shapes = [[name, str(tensor.dtype), list(tensor.shape)] for name, tensor in tensors.items()]
    line = json.dumps({"source": source, "tensors": shapes}).encode()
    line += b" " * (-(len(line) + 1 + _DIGEST_BYTES) % ALIGNMENT) + b"\n"
    body = b"".join([line, *map(_padded, tensors.values())])
    return sha256(body).digest() + body


def unpack(data: bytearray) -> tuple[Tensors, str]:
    """Tensors and source of an entry; the tensors share the memory of `data`. Raises FormatError unless it is whole."""
    if len(data) <= _DIGEST_BYTES or sha256(memoryview(data)[_DIGEST_BYTES:]).digest() != data[:_DIGEST_BYTES]:
        raise FormatError("the cache entry is damaged")
    start = data.index(b"\n", _DIGEST_BYTES) + 1
    facts = json.loads(data[_DIGEST_BYTES:start])
    tensors: Tensors = {}
    for name, dtype_name, shape in facts["tensors"]:
        dtype, count = _DTYPES[dtype_name], prod(shape)
        tensors[name] = torch.frombuffer(data, dtype=dtype, count=count, offset=start).reshape(shape)
        start += count * dtype.itemsize + -(count * dtype.itemsize) % ALIGNMENT
    return tensors, facts["source"]


def _padded(tensor: Tensor) -> bytes:
    raw = tensor.detach().to("cpu").contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
    return raw + b"\0" * (-len(raw) % ALIGNMENT)


class EntryStore:
    """The entries of one folder, by key (hexadecimal)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}{SUFFIX}"

    def get(self, key: str) -> Tensors | None:
        """The tensors of an entry; None if there is none or it is not whole."""
        try:
            with self.path(key).open("rb") as file:
                return unpack(bytearray(file.read()))[0]
        except (OSError, FormatError):
            return None

    def put(self, key: str, tensors: Mapping[str, Tensor], source: str) -> None:
        """Write an entry, or replace one. Raises OSError as the system says it (disk full)."""
        path = self.path(key)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # latents are pictures, and these may be private
        path.parent.mkdir(exist_ok=True)
        # without fsync: it would take longer than a GPU's VAE, and what a power cut tears the hash finds
        atomic_bytes(path, pack(tensors, source), durable=False)

    def touch(self, key: str) -> None:
        """Note that an entry is of use, for `purge`; to the day, so that a run does not rewrite 10,000 dates."""
        with suppress(OSError):
            path = self.path(key)
            if time.time() - path.stat().st_mtime > _DAY_SECONDS:
                os.utime(path)

    def list(self) -> Iterator[EntryInfo]:
        """All entries by key, read no further than their first line."""
        for path in self._paths():
            with suppress(OSError):
                facts = path.stat()
                yield EntryInfo(path.name.removesuffix(SUFFIX), _source(path), facts.st_size, facts.st_mtime)

    def size(self) -> int:
        """Bytes of all entries."""
        total = 0
        for path in self._paths():
            with suppress(OSError):
                total += path.stat().st_size
        return total

    def purge(self, older_than: float | None = None, keep: Collection[str] | None = None) -> Removed:
        """Remove entries: those of no use for `older_than` seconds, and not in `keep`; with neither, all of them."""
        now, entries, freed = time.time(), 0, 0
        for path in self._paths():
            if keep is not None and path.name.removesuffix(SUFFIX) in keep:
                continue
            with suppress(FileNotFoundError):
                facts = path.stat()
                if older_than is not None and now - facts.st_mtime < older_than:
                    continue
                path.unlink()
                entries, freed = entries + 1, freed + facts.st_size
        return Removed(entries, freed)

    def sweep(self) -> Sequence[Path]:
        """Remove what killed writers left half-written."""
        return [orphan for shelf in self._shelves() for orphan in sweep_orphans(shelf)]

    def _shelves(self) -> Sequence[Path]:
        return sorted(path for path in self.folder.iterdir() if path.is_dir()) if self.folder.is_dir() else []

    def _paths(self) -> Iterator[Path]:
        for shelf in self._shelves():
            yield from sorted(shelf.glob(f"*{SUFFIX}"))


def _source(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(_DIGEST_BYTES)
        try:
            return str(json.loads(file.readline(_MAX_LINE_BYTES))["source"])
        except (ValueError, KeyError, TypeError):
            return "(damaged)"
