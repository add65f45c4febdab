"""Two edits of one caption, joined tag by tag where that is plain, and a question to the person where it is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dataset_tools.caption_file import CaptionText, decode, encode, tag_span, tags_of, with_tags
from dataset_tools.library import Library
from dataset_tools.reading import Stamp

Place = tuple[str, int]  # a tag and how many equal ones stand before it


@dataclass(frozen=True)
class Conflict:
    """A caption that was edited here while its file was changed by something else.

    `base` is the text both began with (None also where it is not known any more), `mine` the edited one, `theirs` what
    the file holds now; None: no file. `merged` joins both where that can be done without asking, else None.
    """

    picture: int  # the library's id
    path: str
    base: str | None
    mine: str | None
    theirs: str | None
    merged: str | None
    base_raw: bytes | None
    their_raw: bytes | None
    their_stamp: Stamp | None


def conflict_of(
    picture: int, path: str, base: bytes | None, mine: bytes | None, theirs: bytes | None, stamp: Stamp | None
) -> Conflict:
    """The conflict between `mine` and `theirs`, as bytes of the file; None: no file."""
    b, m, t = (None if raw is None else decode(raw) for raw in (base, mine, theirs))
    joined = None
    if b and m and t and all(_joinable(one, b) for one in (b, m, t)):
        joined = merged(b.text, m.text, t.text)
    return Conflict(picture, path, _text(b), _text(m), _text(t), joined, base, theirs, stamp)


def as_now(library: Library, conflict: Conflict) -> Conflict:
    """With what was edited here since the conflict was found."""
    caption = library.caption(conflict.picture)
    if caption.text == (conflict.mine or ""):
        return conflict
    mine = encode(caption.text, caption)
    return conflict_of(
        conflict.picture, conflict.path, conflict.base_raw, mine, conflict.their_raw, conflict.their_stamp
    )


def _text(caption: CaptionText | None) -> str | None:
    return None if caption is None else caption.text


def _joinable(one: CaptionText, base: CaptionText) -> bool:
    return one.editable and (one.encoding, one.has_mark) == (base.encoding, base.has_mark)


def merged(base: str, mine: str, theirs: str) -> str | None:
    """Both edits in one text; None where only a person can tell.

    Tags that either side took out are out, tags that either put in are in, beside the tag they were put behind. Text
    outside the line of tags may be changed by one side only, and so may the order of tags.
    """
    if mine in (base, theirs):
        return theirs
    if theirs == base:
        return mine
    frame = _one_side(_frame(base), _frame(mine), _frame(theirs))
    tags = merged_tags(tags_of(base), tags_of(mine), tags_of(theirs))
    if frame is None or tags is None:
        return None
    return with_tags(theirs if frame == _frame(theirs) else mine, tags)


def merged_tags(base: Sequence[str], mine: Sequence[str], theirs: Sequence[str]) -> tuple[str, ...] | None:
    """Both edits of a list of tags; None where both changed the order."""
    b, m, t = _places(base), _places(mine), _places(theirs)
    shared = set(b) & set(m) & set(t)
    before, mine_order, their_order = ([one for one in side if one in shared] for side in (b, m, t))
    if _one_side(before, mine_order, their_order) is None:
        return None
    first, second = (m, t) if mine_order != before else (t, m)
    gone = set(b) - shared
    after = [one for one in first if one not in gone]
    for i, one in enumerate(second):
        if one not in after and one not in gone:
            ahead = next((other for other in reversed(second[:i]) if other in after), None)
            after.insert(0 if ahead is None else after.index(ahead) + 1, one)
    return tuple(tag for tag, _ in after)


def _one_side(base: object, mine: object, theirs: object) -> object | None:
    """What both are in the end, if at most one of them changed it (or both alike)."""
    if mine in (base, theirs):
        return theirs
    return mine if theirs == base else None


def _frame(text: str) -> tuple[str, str]:
    """What stands before and behind the line of tags."""
    start, end = tag_span(text)
    return text[:start], text[end:]


def _places(tags: Sequence[str]) -> list[Place]:
    seen: dict[str, int] = {}
    places = []
    for tag in tags:
        seen[tag] = seen.get(tag, -1) + 1
        places.append((tag, seen[tag]))
    return places
