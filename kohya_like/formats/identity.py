"""Which file is this? A quick identity for "is it still the same base model", without reading gigabytes. No torch."""

from __future__ import annotations

import hashlib
from pathlib import Path

WINDOWS, WINDOW = 64, 64 << 10
WEIGHTS = (".safetensors", ".bin", ".ckpt", ".pt", ".json")


def quick_identity(path: Path) -> str:
    """A hash of size, head, tail and 64 windows between them; of a folder: of all its weights and configs by name.

    Two trained models differ nearly everywhere, so the windows tell them apart; a file that was edited in one byte
    between two windows is not noticed. Raises OSError.
    """
    total = hashlib.blake2b(digest_size=16)
    if path.is_dir():
        for file in sorted(p for p in path.rglob("*") if p.suffix in WEIGHTS and p.is_file()):
            total.update(f"{file.relative_to(path).as_posix()}\0{_of_file(file)}\0".encode())
    else:
        total.update(_of_file(path).encode())
    return total.hexdigest()


def _of_file(path: Path) -> str:
    size = path.stat().st_size
    found = hashlib.blake2b(str(size).encode(), digest_size=16)
    with path.open("rb") as file:
        if size <= WINDOWS * WINDOW:
            found.update(file.read())
        else:
            for i in range(WINDOWS):
                file.seek((size - WINDOW) * i // (WINDOWS - 1))
                found.update(file.read(WINDOW))
    return found.hexdigest()
