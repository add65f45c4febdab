"""Every sentence of the code has its Chinese, no row is left over, and each row comes back as itself."""

from __future__ import annotations

import errno
import os
import re
import tomllib
from collections.abc import Iterable, Mapping

import pytest

from kohya_like.config import TrainConfig
from kohya_like.schema.option import describe
from kohya_like.schema.phrases import type_phrase
from kohya_like.schema.texts.sentences import Sentences, sentences
from kohya_like.schema.texts.templates import HOLE, Catalogue, catalogue_files
from tests.schema import sentence_sources as sources
from tests.schema.sentence_sources import Sentence, all_sentences, raw_templates, sentences_in

pytestmark = pytest.mark.quick

CJK = re.compile("[\u4e00-\u9fff]")
HALF_WIDTH = re.compile("[\u4e00-\u9fff][,;:?!]|[,;?!][\u4e00-\u9fff]")
NAMES = {"a LoRA", "a VAE", "unet", "vae", "[Errno {#0}] {1}"}  # the same in both languages but for the article
SAMPLES = {
    "": "Qx{0} zz",
    "#": "{0}7",
    "=": "w{0}rd",
    "~": "'q {0}'",
    "@": "Qx{0}",
    "!": "a whole number",
    "-": "1 of 2; {0}",
}


def tables() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for path in catalogue_files("zh_CN"):
        for name, rows in tomllib.loads(path.read_text(encoding="utf-8")).items():
            found.setdefault(name, {}).update(rows)
    return found


def rows() -> dict[str, str]:
    return {english: said for name, table in tables().items() if name != "words" for english, said in table.items()}


def template_of(english: str) -> str:
    return HOLE.sub("{}", english)


def missing(found: Iterable[Sentence], known: Iterable[str], words: Iterable[str] = ()) -> list[str]:
    """Sentences of the code without a row, with their places."""
    have = {template_of(english) for english in known} | set(words)
    return [str(sentence) for sentence in found if sentence.template not in have]


def stale(found: Iterable[Sentence], known: Iterable[str]) -> list[str]:
    """Rows that stand for no sentence of the code, nor for one of the system or a library."""
    used = {sentence.template for sentence in found} | {os.strerror(number) for number in errno.errorcode}
    return [row for row in known if template_of(row) not in used | sources.FOREIGN]


def faulty(english: str, said: str) -> str:
    """What is wrong with a row by itself; "" for a good one."""
    asked = [int(number) for _, number in HOLE.findall(english)]
    given = [int(number) for _, number in HOLE.findall(said)]
    if asked != list(range(len(asked))) or sorted(given) != asked:
        return f"holes differ: {english}"
    if re.search(r"\}\{", english) or any(kind for kind, _ in HOLE.findall(said)):
        return f"holes touch, or a kind stands in the Chinese: {english}"
    if english not in NAMES and not CJK.search(said):
        return f"no Chinese: {said}"
    return f"half-width punctuation: {said}" if HALF_WIDTH.search(said) else ""


def filled(template: str, values: Mapping[str, str]) -> str:
    return HOLE.sub(lambda match: values[match[2]], template)


def wrong_way_back(known: Mapping[str, str]) -> list[str]:
    """Rows whose filled sentence is not said by that row, holes and all."""
    catalogue = Catalogue(known.items(), {})
    speaker = Sentences("zh_CN")
    speaker.catalogue = catalogue
    wrong = []
    for english, said in known.items():
        values = {number: SAMPLES[kind].format(number) for kind, number in HOLE.findall(english)}
        text = filled(english, values)
        wanted = filled(said, {number: known.get(value, value) for number, value in values.items()})
        got = speaker.say(text)
        if got.replace(" ", "") != wanted.replace(" ", ""):
            wrong.append(f"{text} -> {got}, wanted {wanted}")
    return wrong


def test_every_sentence_of_the_code_has_its_chinese() -> None:
    without = missing(all_sentences(), rows(), tables()["words"])
    assert not without, "\n".join(["no Chinese in schema/texts/sentences_zh_CN*.toml for:", *without])


def test_every_row_is_still_used() -> None:
    assert stale(all_sentences(), rows()) == []


def test_a_new_sentence_and_a_row_left_over_are_found() -> None:
    code = 'def f(n):\n    """Doc string here."""\n    raise UserError(f"{n} cats are too many.", hint="take fewer")\n'
    found = list(sentences_in(code, "cats.py"))
    assert missing(found, {"take fewer": "少拿一些"}) == ["cats.py:3: {} cats are too many"]
    assert missing(found, {"{#0} cats are too many": "", "take fewer": ""}) == []
    assert stale(found, {"{#0} cats are too many": "", "dogs bark": ""}) == ["dogs bark"]


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ('Fault("is bad " + name, mend="mend it now" if n else f"wait {n} s")', "is bad {}|mend it now|wait {} s"),
        ('text += f"; {n} more are bad"', "{} more are bad"),
        ('say(f"{path}: {name}: no such file.")', ""),
        ('raise UserError(f"{path}: {name}: no such file.")', "no such file"),
        ('raise TypeError("never seen by anyone")', ""),
        ('show(self.tr("in the .ts file"), f"{name} was stopped")', "{} was stopped"),
        (
            "FormatError(f\"{n} fault{'s' * (n > 1)} here\\nand two lines\")",
            "{} fault here|and two lines|{} faults here",
        ),
        ('Phase("load"), Other("load")', "load"),
        ('if "not enough memory" in first: pass', ""),
        ('WORDS = "a b c".split()', ""),
        ('times(count, "old picture")', "{} old picture|{} old pictures"),
    ],
)
def test_what_counts_as_a_sentence(code: str, found: str) -> None:
    assert {row.template for row in sentences_in(code, "x.py")} == {part for part in found.split("|") if part}


def test_the_lists_of_exceptions_are_still_needed() -> None:
    raw = raw_templates()
    assert sorted(set(sources.COMPOSED) - raw) == []
    assert sorted(sources.STAYS - raw) == []
    assert all((sources.PACKAGE / name).exists() or (sources.ROOT / name).exists() for name in sources.SILENT)
    units = {option.info.unit for option in describe(TrainConfig)} - {""}
    phases = {sentence.template for sentence in all_sentences() if " " not in sentence.template}
    assert set(tables()["words"]) == set(sources.WORDS) | phases
    assert units <= set(sources.WORDS)


def test_rows_are_sound() -> None:
    everything = rows() | tables()["words"]
    assert [fault for english, said in everything.items() if (fault := faulty(english, said))] == []
    assert len(everything) > 900


@pytest.mark.parametrize(
    ("english", "said"),
    [
        ("{0} of {1}", "{1}"),
        ("{0} of {2}", "{0}{2}"),
        ("{0}{1} cats", "{0}{1} 猫"),
        ("a cat", "a cat"),
        ("x y", "猫,狗"),
    ],
)
def test_an_unsound_row_is_caught(english: str, said: str) -> None:
    assert faulty(english, said)


def test_each_row_comes_back_as_itself_with_its_values() -> None:
    assert wrong_way_back(rows()) == []


def test_ambiguous_rows_are_caught() -> None:
    fine = {"{0} cats are here": "{0} 只猫", "{0} are here": "{0} 在这里", "a whole number": "整数"}
    assert wrong_way_back(fine) == []
    assert wrong_way_back(fine | {"{#0} cats are here": "{0} 只", "{0} cats are {1}": "{1} 的猫 {0}"}) == []
    assert len(wrong_way_back({"{0} cats": "{0} 猫", "{0} cats ": "{0} 只猫"})) > 0


@pytest.mark.parametrize("phrase", sorted({type_phrase(option.annotation) for option in describe(TrainConfig)}))
def test_every_type_of_the_schema_has_its_chinese(phrase: str) -> None:
    assert CJK.search(sentences("zh_CN").say(f"expects {phrase}, got nothing").removeprefix("应为"))
    said = sentences("zh_CN").say(phrase)
    assert CJK.search(said)
    assert phrase.startswith("one of") or not re.search(
        r"\b(list|number|numbers|text|texts|or)\b", said.partition("：")[0]
    )
