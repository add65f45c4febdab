"""The command line of `generate`. Its work lies in `verbs.generate`, imported when asked."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from kohya_like.prompts.infotext import SAMPLERS
from kohya_like.prompts.pull import USUAL

Verb = Callable[[argparse.Namespace], int]
ON_OR_OFF = argparse.BooleanOptionalAction


def number(kind: type[int] | type[float], low: float, high: float) -> Callable[[str], float]:
    """The type of an argument between two bounds."""

    def read(text: str) -> float:
        value = kind(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text} is not between {low} and {high}")
        return value

    read.__name__ = kind.__name__  # argparse names it: "invalid int value"
    return read


def add_generate(verb: Callable[[str, Verb, str], argparse.ArgumentParser]) -> None:
    """What may stand in a picture has no default here: it comes from --like, or else from `verbs.generate_request`."""
    sub = verb("generate", generate, "Draw pictures, to look at a result. The prompt language is A1111's.")
    sub.add_argument("--model", type=Path, required=True)
    sub.add_argument("--like", type=Path, metavar="PICTURE", help="take from this picture what is not said otherwise")

    what = sub.add_argument_group("what is drawn")
    what.add_argument("--prompt", action="append", default=[], help="may be given several times")
    what.add_argument("--negative", help="what is not wanted")
    what.add_argument("--network", action="append", default=[], metavar="FILE[:WEIGHT]", help="for every prompt")
    for name, help in (
        ("--network-dir", "where <lora:name:1> and <hypernet:name:1> look for their files"),
        ("--embedding-dir", "embeddings that a prompt uses by their file names"),
    ):
        what.add_argument(name, action="append", default=[], type=Path, metavar="FOLDER", help=help)
    what.add_argument("--init", type=Path, metavar="PICTURE", help="start from this picture")
    what.add_argument("--strength", type=number(float, 0, 1), help="how far from --init; default 0.75")

    how = sub.add_argument_group("how")
    how.add_argument("--seed", type=number(int, 0, 2**32 - 1), help="of the first picture; default 1")
    how.add_argument("--steps", type=number(int, 1, 1000), help="default 20")
    how.add_argument("--cfg", type=number(float, 0, 100), help="guidance scale; default 7")
    how.add_argument("--sampler", choices=list(SAMPLERS), help="default euler")
    how.add_argument("--size", help="512 or 512x768; default: what the model was trained on, or --init's")
    how.add_argument("--clip-skip", type=number(int, 1, 12))
    how.add_argument("--count", type=number(int, 1, 10_000), default=1, help="pictures of each prompt")
    how.add_argument("--batch-size", type=number(int, 1, 64), help="pictures drawn at once; default: by their size")

    grid = sub.add_argument_group("a table: its axes are file, epoch, strength, seed, steps, cfg, sampler")
    for name, help in (
        ("--x", "columns: --x strength 0.4 0.7 1"),
        ("--y", "rows: --y file a.safetensors b.safetensors, or --y epoch my-lora.safetensors"),
        ("--z", "tables one below the other: --z seed 1..3"),
    ):
        grid.add_argument(name, nargs="+", metavar=("AXIS", "VALUE"), help=help)
    grid.add_argument("--cells", action="store_true", help="keep the single pictures too")

    _add_aesthetic(sub)
    model = sub.add_argument_group("model and machine")
    model.add_argument("--prediction-type", default="auto", choices=["auto", "epsilon", "v_prediction"])
    model.add_argument("--zero-terminal-snr", action="store_true", help="for models trained with it")
    model.add_argument("--config-folder", type=Path)
    model.add_argument("--dtype", default="fp32", choices=["fp32", "fp16", "bf16"])
    model.add_argument("--device", default="auto")

    sub.add_argument("--out", type=Path, default=Path("picture.png"), help="a file, or a folder for several")
    sub.add_argument("--force", action="store_true", help="replace existing pictures")
    sub.add_argument("--json", action="store_true")


def _add_aesthetic(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("aesthetic gradients: pull the prompts towards the look of some pictures")
    group.add_argument("--aesthetic", type=Path, metavar="FILE", help="an embedding made by the verb aesthetic")
    group.add_argument("--aesthetic-tower", type=Path, metavar="FOLDER", help="the CLIP model it was made with")
    group.add_argument("--aesthetic-weight", type=float, help=f"0 to 1; default {USUAL.weight}")
    group.add_argument("--aesthetic-steps", type=int, help=f"default {USUAL.steps}")
    group.add_argument("--aesthetic-lr", type=float, help=f"default {USUAL.learning_rate:g}")
    group.add_argument("--aesthetic-slerp", action=ON_OR_OFF, help="mix along an arc, not along a line")
    group.add_argument("--aesthetic-text", help="a text that is mixed into the look")
    group.add_argument("--aesthetic-text-negative", action=ON_OR_OFF, help="away from that text")
    group.add_argument("--aesthetic-angle", type=float, help=f"how much of the text; default {USUAL.angle}")


def generate(arguments: argparse.Namespace) -> int:
    from kohya_like.verbs.generate import generate_pictures

    paths = generate_pictures(arguments)
    print(json.dumps({"pictures": [str(p) for p in paths]}) if arguments.json else "\n".join(map(str, paths)))
    return 0
