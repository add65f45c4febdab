"""Every option has its words in both languages, no words are left over, and they are read once and cheaply."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

import pytest

from kohya_like.config import TrainConfig
from kohya_like.data.options import SETTING_KEYS
from kohya_like.networks.presets import PRESETS
from kohya_like.schema import texts as texts_module
from kohya_like.schema.option import Described, Level, Section, describe, option, sections_in
from kohya_like.schema.phrases import union_members
from kohya_like.schema.texts import LANGUAGES, texts
from tests.house import ROOT

FOLDER = "kohya_like/schema/texts"
OPTIONS = tuple(describe(TrainConfig))
ENTRY = {"en": '"name"', "zh_CN": '["name", "help"]'}


def catalogue(language: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / FOLDER / f"{language}.toml").read_text(encoding="utf-8"))


CATALOGUES = {language: catalogue(language) for language in LANGUAGES}


class Unnamed(Section):
    brand_new: int = option(1, "An option that nobody has named.", ge=1)


UNNAMED = next(describe(Unnamed, "train."))


def places(described: Described) -> Iterator[tuple[str, str]]:
    """(table, key) where the words of an option may stand, the most particular first."""
    section, _, name = described.key.replace("[]", "").rpartition(".")
    if described.plugin:
        yield f"{section}:{described.plugin}", name
    yield section, name
    if section == "data.subsets" and name in SETTING_KEYS:
        yield "data", name


def missing(options: Iterable[Described], language: str, known: dict[str, dict[str, Any]]) -> list[str]:
    """One sentence for each option without words: what to add, and where."""
    found = []
    for described in options:
        wanted = list(places(described))
        if not any(name in known.get(table, {}) for table, name in wanted):
            table, name = wanted[-1]
            found.append(
                f"{described.key} has no text in {language}: add the line  {name} = {ENTRY[language]}  "
                f"to [options.{table}] of {FOLDER}/{language}.toml"
            )
    return found


def stale(options: Iterable[Described], known: dict[str, dict[str, Any]]) -> list[str]:
    """Entries that no option uses, or that repeat the one they would fall back to."""
    used = {next((p for p in places(o) if p[1] in known.get(p[0], {})), None) for o in options}
    there = {(table, name) for table, entries in known.items() for name in entries}
    doubled = {(t, n) for t, n in there if ":" in t and known.get(t.partition(":")[0], {}).get(n) == known[t][n]}
    return sorted(f"[options.{table}] {name}: no option needs it" for table, name in (there - used) | doubled)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_option_has_words(language: str) -> None:
    assert missing(OPTIONS, language, CATALOGUES[language]["options"]) == []


def test_a_new_option_is_told_where_its_words_belong() -> None:
    assert missing([*OPTIONS, UNNAMED], "zh_CN", CATALOGUES["zh_CN"]["options"]) == [
        'train.brand_new has no text in zh_CN: add the line  brand_new = ["name", "help"]  to [options.train] of '
        "kohya_like/schema/texts/zh_CN.toml"
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_words_are_left_over(language: str) -> None:
    known = CATALOGUES[language]["options"]
    assert stale(OPTIONS, known) == []
    left = {
        **known,
        "train": known["train"] | {"gone": ["旧", "旧。"]},
        "network:lora": {"alpha": known["network"]["alpha"]},
    }
    assert stale(OPTIONS, left) == [
        "[options.network:lora] alpha: no option needs it",
        "[options.train] gone: no option needs it",
    ]


def test_english_help_is_the_one_of_the_declaration() -> None:
    assert [o.key for o in OPTIONS if texts("en").help(o) != o.info.help] == []
    assert all(isinstance(entry, str) for table in CATALOGUES["en"]["options"].values() for entry in table.values())


def test_the_words_of_an_option_are_those_of_its_nearest_table() -> None:
    known = CATALOGUES["zh_CN"]["options"]
    for described in OPTIONS:
        table, name = next(p for p in places(described) if p[1] in known.get(p[0], {}))
        assert [texts("zh_CN").label(described), texts("zh_CN").help(described)] == known[table][name]


def borrowed(options: Iterable[Described]) -> list[str]:
    """Options of a plug-in that mean something else than their namesakes, but are explained with the same words."""
    first: dict[tuple[str, str], str] = {}
    found = []
    for described in options:
        section, _, name = described.key.rpartition(".")
        english, chinese = described.info.help, texts("zh_CN").help(described)
        if first.setdefault((described.key, chinese), english) != english:
            found.append(
                f"{described.key} of {described.plugin} has the Chinese help of another plug-in: add the line  "
                f'{name} = ["name", "help"]  to [options."{section}:{described.plugin}"] of {FOLDER}/zh_CN.toml'
            )
    return found


def test_plugins_share_words_only_where_they_share_the_english_help() -> None:
    assert borrowed(OPTIONS) == []
    other = next(o for o in OPTIONS if o.key == "network.alpha")
    other = replace(other, info=replace(other.info, help="Something else."), plugin="lokr")
    assert borrowed([*OPTIONS, other]) == [
        "network.alpha of lokr has the Chinese help of another plug-in: add the line  "
        'alpha = ["name", "help"]  to [options."network:lokr"] of kohya_like/schema/texts/zh_CN.toml'
    ]
    by_english = {(o.key, o.info.help): texts("zh_CN").help(o) for o in OPTIONS}
    assert [o.key for o in OPTIONS if by_english[o.key, o.info.help] != texts("zh_CN").help(o)] == []


@pytest.mark.parametrize(
    ("key", "plugin", "english", "chinese"),
    [
        ("network.dim", "", "Network Rank (Dimension)", "网络维度（Rank）"),
        ("network.dim", "oft", "OFT block size", "OFT 分块大小"),
        ("network.layer_structure", "", "Layer structure", "层结构"),
        ("network.constraint", "lora", "OFT constraint", "OFT 约束"),
        ("data.subsets[0].image_dir", "", "Image folder", "图片文件夹"),
        ("data.subsets[12].keep_tokens", "", "Keep n tokens", "保留前 N 个标签"),
        ("data.resolution[1]", "", "Resolution", "训练分辨率"),
        ("data.subsets", "", "Concept", "概念"),
        ("network", "", "Network", "网络"),
        ("network.dmi", "", "network.dmi", "network.dmi"),
        ("", "", "", ""),
    ],
)
def test_labels_by_key(key: str, plugin: str, english: str, chinese: str) -> None:
    assert texts("en").label_of(key, plugin) == english
    assert texts("zh_CN").label_of(key, plugin) == chinese


def test_what_chinese_lacks_is_said_in_english(monkeypatch: pytest.MonkeyPatch) -> None:
    described = next(o for o in OPTIONS if o.key == "train.seed")
    monkeypatch.delitem(texts("zh_CN")._options["train"], "seed")
    assert texts("zh_CN").label(described) == "Seed"
    assert texts("zh_CN").help(described) == described.info.help
    assert texts("zh_CN").label(UNNAMED) == "train.brand_new"
    assert texts("zh_CN").group("Of tomorrow") == "Of tomorrow"


def test_sections_are_those_of_the_config_and_keep_their_titles() -> None:
    sections = [*TrainConfig.model_fields, "data.subsets"]
    for language in LANGUAGES:
        assert sorted(CATALOGUES[language]["sections"]) == sorted(sections)
    for name, field in TrainConfig.model_fields.items():
        classes = [c for c in sections_in(field.annotation) if "name" not in c.model_fields]  # not the plug-ins
        assert [c.title for c in classes] in ([], [texts("en").section(name)])


def test_groups_units_and_levels_are_all_named() -> None:
    used = {
        "groups": {o.info.group for o in OPTIONS} - {""},
        "units": {o.info.unit for o in OPTIONS} - {""},
        "levels": set(get_args(Level)),
    }
    for kind, names in used.items():
        assert set(CATALOGUES["zh_CN"][kind]) == names
        assert set(CATALOGUES["en"].get(kind, {})) <= names
    assert [texts(language).group("") + texts(language).unit("") for language in LANGUAGES] == ["", ""]
    assert [texts(language).group("Captions") for language in LANGUAGES] == ["Captions", "标注"]
    assert [texts(language).unit("px") for language in LANGUAGES] == ["px", "像素"]
    assert [texts(language).level("expert") for language in LANGUAGES] == ["Expert", "专家"]


def values_of(described: Described) -> set[str]:
    """The values an option can be chosen from, as the catalogues write them."""
    values = {str(v) for m in union_members(described.annotation) for v in get_args(m) if isinstance(v, (str, int))}
    if bool in union_members(described.annotation):
        values |= {"true", "false"}
    return values | (set(PRESETS) if described.key == "network.targets" else set())


def choices_of_nobody(choices: dict[str, dict[str, str]], options: Iterable[Described]) -> list[str]:
    """Words for values that no option has, and words that are the value itself."""
    known: dict[str, set[str]] = {}
    for described in options:
        for key in (described.key, "*"):
            known.setdefault(key, set()).update(values_of(described))
    said = [(key, value, text) for key, words in choices.items() for value, text in words.items()]
    return [f"{key}={value}" for key, value, text in said if value not in known.get(key, set()) or text == value]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_of_choices_belong_to_choices(language: str) -> None:
    choices = CATALOGUES[language]["choices"]
    assert choices_of_nobody(choices, OPTIONS) == []
    bad = {"train.mixed_precision": {"fp8": "fp8（八位）", "bf16": "bf16"}, "train.nothing": {"a": "b"}}
    assert choices_of_nobody(bad, OPTIONS) == [
        "train.mixed_precision=fp8",
        "train.mixed_precision=bf16",
        "train.nothing=a",
    ]


def test_choices_are_said_in_the_language() -> None:
    assert texts("zh_CN").choice("train.mixed_precision", "no") == "不使用（fp32）"
    assert texts("zh_CN").choice("data.subsets[3].resize_interpolation", "area") == "区域平均（area）"
    assert texts("zh_CN").choice("hardware.device", "auto") == "自动（auto）"
    assert texts("zh_CN").choice("model.family", "sd1") == "SD 1.x"  # the English word will do
    for language in LANGUAGES:
        assert texts(language).choice("train.mixed_precision", "bf16") == "bf16"
        assert texts(language).choice("no.such_key", "auto") in ("Automatic", "自动（auto）")


def test_plain_words_among_the_choices_are_all_translated() -> None:
    """A value that is an English word, and not a name of mathematics or of a format, has a Chinese word."""
    names = {"huber", "snr", "elu", "gelu", "relu", "leakyrelu", "mish", "sigmoid", "silu", "softplus", "swish", "tanh"}
    names |= {"lanczos", "xformers", "sdpa", "kohya", "lora", "loha", "oft", "ddim", "euler", "euler_a", "adafactor"}
    words = [
        (o.key, value)
        for o in OPTIONS
        for value in values_of(o)
        if value not in names | {"cpu"} and value.replace("_", "").replace("+", "").isalpha()
    ]
    said = {(key, value): texts("zh_CN").choice(key, value) for key, value in words}
    assert len(said) > 25
    assert [pair for pair, text in said.items() if text == pair[1]] == []


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no texts in 'tlh'; the languages are en, zh_CN"):
        texts("tlh")


def test_each_file_is_read_once_and_only_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    original = Path.read_text

    def counted(self: Path, encoding: Literal["utf-8"] = "utf-8") -> str:
        read.append(self.name)
        return original(self, encoding=encoding)

    monkeypatch.setattr(Path, "read_text", counted)
    for cached in (texts, texts_module.glossary):
        cached.cache_clear()
    first = texts("zh_CN")
    assert read == ["zh_CN.toml"]
    for described in OPTIONS:
        assert first.label(described)
        assert first.help(described)
    assert texts("zh_CN") is first
    assert texts("en").label_of("train.seed") == "Seed"
    assert len(texts("en").glossary) == len(first.glossary)
    assert read == ["zh_CN.toml", "en.toml", "glossary.toml"]


def test_loading_imports_nothing_heavy() -> None:
    asks = (
        "import sys; from kohya_like.schema.texts import texts; [texts(name).glossary for name in ('en', 'zh_CN')];"
        "print(sorted({'torch', 'numpy', 'PySide6', 'tomlkit', 'kohya_like.config'} & set(sys.modules)), "
        "'tomllib' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", asks], cwd=ROOT, text=True).strip() == "[] True"
