"""How the words are written: lengths, blanks, punctuation, and numbers that agree with the English and with the schema.

Each rule returns what it finds; each test shows the rule a bad sample as well.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable

import pytest

from kohya_like.config import TrainConfig
from kohya_like.schema.option import Described, Section, describe, option
from kohya_like.schema.texts import texts

OPTIONS = tuple(describe(TrainConfig))
CJK = "\u3400-\u9fff"
NUMBER = r"\d+(?:\.\d+)?(?:e-?\d+)?"
WIDEST = 28  # half-width columns: 28 Latin letters, 14 Chinese characters


def named(described: Described) -> str:
    return f"{described.key}@{described.plugin}" if described.plugin else described.key


def width(text: str) -> int:
    """Columns: a Chinese character or sign takes two."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def label_faults(label: str) -> list[str]:
    faults = []
    if width(label) > WIDEST:
        faults.append(f"{width(label)} columns wide")
    if label != label.strip() or not label:
        faults.append("blanks around it, or empty")
    if label.endswith((".", "。", ":", "：")):
        faults.append("a name is no sentence")
    return faults


def chinese_faults(text: str) -> list[str]:
    """What is wrong with the writing of a Chinese text."""
    rules = {
        "no Chinese in it": not re.search(f"[{CJK}]", text),
        "blanks around it": text != text.strip(),
        "no blank between Chinese and Latin": bool(re.search(f"[{CJK}][A-Za-z0-9]|[A-Za-z0-9%][{CJK}]", text)),
        "half-width punctuation": bool(re.search(rf"[{CJK}”）][,;:!?()\"]|[,;:!?()\"][{CJK}“（]", text)),
        "blank beside full-width punctuation": bool(re.search(r"[，。：；、（）“”] | [，。：；、（）“”]", text)),
        "two blanks": "  " in text,
    }
    return [said for said, broken in rules.items() if broken]


def help_faults(text: str) -> list[str]:
    ends = [] if text.endswith("。") else ["does not end with 。"]
    return chinese_faults(text) + ends


def test_labels_are_short_names() -> None:
    faults = {(named(o), t.language): label_faults(t.label(o)) for o in OPTIONS for t in (texts("en"), texts("zh_CN"))}
    assert {place: found for place, found in faults.items() if found} == {}


@pytest.mark.parametrize(
    ("label", "fault"),
    [
        ("Maximum number of training epochs", "33 columns wide"),
        ("用文件夹里的权重文件继续训练下去", "32 columns wide"),
        ("Seed ", "blanks around it, or empty"),
        ("", "blanks around it, or empty"),
        ("Seed.", "a name is no sentence"),
    ],
)
def test_a_bad_label_is_found(label: str, fault: str) -> None:
    assert fault in label_faults(label)


def test_chinese_labels_differ_and_are_chinese() -> None:
    labels = {named(o): (texts("en").label(o), texts("zh_CN").label(o)) for o in OPTIONS}
    without = {"OFT"}
    assert {k: v for k, v in labels.items() if v[0] == v[1] or set(v[1].split()) <= without} == {}
    assert {k: chinese_faults(v[1]) for k, v in labels.items() if chinese_faults(v[1])} == {}


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_no_two_fields_of_a_form_have_one_name(language: str) -> None:
    assert same_names(OPTIONS, texts(language).label) == []
    assert same_names(OPTIONS, lambda o: o.info.level) != []


def same_names(options: Iterable[Described], name: Callable[[Described], str]) -> list[str]:
    """Names that stand twice in one table of one plug-in."""
    seen: set[tuple[str, str, str]] = set()
    twice = []
    for described in options:
        place = (described.key.rpartition(".")[0], described.plugin, name(described))
        if place in seen:
            twice.append(" ".join(place))
        seen.add(place)
    return twice


def test_chinese_helps_are_chinese_sentences() -> None:
    faults = {named(o): help_faults(texts("zh_CN").help(o)) for o in OPTIONS}
    assert {key: found for key, found in faults.items() if found} == {}
    assert [named(o) for o in OPTIONS if texts("zh_CN").help(o) == o.info.help] == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("Rank of the network。", "no Chinese in it"),
        (" 网络的秩。", "blanks around it"),
        ("训练UNet。", "no blank between Chinese and Latin"),
        ("占 20%的步。", "no blank between Chinese and Latin"),
        ("留空,用默认值。", "half-width punctuation"),
        ("权重(默认)。", "half-width punctuation"),
        ("训练 UNet ，再保存。", "blank beside full-width punctuation"),
        ("训练  网络。", "two blanks"),
        ("网络的秩.", "does not end with 。"),
        ("网络的秩", "does not end with 。"),
    ],
)
def test_a_badly_written_help_is_found(text: str, fault: str) -> None:
    assert fault in help_faults(text)


def leaning(text: str) -> list[str]:
    """Why an English help cannot be read by itself, or is no help; a tooltip has no neighbours."""
    rules = {
        "says nothing": len(text) < 35,
        "too long for a tooltip": len(text) > 160,
        "leans on its neighbour": bool(
            re.search(r"^The same\b|\blikewise\b|\b(?:above|below)[.;,]|\bthat file\b", text)
        ),
        "is no sentence": not text.endswith("."),
    }
    return [said for said, broken in rules.items() if broken]


def test_helps_stand_alone() -> None:
    assert {named(o): leaning(o.info.help) for o in OPTIONS if leaning(o.info.help)} == {}
    assert leaning("Author.") == ["says nothing"]
    assert leaning("Height of the pictures, likewise in pixels") == ["leans on its neighbour", "is no sentence"]
    assert (
        leaning("The same for the pictures of the class, " + "each of them, " * 10 + "all.")[0]
        == "too long for a tooltip"
    )


def numbers(text: str) -> set[float]:
    """All numbers in a text; 10 000 and 10000 are the same."""
    return {float(found) for found in re.findall(NUMBER, re.sub(r"(?<=\d) (?=\d{3}\b)", "", text))}


def foreign_words(english: str, chinese: str) -> list[str]:
    """Latin words of the Chinese that the English does not have, and technical names that got lost on the way."""
    latin = re.findall(r"[A-Za-z][A-Za-z0-9_.+*-]*", chinese)
    names = re.findall(r"\b[a-z]+_[a-z_]+\b|\b\w*[A-Z]\w*[A-Z]\w*|\b[a-z]+\d+\b", english)
    added = [word for word in latin if word.rstrip(".").lower() not in english.lower()]
    return added + [name for name in names if name.removesuffix("s").lower() not in chinese.lower()]


ADDED = {"cache", "latent", "auto"}  # said more plainly in Chinese: the field and the choice are named


def test_numbers_and_technical_names_survive_the_translation() -> None:
    drifted = {}
    for described in OPTIONS:
        english, chinese = described.info.help, texts("zh_CN").help(described)
        odd = [w for w in foreign_words(english, chinese) if w not in ADDED]
        if numbers(english) != numbers(chinese) or odd:
            drifted[named(described)] = (numbers(english) ^ numbers(chinese), odd)
    assert drifted == {}


def test_a_drifted_translation_is_found() -> None:
    assert numbers("0.03 to 0.1, or 10 000, or 1e-5") == {0.03, 0.1, 10000.0, 1e-5}
    assert numbers("常用 0.05 到 0.1。") != numbers("0.03 to 0.1.")
    assert foreign_words("Empty: learning_rate.", "留空：用 unet_lr。") == ["unet_lr", "learning_rate"]
    assert foreign_words("Train layers of the UNet.", "训练网络里的层。") == ["UNet"]


NAMED = (
    rf"({NUMBER}) to ({NUMBER})",
    rf"({NUMBER}) (?:is|are|means|falls)\b",
    rf"({NUMBER}): (?:off|none|half|free|never|not|the)\b",
    rf"[Ee]mpty: ({NUMBER})(?![\d%]| %)",
    rf"[Ee]mpty or ({NUMBER}):",
    rf"wants ({NUMBER})",
)


def named_values(text: str) -> set[float]:
    """Numbers that a help offers as values of the option itself."""
    plain = re.sub(r"(?<=\d) (?=\d{3}\b)", "", text)
    found = [match for pattern in NAMED for match in re.findall(pattern, plain)]
    return {float(value) for match in found for value in (match if isinstance(match, tuple) else (match,))}


def outside(described: Described) -> list[float]:
    """Values the help offers, which the option would refuse."""
    refused = []
    for value in sorted(named_values(described.info.help)):
        for bound in described.field.metadata:
            ge, gt, le, lt = (getattr(bound, name, None) for name in ("ge", "gt", "le", "lt"))
            low = (ge is not None and value < ge) or (gt is not None and value <= gt)
            high = (le is not None and value > le) or (lt is not None and value >= lt)
            if low or high:
                refused.append(value)
    return refused


class Boasting(Section):
    """Helps that promise what the bounds refuse."""

    strength: float = option(0.5, "Strength. 0.1 to 2 is usual.", ge=0.0, le=1.0)
    decay: float | None = option(None, "Decay; empty or 0: off.", gt=0.0, lt=1.0)
    honest: int = option(1, "Times; 0: never. 6 to 10 are usual.", ge=0, le=10)


def test_values_named_in_a_help_are_allowed_by_the_schema() -> None:
    assert {named(o): outside(o) for o in OPTIONS if outside(o)} == {}
    assert len({o.key for o in OPTIONS if named_values(o.info.help)}) >= 20
    assert {o.key: outside(o) for o in describe(Boasting)} == {"strength": [2.0], "decay": [0.0], "honest": []}


def test_chinese_names_the_same_ranges() -> None:
    ranges = {}
    for described in OPTIONS:
        english = re.findall(rf"({NUMBER}) to ({NUMBER})", described.info.help)
        chinese = re.findall(rf"({NUMBER}) 到 ({NUMBER})", texts("zh_CN").help(described))
        if english or chinese:
            ranges[named(described)] = (english, chinese)
    assert len(ranges) >= 2
    assert {key: pair for key, pair in ranges.items() if pair[0] != pair[1]} == {}


def test_other_chinese_words_are_written_properly() -> None:
    chinese = texts("zh_CN")
    words = [chinese.section(o.key.partition(".")[0]) for o in OPTIONS]
    words += [chinese.group(o.info.group) for o in OPTIONS if o.info.group]
    words += [text for texts_ in chinese._choices.values() for text in texts_.values() if re.search(f"[{CJK}]", text)]
    assert {word: chinese_faults(word) for word in words if chinese_faults(word)} == {}
    assert [word for word in words if word != word.strip() or word.endswith(("。", "："))] == []
