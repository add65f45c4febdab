"""The methods of training and the families of base models, cell by cell: what trains where, and who else reads it.

docs/methods.md shows this; a test trains every cell that is marked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from kohya_like.example_presets import MODELS, NOT_MADE

Mark = Literal["read", "ours", "hole"]  # trains and others read it; trains and only this program reads it; does not
Program = Literal["A1111", "ComfyUI", "diffusers", "this program"]
# checked: tested with the program itself, or by its loader's rules; source, names: read in its code, or told by the
# names in the file.
Level = Literal["checked", "rules", "source", "names", "unchecked", "no"]
FAMILIES = tuple(model.family for model in MODELS)
PROGRAMS: tuple[Program, ...] = ("A1111", "ComfyUI", "diffusers", "this program")

NO_PRESET_FOR_A_TOOL = "nothing is trained beforehand: `./run.sh aesthetic` makes the embedding in seconds"
SD1_ONLY = "A1111's extension knows the text encoder of SD 1 only; ours pulls whichever goes with the image tower"
WORD_INSIDE = "it refuses the whole file because of the word inside; the word's `.pt` beside it is **checked**"
BOTH_ENCODERS = "a file of SDXL holds the vectors of both text encoders, which it is given one after the other"


@dataclass(frozen=True)
class MethodCell:
    """`why`: for a hole, or for what only this program reads; `no_preset`: why there is none to start from."""

    mark: Mark
    why: str = ""
    no_preset: str = ""


@dataclass(frozen=True)
class MethodRow:
    """One method. `preset`: what its presets' names begin with; `readers` and `notes` by program."""

    name: str
    preset: str
    cells: Mapping[str, MethodCell]  # by family
    readers: Mapping[Program, Level]
    notes: Mapping[Program, str] = field(default_factory=dict)


def _everywhere(cell: MethodCell, **others: MethodCell) -> dict[str, MethodCell]:
    return {family: others.get(family, cell) for family in FAMILIES}


def _read_by(a1111: Level, comfy: Level, diffusers: Level) -> dict[Program, Level]:
    return {"A1111": a1111, "ComfyUI": comfy, "diffusers": diffusers, "this program": "checked"}


READ = MethodCell("read")
WHOLE_MODEL = _read_by("names", "names", "checked")
FOR_A1111 = NOT_MADE["hypernetwork", "sdxl"]

ROWS: tuple[MethodRow, ...] = (
    MethodRow("network", "lora", _everywhere(READ), _read_by("source", "unchecked", "checked")),
    MethodRow("dreambooth", "dreambooth", _everywhere(READ), WHOLE_MODEL),
    MethodRow("dreambooth_lora", "dreambooth-lora", _everywhere(READ), _read_by("source", "unchecked", "checked")),
    MethodRow("finetune", "finetune", _everywhere(READ), WHOLE_MODEL),
    MethodRow(
        "textual_inversion", "textual-inversion", _everywhere(READ), _read_by("rules", "unchecked", "checked"),
        {"diffusers": BOTH_ENCODERS},
    ),
    MethodRow(
        "dreamartist", "dreamartist", _everywhere(READ), _read_by("rules", "unchecked", "checked"),
        {"diffusers": BOTH_ENCODERS},
    ),
    MethodRow(
        "pivotal", "pivotal", _everywhere(READ), _read_by("source", "unchecked", "no"), {"diffusers": WORD_INSIDE}
    ),
    MethodRow(
        "hypernetwork", "hypernetwork", _everywhere(READ, sdxl=MethodCell("ours", FOR_A1111, FOR_A1111)),
        _read_by("rules", "unchecked", "no"),
    ),
    MethodRow(
        "aesthetic", "",
        _everywhere(MethodCell("ours", SD1_ONLY, NO_PRESET_FOR_A_TOOL),
                    sd1=MethodCell("read", no_preset=NO_PRESET_FOR_A_TOOL)),
        _read_by("rules", "no", "no"),
    ),
)  # fmt: skip


def marked() -> set[tuple[str, str]]:
    """(method, family) of every cell that trains."""
    return {(row.name, family) for row in ROWS for family, cell in row.cells.items() if cell.mark != "hole"}
