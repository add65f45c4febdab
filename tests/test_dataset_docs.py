"""docs/datasets.md and its Chinese twin: keys, verbs, commands and filters are the program's, the same in both."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path

import pytest
from PIL import Image
from pytestqt.qtbot import QtBot

from dataset_tools import cli
from dataset_tools.filter_error import FilterError
from dataset_tools.filter_language import found, parse
from dataset_tools.filter_sight import Findings
from dataset_tools.filter_words import KEYS
from dataset_tools.library import Library
from gui.captions.key_docs import BLOCK, PAGES, UNANSWERED, keys_table, page
from gui.captions.keys import DEFAULTS
from gui.captions.shortcut_sheet import ASKED
from gui.pages.captions import CaptionsPage
from kohya_like import cli as program
from tests.gui.desk import still_desk

pytestmark = pytest.mark.quick
every_language = pytest.mark.parametrize("language", PAGES)
PICTURES = {  # stem: size, caption
    "a": ((64, 64), "cat, red hat, long hair"), "a_01": ((160, 90), "dog, blue hair"), "b": ((40, 40), "Cat"),
    "c": ((96, 48), r"rem_\(re:zero\), smile, cat, hat"), "d": ((64, 64), None), "e": ((512, 768), "red hair, " * 60),
    "f": ((64, 64), "rating:general, dog, sky"), "g": ((64, 64), ""),
}  # fmt: skip
FOUND = {  # what the examples show of these; where nothing stands, something and not everything
    "cat": {"a", "c"}, "tag:cat": {"a", "c"}, 'tag:"red hat"': {"a"}, "tag:*hair": {"a", "a_01", "e"},
    r"tag:rem_\(re:zero\)": {"c"}, "caption:smile": {"c"}, "name:*_01*": {"a_01"}, "tags:<3": {"a_01", "b", "d", "g"},
    "tokens:>75": {"e"}, "size:512x768": {"e"}, "size:*x512": set(), "ar:16:9": {"a_01"}, "ar:>1.5": {"a_01", "c"},
    "dup:yes": {"a", "b"}, "dup:3": {"b"}, "changed:outside": {"c"}, "changed:here": {"e"}, "missing:caption": {"d"},
    "missing:tags": {"d", "g"}, "missing:picture": {"g"}, "rating:general": {"f"}, "quality:low": {"b"},
    "tag:/^(red|blue) hair$/i": {"a_01", "e"}, "tag:cat tag:hat": {"c"},
    "tag:cat AND (tokens:>75 OR tags:<3)": set(),
}  # fmt: skip


def text_of(language: str) -> str:
    return PAGES[language].read_text(encoding="utf-8")


def section(language: str, number: int) -> str:
    """The text below the nth heading of the second level."""
    return re.split(r"^## ", text_of(language), flags=re.MULTILINE)[number]


def first_cells(text: str) -> list[str]:
    """The code in the first cells of a table."""
    rows = re.findall(r"^\| (`.*?) (?<!\\)\| ", text, re.MULTILINE)
    return [code.replace("\\|", "|") for row in rows for code in re.findall(r"`([^`]+)`", row)]


def filters(language: str) -> list[str]:
    """All examples of the filter language: each code in its section that has a key or stands in a first cell."""
    text = section(language, 3)
    keyed = [code for code in re.findall(r"`([^`]+)`", text) if re.match(r"[a-z]+:[^\s]", code)]
    return list(dict.fromkeys([*first_cells(text), *(code.replace("\\|", "|") for code in keyed)]))


def verbs() -> dict[str, argparse.ArgumentParser]:
    actions = [a for a in cli.parser()._actions if isinstance(a, argparse._SubParsersAction)]
    return dict(actions[0].choices)


def commands(language: str) -> list[str]:
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", text_of(language), re.DOTALL))
    lines = blocks.replace("\\\n", " ").splitlines()
    return [re.sub(r"\s+", " ", re.sub(r"\s+# .*$", "", line)).strip() for line in lines if line.strip()]


@pytest.fixture
def library(tmp_path: Path) -> Library:
    for stem, (size, caption) in PICTURES.items():
        Image.new("RGB", size).save(tmp_path / f"{stem}.png")
        if caption is not None:
            (tmp_path / f"{stem}.txt").write_text(caption, encoding="utf-8")
    library = Library([str(tmp_path)])
    library.list_pictures()
    library.read_captions()
    library.read_sizes()
    return library


@every_language
def test_the_keys_are_those_of_the_page(language: str, qtbot: QtBot, tmp_path: Path) -> None:
    assert text_of(language) == page(language), "run: python -m gui.captions.key_docs"
    chinese = bool(re.search("[\u4e00-\u9fff]", keys_table(language)))
    assert chinese == (language == "zh_CN")
    edited = text_of(language).replace("| `K` ", "| `X` ", 1)
    assert BLOCK.search(edited)[0] != BLOCK.search(page(language))[0]  # type: ignore[index]


def test_each_key_of_the_table_is_answered(qtbot: QtBot, tmp_path: Path) -> None:
    shown = CaptionsPage(still_desk(tmp_path))
    qtbot.addWidget(shown)
    qtbot.waitUntil(lambda: shown.panel is not None)
    answered = {*shown.captions.keys.names, *ASKED}
    assert set(DEFAULTS) - answered == set(UNANSWERED)


def test_every_filter_shows_what_it_says(library: Library) -> None:
    number = {library.picture(i).name.removesuffix(".png"): i for i in library.ids()}
    findings = Findings({number["a"]: 1, number["b"]: 3}, {number["c"]}, {number["g"]}, {}, {number["b"]})
    library.set_text(number["e"], library.text(number["e"]) + "sun")
    for text in filters("en"):
        if text.endswith(":"):  # a key alone
            continue
        got = found(parse(text), library, findings)
        names = {name for name, i in number.items() if i in got}
        assert names == FOUND[text] if text in FOUND else len(names) < len(number), text
    assert set(FOUND) <= set(filters("en")), "an example of the test is not in the document"


@every_language
def test_every_key_of_the_filter_language_is_told(language: str) -> None:
    text = section(language, 3)
    assert [key for key in KEYS if f"`{key}:" not in text] == []
    assert filters(language) == filters("en")


def test_control_a_filter_that_there_is_none_of_is_found() -> None:
    with pytest.raises(FilterError):
        parse("tagg:cat")


@every_language
def test_every_verb_is_told_and_no_other(language: str) -> None:
    told = first_cells(section(language, 10))
    assert sorted(told) == sorted(verbs()) and len(set(told)) == len(told)


@every_language
def test_every_command_would_be_understood(language: str) -> None:
    assert len(commands(language)) >= 14
    for line in commands(language):
        words = shlex.split(line)
        assert words[:2] == ["./run.sh", "dataset"], line
        cli.parser().parse_args(words[2:])
        if "--only" in words:
            parse(words[words.index("--only") + 1])
    assert commands(language) == commands("en")


@every_language
def test_what_it_names_exists(language: str) -> None:
    text = text_of(language)
    for link in re.findall(r"\]\(([^)#]+)", text):
        assert (PAGES[language].parent / link).exists(), link
    keys = {f"data.{name}" for name in re.findall(r"`data\.(\w+)`", text)}
    known = (PAGES[language].parent / "keys.md").read_text(encoding="utf-8")
    assert keys and [key for key in keys if key.removeprefix("data.") not in known] == []
    assert program.parser()
    headings = [len(re.findall(rf"^{'#' * depth} ", text_of(one), re.MULTILINE)) for one in PAGES for depth in (2, 3)]
    assert headings[:2] == headings[2:]
