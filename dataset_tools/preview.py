"""What an edit would do: N captions, before and after, and which are left out and why. Nothing is changed."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from dataset_tools.caption_file import CaptionText, encode
from dataset_tools.columns import ENCODINGS, FINE
from dataset_tools.edit_base import Context, Edit
from dataset_tools.edit_words import ConvertEncoding
from dataset_tools.library import Library
from dataset_tools.writer import read_caption_file
from kohya_like.data.folders import named
from kohya_like.data.records import plain
from kohya_like.data.sidecar import CAPTION_LIMIT, PROBLEMS
from kohya_like.schema.errors import UserError

PLAIN = ENCODINGS.index(("utf-8", False))
FEW = 256  # captions that are looked at one by one, rather than waiting for the index to be up to date
CHECKED_EACH = 512  # captions between two looks at `cancelled`


class Change(NamedTuple):
    """The caption of one picture before and after; None: it has no caption file."""

    picture: int  # the library's id; -1: of a folder that is not open
    before: str | None
    after: str | None


Raws = Mapping[int, tuple[bytes | None, bytes | None]]


@dataclass(frozen=True)
class Preview:
    """The changes of one edit. `label` says what it does; `faults` are sentences on captions that are left out.

    `raws`: the bytes of the file before and after, by picture, where they are not just the text in UTF-8.
    """

    label: str
    changes: Sequence[Change]
    faults: tuple[str, ...] = ()
    raws: Raws = field(default_factory=dict)

    @property
    def ids(self) -> list[int]:
        return [change.picture for change in self.changes]


def preview(library: Library, ids: Iterable[int], edit: Edit, cancelled: Callable[[], bool] = lambda: False) -> Preview:
    """What `edit` would do to the captions of these pictures, in their order; what was found so far when cancelled.

    Raises:
        UserError: the edit itself is wrong (a regular expression that does not compile or takes for ever).
    """
    if isinstance(edit, ConvertEncoding):
        return converted(library, ids, edit)
    chosen = list(ids)
    if edit.only_with is not None and len(chosen) > FEW:
        chosen = _with_one_of(library, chosen, edit.only_with)
    context = Context(library.counts() if edit.asks_counts else {})
    made, applied = Making(library), edit.applied
    changes, encodings, problems = made.changes, library.shelf.columns.encodings, library.shelf.columns.problems
    for start in range(0, len(chosen), CHECKED_EACH):
        if cancelled():
            break
        some = chosen[start : start + CHECKED_EACH]
        for id, before in zip(some, library.texts(some)):
            after = applied(before, context)
            if after is before or after == before:
                continue
            if before and encodings[id] == PLAIN and problems[id] == FINE and after.isascii() and _is_simple(after):
                changes.append(Change(id, before, after))  # a short way: 100,000 of these are a rename
            else:
                made.add(id, before, after)
    return made.done(edit.describe())


def _is_simple(text: str) -> bool:
    """Whether any file in UTF-8 can hold this ASCII text."""
    return len(text) <= CAPTION_LIMIT and "\0" not in text


def preview_texts(library: Library, label: str, texts: Mapping[int, str]) -> Preview:
    """What it would be to set these captions."""
    made = Making(library)
    for id, before in zip(texts, library.texts(texts)):
        if texts[id] != before:
            made.add(id, before, texts[id])
    return made.done(label)


def _with_one_of(library: Library, ids: Iterable[int], tags: Sequence[str]) -> list[int]:
    """Those of `ids` that have one of the tags; by the index, without reading a text."""
    having: set[int] = set()
    for tag in tags:
        having.update(library.ids_with(tag))
    return [id for id in ids if id in having] if having else []


class Making:
    """Collects changes, and sorts out those that cannot be written."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self.changes: list[Change] = []
        self._raws: dict[int, tuple[bytes | None, bytes | None]] = {}
        self._refused: dict[str, list[str]] = {}

    def add(self, id: int, before: str, after: str) -> None:
        caption = self._library.caption(id)
        if not caption.editable:
            what, mend = PROBLEMS[caption.problem]
            self.refuse(id, f"captions {what} ({mend})")
            return
        try:
            raw = encode(after, caption)
        except UserError as error:
            self.refuse(id, error.text)
            return
        is_there = before or self._library.has_caption(id)
        self.changes.append(Change(id, before if is_there else None, after))
        if caption.encoding != "utf-8" or caption.has_mark:
            self._raws[id] = (encode(before, caption) if is_there else None, raw)

    def convert(self, id: int, before: str, after: str, raw: bytes, new: bytes) -> None:
        self.changes.append(Change(id, before, after))
        self._raws[id] = (raw, new)

    def refuse(self, id: int, why: str) -> None:
        self._refused.setdefault(why, []).append(self._library.picture(id).name)

    def done(self, label: str) -> Preview:
        faults = tuple(f"not changed, {why}: {named(names)}" for why, names in self._refused.items())
        return Preview(label, self.changes, faults, self._raws)


def converted(library: Library, ids: Iterable[int], edit: ConvertEncoding) -> Preview:
    """Files of another encoding as UTF-8, read strictly. Those that training reads already are left alone."""
    made = Making(library)
    for id in ids:
        if library.caption(id).editable:
            continue
        try:
            raw, stamp = read_caption_file(library.caption_path(id))
            if raw is None or stamp is None or stamp.hash != getattr(library.caption_stamp(id), "hash", None):
                made.refuse(id, "because they were changed outside")
                continue
            text = raw.decode(edit.encoding).removeprefix("\ufeff")
            made.convert(id, library.text(id), text, raw, encode(text, CaptionText()))
        except UnicodeDecodeError:
            made.refuse(id, f"because they are not in {edit.encoding}")
        except LookupError:
            raise UserError(f"{edit.encoding} is no encoding", "try gb18030, utf-16, shift_jis or cp1252") from None
        except OSError as error:
            made.refuse(id, f"because they cannot be read ({error.strerror or error})")
        except UserError as error:
            made.refuse(id, f"because {error.text}")
    return made.done(edit.describe())


def unified(name: str, before: str | None, after: str | None) -> str:
    """One change as a unified diff; a caption file that is made or deleted is /dev/null on the other side."""
    shown = plain(name)
    old, new = (before or "").splitlines(), (after or "").splitlines()
    heads = "/dev/null" if before is None else shown, "/dev/null" if after is None else shown
    lines = list(difflib.unified_diff(old, new, *heads, lineterm="", n=0))
    if not lines:  # only line ends or the encoding differ
        lines = [f"--- {heads[0]}", f"+++ {heads[1]}"]
    return "\n".join(lines)


def diff(library: Library, changes: Iterable[Change]) -> Iterator[str]:
    """Each change as a unified diff of its caption file."""
    for change in changes:
        yield unified(library.caption_path(change.picture), change.before, change.after)
