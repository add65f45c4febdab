"""Weights in captions and the chunks of 75."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohya_like.data.prompts import CHUNK, TokenChunks, parse_weights, tokenize
from kohya_like.data.tokens import END, START, clip_tokenizer

pytestmark = pytest.mark.quick

CAT = clip_tokenizer().encode("cat")[0]


def weights_of(text: str) -> dict[str, float]:
    return {piece.strip(): round(weight, 6) for piece, weight in parse_weights(text)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a cat", {"a cat": 1.0}),
        ("a (red) cat", {"a": 1.0, "red": 1.1, "cat": 1.0}),
        ("((red))", {"red": 1.21}),
        ("[red]", {"red": round(1 / 1.1, 6)}),
        ("(red:1.3)", {"red": 1.3}),
        ("(red: .5 )", {"red": 0.5}),
        ("(a (red:2) cat)", {"a": 1.1, "red": 2.2, "cat": 1.1}),
        ("[a (red:2)]", {"a": round(1 / 1.1, 6), "red": round(2 / 1.1, 6)}),
        (r"miku \(vocaloid\)", {"miku (vocaloid)": 1.0}),
        (r"a \\ b", {r"a \ b": 1.0}),
        ("(open", {"open": 1.1}),
        ("close) it", {"close) it": 1.0}),
        ("time 12:30", {"time 12:30": 1.0}),
        ("ratio :1.5) x", {"ratio :1.5) x": 1.0}),
        ("", {}),
        ("()", {}),
    ],
)
def test_weights_are_read_as_in_the_web_uis(text: str, expected: dict[str, float]) -> None:
    assert weights_of(text) == expected


@given(st.text(alphabet="ab ,():[]\\.12", max_size=40))
def test_any_text_parses_and_no_letter_is_lost(text: str) -> None:
    pieces = parse_weights(text)
    assert [c for piece, _ in pieces for c in piece if c in "ab,"] == [c for c in text if c in "ab,"]
    assert all(a[1] != b[1] for a, b in pairwise(pieces))


def test_brackets_are_text_unless_asked_for() -> None:
    literal = tokenize("(cat:1.3)", clip_tokenizer())
    assert literal.weights is None
    assert literal.ids[0][1 : 1 + literal.lengths[0]] == tuple(clip_tokenizer().encode("(cat:1.3)"))


def test_weight_stands_at_its_word_and_nowhere_else() -> None:
    chunks = tokenize("a (cat:1.5)", clip_tokenizer(), weighted=True)
    assert chunks.weights is not None
    at = chunks.ids[0].index(CAT)
    assert chunks.weights[0][at] == 1.5
    assert sum(chunks.weights[0]) == 76 + 1.5


def test_captions_without_weights_have_none() -> None:
    assert tokenize("a cat", clip_tokenizer(), weighted=True).weights is None


@pytest.mark.parametrize(("length", "words", "per_chunk"), [(75, 3, (3,)), (150, 76, (75, 1)), (225, 150, (75, 75, 0))])
def test_words_fill_chunk_after_chunk(length: int, words: int, per_chunk: tuple[int, ...]) -> None:
    chunks = tokenize(" ".join(["cat"] * words), clip_tokenizer(), length)
    assert chunks.lengths == per_chunk
    assert chunks.truncated == 0
    for ids, n in zip(chunks.ids, per_chunk):
        assert ids == (START,) + (CAT,) * n + (END,) * (CHUNK + 1 - n)


@pytest.mark.parametrize("length", [75, 150, 225])
def test_words_beyond_the_last_chunk_are_counted(length: int) -> None:
    exact = tokenize(" ".join(["cat"] * length), clip_tokenizer(), length)
    over = tokenize(" ".join(["cat"] * (length + 7)), clip_tokenizer(), length)
    assert (exact.truncated, over.truncated) == (0, 7)
    assert over.ids == exact.ids


def test_openclip_pads_with_zero_after_the_end() -> None:
    chunks = tokenize("cat " * 76, clip_tokenizer(), 150)
    full, short = chunks.padded_with(0)
    assert full == chunks.ids[0]  # nothing to pad
    assert short == (START, CAT, END) + (0,) * 74
    assert chunks.padded_with(END) == chunks.ids


def test_empty_caption_is_start_end_padding() -> None:
    chunks = tokenize("", clip_tokenizer())
    assert chunks.padded_with(0) == ((START, END) + (0,) * 75,)
    assert chunks == TokenChunks(ids=((START,) + (END,) * 76,), lengths=(0,))


def test_other_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="is 77; it must be 75, 150 or 225"):
        tokenize("cat", clip_tokenizer(), 77)


def test_same_ids_as_the_reference_tokenizer_for_a_weighted_word() -> None:
    """Escaped brackets must not cut a word in two."""
    escaped = tokenize(r"cat\(s\)", clip_tokenizer(), weighted=True)
    assert escaped.ids == tokenize("cat(s)", clip_tokenizer()).ids
