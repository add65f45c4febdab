"""What a filter compares texts with: a text with stars and question marks, or a regular expression.

Upper and lower case differ, as in taggui; /cat/i does not care. A regular expression has a time limit, since a short
one can need years ((a+)+$ on forty letters).
"""

from __future__ import annotations

import fnmatch
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

import regex

from dataset_tools.filter_error import FilterError

SECONDS = 2.0  # of processor time, for one whole filter: a busy machine makes no expression worse
_FLAGS = {"i": regex.IGNORECASE, "s": regex.DOTALL, "m": regex.MULTILINE, "x": regex.VERBOSE}
Test = Callable[[str], bool]


@dataclass(frozen=True)
class Pattern:
    """`text` with wildcards (\\* and \\? stand for themselves), or a regular expression with `flags`.

    `position`: where it stands in the filter, for what is wrong with it.
    """

    text: str
    is_regex: bool = False
    flags: str = ""
    position: int = field(default=0, compare=False)

    @property
    def plain(self) -> str | None:
        """The text it stands for, where it is only one."""
        if self.is_regex or re.search(r"(?<!\\)(?:\\\\)*[*?]", self.text):
            return None
        return re.sub(r"\\([*?\\])", r"\1", self.text)

    def whole(self, deadline: float) -> Test:
        """Whether it is a text, from its first letter to its last; a regular expression may be a part of it."""
        if (plain := self.plain) is not None:
            return plain.__eq__
        return self._searched(deadline) if self.is_regex else _globbed(self.text)

    def inside(self, deadline: float) -> Test:
        """Whether it is a part of a text."""
        if (plain := self.plain) is not None:
            return lambda text: plain in text
        return self._searched(deadline) if self.is_regex else _globbed(f"*{self.text}*")

    def _searched(self, deadline: float) -> Test:
        search = compiled(self.text, self.flags, self.position).search

        def found(text: str) -> bool:
            left = deadline - time.thread_time()
            if left <= 0:
                return self._too_slow()
            try:
                return search(text, timeout=left, concurrent=True) is not None
            except TimeoutError:
                return self._too_slow()

        return found

    def _too_slow(self) -> bool:
        raise FilterError(
            f"the regular expression needs more than {SECONDS:g} seconds; ask for less in one go, "
            "such as [^,]* instead of .*",
            self.position,
        )


@lru_cache(maxsize=64)
def compiled(text: str, flags: str, position: int) -> regex.Pattern[str]:
    """A regular expression of the `regex` package. Raises FilterError."""
    if unknown := [flag for flag in flags if flag not in _FLAGS]:
        raise FilterError(f"/{unknown[0]} is no mark of a regular expression; i, s, m and x are", position)
    number = regex.VERSION0
    for flag in flags:
        number |= _FLAGS[flag]
    try:
        return regex.compile(text, number)
    except (regex.error, ValueError, OverflowError, RecursionError) as fault:
        where = getattr(fault, "pos", None)
        said = getattr(fault, "msg", None) or str(fault)
        at = position + (where or 0) + 1 if where is not None else position
        raise FilterError(f"no regular expression: {said}", at) from None


def _globbed(text: str) -> Test:
    letters = re.sub(r"\\([*?\\])|(\[)", lambda m: f"[{m[1] or m[2]}]", text)
    match = re.compile(fnmatch.translate(letters)).match  # atomic groups: linear in the text
    return lambda one: match(one) is not None
