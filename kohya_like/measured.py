"""What a recipe's method gave on the embedded model, in a sentence for a person: the figures of benchmarks.methods.

No torch. Where the figures are not there, as in a copy without `benchmarks`, nothing is said.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from kohya_like.recipes import recipe_words

RESULTS = Path(__file__).parent.parent / "benchmarks" / "results" / "methods.json"
ENGLISH = (
    "Measured on the demo's tiny model, {steps} steps of {batch} pictures: the new subject in {found} of 8 drawn "
    "pictures, the error on other subjects {other}, {seconds} s on one core, file {size}."
)
Figures = dict[str, str | int | float]


def measured_text(recipe: str, language: str, path: Path = RESULTS) -> str:
    """The sentence for a recipe; empty where its method was not measured."""
    row = _rows(path).get(recipe)
    if row is None:
        return ""
    said = recipe_words(language).get("measured", {}).get("line", ENGLISH)
    return said.format(
        steps=row["steps"], batch=row["batch"], found=row["found"], other=_change(float(row["other"])),
        seconds=f"{float(row['seconds']):.0f}", size=_size(float(row["bytes"])),
    )  # fmt: skip


@cache
def _rows(path: Path) -> dict[str, Figures]:
    try:
        rows: list[Figures] = json.loads(path.read_text(encoding="utf-8"))["rows"]
    except (OSError, ValueError, KeyError):
        return {}
    return {str(row["name"]): row for row in rows}


def _change(ratio: float) -> str:
    """1.4 -> +40 %"""
    return f"{100 * (ratio - 1):+.0f} %".replace("-0 %", "+0 %")


def _size(count: float) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.0f} KB"
