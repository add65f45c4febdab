"""What a tag may become while it is typed: the dataset's tags first, a vocabulary's, a table's, the tokenizer's words.

Text in another language is looked up in the translations and in the vocabulary's aliases: 长发 offers `long hair`.
The sources are values, made in threads; asking them takes milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from dataset_tools.name_index import NameIndex, folded
from dataset_tools.translations import Translations, plain_tag
from dataset_tools.vocabulary_csv import Vocabulary

LIMIT = 12  # suggestions
_WORD = re.compile(r"[a-z]{3,}</w>")

Source = Literal["dataset", "vocabulary", "translation", "token"]


@dataclass(frozen=True)
class Suggestion:
    """`tag` as it would be written. `count`: pictures of the dataset, or of the vocabulary's site; 0 unknown.

    `category` is danbooru's number, -1 unknown. `found_by`: the alias or the translation, if it was not the tag.
    """

    tag: str
    source: Source
    count: int = 0
    category: int = -1
    found_by: str = ""


class DatasetTags:
    """The tags of the open pictures by use; made anew (in a thread) when they changed."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        tags = sorted(counts, key=lambda tag: (-counts[tag], tag))
        self._tags = [tag for tag in tags if "\n" not in tag]
        self._counts = [counts[tag] for tag in self._tags]
        self._index = NameIndex([folded(tag) for tag in self._tags])

    def __len__(self) -> int:
        return len(self._tags)

    def asked(self, text: str, limit: int, where: Where) -> Iterator[Suggestion]:
        for number in _numbers(self._index, text, limit, where):
            yield Suggestion(self._tags[number], "dataset", self._counts[number])


class TokenWords:
    """Whole words of the tokenizer's vocabulary: what the text encoder knows by one token."""

    def __init__(self, ids: Mapping[str, int]) -> None:
        """`ids`: token -> number, as `ClipTokenizer.ids`; the lower, the more frequent."""
        words = (token for token in sorted(ids, key=lambda token: ids[token]) if _WORD.fullmatch(token))
        self._index = NameIndex([word.removesuffix("</w>") for word in words])

    def asked(self, text: str, limit: int) -> Iterator[Suggestion]:
        for number in self._index.starting(text, limit):
            yield Suggestion(self._index[number], "token")


Where = Literal["start", "word", "inside"]


@dataclass(frozen=True)
class Completion:
    """All sources at hand; each may be missing."""

    dataset: DatasetTags | None = None
    vocabulary: Vocabulary | None = None
    translations: Translations | None = None
    tokens: TokenWords | None = None

    def suggest(self, text: str, limit: int = LIMIT, without: Collection[str] = ()) -> list[Suggestion]:
        """The best suggestions for what was typed; none for nothing. `without`: tags that are there already."""
        wanted = folded(text)
        if not wanted or "\n" in wanted:
            return []
        there = {plain_tag(tag) for tag in without}
        best: dict[str, Suggestion] = {}
        for one in self._all(wanted, limit + len(there)):
            name = plain_tag(one.tag)
            if name not in there:
                best.setdefault(name, one)
            if len(best) >= limit:
                break
        return list(best.values())

    def _all(self, wanted: str, limit: int) -> Iterator[Suggestion]:
        foreign = not wanted.isascii()
        places: tuple[Where, ...] = ("start", "word") if len(wanted) < 2 else ("start", "word", "inside")
        if self.dataset is not None:
            for where in places:
                yield from self.dataset.asked(wanted, limit, where)
        if foreign:
            yield from self._translated(wanted, limit)
        if self.vocabulary is not None:
            for where in places:
                yield from self._vocabulary(wanted, limit, where)
        if not foreign:
            yield from self._translated(wanted, limit)
        if self.tokens is not None:
            yield from self.tokens.asked(wanted, limit)

    def _vocabulary(self, wanted: str, limit: int, where: Where) -> Iterator[Suggestion]:
        assert self.vocabulary is not None
        if where == "start":
            entries = self.vocabulary.starting(wanted, limit)
        else:
            entries = self.vocabulary.containing(wanted, limit, at_word=where == "word")
        for entry in entries:
            yield Suggestion(entry.tag, "vocabulary", entry.count, entry.category, entry.alias)

    def _translated(self, wanted: str, limit: int) -> Iterator[Suggestion]:
        if self.translations is None:
            return
        for tag, word in self.translations.tags_for(wanted, limit):
            yield Suggestion(tag, "translation", found_by=word)
        for tag in self.translations.tags_like(wanted, limit):
            yield Suggestion(tag, "translation")


def _numbers(index: NameIndex, text: str, limit: int, where: Where) -> list[int]:
    if where == "start":
        return index.starting(text, limit)
    return index.containing(text, limit, at_word=where == "word")
