"""Edits of letters: regular expression, case, underscores, prefix, suffix, the whole text, its encoding."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import regex

from dataset_tools.caption_file import tag_span, tags_of, with_tags
from dataset_tools.edit_base import Context, TagEdit
from dataset_tools.proposals import KAOMOJI
from kohya_like.data.sidecar import CAPTION_LIMIT
from kohya_like.schema.errors import UserError

BATCH_TIMEOUTS = 20  # the captions of a batch together may take as long as this many single ones

Case = Literal["lower", "upper", "title"]
Scope = Literal["text", "line", "tags"]


class TextEdit:
    """An edit of text that may change any caption."""

    @property
    def only_with(self) -> tuple[str, ...] | None:
        return None

    @property
    def asks_counts(self) -> bool:
        return False


@dataclass(frozen=True)
class RegexReplace(TextEdit):
    """Replace what a regular expression matches; `replacement` knows \\1 and \\g<name>.

    Attributes:
        scope: "text" (all lines of the file), "line" (the line training reads) or "tags" (each tag by itself: ^ and $
            are its ends; a tag that becomes empty goes, one with a comma becomes several).
        timeout: seconds for one caption. Some expressions would take years: (a|aa)+$ on sixty letters.
    """

    pattern: str
    replacement: str
    scope: Scope = "text"
    ignore_case: bool = False
    timeout: float = 1.0

    def applied(self, text: str, context: Context) -> str:
        if self.scope == "text":
            return self._replaced(text, context)
        if self.scope == "line":
            start, end = tag_span(text)
            return text[:start] + self._replaced(text[start:end], context) + text[end:]
        tags = tags_of(text)
        parts = (part.strip() for tag in tags for part in self._replaced(tag, context).split(","))
        after = tuple(part for part in parts if part)
        return text if after == tags else with_tags(text, after)

    def _replaced(self, text: str, context: Context) -> str:
        started = time.perf_counter()
        expression = _compiled(self.pattern, self.ignore_case)
        try:
            after = str(expression.sub(self.replacement, text, timeout=self.timeout, concurrent=True))
        except TimeoutError:
            raise self._endless() from None
        except (regex.error, IndexError) as error:
            raise UserError(f'the replacement "{self.replacement}" is wrong: {error}', "groups are \\1, \\2") from None
        context.matching_seconds += time.perf_counter() - started
        if context.matching_seconds > self.timeout * BATCH_TIMEOUTS:
            raise self._endless()
        if len(after) > max(CAPTION_LIMIT, len(text)):
            raise UserError(f'"{self.pattern}" makes a caption of more than {CAPTION_LIMIT >> 10} KiB', "look it over")
        return after

    def _endless(self) -> UserError:
        text = f'the regular expression "{self.pattern}" takes too long'
        return UserError(text, "choices that overlap within a repetition, such as (a|aa)+, do that: write it simpler")

    def describe(self) -> str:
        return f"replace /{self.pattern}/ by {self.replacement}" if self.replacement else f"remove /{self.pattern}/"


@lru_cache(maxsize=32)
def _compiled(pattern: str, ignore_case: bool) -> regex.Pattern[str]:
    try:
        return regex.compile(pattern, regex.IGNORECASE if ignore_case else 0)
    except regex.error as error:
        raise UserError(f'"{pattern}" is no regular expression: {error}', "correct it") from None


@dataclass(frozen=True)
class ChangeCase(TagEdit):
    """All letters small or large, or each word with a large first letter."""

    case: Case = "lower"

    def of(self, tags: tuple[str, ...], context: Context) -> Sequence[str]:
        if self.case == "title":
            return [" ".join(word[:1].upper() + word[1:] for word in tag.split(" ")) for tag in tags]
        return [tag.lower() if self.case == "lower" else tag.upper() for tag in tags]

    def describe(self) -> str:
        return f"make tags {self.case} case"


@dataclass(frozen=True)
class Underscores(TagEdit):
    """long_hair becomes long hair, or the other way round; faces such as ^_^ and the tags in `keep` stay."""

    to_spaces: bool = True
    keep: tuple[str, ...] = ()

    def of(self, tags: tuple[str, ...], context: Context) -> Sequence[str]:
        old, new = ("_", " ") if self.to_spaces else (" ", "_")
        return [tag if tag in KAOMOJI or tag in self.keep else tag.replace(old, new).strip() or tag for tag in tags]

    def describe(self) -> str:
        return "underscores to spaces" if self.to_spaces else "spaces to underscores"


@dataclass(frozen=True)
class AddPrefix(TextEdit):
    """Put this text before the line that training reads, as it is, without a space or comma of its own."""

    text: str

    def applied(self, text: str, context: Context) -> str:
        start, end = tag_span(text)
        return text if text[start:end].startswith(self.text) else text[:start] + self.text + text[start:]

    def describe(self) -> str:
        return f"prefix {self.text}"


@dataclass(frozen=True)
class AddSuffix(TextEdit):
    """Put this text behind the line that training reads, as it is."""

    text: str

    def applied(self, text: str, context: Context) -> str:
        start, end = tag_span(text)
        return text if text[start:end].endswith(self.text) else text[:end] + self.text + text[end:]

    def describe(self) -> str:
        return f"suffix {self.text}"


@dataclass(frozen=True)
class SetText(TextEdit):
    """The whole text of the file."""

    text: str

    def applied(self, text: str, context: Context) -> str:
        return self.text

    def describe(self) -> str:
        return "write the caption" if self.text else "empty the caption"


@dataclass(frozen=True)
class ConvertEncoding(TextEdit):
    """Save a file of another encoding as UTF-8, which is what training reads.

    `encoding`: what the file is in now ("gb18030", "utf-16-le", "cp1252"). A session reads the bytes with it, strictly:
    a file that is not wholly in that encoding is left alone and named.
    """

    encoding: str = "gb18030"

    def applied(self, text: str, context: Context) -> str:
        return text

    def describe(self) -> str:
        return f"convert from {self.encoding} to UTF-8"
