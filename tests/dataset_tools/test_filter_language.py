"""The filter language against a naive reading of taggui's rules, and each of our own filters."""

from __future__ import annotations

import fnmatch
import operator
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dataset_tools.caption_file import line_of, tags_of
from dataset_tools.filter_error import FilterError
from dataset_tools.filter_language import DEEPEST, LONGEST, found, parse, tag_filter
from dataset_tools.filter_sight import Findings, line_length, tag_count
from dataset_tools.library import Library
from kohya_like.data.tokens import clip_tokenizer
from kohya_like.schema.texts.sentences import sentences
from tests.dataset_tools.shelf import Shown, shelf

PICTURES = (
    Shown("cat, orange cat, long hair", "/a/cat-1.jpg", (512, 768), 12),
    Shown("catastrophe", "/a/dog.png", (1024, 1024), 80),
    Shown('dog, rem \\(re:zero\\), "quoted" tag', "/cats/x.png", (100, 400), 76),
    Shown("", "/b/empty.png", (1920, 1080), 0),
    Shown(None, "/b/none.png", (0, 0), 0),
    Shown("Cat, a*b, rating:safe", "/b/Upper.PNG", (640, 360), 75),
)
FINDINGS = Findings(duplicates={0: 1, 1: 1, 2: 2, 5: 2}, outside={1}, gone={2}, ratings={0: "explicit"},
                    poor={2})  # fmt: skip


def ask(text: str) -> list[int]:
    return sorted(found(parse(text), shelf(*PICTURES, edited=[0, 1]), FINDINGS))


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", [0, 1, 2, 3, 4, 5]),
        ("tag:cat", [0]),
        ("TAG: cat", [0]),
        ("tag：cat", [0]),
        ("tag:Cat", [5]),
        ("tag:*cat", [0]),
        ("tag:?at", [0, 5]),
        ('tag:"orange cat"', [0]),
        ("tag:'long hair'", [0]),
        ("tag:rem\\ \\(re:zero\\)", []),
        ('tag:"rem \\(re:zero\\)"', [2]),
        ("tag:'\"quoted\" tag'", [2]),
        ('tag:"\\"quoted\\" tag"', [2]),
        ("tag:a*b", [5]),
        ("tag:a\\*b", [5]),
        ("tag:a\\?b", []),
        ("caption:cat", [0, 1]),
        ("caption:c?t", [0, 1]),
        ("caption:[c]at", []),
        ("name:cat", [0]),
        ("path:cat", [0, 2]),
        ("cat", [0, 1, 2]),
        ("re:zero", [2]),
        ("tags:=3", [0, 2, 5]),
        ("tags:3", [0, 2, 5]),
        ("tags:==0", [3, 4]),
        ("tags:!=3", [1, 3, 4]),
        ("tags: >= 1", [0, 1, 2, 5]),
        ("chars:<12", [1, 3, 4]),
        ("tokens:>75", [1, 2]),
        ("tokens:≤75", [0, 3, 4, 5]),
        ("width:>512", [1, 3, 5]),
        ("height:=768", [0]),
        ("size:512x768", [0]),
        ("size:512:768", [0]),
        ("size:*x1024", [1]),
        ("size:>=512x512", [0, 1, 3]),
        ("size:<512x512", [2, 5]),
        ("size:!=512x768", [1, 2, 3, 5]),
        ("size:<512", [2, 5]),
        ("ar:16:9", [3, 5]),
        ("ar:!=16:9", [0, 1, 2]),
        ("ar:>1.5", [3, 5]),
        ("ar:>16/9", []),
        ("ar:>=16/9", [3, 5]),
        ("ar:square", [1]),
        ("ar:<0.5", [2]),
        ("dup:yes", [0, 1, 2, 5]),
        ("dup:no", [3, 4]),
        ("dup:2", [2, 5]),
        ("changed:outside", [1]),
        ("changed:here", [0, 1]),
        ("changed:no", [2, 3, 4, 5]),
        ("missing:caption", [4]),
        ("missing:picture", [2]),
        ("missing:tags", [3, 4]),
        ("missing:yes", [2, 4]),
        ("rating:g", [5]),
        ("rating:SAFE", [5]),
        ("rating:explicit", [0]),
        ("rating:yes", [0, 5]),
        ("quality:low", [2]),
        ("tag:/^(cat|dog)$/", [0, 2]),
        ("tag:/^cat$/i", [0, 5]),
        ("caption:/cat,\\s+\\w+ cat/", [0]),
        ("/b\\/e/", [3]),
        ("name:/\\.PNG$/", [5]),
        ("NOT tag:cat", [1, 2, 3, 4, 5]),
        ("not not tag:cat", [0]),
        ("tag:cat OR tag:dog", [0, 2]),
        ("tag:cat AND tag:dog", []),
        ('tag:cat and tag:"long hair"', [0]),
        ('tag:cat tag:"long hair"', [0]),
        ("tag:dog OR tag:cat AND tags:>5", [2]),
        ("(tag:dog OR tag:cat) AND tags:>2", [0, 2]),
        ("NOT (tag:dog OR tag:cat)", [1, 3, 4, 5]),
        ("NOT(tag:dog OR tag:cat)", [1, 3, 4, 5]),
        ("(tag:dog)", [2]),
        ("tag:and", []),
        ("android", []),
    ],
)
def test_each_filter(text: str, ids: list[int]) -> None:
    assert ask(text) == ids


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("tag:", 1, "nothing behind its colon"),
        ("tag:cat AND", 12, "missing at the end"),
        ("tag:cat AND OR x", 13, "OR stands where"),
        ("(tag:cat", 1, "not closed"),
        ("tag:cat)", 8, "closes nothing"),
        ('cat tag:"a', 9, 'quote " is not closed'),
        ("tag:/a", 5, "not closed with /"),
        ("tag:/(a/", 8, "no regular expression"),
        ("tag:/a/q", 5, "/q is no mark"),
        ("tokens:>many", 1, "such as tokens:>75"),
        ("x size:big", 3, "size:512x768"),
        ("ar:0:0", 1, "width to height"),
        ("captoin:cat", 1, "is it caption:?"),
        ("stars:>=4", 1, "taggui"),
        ("missing:captoin", 1, "did you mean caption?"),
        ("dup:maybe", 1, "takes yes, no"),
        ("(" * (DEEPEST + 1) + "a" + ")" * (DEEPEST + 1), DEEPEST + 1, "brackets"),
        ("a" * (LONGEST + 1), LONGEST + 1, "characters"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, column: int, said: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse(text)
    assert caught.value.position == column - 1
    assert str(caught.value).startswith(f"column {column}: ") and said in str(caught.value)
    chinese = sentences("zh_CN").say(str(caught.value))
    assert re.match(f"第 {column} 列：.*[\u4e00-\u9fff]", chinese) and "did you" not in chinese


NUMBERS: dict[str, Callable[[Shown], int]] = {
    "tags": lambda p: len(p.tags),
    "tokens": lambda p: p.tokens,
    "width": lambda p: p.size[0],
}
OPERATORS = {"=": operator.eq, "!=": operator.ne, "<": operator.lt, ">": operator.gt, "<=": operator.le,
             ">=": operator.ge}  # fmt: skip
Case = tuple[str, Callable[[Shown], bool]]


def globs(key: str, words: str) -> Case:
    """A term as taggui reads it (proxy_image_list_model.py): fnmatchcase, whole for tags, anywhere for the rest."""
    quoted = f'{key}:"{words}"'
    if key == "tag":
        return quoted, lambda p: any(fnmatch.fnmatchcase(tag, words) for tag in p.tags)
    if key == "caption":
        return quoted, lambda p: fnmatch.fnmatchcase(", ".join(p.tags), f"*{words}*")
    return quoted, lambda p: fnmatch.fnmatchcase(p.path, f"*{words}*")


def compared(key: str, sign: str, number: int) -> Case:
    return f"{key}:{sign}{number}", lambda p: OPERATORS[sign](NUMBERS[key](p), number)


def joined(parts: tuple[Case, Case], word: str) -> Case:
    (first, says), (second, tells) = parts
    either = word == "OR"
    return f"({first} {word} {second})", lambda p: (says(p) or tells(p)) if either else (says(p) and tells(p))


def negated(part: Case) -> Case:
    return f"NOT {part[0]}", lambda p: not part[1](p)


WORDS = st.text("ab *?.,", min_size=1, max_size=5)
TERMS: st.SearchStrategy[Case] = st.one_of(
    st.builds(globs, st.sampled_from(["tag", "caption", "path"]), WORDS),
    st.builds(compared, st.sampled_from(sorted(NUMBERS)), st.sampled_from(sorted(OPERATORS)), st.integers(0, 9)),
)
FILTERS: st.SearchStrategy[Case] = st.recursive(
    TERMS,
    lambda inner: st.one_of(
        st.builds(joined, st.tuples(inner, inner), st.sampled_from(["AND", "OR"])), st.builds(negated, inner)
    ),
    max_leaves=8,
)
CAPTIONS = st.lists(st.text("ab *?.", min_size=1, max_size=5).map(str.strip).filter(bool), max_size=4).map(", ".join)
SHOWN = st.builds(
    Shown, CAPTIONS, st.text("ab. ", max_size=4).map("/{}".format), st.tuples(st.integers(1, 9), st.just(1)),
    st.integers(0, 9),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(FILTERS, st.lists(SHOWN, max_size=8))
def test_as_taggui_reads_it(case: Case, pictures: list[Shown]) -> None:
    text, says = case
    assert sorted(found(parse(text), shelf(*pictures))) == [i for i, one in enumerate(pictures) if says(one)]


@settings(max_examples=300, deadline=None)
@given(st.text("tag:cpion\"'/()\\*? <>=5ANDORT:x", max_size=40))
def test_any_text_is_a_filter_or_a_sentence(text: str) -> None:
    try:
        found(parse(text), shelf("a, b", "tag"))
    except FilterError as fault:
        assert 0 <= fault.position <= len(text) + 1 and fault.what


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(exclude_characters=",\n\r", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12))
def test_the_filter_of_a_tag_finds_it_and_nothing_else(tag: str) -> None:
    tag = tag.strip()
    if tag:
        assert sorted(found(parse(tag_filter(tag)), shelf(tag, tag + "x", f"y, {tag}", "*"))) == [0, 2] + [3] * (
            tag == "*"
        )


def test_a_regular_expression_that_explodes_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dataset_tools.filter_language.SECONDS", 0.05)
    evil = parse("caption:/(a|aa)+$/ OR caption:/^(a?){40}a{40}b/")
    started = time.process_time()
    with pytest.raises(FilterError, match="seconds"):
        found(evil, shelf(*["a" * 4000 + "b!"] * 50))
    assert time.process_time() - started < 5


@settings(max_examples=300, deadline=None)
@given(st.text("ab, \t\r\n\x01\ufeff\u3000", max_size=12))
def test_the_short_ways_count_as_training_reads(text: str) -> None:
    assert (tag_count(text), line_length(text)) == (len(tags_of(text)), len(line_of(text)))


def test_pictures_that_are_gone_are_not_found() -> None:
    library = shelf("a", "a", gone=[0])
    assert found(parse("tag:a"), library) == {1} == found(parse("NOT tag:b"), library)


def test_tokens_are_those_of_the_tokenizer() -> None:
    text = ", ".join(["long hair"] * 26)
    library = shelf(Shown(text, tokens=clip_tokenizer().count(text)), Shown("a", tokens=1))
    assert found(parse("tokens:>75"), library) == {0}


def test_with_a_library_of_files(tmp_path: Path) -> None:
    for stem, caption in (("a", "cat, hat"), ("b", "cat"), ("c", "")):
        Image.new("RGB", (64, 32)).save(tmp_path / f"{stem}.png")
        if caption:
            (tmp_path / f"{stem}.txt").write_text(caption, encoding="utf-8")
    library = Library([str(tmp_path)])
    library.list_pictures()
    library.read_captions()
    library.read_sizes()
    names = {"missing:caption": "c", "tag:cat NOT tag:hat": "b", "tokens:=2": "", "tokens:>2 size:64x32": "a"}
    for text, stems in names.items():
        assert "".join(Path(library.path(i)).stem for i in sorted(found(parse(text), library))) == stems
    assert not found(parse("changed:here"), library)
    library.set_text(1, "dog")
    assert found(parse("changed:here"), library) == found(parse("tag:dog"), library) == {1}
