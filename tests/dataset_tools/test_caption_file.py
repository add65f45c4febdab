"""Captions come back byte for byte, and an edit of one tag changes the bytes of that tag."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dataset_tools.caption_file import CaptionText, decode, encode, line_of, tag_span, tags_of, with_tags
from kohya_like.data.sidecar import CAPTION_LIMIT, parse_sidecar
from kohya_like.schema.errors import UserError

QUICK = settings(deadline=None, derandomize=True, database=None, max_examples=150)
MARKS = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}
WORDS = ["a", "long hair", r"cat \(animal\)", "(red:1.2)", "长发", "é"]
PIECES = st.sampled_from([*WORDS, " ", "  ", ",", ", ", ",,", "\t"])
LINES = st.lists(PIECES, max_size=9).map("".join)
ENDS = st.sampled_from(["\n", "\r\n", "\r", "\n\n", "\x0b", "\u2028", "\ufeff"])
TEXTS = st.lists(st.one_of(LINES, ENDS), max_size=7).map("".join) | st.text(max_size=30)
TAGS = st.lists(st.sampled_from([*WORDS, "b", "new tag"]), max_size=6)


@QUICK
@given(st.binary(max_size=60) | TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_what_is_not_edited_has_the_same_bytes(raw: bytes) -> None:
    caption = decode(raw)
    assert caption.problem == parse_sidecar(raw).problem
    if caption.editable:
        assert encode(caption.text, caption) == raw
        assert encode(with_tags(caption.text, tags_of(caption.text)), caption) == raw


@QUICK
@given(TEXTS, st.sampled_from(sorted(MARKS)))
def test_marks_and_encodings_come_back(text: str, encoding: str) -> None:
    raw = MARKS[encoding] + text.replace("\0", "").encode(encoding, "replace")
    caption = decode(raw)
    assert caption.has_mark and caption.encoding == encoding
    assert encode(caption.text, caption) == raw


@QUICK
@given(TEXTS)
@example(" \ufeffcat, dog")
@example("\ufeff \n\x01a\x01,b\r\nc")
def test_the_line_is_the_one_that_training_reads(text: str) -> None:
    lines = parse_sidecar(text.encode("utf-8", "replace")).lines
    text = text.encode("utf-8", "replace").decode("utf-8")
    if "\0" in text or text.startswith("\ufeff"):
        return
    start, end = tag_span(text)
    assert line_of(text) == (lines[0] if lines else "")
    assert len(text[start:end]) == len(line_of(text))
    assert tags_of(text) == tuple(tag for part in line_of(text).split(",") if (tag := part.strip()))


@QUICK
@given(TEXTS, TAGS)
def test_other_tags_stand_where_the_old_ones_stood(text: str, tags: list[str]) -> None:
    edited = with_tags(text, tags)
    start, end = tag_span(text)
    if start < end:
        assert edited.startswith(text[:start]) and edited.endswith(text[end:])
    if tags:
        assert tags_of(edited) == tuple(tags)


@QUICK
@given(TEXTS, st.data())
def test_renaming_one_tag_changes_its_bytes_alone(text: str, data: st.DataObject) -> None:
    tags = tags_of(text)
    if not tags:
        return
    place = data.draw(st.integers(0, len(tags) - 1))
    start, end = tag_span(text)
    if line_of(text) != text[start:end]:  # controls are spaces to training, so the tag is not found by its letters
        return
    new = [*tags[:place], "#new#", *tags[place + 1 :]]
    edited = with_tags(text, new)
    start = edited.index("#new#")
    assert text.startswith(edited[:start]) and text[start:].startswith(tags[place])
    assert text[start + len(tags[place]) :] == edited[start + len("#new#") :]


@QUICK
@given(TEXTS, st.data())
def test_removing_one_tag_leaves_the_others_as_they_were_written(text: str, data: st.DataObject) -> None:
    tags = tags_of(text)
    if len(tags) < 2 or "\ufeff" in text:  # a mark is part of a tag in the middle of a line, and nothing at its ends
        return
    place = data.draw(st.integers(0, len(tags) - 1))
    rest = [*tags[:place], *tags[place + 1 :]]
    edited = with_tags(text, rest)
    assert list(tags_of(edited)) == rest and len(edited) < len(text)


@pytest.mark.parametrize(
    ("text", "tags", "edited"),
    [
        ("a,b,c", ["a", "c"], "a,c"),
        ("a ,  b,c\nsecond, line\n", ["a", "x", "b", "c"], "a ,  x ,  b,c\nsecond, line\n"),
        ("a, b,c", ["b", "a", "c"], "b, a,c"),  # spaces stay where they were
        ("a, b", ["a", "b", "c"], "a, b, c"),
        ("a;b", ["a;b", "c"], "a;b, c"),
        ("\r\n  a, b  \r\n", ["b"], "\r\n  b  \r\n"),
        ("a, b,", ["a", "b", "c"], "a, b, c,"),
        (", a", ["x", "a"], ", x, a"),
        ("", ["a"], "a"),
        ("\n\n", ["a"], "a\n\n"),
        ("\ufeff \t\r\n", ["a"], "a\r\n"),
        ("a, b", [], ""),
        ("\\(a\\), (b:1.2), [c]", ["\\(a\\)", "[c]"], "\\(a\\), [c]"),
        ("a, a, b", ["a", "b"], "a, b"),
        ("x\ty, b", ["b", "x y"], "b, x\ty"),  # training reads the tab as a space; the file keeps it
    ],
)
def test_edits_are_small(text: str, tags: list[str], edited: str) -> None:
    assert with_tags(text, tags) == edited


@pytest.mark.parametrize(
    ("raw", "problem", "text"),
    [
        ("一个女孩,长发".encode("gbk"), "gbk", "一个女孩,长发"),
        ("a cat".encode("utf-16-le"), "utf-16", "a cat"),
        ("a cat".encode("utf-16-be"), "utf-16", "a cat"),
        (b"caf\xe9", "encoding", "café"),
        (b"a\0b", "not-text", ""),
        (b"", "empty", ""),
        (b" \n\t", "empty", " \n\t"),
        (b"a" * (CAPTION_LIMIT + 1), "too-long", "a" * 4096),
    ],
)
def test_what_training_refuses_is_shown_but_not_written(raw: bytes, problem: str, text: str) -> None:
    caption = decode(raw)
    assert (caption.problem, caption.text) == (problem, text)
    if problem != "empty":
        with pytest.raises(UserError, match="not in an encoding that training reads"):
            encode("a", caption)


@pytest.mark.parametrize(
    ("text", "like", "said"),
    [
        ("a\0", CaptionText(), "NUL"),
        ("a" * (CAPTION_LIMIT + 1), CaptionText(), "more than 1024 KiB"),
        ("长", CaptionText(encoding="latin-1"), "U.957F, which latin-1 cannot hold"),
        ("\ud800", CaptionText(), "U.D800, which utf-8 cannot hold"),
    ],
)
def test_what_training_would_refuse_is_not_written(text: str, like: CaptionText, said: str) -> None:
    with pytest.raises(UserError, match=said):
        encode(text, like)
