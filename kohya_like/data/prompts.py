"""From a caption to what a CLIP text encoder reads: chunks of 77 ids, and a weight for each where asked.

    chunk = START, up to 75 words, END, padding        (chunks are counted by max_token_length: 75, 150, 225)

Weights are written as in the web UIs: (word) is 1.1 times, ((word)) 1.21, [word] 1 / 1.1, (word:1.3) 1.3 times;
a backslash before a bracket means the bracket itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from kohya_like.data.placeholders import Placeholders
from kohya_like.data.tokens import END, START

CHUNK = 75  # words in a chunk; with START and END the 77 positions of CLIP
ROUND, SQUARE = 1.1, 1 / 1.1

_PARTS = re.compile(r"\\[\\()\[\]]|[(\[]|:\s*([+-]?(?:\d+\.?\d*|\.\d+))\s*\)|[)\]]|[^\\()\[\]:]+|[\\:]")


class Tokenizer(Protocol):
    """Text to word ids, without START and END."""

    def encode(self, text: str) -> list[int]: ...


@dataclass(frozen=True)
class TokenChunks:
    """A caption in ids.

    `ids` is padded with END, as SD1's encoder wants it; `padded_with` gives the same with another id after the END of
    each chunk (0 for OpenCLIP: SD2, SDXL's second encoder). `weights` is None where every word has weight 1.
    """

    ids: tuple[tuple[int, ...], ...]  # [chunks][77]
    weights: tuple[tuple[float, ...], ...] | None = None  # [chunks][77]
    lengths: tuple[int, ...] = ()  # words per chunk, 0..75
    truncated: int = 0  # words that found no place
    mean_per_chunk: bool = False  # emphasis keeps the mean of each chunk, as A1111 has it, or of the whole caption

    def padded_with(self, pad: int) -> tuple[tuple[int, ...], ...]:
        """`ids` with `pad` after the END of each chunk."""
        if pad == END:
            return self.ids
        return tuple(
            (*chunk[: length + 2], *(pad for _ in range(CHUNK - length)))
            for chunk, length in zip(self.ids, self.lengths)
        )


def tokenize(
    text: str,
    tokenizer: Tokenizer,
    max_token_length: int = CHUNK,
    weighted: bool = False,
    placeholders: Placeholders | None = None,
) -> TokenChunks:
    """Ids of a caption.

    There are always `max_token_length / 75` chunks, empty ones included, so that captions of one batch stack.

    Args:
        weighted: read brackets as weights; otherwise they are text like any other.
        placeholders: words that are replaced by ids of their own; those of one word stay in one chunk.

    Raises:
        ValueError: `max_token_length` is no multiple of 75.
    """
    if max_token_length < CHUNK or max_token_length % CHUNK:
        raise ValueError(f"max_token_length is {max_token_length}; it must be 75, 150 or 225")
    chunks: list[list[int]] = [[]]
    weights: list[list[float]] = [[]]
    for piece, weight in parse_weights(text) if weighted else [(text, 1.0)]:
        words = tokenizer.encode(piece)
        for ids in placeholders.pieces(words) if placeholders else ((i,) for i in words):
            if chunks[-1] and len(chunks[-1]) + len(ids) > CHUNK:
                chunks.append([])
                weights.append([])
            chunks[-1] += ids
            weights[-1] += [weight] * len(ids)
    count = max_token_length // CHUNK
    lost = sum(len(chunk) for chunk in chunks[count:]) + sum(len(chunk[CHUNK:]) for chunk in chunks[:count])
    chunks = [chunk[:CHUNK] for chunk in chunks[:count]] + [[] for _ in range(count - len(chunks))]
    weights = [row[:CHUNK] for row in weights[:count]] + [[] for _ in range(count - len(weights))]
    return TokenChunks(
        ids=tuple((START, *chunk, END, *(END for _ in range(CHUNK - len(chunk)))) for chunk in chunks),
        weights=tuple(map(_framed, weights)) if any(w != 1.0 for row in weights for w in row) else None,
        lengths=tuple(len(chunk) for chunk in chunks),
        truncated=lost,
    )


def _framed(weights: Sequence[float]) -> tuple[float, ...]:
    """START, END and padding have weight 1."""
    return (1.0, *weights, *(1.0 for _ in range(CHUNK + 1 - len(weights))))


def parse_weights(text: str) -> list[tuple[str, float]]:
    """Pieces of a caption with their weights: 'a (red:1.5) cat' -> [('a ', 1.0), ('red', 1.5), (' cat', 1.0)].

    A bracket without its partner counts to the end of the text, as in the web UIs; a closing one without its partner
    is text.
    """
    pieces: list[list[tuple[str, float]]] = [[]]  # one list per open bracket, innermost last
    opened: list[str] = []
    for match in _PARTS.finditer(text):
        part, number = match.group(), match.group(1)
        if part in ("(", "["):
            opened.append(part)
            pieces.append([])
        elif number is not None and opened and opened[-1] == "(":
            _close(pieces, opened, float(number))
        elif part == ")" and opened and opened[-1] == "(":
            _close(pieces, opened, ROUND)
        elif part == "]" and opened and opened[-1] == "[":
            _close(pieces, opened, SQUARE)
        else:
            pieces[-1].append((part[1:] if len(part) == 2 and part[0] == "\\" else part, 1.0))
    while opened:
        _close(pieces, opened, ROUND if opened[-1] == "(" else SQUARE)
    return _joined(pieces[0])


def _close(pieces: list[list[tuple[str, float]]], opened: list[str], factor: float) -> None:
    opened.pop()
    inner = pieces.pop()
    pieces[-1] += [(text, weight * factor) for text, weight in inner]


def _joined(pieces: Iterable[tuple[str, float]]) -> list[tuple[str, float]]:
    """Neighbours of one weight as one piece: words must not be cut where a bracket was escaped."""
    joined: list[tuple[str, float]] = []
    for text, weight in pieces:
        if joined and joined[-1][1] == weight:
            joined[-1] = (joined[-1][0] + text, weight)
        elif text:
            joined.append((text, weight))
    return joined
