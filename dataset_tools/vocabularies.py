"""Vocabularies for tagging with CLIP: words in categories, and the prompts by which each category is asked for.

    # a comment
    [shape] a drawing of a {} | a {} on a plain background
    circle
    square

Words above the first heading are in the category "general"; prompts without a heading's own are `{}` alone. Of the
words of one category CLIP chooses: a category without a rival for each word says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kohya_like.schema.errors import FormatError

LARGEST_BYTES, MOST_WORDS, LONGEST_WORD = 8 << 20, 50_000, 300
GENERAL = "general"
_HEADING = re.compile(r"\[([^\[\]]{1,60})\]\s*(.*)")


@dataclass(frozen=True)
class WordList:
    """The words of a category, each once, in order, and prompts with `{}` where the word goes."""

    words: tuple[str, ...]
    prompts: tuple[str, ...] = ("{}",)


def read_vocabulary(path: Path) -> Mapping[str, WordList]:
    """The categories of a file, in order. Raises FormatError that names the line."""
    prompts: dict[str, tuple[str, ...]] = {}
    words: dict[str, dict[str, None]] = {}
    category, count = GENERAL, 0
    for number, line in enumerate(_text(path).splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if heading := _HEADING.fullmatch(line):
            category = heading[1].strip()
            if heading[2]:
                prompts[category] = _prompts(heading[2], path, number)
            continue
        if len(line) > LONGEST_WORD:
            raise FormatError(
                f"{path}, line {number}: is longer than {LONGEST_WORD} letters; one word or phrase a line"
            )
        words.setdefault(category, {})[line] = None
        count += 1
        if count > MOST_WORDS:
            raise FormatError(
                f"{path}: has more than {MOST_WORDS:,} words", "take out what no picture of yours can show"
            )
    if not words:
        raise FormatError(f"{path}: has no words", "write one word or phrase a line")
    if alone := [name for name, found in words.items() if len(found) < 2]:
        text = f"{path}: the category {alone[0]} has a single word, so there is nothing to choose from"
        raise FormatError(text, "add words that it could be instead")
    return {name: WordList(tuple(found), prompts.get(name, ("{}",))) for name, found in words.items()}


def _prompts(text: str, path: Path, number: int) -> tuple[str, ...]:
    found = tuple(part.strip() for part in text.split("|"))
    for prompt in found:
        if prompt.count("{}") != 1:
            raise FormatError(
                f"{path}, line {number}: the prompt {prompt[:100]!r} has not one pair of braces where the word goes"
            )
    return found


def _text(path: Path) -> str:
    try:
        if not path.is_file():
            raise FormatError(f"{path}: there is no such file", "give a text file with one word a line")
        if path.stat().st_size > LARGEST_BYTES:
            raise FormatError(f"{path}: is larger than {LARGEST_BYTES >> 20} MB; no list of words is")
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: is not in UTF-8", "save it as UTF-8") from error
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror})") from error
