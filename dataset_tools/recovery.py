"""Takes up what killed sessions left: what their journals owe is written, asked about, or kept until a disk is back.

A file gets what is owed to it only where it is exactly as the journal knew it: time, size and hash. A session notes
what it wrote before it journals the next edit, so whatever else a file holds was not written by it: a conflict.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dataset_tools.autosave import Autosave, Pending
from dataset_tools.caption_file import decode
from dataset_tools.journal import SUFFIX, Journal, Owed, Said, folders_of
from dataset_tools.journal_frames import BatchHead, Content, Written, bytes_of
from dataset_tools.library import Library, Stamp, hash_of
from dataset_tools.writer import read_caption_file
from kohya_like.formats.atomic import sweep_orphans

KEPT_JOURNALS = 50  # settled ones of these folders, for undo; older ones are removed


@dataclass(frozen=True)
class Done:
    """A batch of an earlier session: where its entries stand."""

    head: BatchHead
    journal: Path
    places: tuple[int, ...]


@dataclass
class Left:
    """What earlier sessions on these folders left: their batches in order of time, and what is still owed."""

    done: list[Done] = field(default_factory=list)
    owed: dict[str, Owed] = field(default_factory=dict)
    journals: list[Journal] = field(default_factory=list)  # open and locked: those that owe something, oldest first


def left_behind(folder: Path, folders: Sequence[str]) -> Left:
    """Read the journals in `folder` that are about one of `folders` and whose sessions are no more."""
    left = Left()
    settled: list[Path] = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        if not set(folders_of(path)) & set(folders):
            continue
        taken = Journal.take_over(path)
        if taken is None:
            continue
        journal, content = taken
        left.done += [Done(head, path, content.places[head.id]) for head in content.batches]
        if content.owed:
            left.journals.append(journal)
            _join(left.owed, content)
        else:
            settled.append(path)
            journal.close()
    old = set(settled[:-KEPT_JOURNALS])
    for path in old:
        path.unlink(missing_ok=True)
    left.done = [one for one in left.done if one.journal not in old]
    left.done.sort(key=lambda one: one.head.time)
    return left


def _join(owed: dict[str, Owed], content: Said) -> None:
    """What a later journal owes a file stands over what an earlier one does."""
    for path, debt in content.owed.items():
        if earlier := owed.get(path):
            debt.texts = [*earlier.texts, *debt.texts]
        owed[path] = debt


@dataclass(frozen=True)
class Verdict:
    """What is to be done with a file that is owed something: "write", "ask", "wait" (unreadable) or "nothing"."""

    what: str
    raw: bytes | None = None
    stamp: Stamp | None = None


def verdict(path: str, owed: Owed) -> Verdict:
    """Compare the file with what the journal knew of it."""
    try:
        raw, stamp = read_caption_file(path)
    except OSError:
        return Verdict("wait")
    if raw == bytes_of(owed.wanted) or _is_as_before(owed):
        return Verdict("nothing", raw, stamp)
    if stamp == owed.known:
        return Verdict("write", raw, stamp)
    return Verdict("ask", raw, stamp)


def _is_as_before(owed: Owed) -> bool:
    """Edited and undone again before it was written."""
    wanted = bytes_of(owed.wanted)
    if wanted is None or owed.known is None:
        return wanted is owed.known
    return hash_of(wanted) == owed.known.hash


def base_of(owed: Owed) -> bytes | None:
    """The bytes the journal last knew the file to hold, where they are known."""
    if owed.known is None:
        return None
    texts = [raw for text in [*owed.texts, owed.before] if (raw := bytes_of(text)) is not None]
    return next((text for text in texts if hash_of(text) == owed.known.hash), None)


def sweep(owed: Mapping[str, object]) -> None:
    """Remove what the killed writer left half done beside these files."""
    for folder in {os.path.dirname(path) for path in owed}:
        sweep_orphans(Path(folder))


def take_up(library: Library, autosave: Autosave, left: Left, now: float) -> list[int]:
    """Hand what is owed to `autosave`, and show it; the pictures whose text is another now."""
    autosave.older = left.journals
    sweep(left.owed)
    pictures = pictures_of(library, left.owed)
    changed: list[int] = []
    there: list[Written] = []
    for path, owed in left.owed.items():
        found = verdict(path, owed)
        if found.what == "nothing":
            there.append(Written(path, found.stamp, True))
            continue
        picture = pictures.get(path, -1)
        if found.what == "write":
            pending = Pending(picture, found.raw, found.stamp, owed.wanted, now)
        else:
            pending = Pending(picture, base_of(owed), owed.known, owed.wanted, now)
        autosave.owe(path, pending)
        if picture >= 0:
            changed += show(library, picture, owed.wanted)
        if found.what == "ask":
            autosave.ask(path, found.raw, found.stamp)
    autosave.note(there)
    return changed


def pictures_of(library: Library, paths: Mapping[str, object]) -> dict[str, int]:
    """The pictures of these caption files, as far as they are open."""
    found: dict[str, int] = {}
    for id in library.ids() if paths else ():
        path = library.caption_path(id)
        if path in paths:
            found.setdefault(path, id)
    return found


def show(library: Library, picture: int, wanted: Content) -> tuple[int, ...]:
    """Bring the library to what the file shall hold; the pictures that changed."""
    caption = decode(bytes_of(wanted) or b"")
    now = library.caption(picture)
    if wanted is not None and (caption.encoding, caption.has_mark, caption.editable) != (
        now.encoding,
        now.has_mark,
        now.editable,
    ):
        return library.set_caption(picture, caption)
    return library.set_text(picture, caption.text)
