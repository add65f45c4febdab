"""The verbs for files: merge, extract, resize, convert. Their work lies in `kohya_like.tools`, imported when asked."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kohya_like.console import say
from kohya_like.schema.errors import UserError

if TYPE_CHECKING:
    from kohya_like.tools.merge import Ingredient

Run = Callable[[argparse.Namespace], int]
PARTS = ("unet", "text_encoder", "text_encoder_2")
MODES = ("fixed", "threshold", "ratio", "quantile")
METHODS = ("sv_ratio", "sv_fro", "sv_cumulative")
FORMS = ("kohya", "peft", "ldm", "diffusers", "same", "a1111")


def add_tools(verb: Callable[[str, Run, str], argparse.ArgumentParser]) -> None:
    """The four verbs and their options."""
    sub = verb("merge", merge_verb, "Merge networks into a base model for good, or take them out again.")
    sub.add_argument("base", type=Path, help="a .safetensors or .ckpt file, or a diffusers folder")
    sub.add_argument("network", nargs="+", metavar="FILE[:WEIGHT]", help="or FILE:unet=0.8,text_encoder=0.5")
    sub.add_argument("--multiplier", type=float, default=1.0, help="of all weights; -1 takes the networks out again")
    _outputs(sub, "as in the base")

    sub = verb("extract", extract_verb, "Make a LoRA of what one model has learned over another.")
    sub.add_argument("base", type=Path)
    sub.add_argument("tuned", type=Path)
    sub.add_argument("--mode", default="fixed", choices=MODES, help="how each layer's rank is chosen")
    sub.add_argument("--value", type=float, default=16, help="the rank, or the mode's number")
    sub.add_argument("--conv-value", type=float, help="the same for 3x3 convolutions; default: they are left out")
    sub.add_argument(
        "--targets", action="append", default=[], help="a preset, or a pattern; may be given several times"
    )
    sub.add_argument("--device", default="cpu")
    _outputs(sub, "fp16")

    sub = verb("resize", resize_verb, "Write a LoRA at another rank, by its singular values.")
    sub.add_argument("file", type=Path)
    sub.add_argument("--rank", type=int, required=True, help="the new rank; with --method the largest")
    sub.add_argument("--conv-rank", type=int, help="of 3x3 convolutions; default: as --rank")
    sub.add_argument("--method", default="", choices=["", *METHODS], help="a rank for each layer by itself")
    sub.add_argument("--target", type=float, default=0.9, help="the method's number")
    sub.add_argument("--verbose", action="store_true", help="a line for each layer")
    sub.add_argument("--device", default="cpu")
    _outputs(sub, "as in the file")

    sub = verb("convert", convert_verb, "Write a network or base model in another form.")
    sub.add_argument("file", type=Path)
    sub.add_argument(
        "--to", default="", choices=["", *FORMS],
        help="networks: kohya, peft; models: ldm, diffusers, same; hypernetworks: a1111 (.pt), same; default: by --out",
    )  # fmt: skip
    sub.add_argument("--like", type=Path, metavar="ORIGINAL", help="gives what the other form cannot hold")
    sub.add_argument("--family", default="", choices=["", "sd1", "sd2", "sdxl"], help="where the file does not tell")
    _outputs(sub, "as in the file")


def _outputs(sub: argparse.ArgumentParser, default: str) -> None:
    sub.add_argument("--out", type=Path, required=True, help="the file or folder that is written")
    sub.add_argument("--dtype", default="", choices=["", "fp32", "fp16", "bf16"], help=f"default: {default}")
    sub.add_argument("--force", action="store_true", help="replace an existing file")
    sub.add_argument("--json", action="store_true")


def merge_verb(arguments: argparse.Namespace) -> int:
    from kohya_like.tools.merge import merge
    from kohya_like.tools.output import chosen_dtype

    wanted = [ingredient(text, arguments.multiplier) for text in arguments.network]
    dtype = chosen_dtype(arguments.dtype)
    done = merge(arguments.base, wanted, arguments.out, dtype=dtype, force=arguments.force)
    layers = ", ".join(f"{count} layers of {part}" for part, count in done.layers.items())
    return _told(arguments, asdict(done), f"{done.out}: changed {layers}", done.warnings)


def ingredient(text: str, multiplier: float = 1.0) -> Ingredient:
    """FILE, FILE:0.8 or FILE:unet=0.8,text_encoder=0.5; a file name may hold colons of its own."""
    from kohya_like.tools.merge import Ingredient

    head, colon, tail = text.rpartition(":")
    if colon and "=" in tail:
        parts = {}
        for piece in tail.split(","):
            part, _, number = piece.partition("=")
            value = _finite(number)
            if part not in PARTS or value is None:
                raise UserError(f"{piece}: expects one of {', '.join(PARTS)} and a number, such as unet=0.8")
            parts[part] = value * multiplier
        return Ingredient(Path(head), multiplier, parts)
    weight = _finite(tail) if colon else None
    return Ingredient(Path(text), multiplier) if weight is None else Ingredient(Path(head), weight * multiplier)


def _finite(text: str) -> float | None:
    with suppress(ValueError):
        if math.isfinite(value := float(text)):
            return value
    return None


def extract_verb(arguments: argparse.Namespace) -> int:
    import torch

    from kohya_like.networks.presets import PRESETS
    from kohya_like.tools.extract import Choice, extract
    from kohya_like.tools.output import chosen_dtype

    names = arguments.targets or ["kohya"]
    targets = names[0] if len(names) == 1 and names[0] in PRESETS else tuple(names)
    choice = Choice(arguments.mode, arguments.value, arguments.conv_value, targets)
    dtype = chosen_dtype(arguments.dtype) or torch.float16
    done = extract(
        arguments.base, arguments.tuned, arguments.out, choice, dtype=dtype, force=arguments.force,
        device=arguments.device,
    )  # fmt: skip
    ranks = done.ranks.values()
    text = (
        f"{arguments.out}: {len(ranks)} layers of rank {min(ranks)} to {max(ranks)}, "
        f"{done.unchanged} without a change; "
        f"at least {done.least_kept:.1%} of each layer's change is kept"
    )
    return _told(arguments, {"out": arguments.out, **asdict(done)}, text, done.warnings)


def resize_verb(arguments: argparse.Namespace) -> int:
    from kohya_like.tools.output import chosen_dtype
    from kohya_like.tools.resize import Size, resize

    size = Size(arguments.rank, arguments.conv_rank, arguments.method, arguments.target if arguments.method else 0.0)
    dtype = chosen_dtype(arguments.dtype)
    rows = resize(arguments.file, arguments.out, size, dtype=dtype, force=arguments.force, device=arguments.device)
    if arguments.verbose and not arguments.json:
        say(f"{'layer':<75} rank        sum    norm   largest/smallest")
        for row in rows:
            kept = f"{row.sum_kept:6.1%}  {row.norm_kept:6.1%}  {row.ratio:8.1f}"
            say(f"{row.module:<75} {row.old_rank:>3} -> {row.rank:<3} {kept}")
    mean = sum(row.norm_kept for row in rows) / len(rows)
    ranks = [row.rank for row in rows]
    text = f"{arguments.out}: {len(rows)} layers of rank {min(ranks)} to {max(ranks)}; {mean:.1%} of the norm is kept"
    return _told(arguments, {"out": arguments.out, "layers": [asdict(row) for row in rows]}, text)


def convert_verb(arguments: argparse.Namespace) -> int:
    from kohya_like.tools.convert import convert
    from kohya_like.tools.output import chosen_dtype

    done = convert(
        arguments.file, arguments.out, arguments.to, like=arguments.like, family=arguments.family,
        dtype=chosen_dtype(arguments.dtype), force=arguments.force,
    )  # fmt: skip
    return _told(arguments, asdict(done), f"{done.out}: {done.count} {done.of}, {done.to}")


def _told(arguments: argparse.Namespace, facts: dict[str, Any], text: str, warnings: tuple[str, ...] = ()) -> int:
    if arguments.json:
        print(json.dumps(facts, ensure_ascii=False, default=str))
    else:
        for warning in warnings:
            say(f"warning: {warning}", error=True)
        say(text)
    return 0
