"""CaptionSession: edits of captions that are never lost, and never overwrite what somebody else wrote.

An edit changes the library at once (memory only). Behind it the session's own thread

1. appends the edit to the journal in the state folder and fsyncs it: within milliseconds, one fsync for a batch of any
   size. From here on it survives a kill or a power cut.
2. one second after the last edit of a picture writes its caption file: compares the file with what is known of it
   (time, size, hash), keeps a copy of the first state in the backup folder, writes aside, fsyncs, renames. Of a large
   batch only so many files a second, so that the disk stays usable: the journal already holds all of it.

A session that was killed is taken up by the next one that opens one of its folders: its unfinished batches are finished
where the files are still as the batch found them, and are conflicts where they are not. A batch that is not whole in
the journal is as if it had never been. Nothing is ever written over a text that the session does not know.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from dataset_tools.edits import Edit
    from dataset_tools.library import Library

Choice = Literal["mine", "theirs", "merge"]
AUTOSAVE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Change:
    """The caption of one picture before and after; None: it has no caption file."""

    picture: int  # the library's id; -1: of a folder that is not open
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Batch:
    """One entry of undo. `label` says what was done ("rename cat to dog"); `faults` which pictures were left out and why."""

    label: str
    changes: Sequence[Change]
    faults: tuple[str, ...] = ()

    @property
    def ids(self) -> list[int]:
        return [change.picture for change in self.changes]


@dataclass(frozen=True)
class Conflict:
    """A caption that was edited here while its file was changed by something else.

    `base` is the text both began with, `mine` the edited one, `theirs` what the file holds now; None: no file.
    `merged` joins both where that can be done without asking (`conflicts.merge_tags`), else None.
    """

    picture: int
    base: str | None
    mine: str | None
    theirs: str | None
    merged: str | None


class CaptionSession:
    """Edits, undo and autosave over one library. Every method may be called from any thread; callbacks come from any."""

    def __init__(
        self,
        library: Library,
        state_folder: Path,
        *,
        clock: Callable[[], float] = time.monotonic,
        threaded: bool = True,
        on_changed: Callable[[list[int]], None] = lambda ids: None,
        on_conflict: Callable[[list[int]], None] = lambda ids: None,
        on_fault: Callable[[str], None] = lambda sentence: None,
        on_saved: Callable[[int], None] = lambda left: None,
    ) -> None:
        """Open the session once the library's captions are read; takes up what a killed session left unfinished.

        Args:
            state_folder: for journals and backups; outside the dataset.
            clock: seconds, only ever growing.
            threaded: False starts no thread; `work(now)` then does what is due.
            on_changed: ids whose text or saved state is another.
            on_conflict: ids that are in `conflicts` now and were not before.
            on_fault: a sentence: a full disk, a folder that is gone. Nothing is lost; it is tried again.
            on_saved: how many pictures still wait for their file, after each round of writing.
        """
        raise NotImplementedError

    def apply(self, edit: Edit, ids: Iterable[int]) -> Batch:
        """Change the captions of these pictures, as one entry of undo. Pictures that cannot be edited are left out and
        named in the batch's faults. Without any change the batch is empty and no entry of undo.

        Raises:
            UserError: the edit itself is wrong (a regular expression that does not compile or takes for ever).
        """
        raise NotImplementedError

    def apply_texts(self, label: str, texts: Mapping[int, str]) -> Batch:
        """Set the captions of several pictures at once, as one entry of undo: accepted proposals, an import."""
        raise NotImplementedError

    def undo(self) -> Batch | None:
        """Take the last batch back; None where there is none. Captions changed since by others stay and are faults."""
        raise NotImplementedError

    def redo(self) -> Batch | None:
        raise NotImplementedError

    @property
    def history(self) -> tuple[str, ...]:
        """Labels of what can be taken back, oldest first; also of earlier sessions on these folders."""
        raise NotImplementedError

    @property
    def redoable(self) -> tuple[str, ...]:
        """Labels of what can be done again, the next one last."""
        raise NotImplementedError

    @property
    def unsaved(self) -> int:
        """Pictures whose caption is not yet in its file."""
        raise NotImplementedError

    @property
    def conflicts(self) -> Mapping[int, Conflict]:
        """By picture."""
        raise NotImplementedError

    def resolve(self, picture: int, choice: Choice) -> None:
        """Settle a conflict: write "mine", take "theirs", or write both edits joined.

        Raises:
            UserError: "merge" where `merged` is None.
        """
        raise NotImplementedError

    def outside(self, ids: Sequence[int]) -> None:
        """Files of these pictures were seen to differ (see `outside`): texts not edited here are read again, the others
        become conflicts."""
        raise NotImplementedError

    def flush(self) -> tuple[str, ...]:
        """Write everything now and wait for it; sentences of what could not be written."""
        raise NotImplementedError

    def work(self, now: float) -> None:
        """Do what is due at `now`: journal what is new, write what is old enough. Called by the thread, or by a test."""
        raise NotImplementedError

    def close(self) -> tuple[str, ...]:
        """`flush`, then let go of the journal. What could not be written waits in it for the next session."""
        raise NotImplementedError
