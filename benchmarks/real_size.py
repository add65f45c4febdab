"""A model of SD1.5's full size with random weights, as one .safetensors file in the original layout.

    python -m benchmarks.real_size [FOLDER] [--dtype fp32|fp16]

fp32 takes 4.27 GB. The values are drawn from the seed and each tensor's name: the same file on every machine with the
same torch. They are scaled by fan-in, so that a forward pass stays near unit size and a training step is finite.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
import zlib
from pathlib import Path

import torch
from torch import Tensor

from kohya_like.families.base import ModelFamily
from kohya_like.families.components import skeleton
from kohya_like.families.sd1 import SD1
from kohya_like.families.sdxl import SDXL
from kohya_like.families.sources import FolderSource
from kohya_like.formats.ldm import to_ldm
from kohya_like.formats.tensors import Deferred, safetensors_bytes, save_safetensors

DTYPES = {"fp32": torch.float32, "fp16": torch.float16}


def default_folder() -> Path:
    """Outside the repository; the system empties it."""
    return Path(tempfile.gettempdir()) / "kohya-like-benchmarks"


def real_size(folder: Path, dtype: str = "fp32") -> Path:
    """The file, made if it is not there. Raises OSError, when the disk is full among others."""
    path = folder / f"sd15-random-{dtype}.safetensors"
    tensors = full_size_tensors(DTYPES[dtype])
    if not path.exists() or path.stat().st_size != safetensors_bytes(tensors):
        folder.mkdir(parents=True, exist_ok=True)
        save_safetensors(path, tensors)
    return path


def sdxl_size(folder: Path) -> Path:
    """A model of SDXL's size in fp16, 6.9 GB, made if it is not there."""
    path = folder / "sdxl-random-fp16.safetensors"
    tensors = full_size_tensors(torch.float16, SDXL)
    if not path.exists() or path.stat().st_size != safetensors_bytes(tensors):
        folder.mkdir(parents=True, exist_ok=True)
        save_safetensors(path, tensors)
    return path


def full_size_tensors(dtype: torch.dtype, family: ModelFamily = SD1) -> dict[str, Deferred]:
    """Names and shapes of the original layout; each tensor is drawn when it is written."""
    configs = FolderSource(family.config_folder)
    tensors: dict[str, Deferred] = {}
    for part in (*family.parts, "vae"):
        config, where = configs.config(part)
        shapes = {name: tuple(t.shape) for name, t in skeleton(part, config, where).state_dict().items()}

        def make(name: str, shapes: dict[str, tuple[int, ...]] = shapes) -> Tensor:
            return drawn(name, shapes[name]).to(dtype)

        for name, piece in to_ldm(part, family.name, shapes).items():
            tensors[name] = Deferred(piece.shape(shapes.__getitem__), dtype, lambda p=piece, m=make: p.tensor(m))  # type: ignore[misc]
    return tensors


def drawn(name: str, shape: tuple[int, ...]) -> Tensor:
    """Norms 1, biases 0, weights normal with deviation 1 / √fan-in."""
    if len(shape) < 2:
        return torch.ones(shape) if name.endswith("weight") else torch.zeros(shape)
    deviation = 0.02 if "embedding.weight" in name else 1.0 / math.sqrt(math.prod(shape[1:]))
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    return torch.empty(shape).normal_(0.0, deviation, generator=generator)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=default_folder())
    parser.add_argument("--dtype", choices=list(DTYPES), default="fp32")
    a = parser.parse_args()
    started = time.perf_counter()
    path = real_size(a.folder, a.dtype)
    print(f"{path}: {path.stat().st_size / 1e9:.2f} GB, {time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
