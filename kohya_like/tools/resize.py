"""A LoRA at another rank: each layer's change is written with fewer singular values.

The strength stays: alpha / rank is multiplied into the factors, and the new alpha is the new rank, so that a program
that knows nothing of alpha computes the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from kohya_like.formats.kohya_keys import read_key
from kohya_like.formats.tensors import open_tensors
from kohya_like.networks.adapter import shapes_and_constants
from kohya_like.networks.algorithms.lora import DOWN, UP
from kohya_like.networks.reading import read_file
from kohya_like.schema.errors import FormatError, UserError
from kohya_like.tools.output import cast, check_file, save_network
from kohya_like.tools.singular import RESIZING, Rule, factors_of_product, fixed

KNOWN = {UP, DOWN, "alpha"}


@dataclass(frozen=True)
class Row:
    """One resized layer: ranks before and after, and what was kept."""

    module: str
    old_rank: int
    rank: int
    sum_kept: float
    norm_kept: float
    ratio: float


@dataclass(frozen=True)
class Size:
    """How large: `rank` is the new rank, or with a `method` of kohya's (sv_ratio, sv_fro, sv_cumulative) the most."""

    rank: int
    conv_rank: int | None = None
    method: str = ""
    target: float = 0.0

    def rule(self, rank: int) -> Rule:
        return RESIZING[self.method](self.target) if self.method else fixed(rank)

    def most(self, down: Tensor) -> int:
        wide = down.ndim == 4 and max(down.shape[2:]) > 1
        return self.conv_rank if wide and self.conv_rank else self.rank

    def check(self) -> None:
        """Raises UserError for a rank or target that makes no sense."""
        if self.rank < 1 or (self.conv_rank is not None and self.conv_rank < 1):
            raise UserError("the new rank must be at least 1")
        if self.method == "sv_ratio" and self.target < 1:
            raise UserError(
                f"sv_ratio = {self.target:g}: expects 1 or more, the largest singular value over the smallest kept"
            )
        if self.method in ("sv_fro", "sv_cumulative") and not 0 < self.target <= 1:
            raise UserError(f"{self.method} = {self.target:g}: expects a share between 0 and 1")


def resize(
    path: Path, out: Path, size: Size, *, dtype: torch.dtype | None = None, force: bool = False,
    device: torch.device | str = "cpu",
) -> list[Row]:  # fmt: skip
    """Write the LoRA of `path` at another rank to `out`. Raises UserError or FormatError; nothing is then written."""
    size.check()
    check_file(out, [path], force)
    modules, metadata = lora_modules(path)
    tensors: dict[str, Tensor] = {}
    rows = []
    for module, held in modules.items():
        up, down = held[UP].to(device), held[DOWN].to(device)
        old = down.shape[0]
        scale = float(held["alpha"]) / old if "alpha" in held else 1.0
        most = min(size.most(down), old)
        made = factors_of_product(up.flatten(1) * scale, down.flatten(1), size.rule(most), most)
        stored = dtype or held[UP].dtype
        rank = made.rank
        pairs = {
            UP: made.up.reshape(up.shape[0], rank, *up.shape[2:]),
            DOWN: made.down.reshape(rank, *down.shape[1:]),
            "alpha": torch.tensor(float(rank)),
        }
        tensors |= {f"{module}.{n}": cast(value.cpu(), stored, f"{module}.{n}") for n, value in pairs.items()}
        rows.append(Row(module, old, rank, made.sum_kept, made.norm_kept, made.ratio))
    save_network(out, tensors, _metadata(metadata, size, rows), force)
    return rows


def lora_modules(path: Path) -> tuple[dict[str, dict[str, Tensor]], dict[str, str]]:
    """The tensors of a plain LoRA by module, in kohya's names, and the file's metadata.

    Raises FormatError where a module is of another kind or incomplete: all such are counted.
    """
    tensors = read_file(path)
    modules: dict[str, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        module, name = read_key(key)
        modules.setdefault(module, {})[name] = value
    strange = [module for module, held in modules.items() if not _is_lora(held)]
    if strange:
        kinds = sorted({name for module in strange for name in modules[module]})
        raise FormatError(
            f"{path}: {len(strange)} of {len(modules)} modules are no plain LoRA: {', '.join(strange[:3])} "
            f"({', '.join(kinds[:5])})",
            "only LoRA and LoCon without a Tucker core have a rank that can be changed",
        )
    with open_tensors(path) as file:
        return modules, file.metadata


def _is_lora(held: Mapping[str, Tensor]) -> bool:
    shapes, _ = shapes_and_constants(held)
    if not {UP, DOWN} <= held.keys() <= KNOWN or not shapes.keys() >= {UP, DOWN}:
        return False
    return len(shapes[UP]) == len(shapes[DOWN]) in (2, 4) and shapes[UP][1] == shapes[DOWN][0]


def _metadata(metadata: Mapping[str, str], size: Size, rows: list[Row]) -> dict[str, str]:
    """In kohya's words."""
    old = max(row.old_rank for row in rows)
    comment = metadata.get("ss_training_comment", "")
    kept = {key: value for key, value in metadata.items() if key != "lora_adapter_metadata"}
    if size.method:
        said, new = f"Dynamic resize with {size.method}: {size.target:g} from {old}", "Dynamic"
    else:
        conv = f" (conv: {size.conv_rank})" if size.conv_rank else ""
        said, new = f"dimension is resized from {old} to {size.rank}{conv}", str(size.rank)
    numbers = {"ss_network_dim": new, "ss_network_alpha": new}
    return kept | numbers | {"ss_training_comment": f"{said}; {comment}"}
