"""What all tools keep to: nothing is replaced unasked, an input is never its own output, numbers stay finite."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from kohya_like.formats.metadata import with_hashes
from kohya_like.formats.tensors import save_safetensors
from kohya_like.networks.merging import finite
from kohya_like.schema.errors import FormatError, UserError

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


def chosen_dtype(name: str) -> torch.dtype | None:
    """The number type of that name; None for "" or "keep"."""
    return DTYPES.get(name)


def check_file(out: Path, inputs: Iterable[Path], force: bool, suffix: str = ".safetensors") -> None:
    """Raises UserError where `out` cannot be written: another suffix, an input, there already, no such folder."""
    if out.suffix.lower() != suffix:
        raise UserError(f"{out}: is no name for the result; files are written as {suffix}")
    _check(out, inputs)
    if out.is_dir():
        raise UserError(f"{out}: is a folder", "name a file")
    if os.path.lexists(out) and not force:
        raise UserError(f"{out}: already exists", "choose another name, or add --force")


def check_folder(out: Path, inputs: Iterable[Path]) -> None:
    """The same for a folder, which is never replaced."""
    _check(out, inputs)
    if os.path.lexists(out):
        raise UserError(f"{out}: already exists, and a folder is never replaced", "choose another name")


def _check(out: Path, inputs: Iterable[Path]) -> None:
    for path in inputs:
        if out.exists() and path.exists() and os.path.samefile(out, path):
            raise UserError(f"{out}: is the file that is read", "choose another name for the result")
    folder = out.absolute().parent
    if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
        raise UserError(f"{folder}: nothing can be written there", "choose another name for the result")


def cast(tensor: Tensor, dtype: torch.dtype, name: str) -> Tensor:
    """The tensor in another number type. Raises FormatError where a finite number becomes infinite."""
    made = tensor.to(dtype)
    if dtype == torch.float16 and tensor.dtype != dtype and not finite(made) and finite(tensor):
        raise too_large(name, dtype)
    return made


def too_large(name: str, dtype: torch.dtype) -> FormatError:
    """For numbers that the type cannot hold."""
    wider = "bf16 or fp32" if dtype == torch.float16 else "fp32"
    return FormatError(f"{name} holds numbers too large for {_names(dtype)}", f"use {wider}")


def _names(dtype: torch.dtype) -> str:
    return next((name for name, known in DTYPES.items() if known == dtype), str(dtype))


def listed(names: Sequence[str], shown: int = 3) -> str:
    """The first few, and how many more there are."""
    first = ", ".join(names[:shown])
    return f"{first} and {len(names) - shown} more" if len(names) > shown else first


def check_finite(tensors: Mapping[str, Tensor], where: Path) -> None:
    """Raises FormatError that names the tensors with NaN or infinity."""
    bad = [name for name, value in tensors.items() if value.is_floating_point() and not finite(value)]
    if bad:
        raise not_finite(where, bad)


def not_finite(where: Path, names: Sequence[str]) -> FormatError:
    """For tensors with NaN or infinity."""
    return FormatError(f"{where}: holds NaN or infinite numbers in {listed(names)}")


def save_network(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str], force: bool) -> None:
    """A network file with kohya's hashes."""
    held = {name: value.contiguous() for name, value in tensors.items()}
    save_safetensors(path, held, with_hashes(held, metadata), overwrite=force)
