"""The parts of a filter as values: each says which of some pictures it lets through."""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Set
from dataclasses import dataclass
from typing import Protocol

from dataset_tools.filter_patterns import Pattern
from dataset_tools.filter_sight import Sight

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge,
}  # fmt: skip
SAME_RATIO = 0.01  # 1023x682 is 3:2
RATINGS = {"g": "general", "s": "sensitive", "q": "questionable", "e": "explicit", "safe": "general"}


class Filter(Protocol):
    """`cost`: about how long it takes for each picture; the cheapest of several is asked first."""

    @property
    def cost(self) -> int: ...

    def among(self, sight: Sight, ids: Set[int]) -> Set[int]:
        """Those of `ids` that match."""
        ...


@dataclass(frozen=True)
class Everything:
    """An empty filter."""

    cost: int = 0

    def among(self, sight: Sight, ids: Set[int]) -> Set[int]:
        return ids


@dataclass(frozen=True)
class HasTag:
    """A tag that is the pattern, through the inverted index; a pattern with wildcards asks each distinct tag once."""

    pattern: Pattern
    cost: int = 1

    def among(self, sight: Sight, ids: Set[int]) -> Set[int]:
        if (plain := self.pattern.plain) is not None:
            return ids & frozenset(sight.tagged(plain))
        test = self.pattern.whole(sight.deadline)
        found: set[int] = set()
        for tag in sight.tags:
            if test(tag):
                found.update(sight.tagged(tag))
        return ids & found


@dataclass(frozen=True)
class InText:
    """A part of the caption, the file's name or its path; `fields` are tried in turn."""

    fields: tuple[str, ...]
    pattern: Pattern
    cost: int = 10

    def among(self, sight: Sight, ids: Set[int]) -> Set[int]:
        test = self.pattern.inside(sight.deadline)
        found: set[int] = set()
        for name in self.fields:
            found.update(i for i, text in sight.texts(name, ids - found) if test(text))
        return found


@dataclass(frozen=True)
class Compare:
    """A number of a picture: tags, chars, tokens, width, height. Unknown ones match nothing."""

    field: str
    comparison: str
    number: float
    cost: int = 5

    def among(self, sight: Sight, ids: Set[int]) -> Set[int]:
        compare, number = COMPARISONS[self.comparison], self.number
        return {i for i, value in sight.numbers(self.field, ids) if compare(value, number)}


@dataclass(frozen=True)
class HasSize:
    """Width and height in pixels, None for any. With < or <= one side is enough, otherwise both count."""

    comparison: str
    width: int | None
    height: int | None
    cost: int = 6

    def among(self, sight: Sight, ids: Set[int]) -> Set[int]:
        return {i for i, size in sight.sizes(ids) if self._fits(size)}

    def _fits(self, size: tuple[int, int]) -> bool:
        compare = COMPARISONS[self.comparison.replace("!=", "=")]
        sides = [compare(side, wanted) for side, wanted in zip(size, (self.width, self.height)) if wanted is not None]
        if self.comparison == "!=":
            return not all(sides)
        return any(sides) if self.comparison in ("<", "<=") else all(sides)


@dataclass(frozen=True)
class ShorterSide:
    """size:<512: the shorter side in pixels."""

    comparison: str
    number: int
    cost: int = 6

    def among(self, sight: Sight, ids: Set[int]) -> Set[int]:
        compare = COMPARISONS[self.comparison]
        return {i for i, size in sight.sizes(ids) if compare(min(size), self.number)}


@dataclass(frozen=True)
class HasRatio:
    """Width to height; equal means within one percent."""

    comparison: str
    ratio: float
    cost: int = 6

    def among(self, sight: Sight, ids: Set[int]) -> Set[int]:
        return {i for i, (width, height) in sight.sizes(ids) if self._fits(width / height)}

    def _fits(self, ratio: float) -> bool:
        near = abs(ratio - self.ratio) <= SAME_RATIO * self.ratio
        if self.comparison in ("=", "!="):
            return near == (self.comparison == "=")
        if near:
            return "=" in self.comparison
        return COMPARISONS[self.comparison](ratio, self.ratio)


@dataclass(frozen=True)
class Found:
    """dup:, changed:, missing:, rating:, quality: - what other tools found, by a word of `WORDS`."""

    key: str
    word: str
    cost: int = 2

    def among(self, sight: Sight, ids: Set[int]) -> Set[int]:
        if self.word == "no":
            return ids - self._chosen(sight, "yes", ids)
        return self._chosen(sight, self.word, ids)

    def _chosen(self, sight: Sight, word: str, ids: Set[int]) -> Set[int]:
        found = sight.findings
        if self.key == "dup":
            groups = found.duplicates
            return _of(ids, groups) if word == "yes" else {i for i in ids & groups.keys() if groups[i] == int(word)}
        if self.key == "changed":
            outside = _of(ids, found.outside) if word != "here" else frozenset()
            return outside | (_of(ids, sight.edited) if word != "outside" else frozenset())
        if self.key == "missing":
            return self._missing(sight, word, ids)
        if self.key == "quality":
            return _of(ids, found.poor)
        return self._rated(sight, word, ids)

    def _missing(self, sight: Sight, word: str, ids: Set[int]) -> Set[int]:
        gone = _of(ids, sight.findings.gone) if word in ("yes", "picture") else frozenset()
        captions = sight.without_caption(ids) if word in ("yes", "caption") else frozenset()
        tags = {i for i, count in sight.numbers("tags", ids) if count == 0} if word == "tags" else frozenset()
        return gone | captions | tags

    def _rated(self, sight: Sight, word: str, ids: Set[int]) -> Set[int]:
        name = RATINGS.get(word, word)
        chosen: set[int] = {i for i, rating in sight.findings.ratings.items() if word == "yes" or rating == name}
        for tag in sight.tags:
            head, _, rest = tag.lower().replace("_", ":").replace(" ", ":").partition(":")
            rating = rest.strip(":")
            if head == "rating" and (word == "yes" or RATINGS.get(rating, rating) == name):
                chosen.update(sight.tagged(tag))
        return ids & chosen


WORDS: dict[str, tuple[str, ...]] = {  # of `Found`; dup: takes a group's number as well
    "dup": ("yes", "no"),
    "changed": ("yes", "no", "outside", "here"),
    "missing": ("yes", "no", "caption", "picture", "tags"),
    "rating": ("yes", "no", "general", "safe", "sensitive", "questionable", "explicit", "g", "s", "q", "e"),
    "quality": ("low",),
}


@dataclass(frozen=True)
class Not:
    part: Filter

    @property
    def cost(self) -> int:
        return self.part.cost + 1

    def among(self, sight: Sight, ids: Set[int]) -> Set[int]:
        return ids - self.part.among(sight, ids)


@dataclass(frozen=True)
class And:
    parts: tuple[Filter, ...]

    @property
    def cost(self) -> int:
        return min(part.cost for part in self.parts)

    def among(self, sight: Sight, ids: Set[int]) -> Set[int]:
        for part in sorted(self.parts, key=lambda one: one.cost):
            ids = part.among(sight, ids)
        return ids


@dataclass(frozen=True)
class Or:
    parts: tuple[Filter, ...]

    @property
    def cost(self) -> int:
        return sum(part.cost for part in self.parts)

    def among(self, sight: Sight, ids: Set[int]) -> Set[int]:
        found: set[int] = set()
        for part in sorted(self.parts, key=lambda one: one.cost):
            found |= part.among(sight, ids - found)
        return found


def _of(ids: Set[int], chosen: Collection[int]) -> Set[int]:
    return ids & frozenset(chosen)


def asks(filter_: Filter) -> frozenset[str]:
    """The keys of a filter: {"tag", "size"} of `tag:cat OR size:512x512`. A text without a key is "caption", "path"."""
    match filter_:
        case Not(part):
            return asks(part)
        case And(parts) | Or(parts):
            return frozenset().union(*map(asks, parts))
        case HasTag():
            return frozenset({"tag"})
        case InText(fields):
            return frozenset(fields)
        case Compare(field) | Found(field):
            return frozenset({field})
        case HasSize() | ShorterSide():
            return frozenset({"size"})
        case HasRatio():
            return frozenset({"ar"})
    return frozenset()
