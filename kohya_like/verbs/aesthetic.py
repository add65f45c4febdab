"""`aesthetic`: the look of a folder of pictures as an embedding for `generate --aesthetic`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from kohya_like.console import say
from kohya_like.data.folders import is_picture, times
from kohya_like.data.images import load_image
from kohya_like.families.image_tower import ImageTower, open_image_tower
from kohya_like.formats.aesthetic import save_aesthetic
from kohya_like.schema.errors import FormatError, UserError

AT_ONCE = 16


def aesthetic_verb(arguments: argparse.Namespace) -> int:
    """Make the embedding that the command line asks for. Raises UserError; an existing file is not replaced unasked."""
    out: Path = arguments.out
    if out.exists() and not arguments.force:
        raise UserError(f"{out} is there already", "choose another --out, or add --force")
    paths = list(pictures_in(arguments.folder))
    if not paths:
        raise UserError(f"{arguments.folder}: holds no pictures", "give the folder with the pictures themselves")
    tower = open_image_tower(arguments.tower, arguments.device)
    vector, left_out = mean_vector(tower, paths)
    for error in left_out:
        say(f"warning: left out: {error.text}", error=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    save_aesthetic(out, vector, arguments.force)
    say(f"{out}: the mean of {times(len(paths) - len(left_out), 'picture')}, {vector.numel()} numbers")
    return 0


def pictures_in(folder: Path) -> Iterator[Path]:
    """The pictures that lie in the folder itself, by name. Raises UserError where it cannot be read."""
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise UserError(f"{folder}: cannot be read ({error.strerror})", "choose another folder") from error
    yield from (folder / name for name in names if is_picture(name) and not name.startswith("."))


def mean_vector(tower: ImageTower, paths: list[Path]) -> tuple[Tensor, list[FormatError]]:
    """The mean [P] of the pictures' vectors as they are, not brought to one length, and the pictures left out.

    Raises UserError where none of them can be read.
    """
    total, count, left_out = torch.zeros(tower.width), 0, []
    for start in range(0, len(paths), AT_ONCE):
        batch = []
        for path in paths[start : start + AT_ONCE]:
            try:
                batch.append(load_image(path))
            except FormatError as error:
                left_out.append(error)
        if batch:
            total += tower.features(batch).sum(dim=0).cpu()
            count += len(batch)
    if not count:
        raise UserError(f"{paths[0].parent}: none of its {len(paths)} pictures can be read", left_out[0].text)
    return total / count, left_out
