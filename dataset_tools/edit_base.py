"""What an edit is: a value that turns one caption into another. Text in, text out; no file and no library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from dataset_tools.caption_file import tags_of, with_tags
from kohya_like.schema.errors import UserError


@dataclass
class Context:
    """What an edit may know besides the text: `counts`, in how many captions of the dataset a tag stands.

    One context serves one batch; `matching_seconds` sums what its regular expressions took.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    matching_seconds: float = 0.0


class Edit(Protocol):
    """A frozen dataclass. `only_with`: an edit that changes nothing but captions with one of these tags; None: any."""

    @property
    def only_with(self) -> tuple[str, ...] | None: ...

    @property
    def asks_counts(self) -> bool:
        """Whether it looks at `Context.counts`, which are left empty for the others."""
        ...

    def applied(self, text: str, context: Context) -> str:
        """The caption after the edit; the same text where it changes nothing.

        Raises:
            UserError: the edit cannot be done, on no caption.
        """
        ...

    def describe(self) -> str:
        """What it does, in words: "rename cat to dog"."""
        ...


class TagEdit:
    """An edit of the tags of the line that training reads; all other characters of the file stay."""

    @property
    def only_with(self) -> tuple[str, ...] | None:
        return None

    @property
    def asks_counts(self) -> bool:
        return False

    def applied(self, text: str, context: Context) -> str:
        tags = tags_of(text)
        after = tuple(self.of(tags, context))
        return text if after == tags else with_tags(text, after)

    def of(self, tags: tuple[str, ...], context: Context) -> Sequence[str]:
        """The tags after the edit."""
        raise NotImplementedError


def words_of(tags: Sequence[str], shown: int = 3) -> str:
    """'cat, dog, bird and 4 more'."""
    more = f" and {len(tags) - shown} more" if len(tags) > shown else ""
    return ", ".join(tags[:shown]) + more


def whole_tag(tag: str) -> str:
    """A tag as a person typed it, without outer spaces.

    Raises:
        UserError: it holds a comma or a line end, or nothing at all.
    """
    clean = tag.strip()
    if not clean:
        raise UserError("a tag is empty", "write a word")
    if "," in clean or len(clean.splitlines()) > 1:
        raise UserError(f'"{clean}" is more than one tag', "give each tag by itself, without commas and line ends")
    return clean
