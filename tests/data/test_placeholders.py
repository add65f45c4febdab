"""Names of embeddings in a prompt are found as webui finds them; a word's ids stay in one chunk."""

from __future__ import annotations

import pytest

from kohya_like.data.placeholders import FIRST_ID, Placeholder, Placeholders
from kohya_like.data.prompts import tokenize
from kohya_like.data.tokens import END, clip_tokenizer

WORDS = Placeholders([Placeholder("my", 1), Placeholder("my-cat", 3), Placeholder("zxq", 2)])
ENCODE = clip_tokenizer().encode


def test_the_longest_name_wins() -> None:
    photo = ENCODE("a photo of")
    assert WORDS.replaced(ENCODE("a photo of my-cat")) == [*photo, FIRST_ID + 1, FIRST_ID + 2, FIRST_ID + 3]
    assert WORDS.replaced(ENCODE("my dog, MY-CAT zxq")) == [
        FIRST_ID, *ENCODE("dog,"), FIRST_ID + 1, FIRST_ID + 2, FIRST_ID + 3, FIRST_ID + 4, FIRST_ID + 5,
    ]  # fmt: skip
    assert WORDS.replaced(ENCODE("mycat")) == ENCODE("mycat"), "another word"
    assert WORDS.ids("zxq") == (FIRST_ID + 4, FIRST_ID + 5) and len(WORDS) == 3


def test_a_word_is_not_cut_in_two() -> None:
    text = "red " * 73 + "my-cat blue"
    chunks = tokenize(text, clip_tokenizer(), 150, placeholders=WORDS)
    assert chunks.lengths == (73, 4) and chunks.ids[0][74] == END
    assert chunks.ids[1][1:4] == (FIRST_ID + 1, FIRST_ID + 2, FIRST_ID + 3)
    assert tokenize(text, clip_tokenizer(), 75, placeholders=WORDS).truncated == 4
    long = Placeholders([Placeholder("zxq", 80)])
    assert tokenize("zxq", clip_tokenizer(), 150, placeholders=long).lengths == (75, 0)


def test_without_names_nothing_changes() -> None:
    text = "a (red:1.2) cat " * 30
    assert tokenize(text, clip_tokenizer(), 225, True, WORDS) == tokenize(text, clip_tokenizer(), 225, True)


@pytest.mark.parametrize("words", [[Placeholder(" ", 1)], [Placeholder("a-b", 0)], [Placeholder("A-b", 1)] * 2])
def test_names_that_cannot_be_told_apart_are_refused(words: list[Placeholder]) -> None:
    with pytest.raises(ValueError, match="name"):
        Placeholders(words)
