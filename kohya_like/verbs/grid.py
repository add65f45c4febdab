"""Tables of pictures: two or three axes, a picture for each combination, one labelled sheet."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

from PIL import Image

from kohya_like.prompt_file import SamplePrompt
from kohya_like.prompts.infotext import SAMPLERS, sampler_named
from kohya_like.prompts.library import NETWORKS
from kohya_like.schema.errors import UserError
from kohya_like.verbs.generate_request import Call, Request, call_of
from kohya_like.verbs.sheet import Sheet, drawn

AXES = ("file", "epoch", "strength", "seed", "steps", "cfg", "sampler")
MOST_PICTURES, MOST_PIXELS = 1000, 200_000_000
_RANGE = re.compile(r"(\d+)\.\.(\d+)")
_EPOCH = re.compile(r"(.*)-(\d{6})")  # kohya's names: lora-000002.safetensors, and lora.safetensors at the end

Value = str | int | float | Call


@dataclass(frozen=True)
class Axis:
    """One axis: its name, its values, and how each is labelled."""

    name: str
    values: tuple[Value, ...]
    labels: tuple[str, ...]


NO_AXIS = Axis("", ("",), ("",))


@dataclass(frozen=True)
class Grid:
    """All pictures, z by z, row by row."""

    request: Request
    x: Axis
    y: Axis
    z: Axis

    def prompts(self, width: int, height: int) -> list[SamplePrompt]:
        """Raises UserError where the sheet would be too large."""
        count = len(self.x.values) * len(self.y.values) * len(self.z.values)
        if count * width * height > MOST_PIXELS:
            size = f"{width}x{height}"
            raise UserError(f"{count} pictures of {size} are too many for one table", "take fewer values")
        return [
            self._prompt(dict(zip((self.z.name, self.y.name, self.x.name), cell)), width, height)
            for cell in product(self.z.values, self.y.values, self.x.values)
        ]

    def _prompt(self, values: dict[str, Value], width: int, height: int) -> SamplePrompt:
        strength = values.get("strength")
        given = values.get("file") or values.get("epoch")
        calls = self.request.calls
        if isinstance(given, Call):
            weight = given.weight if strength is None else float(str(strength))
            calls = (*calls, replace(given, weight=weight))
        elif strength is not None:
            calls = tuple(replace(call, weight=float(str(strength))) for call in calls)
        base = replace(self.request, calls=calls).prompts(width, height, 1)[0]
        return replace(
            base,
            seed=int(str(values.get("seed", base.seed))),
            steps=int(str(values.get("steps", base.steps))),
            scale=float(str(values.get("cfg", base.scale))),
            sampler=str(values.get("sampler", base.sampler)),
        )

    def places(self) -> Iterator[str]:
        """A word for the file of each picture: x1y2, and x1y2z1 with three axes."""
        z_y_x = product(*(range(1, len(axis.values) + 1) for axis in (self.z, self.y, self.x)))
        return (f"x{x}y{y}z{z}" if self.z.name else f"x{x}y{y}" for z, y, x in z_y_x)

    def told(self) -> dict[str, str]:
        """What a sheet tells of itself, in the words of A1111's script."""
        axes = {name: axis for name, axis in (("X", self.x), ("Y", self.y), ("Z", self.z)) if axis.name}
        told = {"Script": "X/Y/Z plot"}
        for letter, axis in axes.items():
            told |= {f"{letter} Type": axis.name, f"{letter} Values": ", ".join(axis.labels)}
        return told


def grid_of(arguments: argparse.Namespace, request: Request) -> Grid:
    """Raises UserError with what is wrong with the axes."""
    if len(request.texts) != 1 or arguments.count != 1:
        raise UserError("a table is drawn of one prompt", "give one --prompt, and --count 1; use the axis seed instead")
    axes = [axis_of(given, request) for given in (arguments.x, arguments.y, arguments.z)]
    names = [axis.name for axis in axes if axis.name]
    if doubled := {name for name in names if names.count(name) > 1}:
        raise UserError(f"the axis {', '.join(sorted(doubled))} is given twice")
    if {"file", "epoch"} <= set(names):
        raise UserError("the axes file and epoch both choose the network", "keep one of them")
    if "strength" in names and not ({"file", "epoch"} & set(names) or request.calls):
        raise UserError("the axis strength needs a network", "add --network, or an axis file or epoch")
    grid = Grid(request, *axes)
    count = len(axes[0].values) * len(axes[1].values) * len(axes[2].values)
    if count > MOST_PICTURES:
        raise UserError(f"the table would have {count} pictures; at most {MOST_PICTURES} are drawn")
    return grid


def axis_of(given: Sequence[str] | None, request: Request) -> Axis:
    if given is None:
        return NO_AXIS
    name, *values = given
    if name not in AXES:
        raise UserError(f"--x {name}: no such axis; there are {', '.join(AXES)}")
    if not values:
        raise UserError(f"the axis {name} has no values", f"write them behind it: --x {name} ...")
    if name == "file":
        calls = [call_of(request.networks, Path(value)) for value in values]
        return Axis(name, tuple(calls), tuple(call.name for call in calls))
    if name == "epoch":
        return _epochs(values, request)
    read = _READERS[name]
    try:
        found = tuple(one for value in values for one in read(value))
    except ValueError:
        raise UserError(f"the axis {name} cannot have the values {' '.join(values)}") from None
    return Axis(name, found, tuple(_label(name, one) for one in found))


def _label(name: str, value: Value) -> str:
    if name == "sampler":
        theirs, schedule_type = SAMPLERS[str(value)]
        return f"{theirs} {schedule_type}" if schedule_type == "Karras" else theirs
    return f"{name} {value:.10g}" if isinstance(value, float) else f"{name} {value}"


def _epochs(values: Sequence[str], request: Request) -> Axis:
    """All files of a training, by one of them: lora-000001, lora-000002, ... and lora itself, the last."""
    if len(values) != 1:
        raise UserError("the axis epoch has one value: one of the files that a training has saved")
    path = Path(values[0])
    match = _EPOCH.fullmatch(path.stem)
    stem = match[1] if match else path.stem
    found: dict[int, Path] = {}
    last: list[Path] = []
    for file in sorted(path.parent.glob("*")) if path.parent.is_dir() else []:
        epoch = _EPOCH.fullmatch(file.stem)
        if file.suffix.lower() not in NETWORKS or file.suffix != path.suffix:
            continue
        if epoch and epoch[1] == stem:
            found[int(epoch[2])] = file
        elif file.stem == stem:
            last.append(file)
    if not found and not last:
        raise UserError(f"{path}: there is no such network file, nor one of its epochs")
    files = [found[number] for number in sorted(found)] + last
    labels = [f"epoch {number}" for number in sorted(found)] + [stem] * len(last)
    return Axis("epoch", tuple(call_of(request.networks, file) for file in files), tuple(labels))


def _whole(low: int, high: int) -> Callable[[str], list[Value]]:
    def read(text: str) -> list[Value]:
        match = _RANGE.fullmatch(text)
        first, last = (int(match[1]), int(match[2])) if match else (int(text), int(text))
        if not low <= first <= last <= high or last - first > MOST_PICTURES:
            raise ValueError(text)
        return list(range(first, last + 1))

    return read


def _number(low: float, high: float) -> Callable[[str], list[Value]]:
    def read(text: str) -> list[Value]:
        if not low <= (number := float(text)) <= high:
            raise ValueError(text)
        return [number]

    return read


def _sampler(text: str) -> list[Value]:
    name = sampler_named(text) or text
    if name not in SAMPLERS:
        raise ValueError(text)
    return [name]


_READERS: dict[str, Callable[[str], list[Value]]] = {
    "strength": _number(-100, 100),
    "seed": _whole(0, 2**32 - 1),
    "steps": _whole(1, 1000),
    "cfg": _number(0, 100),
    "sampler": _sampler,
}


def table(grid: Grid, images: Sequence[Image.Image]) -> Image.Image:
    """The labelled sheet."""
    per_sheet = len(grid.x.values) * len(grid.y.values)
    sheets = [
        Sheet(label, grid.x.labels, grid.y.labels, images[i * per_sheet : (i + 1) * per_sheet])
        for i, label in enumerate(grid.z.labels)
    ]
    return drawn(sheets)
