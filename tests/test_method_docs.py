"""docs/methods.md and its Chinese twin say what the code says, the same in both, and nothing they name is missing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from kohya_like import method_docs
from kohya_like.config import TrainConfig
from kohya_like.data.scan import scan
from kohya_like.example_presets import FOLDER
from kohya_like.method_cells import FAMILIES, ROWS, MethodCell
from kohya_like.method_docs import BLOCK, PAGES, RESULTS, TABLES, cells_table, measured_table, page, picture
from kohya_like.method_docs_text import METHODS, WORDS
from kohya_like.schema.known import known_options
from kohya_like.schema.toml import Document
from kohya_like.schema.validate import build
from tests.data.folders_made import make

pytestmark = pytest.mark.quick
every_language = pytest.mark.parametrize("language", PAGES)


def text_of(language: str) -> str:
    return PAGES[language].read_text(encoding="utf-8")


def shown(language: str, name: str) -> str:
    """What stands in the page between the marks."""
    return next(found[0] for found in BLOCK.finditer(text_of(language)) if found[2] == name)


def as_it_stands(name: str) -> Callable[[str], str]:
    return lambda language: "\n".join(shown(language, name).splitlines()[2:-2])


@every_language
def test_its_tables_are_made_of_the_code(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = text_of(language)
    assert [found[2] for found in BLOCK.finditer(text)] == list(TABLES)
    for name in ("measured", "picture"):  # a benchmark that is just being run has newer ones
        monkeypatch.setitem(TABLES, name, as_it_stands(name))
    assert text == page(language), "run: python -m kohya_like.method_docs"


@every_language
def test_its_figures_are_the_benchmarks(language: str) -> None:
    rows = {line for line in shown(language, "measured").splitlines() if " x " in line and line.startswith("| ")}
    measured = set(measured_table(language).splitlines())
    assert rows <= measured, "a figure is older than the benchmark's; run: python -m kohya_like.method_docs"


@every_language
def test_control_a_table_that_was_edited_by_hand_is_found(
    language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, mark = tmp_path / "methods.md", WORDS[language]["read"]
    edited = text_of(language).replace(f"| {mark}", "| ?", 1)
    path.write_text(edited, encoding="utf-8")
    monkeypatch.setitem(PAGES, language, path)
    assert page(language) != edited and page(language).count(mark) == edited.count(mark) + 1


@every_language
def test_every_mark_that_lacks_something_leads_to_a_reason_in_its_language(language: str) -> None:
    for table in (cells_table(language), method_docs.readers_table(language)):
        reasons = dict(re.findall(r"^- \[(\d+)\] (.+)$", table, re.MULTILINE))
        rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
        assert len(rows) == len(ROWS) and reasons
        assert {mark for line in rows for mark in re.findall(r"\[(\d+)\]", line)} == reasons.keys()
        chinese = [bool(re.search("[\u4e00-\u9fff]", reason)) for reason in reasons.values()]
        assert all(chinese) if language == "zh_CN" else not any(chinese)


def test_every_cell_has_a_preset_or_a_reason_and_a_name() -> None:
    for one in ROWS:
        assert tuple(one.cells) == FAMILIES and all(one.name in names for names in METHODS.values())
        for cell in one.cells.values():
            assert (cell.mark == "read") != bool(cell.why), "ours only, and a hole, for a reason"
        others = [level for program, level in one.readers.items() if program != "this program"]
        read = any(cell.mark == "read" for cell in one.cells.values())
        assert read == any(level not in ("no", "unchecked") for level in others)


def test_control_a_missing_preset_makes_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    hasty = method_docs.MethodRow("aesthetic", "hasty", dict.fromkeys(FAMILIES, MethodCell("read")), ROWS[0].readers)
    monkeypatch.setattr(method_docs, "ROWS", (hasty,))
    with pytest.raises(FileNotFoundError):
        cells_table("en")


@every_language
def test_the_figures_come_from_the_results(language: str, tmp_path: Path) -> None:
    words, nothing = WORDS[language], tmp_path / "none"
    assert measured_table(language, nothing) == words["no_figures"]
    assert picture(language, nothing) == words["no_picture"]
    figures = {"seed": 1, "steps": 150, "batch": 12, "ghost": 0.412, "other": 1.5, "found": 7, "score": 0.834,
               "parameters": 341_000, "bytes": 772_000, "seconds": 31.6, "peak": 120_000_000}  # fmt: skip
    rows = [{"name": name, **figures} for name in ("dreambooth", "lora", "something_new")]
    path = tmp_path / "methods.json"
    path.write_text(json.dumps({"machine": "Abacus", "rows": rows}), encoding="utf-8")
    table = measured_table(language, path)
    assert f"| {METHODS[language]['dreambooth']} | 150 x 12 | 0.41 | 1.50 | 7 | 0.83 |" in table
    assert "| LoRA |" in table and "| something_new |" in table and "Abacus" in table
    assert "| 0.772 MB | 32 s | 120 MB |" in table and ("0.341 M" if language == "en" else "34.1 万") in table
    drawn = tmp_path / "methods.png"
    drawn.touch()
    assert picture(language, drawn).endswith("](methods.png)")


def test_what_is_said_below_the_figures_follows_from_them() -> None:
    rows = {row["name"]: row for row in json.loads(RESULTS.read_text(encoding="utf-8"))["rows"]}
    for words in ("textual_inversion", "dreamartist"):
        assert abs(rows[words]["other"] - 1) < 1e-6
    assert min(rows.values(), key=lambda row: row["found"])["name"] == "dreamartist"
    for preserved, free in (("dreambooth_lora", "lora"), ("dreambooth", "finetune")):
        assert rows[preserved]["other"] - 1 < 0.5 * (rows[free]["other"] - 1)
        assert rows[preserved]["found"] < rows[free]["found"]


@every_language
def test_what_it_names_exists(language: str) -> None:
    text = text_of(language)
    keys = known_options(TrainConfig).options
    fields = {key.rpartition(".")[2] for key in keys} | {"bundle_emb"}
    for word in re.findall(r"`(?:data\.|method\.|network\.)?([a-z]+_[a-z_]+)[`=\s]", text):
        assert word in fields, word
    for name in re.findall(r"`([a-z0-9-]+\.toml)`", text):
        assert (FOLDER / name).is_file(), name
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)[^)]*\)", text):
        assert (PAGES[language].parent / target).exists(), target
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= anchors
    sections = heads[heads.index({"en": "One by one", "zh_CN": "逐一说明"}[language]) + 1 :]
    assert len(set(METHODS[language].values()) & set(sections)) + 1 == len(ROWS), "the network's is shorter"


@every_language
def test_the_weights_of_its_example_reach_the_concepts(language: str, tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", text_of(language), re.DOTALL)
    make(tmp_path, {f"{name}/0.png": (64, 64) for name in ("10_sks cat", "20_zwx dog")})
    example = example.replace('"pictures/', f'"{tmp_path}/')
    options = build(TrainConfig, Document(example)).data
    weights = {concept.name: (concept.repeats, concept.loss_weight) for concept in scan(options).concepts}
    assert weights == {"10_sks cat": (10, 1.0), "20_zwx dog": (20, 0.5)}


def test_both_languages_say_the_same() -> None:
    english, chinese = (BLOCK.sub("", text_of(language)) for language in ("en", "zh_CN"))
    for pattern in (r"^#+ ", r"^- ", r"arXiv|\d{4}\.\d{5}", r"\./run\.sh (\w+)", r"\]\("):
        found = [re.findall(pattern, text, re.MULTILINE) for text in (english, chinese)]
        assert len(found[0]) == len(found[1]), pattern
    codes = [sorted(set(re.findall(r"`([a-z_.0-9-]+)`", text))) for text in (english, chinese)]
    assert codes[0] == codes[1]
