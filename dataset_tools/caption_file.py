"""Caption files as texts that come back byte for byte.

    bytes -> CaptionText(text, encoding, has_mark, problem) -> the same bytes

What training reads of a file is `kohya_like.data.sidecar`'s business: the first line that is not blank. `tag_span` says
where in the text that line stands, `tags_of` splits it at commas, `with_tags` puts other tags there and leaves every
other character alone: further lines, line ends, spaces around commas, escaped brackets, weights.
"""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from kohya_like.data.sidecar import CAPTION_LIMIT, CONTROLS, LINE_END, Problem, clean_line, parse_sidecar
from kohya_like.schema.errors import UserError

SEPARATOR = ", "
SHOWN_BYTES = 4096  # of a file that is too long to be a caption

_MARKS = (  # longest first: the mark of UTF-16 begins that of UTF-32
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MARK_OF = {encoding: mark for mark, encoding in _MARKS}


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
    if raw.isascii() and b"\0" not in raw and len(raw) <= CAPTION_LIMIT:  # most files, at a third of the time
        text = raw.decode("ascii")
        return CaptionText(text, problem="" if line_of(text) else "empty")
    problem = parse_sidecar(raw).problem
    if problem not in ("", "empty"):
        return _shown(raw, problem)
    mark, encoding = _mark_of(raw)
    return CaptionText(raw[len(mark) :].decode(encoding), encoding, bool(mark), problem)


def _mark_of(raw: bytes) -> tuple[bytes, str]:
    return next(((mark, name) for mark, name in _MARKS if raw.startswith(mark)), (b"", "utf-8"))


def _shown(raw: bytes, problem: Problem) -> CaptionText:
    """The text of a file that training refuses, by a guess: for reading, and for a conversion somebody asks for."""
    if problem == "gbk":
        return CaptionText(raw.decode("gb18030"), "gb18030", False, problem)
    if problem == "utf-16":
        encoding = "utf-16-be" if raw[:1] == b"\0" else "utf-16-le"
        return CaptionText(raw.decode(encoding, "replace"), encoding, False, problem)
    if problem == "too-long":
        mark, encoding = _mark_of(raw)
        return CaptionText(raw[len(mark) : SHOWN_BYTES].decode(encoding, "replace"), encoding, bool(mark), problem)
    if problem == "not-text":
        return CaptionText(problem=problem)
    return CaptionText(raw.decode("latin-1"), "latin-1", False, problem)


def encode(text: str, like: CaptionText) -> bytes:
    """The bytes of `text` in the encoding of `like`, with its mark; `encode(decode(raw).text, decode(raw)) == raw`.

    Raises:
        UserError: `like` is not editable, its encoding cannot hold the text, or training would refuse the result.
    """
    if not like.editable:
        raise UserError("the caption file is not in an encoding that training reads", "convert it to UTF-8 first")
    if "\0" in text:
        raise UserError("the caption holds the character NUL, and training would refuse the file", "take it out")
    try:
        raw = text.encode(like.encoding)
    except UnicodeEncodeError as error:
        sign = f"U+{ord(text[error.start]):04X}"
        raise UserError(f"the caption holds {sign}, which {like.encoding} cannot hold", "take it out") from error
    raw = _MARK_OF[like.encoding] + raw if like.has_mark else raw
    if len(raw) > CAPTION_LIMIT:
        kilobytes = CAPTION_LIMIT // 1024
        raise UserError(f"the caption has more than {kilobytes} KiB, and training would refuse it", "make it shorter")
    return raw


def tag_span(text: str) -> tuple[int, int]:
    """Start and end of the line that training reads, outer spaces left out; (0, 0) if there is none."""
    bare = text.rstrip("\r\n")
    if bare.isprintable():
        line = bare.strip()
        start = text.find(line) if line else 0
        return start, start + len(line)
    start = 0
    for match in LINE_END.finditer(text):
        if found := _span_in(text[start : match.start()], start):
            return found
        start = match.end()
    return _span_in(text[start:], start) or (0, 0)


def _span_in(part: str, offset: int) -> tuple[int, int] | None:
    """Where `clean_line` of this line lies, for a line that begins at `offset`."""
    line = clean_line(part)
    if not line:
        return None
    spaced = part.translate(CONTROLS)
    without_marks = spaced.lstrip("\ufeff") if not part.isprintable() else spaced
    start = offset + len(part) - len(without_marks.lstrip())
    return start, start + len(line)


def line_of(text: str) -> str:
    """The line that training reads, as it reads it: control characters are spaces; "" if there is none."""
    bare = text.rstrip("\r\n")
    if bare.isprintable():
        return bare.strip()
    return next((line for part in LINE_END.split(text) if (line := clean_line(part))), "")


def tags_of(text: str) -> tuple[str, ...]:
    """The tags of the line that training reads, in order, stripped, blank ones left out; equal ones stay."""
    return tags_in(line_of(text))


def tags_in(line: str) -> tuple[str, ...]:
    """The tags of a line that `line_of` gave."""
    return tuple([tag for part in line.split(",") if (tag := part.strip())])


@dataclass(frozen=True)
class _Parts:
    """A line as gaps and tags: gaps[0] tags[0] gaps[1] ... tags[-1] gaps[-1]."""

    tags: list[str]  # as training reads them
    written: list[str]  # as they stand in the file
    gaps: list[str]  # one more than tags

    @property
    def usual_gap(self) -> str:
        """How this line parts its tags."""
        single = [gap for gap in self.gaps[1:-1] if gap.count(",") == 1]
        return Counter(single).most_common(1)[0][0] if single else SEPARATOR


def _parts(line: str) -> _Parts:
    tags, written, gaps = [], [], []
    done = position = 0
    for part in line.translate(CONTROLS).split(","):
        if tag := part.strip():
            start = position + part.index(tag)
            gaps.append(line[done:start])
            done = start + len(tag)
            tags.append(tag)
            written.append(line[start:done])
        position += len(part) + 1
    return _Parts(tags, written, [*gaps, line[done:]])


def with_tags(text: str, tags: Sequence[str]) -> str:
    """`text` with these tags in the line that training reads.

    Tags that stay keep their spelling and the spaces about them; everything outside the line stays. A tag of the list
    that holds a comma or a line end is written as it is (it then reads as several). Without any tag the line is blank,
    and training reads the next line that is not.
    """
    start, end = tag_span(text)
    old = _parts(text[start:end])
    if old.tags == list(tags):
        return text
    if start == end:  # nothing but blanks: the first line is the one to write, and its blanks go
        first = LINE_END.search(text)
        end = first.start() if first else len(text)
    return text[:start] + _line(old, tags) + text[end:]


def _line(old: _Parts, tags: Sequence[str]) -> str:
    if not tags:
        return ""
    spelling = dict(zip(old.tags, old.written))
    usual = old.usual_gap
    sources = _sources(old.tags, tags)
    pieces = [old.gaps[0]]
    for number, (tag, source) in enumerate(zip(tags, sources)):
        if number:
            pieces.append(old.gaps[source] if source is not None and source > 0 else usual)
        pieces.append(old.written[source] if source is not None and old.tags[source] == tag else spelling.get(tag, tag))
    return "".join(pieces) + old.gaps[-1]


def _sources(old: Sequence[str], new: Sequence[str]) -> list[int | None]:
    """For each new tag the place of the old one that it is, or that it stands for; None for an inserted one."""
    first, last = 0, 0
    shorter = min(len(old), len(new))
    while first < shorter and old[first] == new[first]:
        first += 1
    while last < shorter - first and old[-1 - last] == new[-1 - last]:
        last += 1
    old_middle, new_middle = old[first : len(old) - last], new[first : len(new) - last]
    middle: list[int | None] = []
    if len(old_middle) == len(new_middle):
        middle = [first + i for i in range(len(new_middle))]
    else:
        for kind, i, j, k, m in SequenceMatcher(None, old_middle, new_middle, autojunk=False).get_opcodes():
            if kind != "delete":
                middle += [first + i + n if i + n < j else None for n in range(m - k)]
    ending = [len(old) - last + i for i in range(last)]
    return [*range(first), *middle, *ending]
