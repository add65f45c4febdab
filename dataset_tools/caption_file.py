"""Caption files as texts that come back byte for byte.

    bytes -> CaptionText(text, encoding, has_mark, problem) -> the same bytes

What training reads of a file is `kohya_like.data.sidecar`'s business: the first line that is not blank. `tag_span` says
where in the text that line stands, `tags_of` splits it at commas, `with_tags` puts other tags there and leaves every
other character alone: further lines, line ends, spaces around commas, escaped brackets, weights.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from kohya_like.data.sidecar import Problem

SEPARATOR = ", "

_MARKS = (  # longest first: the mark of UTF-16 begins that of UTF-32
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MARK_OF = {encoding: mark for mark, encoding in _MARKS}
_LINE = re.compile(r"[^\r\n]+")
_CONTROLS = {code: " " for code in (*range(32), 127, *range(0x80, 0xA0))}


@dataclass(frozen=True, slots=True)
class CaptionText:
    """What a caption file holds.

    `text` is everything in it, line ends as they are, without the mark at its head. `encoding` is a codec of Python
    with its byte order ("utf-8", "utf-16-le", "gb18030"). With a `problem` other than "" and "empty" training refuses
    the file: the text is for showing, decoded by a guess, and only `ConvertEncoding` may change the file.
    """

    text: str = ""
    encoding: str = "utf-8"
    has_mark: bool = False
    problem: Problem = ""

    @property
    def editable(self) -> bool:
        """Whether an edit of the text may be written."""
        return self.problem in ("", "empty")


def decode(raw: bytes) -> CaptionText:
    """The text in these bytes, and what training would say of them. Nothing is raised."""
    raise NotImplementedError


def encode(text: str, like: CaptionText) -> bytes:
    """The bytes of `text` in the encoding of `like`, with its mark; `encode(decode(raw).text, decode(raw)) == raw`.

    Raises:
        UserError: the encoding cannot hold a character of the text, or `like` is not editable.
    """
    raise NotImplementedError


def tag_span(text: str) -> tuple[int, int]:
    """Start and end of the line that training reads, outer spaces left out; (end, end) of the text if there is none."""
    raise NotImplementedError


def line_of(text: str) -> str:
    """The line that training reads, as it reads it: control characters are spaces; "" if there is none."""
    raise NotImplementedError


def tags_of(text: str) -> tuple[str, ...]:
    """The tags of the line that training reads, in order, stripped, blank ones left out; equal ones stay."""
    raise NotImplementedError


def with_tags(text: str, tags: tuple[str, ...] | list[str]) -> str:
    """`text` with these tags in the line that training reads.

    Tags that stay keep their spelling and the spaces about them; everything outside the line stays. A tag of the list
    that holds a comma or a line end is written as it is (it then reads as several).
    """
    raise NotImplementedError
