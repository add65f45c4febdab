"""The layout of a torch file (.ckpt, .pt, .bin): its pickled value and where in the file each storage lies. No torch.

Two containers. Since torch 1.6 a zip archive: `data.pkl` and one stored member per storage. Before: five pickles in a
row (magic number, protocol, system, value, storage keys), then per storage its length and its numbers.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from kohya_like.formats.archive import ZIP_START, Member, torch_members
from kohya_like.formats.opening import DOWNLOAD_AGAIN, open_regular, refuse_known_strangers, unreadable
from kohya_like.formats.pickle_calls import PickledStorage
from kohya_like.formats.pickle_reader import MAX_PICKLE_BYTES, Unpickled, read_pickle
from kohya_like.formats.safetensors_header import DTYPE_BYTES
from kohya_like.schema.errors import FormatError

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001


@dataclass(frozen=True)
class TorchFile:
    """A torch file that was read but not loaded: `value` holds `PickledTensor`s, `storages` their bytes' places."""

    container: Literal["pickle-zip", "pickle-legacy"]
    value: object
    storages: dict[str, Member]


def read_torch_file(path: Path) -> TorchFile:
    """Read the pickled value of `path` and check that every storage lies inside the file.

    Raises:
        FormatError: no torch file, truncated, beyond a limit, or one that asks to run something.
    """
    path = Path(path)
    with open_regular(path) as file:
        try:
            start = file.read(512)
            refuse_known_strangers(path, start)
            read = _read_zip if start.startswith(ZIP_START) else _read_legacy
            return read(path, file)
        except OSError as error:
            raise unreadable(path, error) from None


def _read_zip(path: Path, file: BinaryIO) -> TorchFile:
    members = torch_members(path, file)
    if "byteorder" in members and _content(file, members["byteorder"], 16) != b"little":
        raise FormatError(f"{path}: was written on a big-endian machine; save it as .safetensors there.")
    pickled = members["data.pkl"]
    if pickled.size > MAX_PICKLE_BYTES:
        raise FormatError(f"{path}: its pickle has {pickled.size} bytes; at most {MAX_PICKLE_BYTES} are accepted.")
    unpickled = _unpickle(path, _content(file, pickled, pickled.size), 0)
    storages = {}
    for key, storage in unpickled.storages.items():
        member = members.get(f"data/{key}")
        if member is None:
            raise FormatError(f"{path}: is incomplete: its member data/{key[:40]} is missing.", DOWNLOAD_AGAIN)
        if _bytes(storage) > member.size:
            raise FormatError(f"{path}: its storage {key} claims {_bytes(storage)} bytes, the file has {member.size}.")
        storages[key] = member
    return TorchFile("pickle-zip", unpickled.value, storages)


def _read_legacy(path: Path, file: BinaryIO) -> TorchFile:
    file_bytes = os.fstat(file.fileno()).st_size
    file.seek(0)
    head = file.read(MAX_PICKLE_BYTES)
    if head[:1] != b"\x80":
        raise FormatError(f"{path}: is no model file: neither safetensors nor written by torch.")
    magic = _unpickle(path, head, 0)
    if magic.value != _LEGACY_MAGIC:
        raise FormatError(f"{path}: is a Python pickle, but not one that torch wrote.")
    protocol = _unpickle(path, head, magic.end)
    system = _unpickle(path, head, protocol.end)
    if protocol.value != _LEGACY_PROTOCOL or not isinstance(system.value, dict):
        raise FormatError(f"{path}: was written by an unknown version of torch.")
    if system.value.get("little_endian") is not True:
        raise FormatError(f"{path}: was written on a big-endian machine; save it as .safetensors there.")
    content = _unpickle(path, head, system.end)
    keys = _unpickle(path, head, content.end)
    storages = _legacy_storages(path, file, keys, content.storages, file_bytes)
    return TorchFile("pickle-legacy", content.value, storages)


def _legacy_storages(
    path: Path, file: BinaryIO, keys: Unpickled, storages: dict[str, PickledStorage], file_bytes: int
) -> dict[str, Member]:
    if not isinstance(keys.value, list) or sorted(map(str, keys.value)) != sorted(storages):
        raise FormatError(f"{path}: its list of storages does not fit its content.")
    places, position = {}, keys.end
    for key in keys.value:
        size = _bytes(storages[key])
        file.seek(position)
        count = int.from_bytes(file.read(8), "little")
        if position + 8 + size > file_bytes:
            end = position + 8 + size
            raise FormatError(
                f"{path}: is truncated: its storage {key} ends at byte {end}, the file has {file_bytes}.",
                DOWNLOAD_AGAIN,
            )
        if count != storages[key].count:
            raise FormatError(f"{path}: its storage {key} has {count} numbers, its description {storages[key].count}.")
        places[key] = Member(position + 8, size)
        position += 8 + size
    return places


def _unpickle(path: Path, data: bytes, start: int) -> Unpickled:
    try:
        return read_pickle(data, start)
    except FormatError as error:
        raise FormatError(f"{path}: {error.text}", error.hint) from None


def _content(file: BinaryIO, member: Member, limit: int) -> bytes:
    file.seek(member.start)
    return file.read(min(member.size, limit))


def _bytes(storage: PickledStorage) -> int:
    return storage.count * DTYPE_BYTES[storage.dtype]
