"""The filter language: taggui's, so that its users carry over, and what it could not ask for.

    tag:cat  caption:cat  name:cat  path:cat  cat     the tag; a part of the caption, file name, path; caption or path
    tags:>5  chars:<100  tokens:>75  width:>=512      numbers, with = == != < > <= >= (none: =)
    size:512x512  size:<512  ar:16:9  ar:>1.5         both sides, the shorter side, width to height
    dup:yes  changed:outside  missing:caption  rating:g  quality:low    what was found out about a picture
    tag:/^(red|blue) hair$/i  /\\bcat\\b/             regular expressions, where a text may stand
    NOT a AND b OR c, ( )                             in this order of precedence; a b means a AND b

`*` is any text, `?` any character, \\* a star. What contains a blank stands in quotes. Upper and lower case differ.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Set
from difflib import get_close_matches

from dataset_tools.filter_error import FilterError
from dataset_tools.filter_patterns import SECONDS, Pattern, compiled
from dataset_tools.filter_sight import Findings, Sight
from dataset_tools.filter_terms import (
    WORDS,
    And,
    Compare,
    Everything,
    Filter,
    Found,
    HasRatio,
    HasSize,
    HasTag,
    InText,
    Not,
    Or,
    ShorterSide,
)
from dataset_tools.filter_words import NUMBER_KEYS, Word, words
from dataset_tools.library import Library

DEEPEST = 60  # brackets within brackets
LONGEST = 20_000  # characters of a filter
EXAMPLES = {"tags": "tags:>5", "chars": "chars:<100", "tokens": "tokens:>75", "width": "width:>=512",
            "height": "height:>=512"}  # fmt: skip


def parse(text: str) -> Filter:
    """The filter that a text asks for. Raises FilterError: a sentence, with its place."""
    if len(text) > LONGEST:
        raise FilterError(f"the filter has {len(text)} characters; {LONGEST} are the most", LONGEST)
    return _Parser(words(text)).whole()


def found(filter_: Filter, library: Library, findings: Findings | None = None) -> Set[int]:
    """The ids of the pictures that a filter lets through. Raises FilterError where a regular expression takes too long.

    Holds no lock of the library over the whole: a picture edited meanwhile counts as before or as after.
    """
    sight = Sight(library, findings or Findings(), time.thread_time() + SECONDS)
    return filter_.among(sight, sight.everything)


def tag_filter(tag: str) -> str:
    """The text that asks for exactly this tag."""
    letters = re.sub(r"([*?\\\"])", r"\\\1", tag)
    return f'tag:"{letters}"'


class _Parser:
    """or := and {OR and};  and := not {[AND] not};  not := {NOT} (term | "(" or ")")"""

    def __init__(self, found_: list[Word]) -> None:
        self._words = found_
        self._at = 0
        self._depth = 0

    @property
    def _next(self) -> Word:
        return self._words[self._at]

    def _take(self) -> Word:
        word = self._next
        self._at += 1
        return word

    def whole(self) -> Filter:
        if self._next.kind == "end":
            return Everything()
        read = self._either()
        if self._next.kind == ")":
            raise FilterError("this bracket closes nothing", self._next.start)
        return read

    def _either(self) -> Filter:
        parts = [self._both()]
        while self._next.kind == "OR":
            self._take()
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _both(self) -> Filter:
        parts = [self._one()]
        while self._next.kind in ("AND", "NOT", "(", "term"):
            if self._next.kind == "AND":
                self._take()
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _one(self) -> Filter:
        negated = False
        while self._next.kind == "NOT":
            self._take()
            negated = not negated
        word = self._take()
        if word.kind == "term":
            inner = term(word)
        elif word.kind == "(":
            inner = self._bracket(word)
        elif word.kind == "end":
            raise FilterError("something is missing at the end", word.start)
        else:
            raise FilterError(f"{word.kind} stands where a filter such as tag:cat should", word.start)
        return Not(inner) if negated else inner

    def _bracket(self, opening: Word) -> Filter:
        self._depth += 1
        if self._depth > DEEPEST:
            raise FilterError(f"more than {DEEPEST} brackets within each other", opening.start)
        inner = self._either()
        if self._next.kind != ")":
            raise FilterError("this bracket is not closed", opening.start)
        self._take()
        self._depth -= 1
        return inner


def term(word: Word) -> Filter:
    """One word as a filter."""
    if word.key in NUMBER_KEYS:
        return Compare(word.key, word.operator or "=", _number(word))
    if word.key == "size":
        return _size(word)
    if word.key == "ar":
        return HasRatio(word.operator or "=", _ratio(word))
    if word.key in WORDS:
        return _found(word)
    pattern = Pattern(word.value, word.form == "regex", word.flags, word.value_start)
    if pattern.is_regex:
        compiled(pattern.text, pattern.flags, pattern.position)
    if word.key == "tag":
        return HasTag(pattern)
    return InText((word.key,) if word.key else ("caption", "path"), pattern)


def _number(word: Word) -> float:
    if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", word.value):
        wanted = EXAMPLES[word.key]
        raise FilterError(f"{word.key}: wants a number, such as {wanted}, not {word.value[:40]!r}", word.start)
    return float(word.value)


def _size(word: Word) -> Filter:
    if match := re.fullmatch(r"(\d{1,6}|\*)[x×:*](\d{1,6}|\*)", word.value, re.IGNORECASE):
        width, height = (None if side == "*" else int(side) for side in match.groups())
        return HasSize(word.operator or "=", width, height)
    if re.fullmatch(r"\d{1,6}", word.value) and word.operator:
        return ShorterSide(word.operator, int(word.value))
    raise FilterError(
        "size: wants pixels, such as size:512x768, size:*x512 or size:<512 (the shorter side)", word.start
    )


def _ratio(word: Word) -> float:
    text = "1" if word.value.lower() == "square" else word.value
    match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?)(?:[:/x](\d{1,6}(?:\.\d{1,6})?))?", text)
    ratio = float(match[1]) / (float(match[2] or 1) or math.inf) if match else 0.0
    if ratio <= 0:
        raise FilterError("ar: wants width to height, such as ar:16:9, ar:>1.5 or ar:square", word.start)
    return ratio


def _found(word: Word) -> Filter:
    value, known = word.value.lower(), WORDS[word.key]
    if value in known or (word.key == "dup" and re.fullmatch(r"\d{1,9}", value)):
        return Found(word.key, value)
    near = get_close_matches(value, known, 1)
    meant = f" (did you mean {near[0]}?)" if near else ""
    raise FilterError(f"{word.key}: takes {', '.join(known)}, not {word.value[:40]!r}{meant}", word.start)
