"""Emphasis: (word) 1.1 times, [word] 1/1.1, (word:1.3) 1.3 times, nested ones multiplied; BREAK ends a chunk.

Round and square brackets are counted apart and need not be nested in one another. A bracket that is never closed counts
to the end of the text; a closing one without its partner is text; a backslash before a bracket makes it text.
"""

from __future__ import annotations

import re

import numpy as np

from kohya_like.prompts.errors import PromptError

ROUND, SQUARE = 1.1, 1 / 1.1
BREAK = "BREAK"
BREAK_WEIGHT = -1.0
Piece = tuple[str, float]

_PARTS = re.compile(r"\\[\\()\[\]]|\\|[(\[]|:\s*([+-]?[.\d]+)\s*\)|[)\]]|[^\\()\[\]:]+|:")
_BREAK = re.compile(r"\bBREAK\b")


class _Pieces:
    """Texts and their weights. A bracket multiplies all that was read since it was opened, innermost first."""

    def __init__(self, room: int) -> None:
        self.texts: list[str] = []
        self.weights = np.ones(room)
        self.opened: dict[str, list[int]] = {"(": [], "[": []}

    def add(self, text: str, weight: float = 1.0) -> None:
        self.weights[len(self.texts)] = weight
        self.texts.append(text)

    def close(self, bracket: str, factor: float) -> None:
        self.weights[self.opened[bracket].pop() : len(self.texts)] *= factor

    def finished(self) -> list[Piece]:
        """Neighbours of equal weight as one piece: they are cut into words together."""
        for bracket, factor in (("(", ROUND), ("[", SQUARE)):
            for start in self.opened[bracket]:
                self.weights[start : len(self.texts)] *= factor
        if not np.isfinite(self.weights).all():
            raise PromptError("the weights multiply to more than a number can hold; close the brackets")
        joined: list[tuple[list[str], float]] = []
        for text, weight in zip(self.texts, self.weights.tolist()):
            if joined and joined[-1][1] == weight:
                joined[-1][0].append(text)
            else:
                joined.append(([text], weight))
        return [("".join(texts), weight) for texts, weight in joined] or [("", 1.0)]


def emphasis(text: str) -> list[Piece]:
    """Pieces of a text with their weights; a piece that `is_break` stands for the end of a chunk.

    Raises PromptError for a weight that is no number, as in (word:1.2.3).
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return _read(text).finished()


def _read(text: str) -> _Pieces:
    matches = list(_PARTS.finditer(text))
    pieces = _Pieces(len(matches) + 2 * len(_BREAK.findall(text)))
    for match in matches:
        part, number = match.group(), match.group(1)
        if part in ("(", "["):
            pieces.opened[part].append(len(pieces.texts))
        elif part[0] == "\\":
            pieces.add(part[1:])
        elif number is not None and pieces.opened["("]:
            pieces.close("(", _weight(number))
        elif part == ")" and pieces.opened["("]:
            pieces.close("(", ROUND)
        elif part == "]" and pieces.opened["["]:
            pieces.close("[", SQUARE)
        else:
            _add_words(pieces, part)
    return pieces


def is_break(piece: Piece) -> bool:
    """BREAK inside of brackets has another weight, and is a word like any other: so it is in the web UI."""
    return piece == (BREAK, BREAK_WEIGHT)


def _add_words(pieces: _Pieces, part: str) -> None:
    texts = _BREAK.split(part)
    for i, text in enumerate(texts):
        if i:
            pieces.add(BREAK, BREAK_WEIGHT)
            text = text.lstrip()
        pieces.add(text.rstrip() if i < len(texts) - 1 else text)


def _weight(number: str) -> float:
    try:
        return float(number)
    except ValueError:
        raise PromptError(f":{number}): the weight is no number; it is written as in (word:1.3)") from None
