"""What a fine-tune has learned, pressed into a LoRA when it is saved: ΔW = W' − W ≈ up · down, layer by layer.

The singular values of ΔW decide: the largest R of them are kept (the nearest matrix of rank R; Eckart and Young).
What a LoRA cannot hold, biases and norms and embeddings, stays behind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from kohya_like.formats.kohya_keys import lora_name
from kohya_like.networks.algorithms.lora import DOWN, UP, LoRA
from kohya_like.networks.targets import Target, find_targets
from kohya_like.schema.errors import UserError
from kohya_like.tools.model_file import ModelFile
from kohya_like.tools.output import cast, check_finite
from kohya_like.tools.singular import factors_of_matrix, fixed


@torch.no_grad()
def extracted_lora(base: ModelFile, parts: Mapping[str, nn.Module], rank: int, dtype: torch.dtype) -> dict[str, Tensor]:
    """kohya's tensors of the LoRA that turns the base into the trained parts; its 3x3 convolutions have rank R too.

    Raises UserError where nothing has changed.
    """
    algorithm = LoRA(dim=rank, alpha=float(rank), conv_dim=rank, conv_alpha=float(rank))
    tensors: dict[str, Tensor] = {}
    for target, change in _changes(base, parts, find_targets(algorithm, parts)):
        made = factors_of_matrix(change.flatten(1), fixed(rank), rank)
        ones = (1,) * len(target.shape.kernel)
        name = lora_name(target.part, target.path, base.family)
        pairs = {
            UP: made.up.reshape(target.shape.out, made.rank, *ones),
            DOWN: made.down.reshape(made.rank, target.shape.in_, *target.shape.kernel),
            "alpha": torch.tensor(float(made.rank)),
        }
        tensors |= {f"{name}.{n}": cast(value.cpu().contiguous(), dtype, f"{name}.{n}") for n, value in pairs.items()}
    if not tensors:
        raise UserError("no layer has changed: there is no LoRA to extract", "train longer, or with a higher rate")
    return tensors


def _changes(base: ModelFile, parts: Mapping[str, nn.Module], targets: list[Target]) -> Iterator[tuple[Target, Tensor]]:
    """Each layer that has changed, with its change in float32. The base counts as it was loaded."""
    for target in targets:
        weight = parts[target.part].get_parameter(f"{target.path}.weight")
        old = base.tensor(target.part, f"{target.path}.weight").to(weight.device, weight.dtype)
        change = weight.float() - old.float()
        check_finite({target.path: change}, base.path)
        if change.any():
            yield target, change
