"""`python -m kohya_like.network_docs` writes the tables of docs/networks.md and its Chinese twin from the code.

Between `<!-- made: NAME -->` and `<!-- end -->` stands what this makes: sizes at the presets' settings, counted from
the families' real shapes; the cells with the reason for each hole; the figures of benchmarks/results/networks.json.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from functools import cache
from math import prod
from pathlib import Path

from kohya_like.config import TrainConfig
from kohya_like.example_presets import MODELS, NOT_MADE, Model, nested, preset_name, preset_values
from kohya_like.families.base import family
from kohya_like.families.components import skeleton
from kohya_like.formats.atomic import atomic_text
from kohya_like.methods.options import NetworkMethod
from kohya_like.network_docs_text import LANGUAGES, MODEL_LABELS, REASONS, WORDS
from kohya_like.networks.base import NetworkAlgorithm, WeightDelta
from kohya_like.networks.cells import LAYERS, MERGING, VARIANTS, has, lost_by, told
from kohya_like.networks.selection import select
from kohya_like.preflight.shapes import Shapes
from kohya_like.preflight.trainable import count_trained, places
from kohya_like.recipes import NETWORK_RECIPES, Recipe, recipe_text
from kohya_like.schema.registry import plugins
from kohya_like.schema.texts.sentences import sentences

ROOT = Path(__file__).parent.parent
PAGES = {language: ROOT / "docs" / name for language, name in LANGUAGES.items()}
RESULTS = ROOT / "benchmarks" / "results" / "networks.json"
BLOCK = re.compile(r"(<!-- made: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def algorithms() -> dict[str, type[NetworkAlgorithm]]:
    """By name, in the order of the recipes."""
    known = plugins("algorithm")
    found = {recipe.network: known[recipe.network] for recipe in NETWORK_RECIPES}
    return {name: one for name, one in found.items() if isinstance(one, type) and issubclass(one, NetworkAlgorithm)}


@cache
def real_shapes(name: str) -> dict[str, Shapes]:
    """Every part of a family at real size, without weights."""
    found = family(name)
    configs = {part: json.loads((found.config_folder / part / "config.json").read_text()) for part in found.parts}
    return {
        part: {key: tuple(tensor.shape) for key, tensor in skeleton(part, config, name).state_dict().items()}
        for part, config in configs.items()
        if part != "vae"
    }


def sizes(recipe: Recipe, model: Model) -> tuple[int, int, int]:
    """Layers (a hypernetwork: nets), numbers that learn, and numbers in the file, at the preset's settings."""
    network = TrainConfig.model_validate(nested(preset_values(recipe, model))).network
    assert isinstance(network, NetworkAlgorithm)
    shapes = real_shapes(model.family)
    rows = count_trained(NetworkMethod(), network, shapes)
    still = 0
    if isinstance(network, WeightDelta) and network.frozen:
        parts = [part for part in shapes if network.trains(part)]
        for chosen in select(network, places(network, shapes, parts))[0]:
            specs = chosen.algorithm.parameters(chosen.place.shape)
            still += sum(prod(specs[key].shape) for key in network.frozen if key in specs)
    trained = sum(row.parameters for row in rows)
    return sum(row.layers for row in rows), trained, trained + still


@cache
def sizes_table(language: str) -> str:
    """Layers, numbers and file of each recipe on each family; each cell leads to its preset."""
    words, notes = WORDS[language], Notes(language)
    lines = table_head(words["recipe"], *(MODEL_LABELS[model.ending] for model in MODELS))
    for recipe in NETWORK_RECIPES:
        cells = []
        for model in MODELS:
            if reason := NOT_MADE.get((recipe.name, model.ending)):
                cells.append(notes.mark(reason))
                continue
            layers, trained, stored = sizes(recipe, model)
            told_in = words["nets" if recipe.network == "hypernetwork" else "layers"].format(layers)
            link = f"[{count_text(trained, language)}](../presets/{preset_name(recipe.name, model.ending)})"
            cells.append(words["comma"].join((told_in, link, size_text(stored * 2))))
        lines.append(table_row(recipe_text(recipe.name, language)[0], *cells))
    return "\n".join([*lines, "", *notes.lines()])


def cells_table(language: str) -> str:
    """Layers, merging and variants of every algorithm; a number in a hole leads to its reason."""
    words, notes = WORDS[language], Notes(language)
    parts = []
    for cells in (LAYERS + MERGING, VARIANTS):
        lines = table_head("", *(words.get(cell, f"`{cell}`") for cell in cells))
        for name, algorithm in algorithms().items():
            lines.append(table_row(f"`{name}`", *(_cell(algorithm, cell, words, notes) for cell in cells)))
        parts += [*lines, ""]
    return "\n".join([*parts, *notes.lines()])


def _cell(algorithm: type[NetworkAlgorithm], cell: str, words: Mapping[str, str], notes: Notes) -> str:
    if not has(algorithm, cell):
        return notes.mark(algorithm.why_not[cell])
    lost = [(name, reasons[cell]) for name, reasons in lost_by(algorithm).items() if cell in reasons]
    return "; ".join(["✓", *(words["not_with"].format(words[name], notes.mark(reason)) for name, reason in lost)])


def told_table(language: str) -> str:
    """What never learns, what a file tells of its options, and why not the others."""
    words, notes = WORDS[language], Notes(language)
    lines = table_head("", words["frozen"], words["told"], words["untold"])
    for name, algorithm in algorithms().items():
        still = ", ".join(f"`{key}`" for key in algorithm.frozen) or words["all_learn"]
        given = ", ".join(f"`{option}`" for option in told(algorithm))
        by_reason: dict[str, list[str]] = {}
        for option, reason in algorithm.untold.items():
            by_reason.setdefault(reason, []).append(f"`{option}`")
        others = "; ".join(f"{', '.join(names)} {notes.mark(reason)}" for reason, names in by_reason.items())
        lines.append(table_row(f"`{name}`", still, given, others or words["nothing"]))
    return "\n".join([*lines, "", *notes.lines()])


def times_table(language: str, path: Path = RESULTS) -> str:
    """Step and peak beside LoRA's, as measured: fp32, batch 1."""
    words = WORDS[language]
    if not path.is_file():
        return words["no_figures"]
    told = json.loads(path.read_text(encoding="utf-8"))
    rows = {row["kind"]: row for row in told["rows"] if row["batch"] == 1 and row["dtype"] == "fp32"}
    first = rows.get("lora", {}).get("peak")
    lines = table_head(words["kind"], words["step"], words["peak"], words["share"])
    for kind in sorted(rows, key=lambda kind: rows[kind]["ratios"]["ours_to_lora"]["processor"]):
        row = rows[kind]
        used = row["peak"]["ours"] if row["peak"] else None
        share = f"{used / first['ours']:.2f}" if used and first else ""
        ratio = 1.0 if kind == "lora" else row["ratios"]["ours_to_lora"]["processor"]
        lines.append(table_row(f"`{kind}`", f"{ratio:.2f}", f"{used / 2**30:.2f} GiB" if used else "", share))
    where = words["where"].format(told["machine"], told["torch"], told["latents"] * 8)
    return "\n".join([*lines, "", where])


class Notes:
    """Numbered reasons below a table: the same sentence has the same number."""

    def __init__(self, language: str, reasons: Mapping[str, Mapping[str, str]] | None = None) -> None:
        """`reasons`: translations of those that are no sentence of the program, beside the networks'."""
        self._language, self._reasons = language, {**REASONS, **(reasons or {})}
        self._end = WORDS[language]["end"]
        self._numbers: dict[str, int] = {}

    def mark(self, reason: str) -> str:
        return f"[{self._numbers.setdefault(reason, len(self._numbers) + 1)}]"

    def lines(self) -> list[str]:
        """The reasons; each a line of its own in the page."""
        return [f"- [{number}] {self._said(reason)}{self._end}" for reason, number in self._numbers.items()]

    def _said(self, reason: str) -> str:
        if reason in self._reasons:
            return self._reasons[reason].get(self._language, reason)
        return sentences(self._language).say(reason)


TABLES: dict[str, Callable[[str], str]] = {
    "sizes": sizes_table,
    "cells": cells_table,
    "told": told_table,
    "times": times_table,
}


def page(language: str) -> str:
    """The document with its tables made anew. Raises KeyError for a block that nobody makes."""
    text = PAGES[language].read_text(encoding="utf-8")
    return BLOCK.sub(lambda found: f"{found[1]}\n{TABLES[found[2]](language)}\n\n{found[3]}", text)


def table_head(*titles: str) -> list[str]:
    return [table_row(*titles), "|" + "---|" * len(titles)]


def table_row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def size_text(count: int) -> str:
    if count < 1e5:
        return f"{count / 1e3:.2g} KB"
    return f"{count / 1e9:.2g} GB" if count >= 1e9 else f"{count / 1e6:.3g} MB"


def count_text(count: int, language: str) -> str:
    """9437184 -> 9.44 M, 944 万; 512 -> 512"""
    if count < 1e4:
        return str(count)
    if language != "zh_CN":
        return f"{count / 1e6:.3g} M"
    return f"{count / 1e8:.3g} 亿" if count >= 1e8 else f"{float(f'{count / 1e4:.3g}'):g} 万"


def main() -> int:
    for language, path in PAGES.items():
        atomic_text(path, page(language))
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
