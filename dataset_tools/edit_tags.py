"""Edits of the list of tags: add, remove, rename, replace, move, sort, dedupe, implied ones, trigger, rare ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from dataset_tools.edit_base import Context, TagEdit, words_of

Order = Literal["name", "count", "length"]


@dataclass(frozen=True)
class AddTags(TagEdit):
    """Put tags in that are not there yet.

    `at`: before the tag of this number, from 0; negative counts from the end; None: at the end.
    """

    tags: tuple[str, ...]
    at: int | None = None

    def of(self, tags: tuple[str, ...], context: Context) -> Sequence[str]:
        new = [tag for tag in dict.fromkeys(self.tags) if tag not in tags]
        place = len(tags) if self.at is None else self.at
        return [*tags[:place], *new, *tags[place:]]

    def describe(self) -> str:
        return f"add {words_of(self.tags)}"


@dataclass(frozen=True)
class RemoveTags(TagEdit):
    """Take tags out, each time they stand there."""

    tags: tuple[str, ...]

    @property
    def only_with(self) -> tuple[str, ...]:
        return self.tags

    def of(self, tags: tuple[str, ...], context: Context) -> Sequence[str]:
        return [tag for tag in tags if tag not in self.tags]

    def describe(self) -> str:
        return f"remove {words_of(self.tags)}"


@dataclass(frozen=True)
class ReplaceTag(TagEdit):
    """Put other tags in the place of one. Those that stand there already keep their place and are not doubled."""

    old: str
    new: tuple[str, ...]

    @property
    def only_with(self) -> tuple[str, ...]:
        return (self.old,)

    def of(self, tags: tuple[str, ...], context: Context) -> Sequence[str]:
        if self.old not in tags:
            return tags
        there = set(tags) - {self.old}
        after: list[str] = []
        for tag in tags:
            if tag == self.old:
                after += [new for new in self.new if new not in there]
                there |= set(self.new)
            else:
                after.append(tag)
        return after

    def describe(self) -> str:
        return f"replace {self.old} by {words_of(self.new)}"


@dataclass(frozen=True)
class RenameTag(TagEdit):
    """One tag becomes another; a caption that has both keeps the other one once."""

    old: str
    new: str

    @property
    def only_with(self) -> tuple[str, ...]:
        return (self.old,)

    def applied(self, text: str, context: Context) -> str:
        quick = _renamed(text, self.old, self.new)
        return super().applied(text, context) if quick is None else quick

    def of(self, tags: tuple[str, ...], context: Context) -> Sequence[str]:
        return ReplaceTag(self.old, (self.new,)).of(tags, context)

    def describe(self) -> str:
        return f"rename {self.old} to {self.new}"


def _renamed(text: str, old: str, new: str) -> str | None:
    """The same as by way of the list of tags, twenty times as fast; None for a text that is not as simple as most."""
    at = text.find(old)
    if at < 0:
        return text
    end = at + len(old)
    if (at and not text.endswith((",", ", "), 0, at)) or (end < len(text) and text[end] != ","):
        return None
    if not text.isprintable() or text.find(old, end) >= 0 or new in text or not new or "," in new:
        return None
    return text[:at] + new + text[end:]


@dataclass(frozen=True)
class MoveTag(TagEdit):
    """Move a tag to a place, from 0 as counted without it; negative counts from the end, -1 is the last."""

    tag: str
    to: int

    @property
    def only_with(self) -> tuple[str, ...]:
        return (self.tag,)

    def of(self, tags: tuple[str, ...], context: Context) -> Sequence[str]:
        if self.tag not in tags:
            return tags
        at = tags.index(self.tag)
        rest = [*tags[:at], *tags[at + 1 :]]
        rest.insert(self.to if self.to >= 0 else max(0, len(rest) + 1 + self.to), self.tag)
        return rest

    def describe(self) -> str:
        return f"move {self.tag} to place {self.to + 1}" if self.to >= 0 else f"move {self.tag} to the end"


@dataclass(frozen=True)
class OrderTags(TagEdit):
    """Bring the tags into this order (a drag with the mouse). Those not named stay behind, in the order they have."""

    tags: tuple[str, ...]

    def of(self, tags: tuple[str, ...], context: Context) -> Sequence[str]:
        place = {tag: i for i, tag in enumerate(self.tags)}
        return sorted(tags, key=lambda tag: place.get(tag, len(place)))

    def describe(self) -> str:
        return "order tags"


@dataclass(frozen=True)
class SortTags(TagEdit):
    """By name, by how often they are in the dataset (most frequent first), or by length; the first `keep` stay."""

    by: Order = "name"
    keep: int = 0

    @property
    def asks_counts(self) -> bool:
        return self.by == "count"

    def of(self, tags: tuple[str, ...], context: Context) -> Sequence[str]:
        free = list(tags[self.keep :])
        if self.by == "count":
            free.sort(key=lambda tag: (-context.counts.get(tag, 0), tag))
        elif self.by == "length":
            free.sort(key=lambda tag: (len(tag), tag))
        else:
            free.sort(key=lambda tag: (tag.casefold(), tag))
        return [*tags[: self.keep], *free]

    def describe(self) -> str:
        return f"sort tags by {self.by}"


@dataclass(frozen=True)
class Dedupe(TagEdit):
    """Take out tags that stand there a second time; upper and lower case differ."""

    def of(self, tags: tuple[str, ...], context: Context) -> Sequence[str]:
        return tuple(dict.fromkeys(tags))

    def describe(self) -> str:
        return "remove repeated tags"


@dataclass(frozen=True)
class AddImplied(TagEdit):
    """Add what the tags imply (`implied.read_implied`): "cat ears" brings "animal ears", and what that brings.

    Each is put behind the tag that brings it. A table that goes in circles ends all the same.
    """

    table: Mapping[str, tuple[str, ...]]

    @property
    def only_with(self) -> tuple[str, ...]:
        return tuple(self.table)

    def of(self, tags: tuple[str, ...], context: Context) -> Sequence[str]:
        there = set(tags)
        after: list[str] = []
        waiting = list(reversed(tags))
        while waiting:
            tag = waiting.pop()
            after.append(tag)
            new = [one for one in self.table.get(tag, ()) if one not in there]
            there |= set(new)
            waiting += reversed(new)
        return after

    def describe(self) -> str:
        return "add implied tags"


@dataclass(frozen=True)
class AddTrigger(TagEdit):
    """The word that calls the concept stands first; where it is already, it is moved there."""

    word: str

    def of(self, tags: tuple[str, ...], context: Context) -> Sequence[str]:
        return [self.word, *(tag for tag in tags if tag != self.word)]

    def describe(self) -> str:
        return f"put {self.word} first"


@dataclass(frozen=True)
class DropRare(TagEdit):
    """Take out tags that are in fewer than `minimum` captions of the dataset; the first `keep` stay."""

    minimum: int
    keep: int = 0

    @property
    def asks_counts(self) -> bool:
        return True

    def of(self, tags: tuple[str, ...], context: Context) -> Sequence[str]:
        common = [tag for tag in tags[self.keep :] if context.counts.get(tag, 0) >= self.minimum]
        return [*tags[: self.keep], *common]

    def describe(self) -> str:
        return f"remove tags that are in fewer than {self.minimum} captions"
