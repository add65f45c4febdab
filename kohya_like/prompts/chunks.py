"""From a text to chunks of 75 words, as many as it needs.

A chunk ends after 75 words and at BREAK. Where the last comma of a full chunk is at most 20 words from its end, what
follows the comma goes to the next chunk. An embedding is never cut in two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kohya_like.data.placeholders import Placeholders
from kohya_like.data.prompts import CHUNK, TokenChunks, Tokenizer
from kohya_like.data.tokens import END, START
from kohya_like.prompts.emphasis import emphasis, is_break
from kohya_like.prompts.errors import PromptError

COMMA = 267
BACKTRACK = 20  # words; the web UI's "prompt word wrap length limit"
Word = tuple[int, float]  # id and weight


class _Chunks:
    def __init__(self) -> None:
        self.full: list[list[Word]] = []
        self.words: list[Word] = []
        self.comma = -1  # place of the last one in this chunk

    def end(self) -> None:
        self.full.append(self.words)
        self.words, self.comma = [], -1

    def add(self, ids: tuple[int, ...], weight: float) -> None:
        """A word or a whole embedding."""
        if ids == (COMMA,):
            self.comma = len(self.words)
        elif len(self.words) == CHUNK and self.comma >= 0 and CHUNK - self.comma <= BACKTRACK:
            moved = self.words[self.comma + 1 :]
            self.words = self.words[: self.comma + 1]
            self.end()
            self.words = moved
        if len(self.words) + len(ids) > CHUNK:
            self.end()
        self.words += [(i, weight) for i in ids]


def chunked(
    text: str, tokenizer: Tokenizer, placeholders: Placeholders | None = None, at_least: int = 1
) -> TokenChunks:
    """The chunks of one text of a schedule; empty ones are added up to `at_least`.

    Raises PromptError for a weight that is no number, and for an embedding of more than 75 vectors.
    """
    chunks = _Chunks()
    for piece in emphasis(text):
        if is_break(piece):
            chunks.end()
            continue
        for ids in _words(tokenizer.encode(piece[0]), placeholders):
            chunks.add(ids, piece[1])
    if chunks.words or not chunks.full:
        chunks.end()
    return _framed([*chunks.full, *[[]] * (at_least - len(chunks.full))])


def _words(ids: list[int], placeholders: Placeholders | None) -> Iterator[tuple[int, ...]]:
    if placeholders is None:
        yield from ((i,) for i in ids)
        return
    for word in placeholders.pieces(ids):
        if len(word) > CHUNK:
            raise PromptError(f"an embedding of {len(word)} vectors is longer than a chunk of {CHUNK} words")
        yield word


def _framed(chunks: list[list[Word]]) -> TokenChunks:
    plain = all(weight == 1.0 for chunk in chunks for _, weight in chunk)
    return TokenChunks(
        ids=tuple((START, *(i for i, _ in chunk), *[END] * (CHUNK + 1 - len(chunk))) for chunk in chunks),
        weights=None if plain else tuple(_weights(weight for _, weight in chunk) for chunk in chunks),
        lengths=tuple(len(chunk) for chunk in chunks),
        mean_per_chunk=True,
    )


def _weights(words: Iterable[float]) -> tuple[float, ...]:
    """START, END and padding have weight 1."""
    weights = (1.0, *words)
    return (*weights, *[1.0] * (CHUNK + 2 - len(weights)))
