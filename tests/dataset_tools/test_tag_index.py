"""The tag index against a dictionary of sets, in any order of its operations."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset_tools import tag_index
from dataset_tools.tag_index import TagChanges, TagIndex

TAGS = st.lists(st.sampled_from("abcd"), max_size=4)


@pytest.mark.parametrize("few", [0, 2, 100])
def test_it_is_a_dictionary_of_sets(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tag_index, "FEW", few)

    @settings(deadline=None, derandomize=True, database=None, max_examples=80)
    @given(
        st.lists(TAGS, max_size=8),
        st.lists(st.dictionaries(st.integers(0, 7), TAGS, max_size=8), max_size=4),
        st.tuples(st.integers(0, 8), st.integers(0, 8)),
    )
    def holds(first: list[list[str]], rounds: list[dict[int, list[str]]], between: tuple[int, int]) -> None:
        index, model = TagIndex(), dict(enumerate(first))
        for number, tags in model.items():
            index.append(number, tags)
        for edits in rounds:
            changes = TagChanges()
            for number, tags in edits.items():
                changes.note(number, model.get(number, []), tags)
                model[number] = tags
            for tag in changes.tags():
                index.change(changes, tag)
        wanted = {tag: sorted(n for n, tags in model.items() if tag in tags) for tag in "abcd"}
        assert {tag: index.numbers(tag).tolist() for tag in "abcd"} == wanted
        assert index.counts() == {tag: len(numbers) for tag, numbers in wanted.items() if numbers}
        low, high = between
        found = {tag: numbers.tolist() for tag, numbers in index.between(low, high).items()}
        inside = {tag: [n for n in numbers if low <= n < high] for tag, numbers in wanted.items()}
        assert found == {tag: numbers for tag, numbers in inside.items() if numbers}
        copy = TagIndex()
        for tag, numbers in wanted.items():
            copy.extend(tag, array("i", numbers[:2]))
            copy.extend(tag, array("i", numbers[2:]))
        assert copy.counts() == index.counts() and all(copy.numbers(t).tolist() == wanted[t] for t in "abcd")

    holds()


def test_what_is_handed_out_is_a_copy() -> None:
    index = TagIndex()
    index.append(0, ["a"])
    index.append(1, ["a", "b"])
    for tag in "ab":
        index.numbers(tag).append(9)
    index.between(0, 9)["a"].append(9)
    assert (index.numbers("a").tolist(), index.numbers("b").tolist()) == ([0, 1], [1])


def test_a_picture_that_changes_several_times_ends_where_it_ends() -> None:
    index = TagIndex()
    index.append(7, ["a", "b"])
    changes = TagChanges()
    for before, after in (("ab", "x"), ("x", "bc"), ("bc", "a"), ("a", "ay"), ("ay", "a")):
        changes.note(7, list(before), list(after))
    for tag in changes.tags():
        index.change(changes, tag)
    assert index.counts() == {"a": 1} and changes.lost["b"] == {7} and not any(changes.won.values())
