"""The words of a filter: keys with their values, quotes, regular expressions, brackets, AND, OR and NOT.

    tag:cat AND (tokens:>75 OR caption:"red *dress" OR name:/_(\\d+)x\\d+\\./i)

A backslash before a quote, a star, a question mark or a backslash takes its meaning away; elsewhere it is a letter, so
that a tag is written as it stands in the file: tag:rem_\\(re:zero\\). Brackets inside a word belong to it in pairs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from dataset_tools.filter_error import FilterError

TEXT_KEYS = ("tag", "caption", "name", "path")
NUMBER_KEYS = ("tags", "chars", "tokens", "width", "height")
VALUE_KEYS = ("size", "ar", "dup", "changed", "missing", "rating", "quality")
KEYS = (*TEXT_KEYS, *NUMBER_KEYS, *VALUE_KEYS)
ABSENT = ("marking", "crops", "visible", "target", "stars")  # taggui's, for things this program has not

Kind = Literal["(", ")", "AND", "OR", "NOT", "term", "end"]
Form = Literal["word", "quoted", "regex"]

_KEY = re.compile(r"([A-Za-z]+)\s*[:：]\s*")
_OPERATOR = re.compile(r"(==|!=|<=|>=|=|<|>|≤|≥|≠)\s*")
_LOGIC = re.compile(r"(and|or|not)(?=[\s(\"']|$)", re.IGNORECASE)
_SAME = {"==": "=", "≤": "<=", "≥": ">=", "≠": "!="}
_ESCAPED = "\"'*?\\"


@dataclass(frozen=True)
class Word:
    """One word: `key`:`operator``value`, at `start` (characters from the beginning, from 0).

    `value` still has a backslash before a star or question mark that stands for itself. `flags` are those behind a
    regular expression.
    """

    kind: Kind
    start: int
    key: str = ""
    operator: str = ""
    value: str = ""
    form: Form = "word"
    flags: str = ""
    value_start: int = 0


def words(text: str) -> list[Word]:
    """All words of a filter, with an "end". Raises FilterError."""
    found: list[Word] = []
    place = 0
    while True:
        while place < len(text) and text[place].isspace():
            place += 1
        if place >= len(text):
            return [*found, Word("end", len(text))]
        if text[place] in "()":
            found.append(Word("(" if text[place] == "(" else ")", place))
            place += 1
        elif logic := _LOGIC.match(text, place):
            found.append(Word(logic[1].upper(), place))  # type: ignore[arg-type]  # _LOGIC lets only these words through
            place = logic.end()
        else:
            word, place = _term(text, place)
            found.append(word)


def _term(text: str, start: int) -> tuple[Word, int]:
    key, place = "", start
    if match := _KEY.match(text, start):
        key = _known(match[1].lower(), start)
        place = match.end() if key else start
    value_start = place
    operator = ""
    if key in NUMBER_KEYS or key in VALUE_KEYS:
        if match := _OPERATOR.match(text, place):
            operator, place = _SAME.get(match[1], match[1]), match.end()
        value, place = _bare(text, place)
        form: Form = "word"
        flags = ""
        if value[:1] in ('"', "'"):
            value = value.strip(value[0])
    else:
        value, form, flags, place = _value(text, place)
    if key and not value:
        raise FilterError(f"{key}: has nothing behind its colon", start)
    return Word("term", start, key, operator, value, form, flags, value_start), place


def _known(key: str, start: int) -> str:
    """The key, or "" where the colon belongs to a text such as re:zero."""
    if key in KEYS:
        return key
    if key in ABSENT:
        raise FilterError(f"{key}: is a filter of taggui's that there is none of here", start)
    near = get_close_matches(key, KEYS, 1, 0.75) if len(key) > 2 else []
    if near:
        raise FilterError(f"there is no {key}: - is it {near[0]}:? Put the text in quotes to look for it", start)
    return ""


def _value(text: str, start: int) -> tuple[str, Form, str, int]:
    first = text[start : start + 1]
    if first in ('"', "'") and first:
        value, place = _quoted(text, start)
        return value, "quoted", "", place
    if first == "/":
        return _regex(text, start)
    value, place = _bare(text, start)
    return value, "word", "", place


def _quoted(text: str, start: int) -> tuple[str, int]:
    quote, place, letters = text[start], start + 1, []
    while place < len(text) and text[place] != quote:
        step = 2 if text[place] == "\\" and text[place + 1 : place + 2] in tuple(_ESCAPED) else 1
        piece = text[place : place + step]
        letters.append(piece[1] if step == 2 and piece[1] in "\"'" else piece)
        place += step
    if place >= len(text):
        raise FilterError(f"the quote {quote} is not closed", start)
    return "".join(letters), place + 1


def _regex(text: str, start: int) -> tuple[str, Form, str, int]:
    place, letters = start + 1, []
    while place < len(text) and text[place] != "/":
        step = 2 if text[place] == "\\" else 1
        piece = text[place : place + step]
        letters.append("/" if piece == "\\/" else piece)
        place += step
    if place >= len(text):
        raise FilterError("the regular expression is not closed with / (put a path in quotes)", start)
    flags = re.compile(r"[a-zA-Z]*").match(text, place + 1)
    assert flags is not None
    return "".join(letters), "regex", flags[0], flags.end()


def _bare(text: str, start: int) -> tuple[str, int]:
    """Up to a space, or to a bracket that closes something further out."""
    place, depth = start, 0
    while place < len(text) and not text[place].isspace():
        escaped = text[place] == "\\" and text[place + 1 : place + 2] in ("(", ")")
        if not escaped:
            depth += (text[place] == "(") - (text[place] == ")")
        if depth < 0:
            break
        place += 2 if escaped else 1
    return text[start:place], place
