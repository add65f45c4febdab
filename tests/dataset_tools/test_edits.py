"""Each edit as text in, text out: what it changes, and that it changes nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset_tools.caption_file import tags_of, with_tags
from dataset_tools.edits import (
    AddImplied,
    AddPrefix,
    AddSuffix,
    AddTags,
    AddTrigger,
    ChangeCase,
    Context,
    Dedupe,
    DropRare,
    Edit,
    MoveTag,
    OrderTags,
    RegexReplace,
    RemoveTags,
    RenameTag,
    ReplaceTag,
    SetText,
    SortTags,
    Underscores,
    whole_tag,
)
from kohya_like.schema.errors import UserError

COUNTS = {"cat": 9, "dog": 5, "bird": 1}
IMPLIED = {"cat ears": ("animal ears",), "animal ears": ("ears", "cat ears"), "kemonomimi": ("animal ears", "tail")}

CASES: list[tuple[Edit, str, str]] = [
    (AddTags(("new", "cat")), "cat,  dog", "cat,  dog,  new"),
    (AddTags(("new",), 0), "cat, dog", "new, cat, dog"),
    (AddTags(("new",), -1), "cat, dog", "cat, new, dog"),
    (AddTags(("new",), 99), "cat\r\nline", "cat, new\r\nline"),
    (AddTags(("new",)), "", "new"),
    (AddTags(("new", "new")), "\n\n", "new\n\n"),
    (RemoveTags(("dog",)), "cat, dog, dog, bird", "cat, bird"),
    (RemoveTags(("do",)), "cat, dog", "cat, dog"),
    (RenameTag("cat", "kitty"), "a cat, cat , (cat:1.2), cats", "a cat, kitty , (cat:1.2), cats"),
    (RenameTag("cat", "dog"), "bird, cat, dog", "bird, dog"),
    (RenameTag("cat", "dog"), "cat, bird, cat", "dog, bird"),
    (RenameTag("hair", "fur"), "blue hair", "blue hair"),
    (RenameTag("cat", "kitty"), "x\ncat", "x\ncat"),
    (RenameTag("猫", "cat"), "猫,长发", "cat,长发"),
    (ReplaceTag("cat", ("dog", "bird")), "cat, tail, bird", "dog, tail, bird"),
    (MoveTag("dog", 0), "cat, bird, dog", "dog, cat, bird"),
    (MoveTag("cat", -1), "cat, bird, dog", "bird, dog, cat"),
    (MoveTag("cow", 0), "cat", "cat"),
    (OrderTags(("dog", "cat")), "bird, cat, dog", "dog, cat, bird"),
    (SortTags(), "b, C, a", "a, b, C"),
    (SortTags("count", 1), "zoo, bird, cat, dog", "zoo, cat, dog, bird"),
    (SortTags("length"), "ccc, bb, a", "a, bb, ccc"),
    (Dedupe(), "cat, dog, cat, Cat", "cat, dog, Cat"),
    (AddImplied(IMPLIED), "1girl, kemonomimi, sky", "1girl, kemonomimi, animal ears, ears, cat ears, tail, sky"),
    (AddTrigger("sks"), "cat, sks, dog", "sks, cat, dog"),
    (DropRare(5, 1), "zoo, bird, cat, dog", "zoo, cat, dog"),
    (ChangeCase("lower"), "Cat, DOG", "cat, dog"),
    (ChangeCase("title"), "red cat, o'neil", "Red Cat, O'neil"),
    (Underscores(), "long_hair, ^_^, score_9", "long hair, ^_^, score 9"),
    (Underscores(keep=("score_9",)), "long_hair, score_9", "long hair, score_9"),
    (Underscores(False), "long hair, a b c", "long_hair, a_b_c"),
    (AddPrefix("photo of "), "\n cat\nline", "\n photo of cat\nline"),
    (AddPrefix("photo of "), "photo of cat", "photo of cat"),
    (AddSuffix(", hd"), "cat \nline", "cat, hd \nline"),
    (RegexReplace(r"(\w+) hair", r"\1 fur"), "red hair\nblue hair", "red fur\nblue fur"),
    (RegexReplace(r"(\w+) hair", r"\1 fur", "line"), "red hair\nblue hair", "red fur\nblue hair"),
    (RegexReplace(r"^(?P<c>red|blue) (.*)$", r"\2, \g<c>", "tags"), "red hair, redder", "hair, red, redder"),
    (RegexReplace("^bad.*", "", "tags"), "cat, bad hands, dog", "cat, dog"),
    (RegexReplace("CAT", "dog", ignore_case=True), "cat", "dog"),
    (SetText("x\ny"), "cat", "x\ny"),
]


@pytest.mark.parametrize(("edit", "before", "after"), CASES, ids=lambda value: repr(value)[:50])
def test_an_edit(edit: Edit, before: str, after: str) -> None:
    assert edit.applied(before, Context(COUNTS)) == after
    assert edit.describe()
    if edit.only_with is not None and before != after:
        assert set(edit.only_with) & set(tags_of(before))


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (RegexReplace("(", ""), "is no regular expression"),
        (RegexReplace("a", r"\7"), "replacement"),
        (RegexReplace("a", r"\g<x>"), "replacement"),
        (RegexReplace("a", "b" * 1_000_000), "1024 KiB"),
        (RegexReplace("(a|aa)+$", "", timeout=0.05), "takes too long"),
    ],
)
def test_a_regular_expression_that_cannot_be_done_is_a_sentence(edit: RegexReplace, says: str) -> None:
    with pytest.raises(UserError, match=says):
        edit.applied("a" * 60 + "b", Context())


def test_a_batch_of_slow_expressions_ends() -> None:
    context = Context(matching_seconds=21.0)
    with pytest.raises(UserError, match="takes too long"):
        RegexReplace("a", "b").applied("a", context)


@pytest.mark.parametrize("word", ["", " ", "a, b", "a\nb"])
def test_what_is_no_tag_is_refused(word: str) -> None:
    with pytest.raises(UserError):
        whole_tag(word)
    assert whole_tag(" long hair ") == "long hair"


PIECES = st.sampled_from(["cat", "dog", "cat ", " dog", "cats", "(cat:1.2)", "\\(cat\\)", "", "a cat", "猫", "cat\t"])
TEXTS = st.builds(
    lambda tags, gap, head, tail: head + gap.join(tags) + tail,
    st.lists(PIECES, max_size=6),
    st.sampled_from([",", ", ", " ,  "]),
    st.sampled_from(["", " ", "\n", "\r\n"]),
    st.sampled_from(["", "\n", "\r\nmore, cat\r\n", " "]),
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(TEXTS, st.sampled_from(["cat", "dog", "猫"]), st.sampled_from(["cat", "dog", "bird", "red cat"]))
def test_the_quick_rename_is_the_same_as_by_way_of_tags(text: str, old: str, new: str) -> None:
    edit = RenameTag(old, new)
    after = tuple(edit.of(tags_of(text), Context()))
    assert edit.applied(text, Context()) == (text if after == tags_of(text) else with_tags(text, after))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(TEXTS)
def test_no_edit_of_tags_touches_other_lines_or_is_done_twice(text: str) -> None:
    for edit in (
        AddTags(("new",)),
        RenameTag("cat", "kitty"),
        Dedupe(),
        SortTags(),
        ChangeCase("upper"),
        AddTrigger("s"),
    ):
        after = edit.applied(text, Context())
        assert text.strip().partition("\n")[2] == after.strip().partition("\n")[2] or not tags_of(text)
        assert edit.applied(after, Context()) == after
