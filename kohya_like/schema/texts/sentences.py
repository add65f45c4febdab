"""The program's own sentences in another language, found by their shape.

Faults, refusals, warnings and phases are written in English where they arise. The catalogues `sentences_*.toml` hold
them as templates (see templates.py): "{#0} batches" stands for every such sentence, and what a hole caught
comes back in the other language's sentence. What no template knows is returned as it is; so is English.

A text is taken apart the way the code puts texts together: lines, "; " between two things, "place: sentence",
"sentence (how to mend it)".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, lru_cache
from typing import Final

from kohya_like.schema.texts.templates import QUOTES, Catalogue, Row, catalogue_files, read_catalogue

LONGEST: Final = 4_000  # characters of a line; a longer one is no sentence of ours
MOST_LETTERS: Final = 100_000  # looked through for one text; foreign text full of colons must not cost more
DEEPEST: Final = 12  # parts within parts
MOST_CUTS: Final = 8  # places at which a line is taken apart

_IN_BRACKETS = re.compile(r" \(((?:[^()]|\([^()]*\))*)\)")
_IDEOGRAPH = re.compile("[\u4e00-\u9fff]")
_WIDE = re.compile("[\u4e00-\u9fff\u3000-\u303f\uff00-\uffef]")


class Sentences:
    """Says the program's English sentences in one language."""

    def __init__(self, language: str) -> None:
        self.language = language

    @cached_property
    def catalogue(self) -> Catalogue | None:
        """The templates of this language, read when the first sentence is said; None for English."""
        return read_catalogue(self.language) if catalogue_files(self.language) else None

    def say(self, text: str) -> str:
        """The sentence (or several lines of them) in this language; unchanged where it is not known."""
        if not text or self.catalogue is None:
            return text
        saying = _Saying(self.catalogue)
        first, *others = text.split("\n")
        said = _line(first, saying)
        if others and said == first and (whole := saying.whole(text)):
            return whole
        return "\n".join([said, *(_line(line, saying) for line in others)])


@lru_cache(maxsize=4)
def sentences(language: str) -> Sentences:
    return Sentences(language)


def _line(line: str, saying: _Saying) -> str:
    core = line.strip()
    said = saying.known(core) if core and len(core) <= LONGEST else None
    if said is None:
        return line
    before, _, after = line.partition(core)
    return before + said + after


class _Saying:
    """One text on its way: what was found for its parts, and how much more may be looked through."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._left = MOST_LETTERS
        self._depth = 0
        self._shapes: dict[str, str | None] = {}
        self._found: dict[str, str | None] = {}

    def known(self, text: str) -> str | None:
        """The text in the other language, perhaps only in parts; None where the catalogue knows nothing of it."""
        if text not in self._found and self._depth < DEEPEST:
            self._found[text] = None  # a part that holds itself is not known
            self._depth += 1
            self._found[text] = self._word(text) or self._noted(text) or self.shape(text) or self._taken_apart(text)
            self._depth -= 1
        return self._found.get(text)

    def whole(self, text: str) -> str | None:
        """A text of several lines as one sentence: what a hole caught may hold line breaks."""
        return (self.shape(text) or self._placed(text, self.shape)) if len(text) <= LONGEST else None

    def shape(self, text: str) -> str | None:
        """The text as one sentence of the catalogue."""
        self._left -= len(text)
        if text not in self._shapes and self._left > 0 and text.strip():
            self._shapes[text] = None
            self._shapes[text] = self._row(text)
        return self._shapes.get(text)

    def _row(self, text: str) -> str | None:
        if said := self.catalogue.exact.get(text):
            return said
        if text.endswith(".") and not text.endswith(".."):
            said = self.shape(text[:-1])
            return said and f"{said}。"
        if said := self._choice(text):
            return said
        for row in self.catalogue.candidates(text):
            holes = row.caught(text)
            if holes is None or (row.literals[0] == "" and ": " in holes[0] and not self._part(holes[0])):
                continue  # the first hole took the place in front of a sentence
            if said := self._filled(row, holes):
                return said
        return None

    def _filled(self, row: Row, holes: Sequence[str]) -> str | None:
        values: dict[int, str] = {}
        for kind, number, literal, hole in zip(row.kinds, row.order, row.literals, holes):
            said: str | None = None
            if kind == "!":
                said = self._word(hole) or self.shape(hole)
                if said is None:
                    return None
            elif kind == "@":
                said = self.known(hole)
            elif kind == "" and not literal.endswith(QUOTES) and not hole.startswith(QUOTES[:3]):
                said = self._part(hole)
            values[number] = hole if said is None else said
        return _spaced(piece if isinstance(piece, str) else values[piece] for piece in row.said)

    def _word(self, text: str) -> str | None:
        return self.catalogue.words.get(text)

    def _part(self, text: str) -> str | None:
        """A part of a sentence; a single word may be a person's, a file called "train"."""
        return None if self._word(text) else self.known(text)

    def _taken_apart(self, text: str) -> str | None:
        return (
            self._placed(text, self.shape)
            or self._joined(text)
            or self._placed(text, self._part)
            or self._headed(text)
            or self._equation(text)
            or self._notes(text)
        )

    def _joined(self, text: str) -> str | None:
        """'one thing; another', where each may have semicolons of its own."""
        parts = text.split("; ", MOST_CUTS)
        said, start, hits = [], 0, 0
        while start < len(parts):
            for stop in range(len(parts), start, -1):
                group = "; ".join(parts[start:stop])
                found = self.shape(group) if group != text else None
                if found or stop == start + 1:
                    found = found or (self._part(group) if len(parts) > 1 else None)
                    said.append(found or group)
                    hits += found is not None
                    break
            start = stop
        return "；".join(said) if hits else None

    def _placed(self, text: str, say: Callable[[str], str | None]) -> str | None:
        """'some/file: what is wrong with it', 'preset.toml:3  what is wrong with it'."""
        for mark, shown in (("  ", "  "), (": ", "：")):
            start = -1
            for _ in range(MOST_CUTS):
                start = text.find(mark, start + 1)
                if start < 0:
                    break
                if said := say(text[start + len(mark) :]):
                    place = text[:start]
                    return f"{self._part(place) or place}{shown}{said}"
        return None

    def _headed(self, text: str) -> str | None:
        """'a sentence: names'."""
        head, colon, names = text.partition(": ")
        said = self.shape(head) if colon else None
        return f"{said}：{names}" if said else None

    def _equation(self, text: str) -> str | None:
        """'26 pictures x 10 repeats = 260 samples ...'."""
        left, equals, right = text.partition(" = ")
        first, second = (self._part(left), self._part(right)) if equals else (None, None)
        return f"{first} = {second}" if first and second else None

    def _choice(self, text: str) -> str | None:
        """'a whole number, a number or text': every one of them is known."""
        start, either, last = text.rpartition(" or ")
        said = [self._word(part) or self.shape(part) for part in start.split(", ", MOST_CUTS)] if either else []
        ending = (self._word(last) or self.shape(last)) if said and all(said) else None
        return "、".join(part or "" for part in said) + f"或{ending}" if ending else None

    def _noted(self, text: str) -> str | None:
        """'a sentence (how to mend it)'."""
        start = -1
        for _ in range(MOST_CUTS if text.endswith(")") else 0):
            start = text.find(" (", start + 1)
            note = text[start + 2 : -1]
            if start < 0:
                break
            if _closed(note) and (cure := self._part(note)) and (said := self.known(text[:start])):
                return f"{said}（{cure}）"
        return None

    def _notes(self, text: str) -> str | None:
        """'a.png (why), b.png (why)'."""
        pieces = _IN_BRACKETS.split(text, maxsplit=MOST_CUTS)
        notes = [self._part(note) for note in pieces[1::2]]
        if not any(notes):
            return None
        said = [f"（{new}）" if new else f" ({old})" for new, old in zip(notes, pieces[1::2])]
        return "".join(before + note for before, note in zip(pieces[0::2], [*said, ""]))


def _closed(text: str) -> bool:
    """Whether each bracket that is closed in a text was opened in it."""
    depth = 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if depth < 0:
            return False
    return depth == 0


def _spaced(pieces: Iterable[str]) -> str:
    """The pieces in one: a blank between Chinese and Latin letters, none between Chinese and Chinese."""
    text = ""
    for piece in pieces:
        left, right = text.rstrip(" "), piece.lstrip(" ")
        if left and right and _WIDE.match(left[-1]) and _WIDE.match(right[0]):
            text = left + right
        elif text and piece and _touching(text[-1], piece[0]):
            text = f"{text} {piece}"
        else:
            text += piece
    return text


def _touching(left: str, right: str) -> bool:
    """Whether a Chinese character meets a Latin letter or a digit."""
    if _IDEOGRAPH.match(left):
        return right in "-/~" or (right.isascii() and right.isalnum())
    return bool(_IDEOGRAPH.match(right)) and left.isascii() and left.isalnum()
