"""`python -m kohya_like.method_docs` writes the tables of docs/methods.md and its Chinese twin.

Between `<!-- made: NAME -->` and `<!-- end -->` stands what this makes: the methods by family and by program, from
`method_cells`; the figures of benchmarks/results/methods.json and the picture docs/methods.png, where they are there.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from kohya_like.example_presets import FOLDER, MODELS, Model, preset_name
from kohya_like.formats.atomic import atomic_text
from kohya_like.method_cells import PROGRAMS, ROWS, MethodCell, MethodRow
from kohya_like.method_docs_text import LANGUAGES, METHODS, REASONS, WORDS
from kohya_like.network_docs import BLOCK, ROOT, Notes, count_text, size_text, table_head, table_row
from kohya_like.network_docs_text import MODEL_LABELS
from kohya_like.recipes import RECIPES, recipe_text

PAGES = {language: ROOT / "docs" / name for language, name in LANGUAGES.items()}
RESULTS = ROOT / "benchmarks" / "results" / "methods.json"
PICTURE = ROOT / "docs" / "methods.png"


def cells_table(language: str) -> str:
    """Every method on every family: its mark, its preset, and a reason where one of them is missing."""
    words, notes = WORDS[language], Notes(language, REASONS)
    lines = table_head(words["method"], *(MODEL_LABELS[model.ending] for model in MODELS))
    for one in ROWS:
        found = (_cell(one, model, language, notes) for model in MODELS)
        lines.append(table_row(METHODS[language][one.name], *found))
    return "\n".join([*lines, "", *notes.lines()])


def _cell(one: MethodRow, model: Model, language: str, notes: Notes) -> str:
    words, cell = WORDS[language], one.cells[model.family]
    mark = words[cell.mark].format(notes.mark(cell.why) if cell.why else "").strip()
    return words["comma"].join((mark, *_preset(one, cell, model, words, notes)))


def _preset(one: MethodRow, cell: MethodCell, model: Model, words: Mapping[str, str], notes: Notes) -> tuple[str, ...]:
    """A link to the preset. Raises FileNotFoundError where one is missing without a reason."""
    if cell.mark == "hole":
        return ()
    if cell.no_preset:
        return (words["no_preset"].format(notes.mark(cell.no_preset)),)
    path = FOLDER / preset_name(one.preset, model.ending)
    if not path.is_file():
        raise FileNotFoundError(path)
    return (f"[{words['preset']}](../presets/{path.name})",)


def readers_table(language: str) -> str:
    """Which program reads what each method writes, and how we know."""
    words, notes = WORDS[language], Notes(language, REASONS)
    lines = table_head(words["method"], *(words.get(program, program) for program in PROGRAMS))
    for one in ROWS:
        marks = [notes.mark(one.notes[program]) if program in one.notes else "" for program in PROGRAMS]
        found = [f"{words[one.readers[program]]} {mark}".strip() for program, mark in zip(PROGRAMS, marks)]
        lines.append(table_row(METHODS[language][one.name], *found))
    return "\n".join([*lines, "", *notes.lines()])


def measured_table(language: str, path: Path = RESULTS) -> str:
    """What each method did under one budget; losses are after / before."""
    words = WORDS[language]
    if not path.is_file():
        return words["no_figures"]
    told = json.loads(path.read_text(encoding="utf-8"))
    columns = ("method", "steps", "ghost", "other", "found", "score", "parameters", "bytes", "seconds", "peak")
    lines = table_head(*(words[column] for column in columns))
    for one in told["rows"]:
        lines.append(
            table_row(
                method_label(one["name"], language), f"{one['steps']} x {one['batch']}", f"{one['ghost']:.2f}",
                f"{one['other']:.2f}", str(one["found"]), f"{one['score']:.2f}",
                count_text(one["parameters"], language), size_text(one["bytes"]), f"{one['seconds']:.0f} s",
                size_text(one["peak"]),
            )
        )  # fmt: skip
    return "\n".join([*lines, "", words["where"].format(told["machine"])])


def method_label(name: str, language: str) -> str:
    """What a row of the benchmark is called: a method of this page, or a recipe of the chooser."""
    known = METHODS[language]
    if name in known or name not in {recipe.name for recipe in RECIPES}:
        return known.get(name, name)
    return recipe_text(name, language)[0]


def picture(language: str, path: Path = PICTURE) -> str:
    """What every method draws, where the benchmark has drawn it."""
    words = WORDS[language]
    return f"![{words['picture']}]({path.name})" if path.is_file() else words["no_picture"]


TABLES: dict[str, Callable[[str], str]] = {
    "cells": cells_table,
    "readers": readers_table,
    "measured": measured_table,
    "picture": picture,
}


def page(language: str) -> str:
    """The document with its tables made anew. Raises KeyError for a block that nobody makes."""
    text = PAGES[language].read_text(encoding="utf-8")
    return BLOCK.sub(lambda found: f"{found[1]}\n{TABLES[found[2]](language)}\n\n{found[3]}", text)


def main() -> int:
    for language, path in PAGES.items():
        atomic_text(path, page(language))
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
