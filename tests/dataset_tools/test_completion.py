"""Suggestions while typing: their order, their sources, Chinese, and what a dataset of many tags costs."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from dataset_tools.completion import Completion, DatasetTags, Suggestion, TokenWords
from dataset_tools.name_index import NameIndex, folded
from dataset_tools.smart_sets import sizes_of, smart_sets
from dataset_tools.translations import read_translations
from dataset_tools.vocabulary_csv import Vocabulary, read_vocabulary
from kohya_like.data.tokens import clip_tokenizer
from tests.dataset_tools.shelf import Shown, shelf

CSV = """long_hair,0,4350743,"/lh,longhair,长发,ロングヘア"
short_hair,0,2000000,"短发"
long_sleeves,0,1400000,
very_long_hair,0,900000,
hatsune_miku,4,90000,"miku"
^_^,0,70000,
"""


def vocabulary(folder: Path, text: str = CSV) -> Vocabulary:
    file = folder / "tags.csv"
    file.write_text(text, encoding="utf-8")
    return read_vocabulary(file)


def tags(found: list[Suggestion]) -> list[str]:
    return [one.tag for one in found]


def test_the_dataset_comes_first_then_the_vocabulary_then_the_tokenizer(tmp_path: Path) -> None:
    counts = {"long coat": 1, "Long_Hair": 3, "a long walk": 9}
    words = TokenWords({"long</w>": 700, "longer</w>": 900, "longhorns</w>": 800, "##</w>": 1, "lon": 2})
    asked = Completion(DatasetTags(counts), vocabulary(tmp_path), read_translations(), words).suggest("Long")
    assert tags(asked)[:3] == ["Long_Hair", "long coat", "a long walk"]
    assert [one.source for one in asked[:3]] == ["dataset"] * 3
    assert tags(asked)[3:5] == ["long sleeves", "very long hair"]  # long hair is there already, spelt otherwise
    assert tags(asked)[-3:] == ["long", "longhorns", "longer"]
    assert tags(asked).count("long hair") == 0


def test_chinese_offers_the_tag_from_the_table_and_from_the_csv(tmp_path: Path) -> None:
    by_table = Completion(translations=read_translations()).suggest("长发")
    assert by_table[0] == Suggestion("long hair", "translation", found_by="长发")
    by_csv = Completion(vocabulary=vocabulary(tmp_path)).suggest("长发")
    assert by_csv[0] == Suggestion("long hair", "vocabulary", 4350743, 0, "长发")
    assert Completion(vocabulary=vocabulary(tmp_path), translations=read_translations()).suggest("长") != []


def test_without_a_list_the_table_is_one() -> None:
    found = Completion(translations=read_translations(), tokens=TokenWords({"twin</w>": 5})).suggest("twin")
    assert tags(found) == ["twins", "twintails", "twin braids", "low twintails", "short twintails", "twin"]


def test_aliases_faces_and_what_is_there_already(tmp_path: Path) -> None:
    completion = Completion(vocabulary=vocabulary(tmp_path))
    assert completion.suggest("mik")[0] == Suggestion("hatsune miku", "vocabulary", 90000, 4, "miku")
    assert tags(completion.suggest("^_")) == ["^_^"]
    assert tags(completion.suggest("hair", without=["Long_Hair"])) == ["short hair", "very long hair"]
    assert completion.suggest(" ") == [] == completion.suggest("a\nb")


def test_what_is_a_tag_as_it_is_typed_comes_first() -> None:
    completion = Completion(DatasetTags({"cat ears": 100, "cat": 2, "cats": 50}))
    assert tags(completion.suggest("cat")) == ["cat", "cat ears", "cats"]


def test_the_tokenizers_own_words() -> None:
    words = TokenWords(clip_tokenizer().ids)
    assert "photograph" in tags(Completion(tokens=words).suggest("photogr"))


NAMES = st.lists(st.text("ab _é长", min_size=1, max_size=6), max_size=12, unique=True)


@settings(max_examples=200, deadline=None)
@given(NAMES, st.text("ab _é长", min_size=1, max_size=3), st.integers(1, 5))
def test_an_index_answers_as_a_walk_over_all_names(names: list[str], text: str, limit: int) -> None:
    index = NameIndex(names)
    assert [index[i] for i in range(len(index))] == names
    starting = sorted((name != text, i) for i, name in enumerate(names) if name.startswith(text))
    assert index.starting(text, limit) == [i for _, i in starting][:limit]
    assert index.containing(text, limit) == [i for i, name in enumerate(names) if text in name][:limit]
    assert index.containing(text, limit, True) == [i for i, name in enumerate(names) if f" {text}" in name][:limit]
    assert index.number(text) == (names.index(text) if text in names else -1)


def test_names_are_compared_without_case_and_underscores_but_faces_stay() -> None:
    assert [folded(name) for name in ("Long_Hair", "^_^", "o_o", "(o)_(o)", "rem_(re:zero)")] == [
        "long hair", "^_^", "o_o", "(o)_(o)", "rem (re:zero)",
    ]  # fmt: skip


def test_smart_sets_are_filters_with_their_sizes() -> None:
    library = shelf(Shown("a", tokens=76), Shown("", tokens=0), Shown(None), Shown("b", tokens=75))
    assert sizes_of(library) == {
        "untagged": 2, "too-long": 1, "duplicates": 0, "changed-outside": 0, "missing": 1, "low-quality": 0,
    }  # fmt: skip
    assert sizes_of(library, most_tokens=150)["too-long"] == 0
    assert {one.name for one in smart_sets()} == set(sizes_of(library))
