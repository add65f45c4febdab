"""Two edits of one caption: joined where that is plain, else a question."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset_tools.merging import conflict_of, merged, merged_tags


@pytest.mark.parametrize(
    ("base", "mine", "theirs", "both"),
    [
        ("a, b, c", "a, c", "a, b, c, d", "a, c, d"),
        ("a, b, c", "a, B, c", "x, a, b, c", "x, a, B, c"),
        ("a, b", "a, b, m", "a, b, t", "a, b, m, t"),
        ("a, b", "b, a", "a, b, t", "b, t, a"),
        ("a, b, c", "c, b, a", "b, a, c", None),  # both changed the order
        ("a\nx", "a, m\nx", "a\ny", "a, m\ny"),
        ("a\nx", "a\nm", "a\nt", None),  # both changed a further line
        ("a\nx", "a, m\nm", "a, t\nx", "a, m, t\nm"),
        ("a, a", "a", "a, a, t", "a, t"),
        ("a", "a", "b", "b"),
        ("a", "b", "a", "b"),
        ("", "m", "t", "m, t"),
    ],
)
def test_merge(base: str, mine: str, theirs: str, both: str | None) -> None:
    found = merged(base, mine, theirs)
    assert found == both or (found is not None and both is not None and sorted(found) == sorted(both))


TAGS = st.lists(st.sampled_from("abcdef"), unique=True, max_size=5)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(TAGS, TAGS, TAGS)
def test_what_either_added_is_in_and_what_either_removed_is_out(
    base: list[str], mine: list[str], theirs: list[str]
) -> None:
    both = merged_tags(base, mine, theirs)
    if both is not None:
        b, m, t = set(base), set(mine), set(theirs)
        assert set(both) == (m | t) - (b - m) - (b - t) and len(both) == len(set(both))
        assert merged_tags(base, mine, base) == tuple(mine) and merged_tags(base, base, theirs) == tuple(theirs)


def test_a_deleted_file_or_another_encoding_is_never_joined() -> None:
    assert conflict_of(0, "p", b"a", b"a, m", None, None).merged is None
    assert conflict_of(0, "p", None, b"a, m", b"a, t", None).merged is None
    assert conflict_of(0, "p", b"a", b"a, m", "a, t".encode("utf-16"), None).merged is None
    assert conflict_of(0, "p", b"a", b"a, m", b"a, t", None).merged == "a, m, t"
