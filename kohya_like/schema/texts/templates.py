"""Sentences as templates: literals with holes between them, and the catalogues that hold them.

A hole says what it may catch: `{0}` anything, said in the other language if it is known; `{#0}` a number or a size
such as 512x768; `{=0}` a word without blanks, kept as it is; `{~0}` something in quotes, kept as it is; `{@0}` also
single words ("steps"); `{!0}` only what is known itself; `{-0}` words of another program, kept as they are. A hole
that stands in quotes is kept as it is.

A hole ends at the first place where the next literal follows and the rest fits; the number of tries is bounded.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HOLE: Final = re.compile(r"\{([#=~@!-]?)(\d)\}")
MOST_TRIES: Final = 30  # places tried for the ends of a template's holes
QUOTES: Final = ("'", '"', "`", "[")
_WORD = re.compile(r"[A-Za-z]+")
_NUMBER = re.compile(r"[\d.,+\-eExX%]*\d[\d.,+\-eExX%]*")


@dataclass(frozen=True)
class Row:
    """A template, and what is said for it: texts with the numbers of the holes between."""

    literals: tuple[str, ...]
    kinds: tuple[str, ...]
    order: tuple[int, ...]  # the numbers of the holes in the English text
    said: tuple[str | int, ...]

    @classmethod
    def of(cls, english: str, said: str) -> Row:
        parts = HOLE.split(english)
        pieces = HOLE.split(said)
        answer: list[str | int] = []
        for i in range(0, len(pieces), 3):
            answer.append(pieces[i])
            answer += [int(pieces[i + 2])] if i + 2 < len(pieces) else []
        return cls(tuple(parts[0::3]), tuple(parts[1::3]), tuple(map(int, parts[2::3])), tuple(answer))

    @property
    def weight(self) -> int:
        """How much of a sentence it fixes: the more, the sooner it is tried."""
        return sum(len(literal) for literal in self.literals) * 4 + sum(kind != "" for kind in self.kinds)

    def caught(self, text: str) -> list[str] | None:
        """What the holes catch if this is the template of `text`."""
        first, last = self.literals[0], self.literals[-1]
        end = len(text) - len(last)
        if not text.startswith(first) or not text.endswith(last) or end < len(first):
            return None
        return self._rest(text, 0, len(first), end, [MOST_TRIES])

    def _rest(self, text: str, hole: int, start: int, end: int, left: list[int]) -> list[str] | None:
        """What this hole and those behind it catch; the shortest for each that lets the others fit."""
        is_last = hole == len(self.kinds) - 1
        literal = self.literals[hole + 1]
        stop = end if is_last else text.find(literal, start + 1, end)
        while stop > start and _fits(self.kinds[hole], text, start, stop):
            if is_last:
                return [text[start:stop]]
            if (found := self._rest(text, hole + 1, stop + len(literal), end, left)) is not None:
                return [text[start:stop], *found]
            left[0] -= 1
            stop = text.find(literal, stop + 1, end) if left[0] > 0 else -1
        return None

    def words(self) -> set[str]:
        """What a text of this template holds as whole words."""
        found = set()
        last = len(self.literals) - 1
        for i, literal in enumerate(self.literals):
            for match in _WORD.finditer(literal):
                glued = (match.start() == 0 and i > 0) or (match.end() == len(literal) and i < last)
                if not glued:
                    found.add(match.group())
        return found


def _fits(kind: str, text: str, start: int, stop: int) -> bool:
    if kind == "#":
        return _NUMBER.fullmatch(text, start, stop) is not None
    if kind == "=":
        return text[stop - 1] != ":" and not any(letter.isspace() for letter in text[start:stop])
    return kind != "~" or text[start] in QUOTES


class Catalogue:
    """All templates of a language, found by their rarest word."""

    def __init__(self, rows: Iterable[tuple[str, str]], words: dict[str, str]) -> None:
        self.words = words
        self.exact: dict[str, str] = {}
        holed: list[Row] = []
        for english, said in rows:
            if HOLE.search(english):
                holed.append(Row.of(english, said))
            else:
                self.exact[english] = said
        self.rows = sorted(holed, key=lambda row: -row.weight)
        words_of = [row.words() for row in self.rows]
        frequency = Counter(word for found in words_of for word in found)
        self._by_word: dict[str, list[int]] = defaultdict(list)
        for number, found in enumerate(words_of):
            self._by_word[min(found, key=lambda word: (frequency[word], word), default="")].append(number)

    def candidates(self, text: str) -> Iterator[Row]:
        """The templates that `text` may have, the most specific first."""
        numbers = list(self._by_word.get("", ()))
        for word in set(_WORD.findall(text)):
            numbers += self._by_word.get(word, ())
        return (self.rows[number] for number in sorted(numbers))


def catalogue_files(language: str) -> list[Path]:
    return sorted(Path(__file__).parent.glob(f"sentences_{language}*.toml"))


def read_catalogue(language: str) -> Catalogue:
    """All files of a language as one catalogue."""
    rows: list[tuple[str, str]] = []
    words: dict[str, str] = {}
    for path in catalogue_files(language):
        with path.open("rb") as file:
            tables: dict[str, dict[str, str]] = tomllib.load(file)
        words |= tables.pop("words", {})
        rows += [row for table in tables.values() for row in table.items()]
    return Catalogue(rows, words)
