"""docs/networks.md and its Chinese twin say what the code says, the same in both, and nothing they name is missing."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from kohya_like import network_docs
from kohya_like.config import TrainConfig
from kohya_like.example_presets import MODELS
from kohya_like.network_docs import BLOCK, PAGES, TABLES, cells_table, page, real_shapes, sizes, times_table
from kohya_like.network_docs_text import WORDS
from kohya_like.networks.base import WeightDelta
from kohya_like.networks.cells import CELLS, has
from kohya_like.networks.presets import PRESETS
from kohya_like.networks.selection import select
from kohya_like.preflight.trainable import places
from kohya_like.recipes import RECIPES
from kohya_like.schema.known import known_options
from kohya_like.schema.registry import plugins
from kohya_like.schema.toml import Document
from kohya_like.schema.validate import build

pytestmark = pytest.mark.quick
every_language = pytest.mark.parametrize("language", PAGES)


def text_of(language: str) -> str:
    return PAGES[language].read_text(encoding="utf-8")


@every_language
def test_its_tables_are_made_of_the_code(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = text_of(language)
    assert {found[2] for found in BLOCK.finditer(text)} == TABLES.keys()
    shown = next(found[0] for found in BLOCK.finditer(text) if found[2] == "times")
    monkeypatch.setitem(TABLES, "times", lambda _: "\n".join(shown.splitlines()[2:-2]))
    assert text == page(language), "run: python -m kohya_like.network_docs"
    rows = {line for line in shown.splitlines() if line.startswith("| `")}
    measured = set(times_table(language).splitlines())
    assert rows <= measured, "a figure is older than the benchmark's; run: python -m kohya_like.network_docs"


@every_language
def test_control_a_table_that_was_edited_by_hand_is_found(
    language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "networks.md"
    whole = text_of(language)
    edited = whole.replace("| ✓ |", "| [1] |", 1)
    path.write_text(edited, encoding="utf-8")
    monkeypatch.setitem(PAGES, language, path)
    made = page(language)
    assert made != edited and made.count("| ✓ |") == whole.count("| ✓ |") == edited.count("| ✓ |") + 1


@every_language
def test_every_hole_leads_to_a_reason_in_its_language(language: str) -> None:
    table = cells_table(language)
    reasons = dict(re.findall(r"^- \[(\d+)\] (.+)$", table, re.MULTILINE))
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    assert len(rows) == 2 * len(plugins("algorithm"))
    holes = [mark for row in rows for mark in re.findall(r"\[(\d+)\]", row)]
    assert set(holes) == reasons.keys()
    everything = [kind for kind in plugins("algorithm").values() if isinstance(kind, type)]
    missing = sum(not has(kind, cell) for kind in everything for cell in CELLS)
    with_dora = sum("dora_wd" in kind.model_fields for kind in everything)  # type: ignore[attr-defined]
    assert len(holes) == missing + with_dora
    chinese = [bool(re.search("[\u4e00-\u9fff]", reason)) for reason in reasons.values()]
    assert all(chinese) if language == "zh_CN" else not any(chinese)


def test_control_an_algorithm_with_an_unexplained_hole_makes_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hasty(WeightDelta):
        """Has no reasons."""

    monkeypatch.setattr(network_docs, "algorithms", lambda: {"hasty": Hasty})
    with pytest.raises(KeyError):
        cells_table("en")


def test_kohyas_sizes() -> None:
    """sd-scripts' counts of layers: 192 + 72, 192 + 138, 722 (formats: 1.2); the numbers of one layer by hand."""
    recipe = next(recipe for recipe in RECIPES if recipe.name == "lora")
    assert [sizes(recipe, model)[0] for model in MODELS] == [264, 330, 722]
    halved = next(recipe for recipe in RECIPES if recipe.name == "lora_fa")
    layers, trained, stored = sizes(halved, MODELS[0])
    assert (layers, stored) == sizes(recipe, MODELS[0])[::2] and trained < 0.6 * stored


@every_language
def test_the_figures_in_its_prose_are_those_of_its_tables(language: str) -> None:
    def megabytes(recipe: str, ending: str = "sd15") -> float:
        row = next(row for row in RECIPES if row.name == recipe)
        return sizes(row, next(model for model in MODELS if model.ending == ending))[2] * 2 / 1e6

    text = text_of(language)
    assert "2.4 MB" in text and megabytes("lokr") == pytest.approx(2.4, abs=0.05)
    assert "0.3 MB" in text and megabytes("ia3") == pytest.approx(0.3, abs=0.05)
    assert "0.7 GB" in text and megabytes("full") == pytest.approx(700, abs=50)
    assert "60 %" in text and megabytes("locon") / megabytes("lora") == pytest.approx(1.6, abs=0.05)
    assert "9 %" in text and megabytes("locon", "sdxl") / megabytes("lora", "sdxl") == pytest.approx(1.09, abs=0.01)
    assert megabytes("boft") / megabytes("lora") == pytest.approx(3.0, abs=0.1)


@every_language
def test_the_figures_come_from_the_results(language: str, tmp_path: Path) -> None:
    words = WORDS[language]
    assert times_table(language, tmp_path / "none.json") == words["no_figures"]
    row = {"batch": 1, "dtype": "fp32", "peak": {"ours": 2**31}, "ratios": {"ours_to_lora": {"processor": 1.5}}}
    told = {
        "machine": "Abacus", "torch": "2", "latents": 32,
        "rows": [
            {**row, "kind": "loha"}, {**row, "kind": "lora", "peak": {"ours": 2**30}}, {**row, "batch": 4, "kind": "x"},
        ],
    }  # fmt: skip
    path = tmp_path / "networks.json"
    path.write_text(json.dumps(told), encoding="utf-8")
    table = times_table(language, path)
    assert "| `loha` | 1.50 | 2.00 GiB | 2.00 |" in table and "| `lora` | 1.00 | 1.00 GiB | 1.00 |" in table
    assert "Abacus" in table and "256" in table and "`x`" not in table


@every_language
def test_what_it_names_exists(language: str) -> None:
    text = text_of(language)
    options = known_options(TrainConfig).options
    fields = {key.rpartition(".")[2] for key in options}
    known = {*fields, *PRESETS, *plugins("algorithm"), *(key for recipe in RECIPES for key in recipe.defaults)}
    for word in re.findall(r"`(?:network\.)?([a-z]+_[a-z_]+)`", text):
        assert word in known or word in {"lora_down.weight"}, word
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)\)", text):
        assert (PAGES[language].parent / target).exists(), target
    anchors = {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in re.findall(r"^#+ (.+)$", text, re.M)}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= anchors


@every_language
def test_every_rule_of_its_example_has_an_effect(language: str) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", text_of(language), re.DOTALL)
    network = build(TrainConfig, Document(example)).network
    assert isinstance(network, WeightDelta) and len(network.rules) == 4
    chosen, faults = select(network, places(network, real_shapes("sd1"), ["unet", "text_encoder"]))
    found = {(one.algorithm.title, getattr(one.algorithm, "dim", 0), one.rate) for one in chosen}
    assert found == {("LoRA", 16, 1.0), ("LoRA", 16, 0.5), ("LoRA", 32, 1.0), ("LoHa", 4, 1.0)} and faults == []
    assert not any("mid_block" in one.place.path for one in chosen)


def test_both_languages_say_the_same() -> None:
    english, chinese = (BLOCK.sub("", text_of(language)) for language in ("en", "zh_CN"))
    for pattern in (r"^#+ ", r"^\|.*\|$", r"^- ", r"arXiv|\d{4}\.\d{5}", r"\./run\.sh (\w+)", r"^    \"(\S+)"):
        found = [re.findall(pattern, text, re.MULTILINE) for text in (english, chinese)]
        assert len(found[0]) == len(found[1]), pattern
    codes = [sorted(set(re.findall(r"`([a-z_]+(?: = [^`]+)?)`", text))) for text in (english, chinese)]
    assert codes[0] == codes[1]
