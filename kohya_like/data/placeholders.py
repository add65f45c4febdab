"""Words that stand for vectors of their own: an embedding's name is found among the ids of a prompt, and replaced.

    "a photo of my-cat" -> [320, 1125, 539, 607, 268, 2368] -> [320, 1125, 539, 49408, 49409]

CLIP knows 49 408 tokens; ids from there on are rows that `families.placeholders` looks up elsewhere. Names are found as
AUTOMATIC1111's webui finds them: by the ids they are split into, the longest name first. Torch-free.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from kohya_like.data.tokens import clip_tokenizer

FIRST_ID = 49408  # CLIP's own vocabulary ends before it


class Encoder(Protocol):
    def encode(self, text: str) -> list[int]: ...


@dataclass(frozen=True)
class Placeholder:
    """A word and how many vectors stand for it."""

    name: str
    count: int


@dataclass(frozen=True)
class Match:
    """A name found in a prompt: its own ids, and how many ids of the prompt they stand for."""

    name: str
    ids: tuple[int, ...]
    length: int


class Placeholders:
    """The words of one prompt language; the n-th vector over all words, in their order, has id 49408 + n.

    Raises:
        ValueError: a name without ids (white space), without vectors, or two names with the same ids.
    """

    def __init__(self, words: Sequence[Placeholder], tokenizer: Encoder | None = None) -> None:
        encode = (tokenizer or clip_tokenizer()).encode
        self.words = tuple(words)
        self._ids: dict[str, tuple[int, ...]] = {}
        self._by_first: dict[int, list[tuple[tuple[int, ...], str]]] = {}
        seen: dict[tuple[int, ...], str] = {}
        start = FIRST_ID
        for word in self.words:
            spelling = tuple(encode(word.name))
            if not spelling or word.count < 1:
                raise ValueError(f"the name {word.name!r} has {len(spelling)} tokens and {word.count} vectors")
            if spelling in seen:
                raise ValueError(f"the names {seen[spelling]!r} and {word.name!r} are the same to the tokenizer")
            seen[spelling] = word.name
            self._ids[word.name] = tuple(range(start, start + word.count))
            self._by_first.setdefault(spelling[0], []).append((spelling, word.name))
            start += word.count
        for entries in self._by_first.values():
            entries.sort(key=lambda entry: -len(entry[0]))

    def __len__(self) -> int:
        return len(self.words)

    def ids(self, name: str) -> tuple[int, ...]:
        """The ids that stand for a name. Raises KeyError."""
        return self._ids[name]

    def match(self, ids: Sequence[int], position: int) -> Match | None:
        """The longest name whose ids stand in `ids` at `position`, if there is one."""
        for spelling, name in self._by_first.get(ids[position], ()):
            if tuple(ids[position : position + len(spelling)]) == spelling:
                return Match(name, self._ids[name], len(spelling))
        return None

    def matches(self, ids: Sequence[int]) -> Iterator[Match]:
        """The prompt from its first id to its last: names, and ids of no name, each as a match without one."""
        position = 0
        while position < len(ids):
            found = self.match(ids, position) or Match("", (ids[position],), 1)
            yield found
            position += found.length

    def pieces(self, ids: Sequence[int]) -> Iterator[tuple[int, ...]]:
        """The prompt in pieces that belong together: single ids, and the ids of a name found, all of its vectors."""
        yield from (match.ids for match in self.matches(ids))

    def replaced(self, ids: Sequence[int]) -> list[int]:
        """The ids of a prompt with each name replaced by its own ids."""
        return [i for piece in self.pieces(ids) for i in piece]
