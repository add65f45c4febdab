"""One word for one thing: where the English has a term of the glossary, the Chinese has our word for it."""

from __future__ import annotations

import re
import tomllib
from typing import get_args

import pytest

from kohya_like.config import TrainConfig
from kohya_like.schema.option import describe
from kohya_like.schema.phrases import union_members
from kohya_like.schema.texts import glossary, texts
from tests.house import ROOT

OPTIONS = tuple(describe(TrainConfig))


def terms_in(text: str) -> list[str]:
    """The glossary's terms in an English text, the longest first; a word belongs to one term only."""
    found = []
    for term in sorted(glossary(), key=len, reverse=True):
        pattern = rf"(?<![\w.-]){re.escape(term)}(?:e?s)?(?![\w-]|\.\w)"
        text, times = re.subn(pattern, "\0", text, flags=re.IGNORECASE)
        if times:
            found.append(term)
    return found


def not_ours(english: str, chinese: str) -> list[str]:
    """Terms of the English whose Chinese word is missing."""
    known = glossary()
    return [f"{t} ({' / '.join(known[t])})" for t in terms_in(english) if not any(w in chinese for w in known[t])]


def test_helps_and_labels_use_the_glossary() -> None:
    english, chinese = texts("en"), texts("zh_CN")
    odd = {}
    for o in OPTIONS:
        for kind, said, translated in (
            ("label", english.label(o), chinese.label(o)),
            ("help", o.info.help, chinese.help(o)),
        ):
            if found := not_ours(said, translated):
                odd[f"{o.key}@{o.plugin} {kind}"] = f"{said} -> {translated} : {found}"
    assert odd == {}


def choices() -> list[tuple[str, str]]:
    """(English, Chinese) of every value of a choice."""
    values = [(o.key, value) for o in OPTIONS for m in union_members(o.annotation) for value in get_args(m)]
    return [
        (texts("en").choice(key, value), texts("zh_CN").choice(key, value))
        for key, value in values
        if isinstance(value, str)
    ]


def test_sections_groups_and_choices_use_the_glossary() -> None:
    english, chinese = texts("en"), texts("zh_CN")
    sections = {o.key.partition(".")[0] for o in OPTIONS}
    pairs = [(english.section(name), chinese.section(name)) for name in sections]
    pairs += [(english.group(name), chinese.group(name)) for name in {o.info.group for o in OPTIONS}]
    pairs += choices()
    assert {pair: not_ours(*pair) for pair in pairs if not_ours(*pair)} == {}


@pytest.mark.parametrize(
    ("english", "chinese", "missing"),
    [
        ("The learning rate of the UNet.", "UNet 的学习速度。", ["learning rate (学习率)"]),
        ("Captions are cached? No: shuffled.", "标题被打乱。", ["caption (标注)"]),
        ("Batch size", "批量大小", []),
        ("Noise step", "噪声偏移", ["noise step (噪声步)"]),
    ],
)
def test_a_strange_word_is_found(english: str, chinese: str, missing: list[str]) -> None:
    assert not_ours(english, chinese) == missing


def test_the_longest_term_counts_and_words_are_whole() -> None:
    assert terms_in("Learning rates and classes of noise offsets") == ["learning rate", "noise offset", "class"]
    assert terms_in("The classic stepped cache_latents") == []


def test_every_term_is_needed_and_well_formed() -> None:
    written = tomllib.loads((ROOT / "kohya_like/schema/texts/glossary.toml").read_text(encoding="utf-8"))
    english, known = texts("en"), glossary()
    used = {t for o in OPTIONS for said in (english.label(o), o.info.help) for t in terms_in(said)}
    used |= {t for said, _ in choices() for t in terms_in(said)}
    assert len(written["fields"]) >= 40
    assert sorted(set(written["fields"]) - used) == []
    assert set(written["fields"]) & set(written["window"]) == set()
    assert known == written["fields"] | written["window"]
    assert texts("zh_CN").glossary == texts("en").glossary == tuple((term, words[0]) for term, words in known.items())
    assert [list(table) for table in written.values()] == [sorted(table) for table in written.values()]
    assert [term for term in known if term != term.lower().strip()] == []
    assert [term for term, words in known.items() if not words or len(set(words)) < len(words)] == []
