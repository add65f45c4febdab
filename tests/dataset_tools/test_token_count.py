"""The quick count is the tokenizer's own."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dataset_tools import token_count
from dataset_tools.caption_file import line_of
from dataset_tools.token_count import TokenCounts, token_counts
from kohya_like.data.tokens import clip_tokenizer

QUICK = settings(deadline=None, derandomize=True, database=None, max_examples=200)
PIECES = st.sampled_from(
    ["a", "Hair", ",", ", ", " ", "'s", "'", "!", ".", "1", "23", "é", "e\u0301", "\u0301", "长发", "\t", "\u3000",
     "\xa0", "Σ", "ΑΣ", "<|startoftext|>", "<|endoftext|>", "(x:1.2)", r"\(", "-", "_",
     "🙂", "ﬁ", "İ", "ſ", "\x1c", "\u200b"]
)  # fmt: skip


@QUICK
@given(st.lists(PIECES, max_size=14).map("".join) | st.text(max_size=40))
@example("ΑΣ ,Σ")
@example("girl's, it's!, 's")
@example("a \u0301b, =\u0338")
def test_the_sum_over_words_is_the_count_of_the_line(text: str) -> None:
    line = line_of(text)
    assert token_counts().of(line) == clip_tokenizer().count(line)


def test_a_sum_over_tags_would_be_wrong() -> None:
    """The control: a comma joins with the sign before it, so tags cannot be counted apart from it."""
    tags = ("wow!", "b")
    apart = sum(clip_tokenizer().count(tag) for tag in tags) + len(tags) - 1
    assert clip_tokenizer().count("wow!, b") == token_counts().of("wow!, b") != apart


def test_the_cache_does_not_grow_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = TokenCounts(clip_tokenizer())
    monkeypatch.setattr(token_count, "WORDS_KEPT", 10)
    for number in range(50):
        assert counts.of(f"word{number}") == clip_tokenizer().count(f"word{number}")
    assert len(counts) <= 10
