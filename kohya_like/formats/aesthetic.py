"""Aesthetic embeddings: the mean of pictures' vectors as one bare tensor [1, P] in a torch file, as webui has it.

Written in torch's old form, the only one that webui's safe loader accepts from today's torch.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from kohya_like.formats.legacy_pickle import save_legacy
from kohya_like.formats.unpickle import load_pickle
from kohya_like.schema.errors import FormatError


def save_aesthetic(path: Path, vector: Tensor, overwrite: bool = False) -> None:
    """Write a vector [P] or [1, P]. Raises UserError where `path` exists and may not be replaced."""
    save_legacy(path, vector.detach().float().reshape(1, -1), overwrite=overwrite)


def read_aesthetic(path: Path) -> Tensor:
    """The vector [P], float32. Raises FormatError where the file holds anything else."""
    value = load_pickle(Path(path))
    if not isinstance(value, Tensor) or value.ndim > 2 or (value.ndim == 2 and len(value) != 1) or not value.numel():
        raise FormatError(f"{path}: is no aesthetic embedding: those hold one vector and nothing else.")
    vector = value.float().flatten()
    if not bool(torch.isfinite(vector).all()) or not bool(vector.norm() > 0):
        raise FormatError(f"{path}: its vector is zero or holds numbers that are not finite.")
    return vector
