"""A LoRA out of two checkpoints of one family: what the second has learned over the first, layer by layer."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from kohya_like.families.base import family as family_named
from kohya_like.formats.kohya_keys import lora_name
from kohya_like.formats.metadata import ModelSpec, modelspec
from kohya_like.networks.algorithms.lora import DOWN, UP, LoRA
from kohya_like.networks.targets import Target, find_targets
from kohya_like.schema.errors import FormatError, UserError
from kohya_like.tools.model_file import ModelFile, open_model
from kohya_like.tools.output import cast, check_file, check_finite, listed, save_network
from kohya_like.tools.singular import EXTRACTION, factors_of_matrix


@dataclass(frozen=True)
class Choice:
    """What is extracted: `mode` is "fixed", "threshold", "ratio" or "quantile" (LyCORIS' words), with its number.

    The same for 3x3 convolutions in `conv_value`; None leaves them out. `targets` as in `network.targets`.
    """

    mode: str
    value: float
    conv_value: float | None = None
    targets: str | tuple[str, ...] = "kohya"

    def check(self) -> None:
        """Raises UserError for a number that the mode cannot have."""
        for number in (self.value, self.conv_value):
            if number is None:
                continue
            if self.mode == "fixed" and (number < 1 or number != int(number)):
                raise UserError(f"rank {number:g}: expects a whole number from 1 on")
            if self.mode in ("ratio", "quantile") and not 0 < number <= 1:
                raise UserError(f"{self.mode} {number:g}: expects a share between 0 and 1")
            if self.mode == "threshold" and number < 0:
                raise UserError(f"threshold {number:g}: expects 0 or more")

    def most_for(self, change: Tensor) -> int:
        """Half the width at most, unless a rank is asked for: above it the factors are larger than the weight."""
        width = min(change.flatten(1).shape)
        return width if self.mode == "fixed" else max(1, width // 2)

    def value_for(self, target: Target) -> float:
        return self.conv_value if target.shape.is_wide and self.conv_value is not None else self.value


@dataclass(frozen=True)
class Extracted:
    """What was found: ranks by module name, layers without a change, and how much of the change was kept (least)."""

    ranks: dict[str, int]
    unchanged: int
    least_kept: float
    warnings: tuple[str, ...] = ()


@torch.no_grad()
def extract(
    base: Path, tuned: Path, out: Path, choice: Choice, *, dtype: torch.dtype = torch.float16, force: bool = False,
    device: torch.device | str = "cpu",
) -> Extracted:  # fmt: skip
    """Write the LoRA that turns `base` into `tuned` to `out`. Raises UserError or FormatError; nothing is written."""
    choice.check()
    check_file(out, [base, tuned], force)
    with open_model(base) as old, open_model(tuned) as new:
        if old.family != new.family:
            raise FormatError(f"{tuned}: is a {new.label} model, and {base} is a {old.label} model")
        warnings = []
        if old.prediction_type and new.prediction_type and old.prediction_type != new.prediction_type:
            warnings.append(
                f"{tuned}: predicts {new.prediction_type}, and the base {old.prediction_type}; the network holds both"
            )
        targets = _targets(old, choice)
        _check_layers(old, new, targets)
        tensors: dict[str, Tensor] = {}
        ranks: dict[str, int] = {}
        kept = [1.0]
        for target in targets:
            name = lora_name(target.part, target.path, old.family)
            change = _change(old, new, target, device)
            if not change.any():
                continue
            rule = EXTRACTION[choice.mode](choice.value_for(target))
            made = factors_of_matrix(change.flatten(1), rule, choice.most_for(change))
            ones = (1,) * len(target.shape.kernel)
            pairs = {
                UP: made.up.reshape(target.shape.out, made.rank, *ones),
                DOWN: made.down.reshape(made.rank, target.shape.in_, *target.shape.kernel),
                "alpha": torch.tensor(float(made.rank)),
            }
            tensors |= {f"{name}.{n}": cast(value.cpu(), dtype, f"{name}.{n}") for n, value in pairs.items()}
            ranks[name] = made.rank
            kept.append(made.norm_kept)
    if not ranks:
        raise UserError(f"{tuned}: differs from {base} in none of the chosen layers")
    save_network(out, tensors, _metadata(old, new, choice, ranks), force)
    return Extracted(ranks, len(targets) - len(ranks), min(kept), tuple(warnings))


def _targets(model: ModelFile, choice: Choice) -> list[Target]:
    wide = 1 if choice.conv_value is not None else None
    return find_targets(LoRA(dim=1, alpha=1.0, conv_dim=wide, targets=choice.targets), model.skeleton())


def _check_layers(old: ModelFile, new: ModelFile, targets: list[Target]) -> None:
    faults = []
    for target in targets:
        name = f"{target.path}.weight"
        there = new.held.get(target.part, {}).get(name)
        if there is None:
            faults.append(f"{target.part}.{name} is missing")
        elif new.shape(there) != old.shape(old.held[target.part][name]):
            faults.append(f"{target.part}.{name} has shape {new.shape(there)}")
    if faults:
        raise FormatError(f"{new.path}: does not have the layers of {old.path}: {listed(faults)}")


def _change(old: ModelFile, new: ModelFile, target: Target, device: torch.device | str) -> Tensor:
    name = f"{target.path}.weight"
    weights = []
    for model in (old, new):
        weight = model.tensor(target.part, name)
        check_finite({name: weight}, model.path)
        weights.append(weight.to(device, torch.float32))
    return weights[1] - weights[0]


def _metadata(old: ModelFile, new: ModelFile, choice: Choice, ranks: Mapping[str, int]) -> dict[str, str]:
    family = family_named(old.family)
    prediction = new.prediction_type or old.prediction_type or family.default_prediction_type or "epsilon"
    one = str(next(iter(ranks.values()))) if len(set(ranks.values())) == 1 else "Dynamic"
    arguments = {"mode": choice.mode, "value": str(choice.value), "conv_value": str(choice.conv_value)}
    side = family.resolution(prediction)
    spec = ModelSpec(
        family.modelspec_architecture(prediction), (side, side),
        "v_prediction" if prediction == "v_prediction" else "epsilon", time.time(), "lora", title=new.path.stem,
    )  # fmt: skip
    return {
        "ss_network_module": "networks.lora", "ss_network_dim": one, "ss_network_alpha": one,
        "ss_base_model_version": family.base_model_version(prediction), "ss_v2": str(old.family == "sd2"),
        "ss_sd_model_name": old.path.name, "ss_training_comment": f"extracted from {new.path.name}",
        "kohya_like.extracted": json.dumps(arguments),
    } | modelspec(spec)  # fmt: skip
