"""What can be undone and redone: the entries of this session in memory, those of earlier ones in their journals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dataset_tools.caption_file import CaptionText, decode
from dataset_tools.journal import Journal, read_entries
from dataset_tools.journal_frames import BatchHead, bytes_of
from dataset_tools.library import Library
from dataset_tools.preview import Change, Raws
from dataset_tools.recovery import Done, pictures_of
from kohya_like.data.folders import times
from kohya_like.schema.errors import FormatError, UserError

KEPT_CHANGES = 300_000  # in memory; what is older is read from the journal when it is undone


@dataclass
class Step:
    """One entry of undo. `changes` is None where they are to be read from the journal."""

    head: BatchHead
    changes: Sequence[Change] | None = None
    raws: Raws = field(default_factory=dict)
    journal: Path | None = None
    places: tuple[int, ...] = ()

    def placed(self, head: BatchHead, journal: Journal, places: tuple[int, ...]) -> None:
        """It stands in the journal now."""
        self.journal, self.places = journal.path, places


class History:
    """Two stacks. The caller holds a lock."""

    def __init__(self) -> None:
        self.done: list[Step] = []
        self.undone: list[Step] = []

    @classmethod
    def of(cls, batches: Iterable[Done]) -> History:
        """As earlier sessions left it."""
        history = cls()
        steps: dict[str, Step] = {}
        for one in batches:
            if one.head.kind == "edit":
                steps[one.head.id] = Step(one.head, journal=one.journal, places=one.places)
                history.add(steps[one.head.id])
            elif step := steps.get(one.head.of):
                history.move(step, undone=one.head.kind == "undo")
        return history

    def add(self, step: Step) -> None:
        """A new edit: what was undone before it cannot be redone any more."""
        self.done.append(step)
        self.undone = []
        self._forget()

    def move(self, step: Step, undone: bool) -> None:
        """A step was undone or redone."""
        source, target = (self.done, self.undone) if undone else (self.undone, self.done)
        if step in source:
            source.remove(step)
            target.append(step)

    def _forget(self) -> None:
        """Drop the oldest changes from memory once they stand in the journal."""
        kept = 0
        for step in reversed(self.done):
            kept += len(step.changes or ())
            if kept > KEPT_CHANGES and step.journal is not None and step is not self.done[-1]:
                step.changes, step.raws = None, {}


def changes_of(step: Step, library: Library) -> tuple[Sequence[Change], Raws, tuple[str, ...]]:
    """The changes of a step, from memory or from its journal; and a sentence on those whose folder is not open.

    Raises:
        UserError: the journal is gone or damaged.
    """
    if step.changes is not None:
        return step.changes, step.raws, ()
    if step.journal is None:
        raise UserError(f'"{step.head.label}" cannot be undone: it is in no journal')
    try:
        entries = {entry.path: entry for entry in read_entries(step.journal, step.places)}
    except (OSError, FormatError) as error:
        raise UserError(f'"{step.head.label}" cannot be undone, its journal cannot be read ({error})') from None
    pictures = pictures_of(library, entries)
    changes: list[Change] = []
    raws: dict[int, tuple[bytes | None, bytes | None]] = {}
    for path, picture in pictures.items():
        before, after = bytes_of(entries[path].before), bytes_of(entries[path].after)
        old, new = decode(before or b""), decode(after or b"")
        changes.append(Change(picture, None if before is None else old.text, None if after is None else new.text))
        if not (_is_plain(old) and _is_plain(new)):
            raws[picture] = (before, after)
    missing = len(entries) - len(pictures)
    faults = (f"not changed, because their folders are not open: {times(missing, 'caption')}",) if missing else ()
    return changes, raws, faults


def _is_plain(caption: CaptionText) -> bool:
    """Whether its text in UTF-8 is the file."""
    return caption.editable and caption.encoding == "utf-8" and not caption.has_mark


def turned(changes: Sequence[Change], raws: Raws) -> tuple[list[Change], dict[int, tuple[bytes | None, bytes | None]]]:
    """The other way round."""
    return (
        [Change(picture, after, before) for picture, before, after in changes],
        {picture: (after, before) for picture, (before, after) in raws.items()},
    )


def untouched(library: Library, changes: Sequence[Change]) -> tuple[list[Change], list[Change]]:
    """Those whose captions are still what the changes begin with, and those that were changed since."""
    same: list[Change] = []
    other: list[Change] = []
    for change, now in zip(changes, library.texts([change.picture for change in changes])):
        (same if now == (change.before or "") else other).append(change)
    return same, other
