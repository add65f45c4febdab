"""CaptionSession: edits of captions that are never lost, and never overwrite what somebody else wrote.

An edit changes the library at once (memory only). Behind it the session's own thread

1. appends the edit to the journal in the state folder and fsyncs it: within milliseconds, one fsync for a batch of any
   size. From here on it survives a kill or a power cut.
2. one second after the last edit of a picture writes its caption file: compares the file with what is known of it
   (time, size, hash), keeps a copy of the first state in the backup folder, writes aside, fsyncs, renames. Of a large
   batch it writes a few files at a time with pauses between, so that disk and window stay usable: the journal already
   holds all of it.

A session that was killed is taken up by the next one that opens one of its folders: its unfinished batches are finished
where the files are still as the batch found them, and are conflicts where they are not. A batch that is not whole in
the journal is as if it had never been. Nothing is ever written over a text that the session does not know.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from dataset_tools.autosave import AUTOSAVE_SECONDS, Autosave, Put
from dataset_tools.caption_file import decode, encode
from dataset_tools.edits import Edit
from dataset_tools.history import History, Step, changes_of, turned, untouched
from dataset_tools.journal import Journal
from dataset_tools.journal_frames import BatchHead, Kind
from dataset_tools.library import Library
from dataset_tools.merging import Conflict, as_now
from dataset_tools.preview import Change, Preview, Raws, preview, preview_texts
from dataset_tools.recovery import left_behind, take_up
from dataset_tools.saving import FILES_AT_ONCE, SavingThread
from dataset_tools.writer import Backup, read_caption_file
from kohya_like.data.folders import named, times
from kohya_like.schema.errors import UserError

__all__ = ["AUTOSAVE_SECONDS", "Batch", "CaptionSession", "Change", "Choice", "Conflict"]

Choice = Literal["mine", "theirs", "merge"]
Batch = Preview  # one entry of undo, as it was done


class CaptionSession:
    """Edits, undo and autosave over one library. Its methods may be called from any thread; callbacks come from any."""

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
            on_changed: ids whose text is another.
            on_conflict: ids that are in `conflicts` now and were not before.
            on_fault: a sentence: a full disk, a folder that is gone. Nothing is lost; it is tried again.
            on_saved: how many pictures still wait for their file, after each round of writing.
        """
        self.library = library
        self._clock = clock
        self._on_changed, self._on_fault, self._on_saved = on_changed, on_fault, on_saved
        self._editing = threading.RLock()
        self._journals = state_folder / "journals"
        day = time.strftime("%Y-%m-%d")
        self._autosave = Autosave(
            library, self._new_journal, Backup(state_folder / "backups" / day), on_conflict, on_fault
        )
        self._history = self._recovered()
        self._thread = SavingThread(self._autosave, clock, on_saved, on_fault)
        if threaded:
            self._thread.start()

    # edits

    def apply(self, edit: Edit, ids: Iterable[int]) -> Batch:
        """Change the captions of these pictures, as one entry of undo. Pictures that cannot be edited are left out and
        named in the batch's faults. Without any change the batch is empty and no entry of undo.

        Raises:
            UserError: the edit itself is wrong (a regular expression that does not compile or takes for ever).
        """
        found = preview(self.library, ids, edit)  # outside the lock: it may take seconds
        with self._editing:
            now = self.library.texts(found.ids)
            if any(text != (change.before or "") for text, change in zip(now, found.changes)):
                found = preview(self.library, found.ids, edit)  # edited meanwhile by another thread
            self._do(found)
        return self._told(found)

    def apply_texts(self, label: str, texts: Mapping[int, str]) -> Batch:
        """Set the captions of several pictures at once, as one entry of undo: accepted proposals, an import."""
        with self._editing:
            batch = preview_texts(self.library, label, texts)
            self._do(batch)
        return self._told(batch)

    def _do(self, batch: Batch) -> None:
        if batch.changes:
            step = Step(self._head(batch.label, "edit"), batch.changes, batch.raws)
            self._history.add(step)
            self._set(batch.changes, batch.raws)
            self._put(Put(step.head, batch.changes, batch.raws, self._due(), placed=step.placed))

    def _set(self, changes: Sequence[Change], raws: Raws) -> None:
        """Bring the library to what the changes end with."""
        plain = [change for change in changes if change.picture not in raws]
        self.library.set_texts([change.picture for change in plain], [change.after or "" for change in plain])
        for picture, (_, after) in raws.items():
            self.library.set_caption(picture, decode(after or b""))

    def _told(self, batch: Batch) -> Batch:
        if batch.changes:
            self._on_changed(batch.ids)
        return batch

    # undo

    def undo(self) -> Batch | None:
        """Take the last batch back; None where there is none. Captions changed since by others stay and are faults."""
        return self._back_or_forth("undo")

    def redo(self) -> Batch | None:
        """Do the batch that was undone last again; None where there is none."""
        return self._back_or_forth("redo")

    def _back_or_forth(self, kind: Kind) -> Batch | None:
        with self._editing:
            steps = self._history.done if kind == "undo" else self._history.undone
            if not steps:
                return None
            step = steps[-1]
            changes, raws, faults = changes_of(step, self.library)
            if kind == "undo":
                changes, raws = turned(changes, raws)
            same, other = untouched(self.library, changes)
            if other:
                names = [self.library.picture(change.picture).name for change in other]
                faults = (*faults, f"changed since and left as they are: {named(names)}")
            raws = {change.picture: raws[change.picture] for change in same if change.picture in raws}
            self._history.move(step, undone=kind == "undo")
            batch = Batch(step.head.label, same, faults, raws)
            self._set(same, raws)
            self._put(Put(self._head(step.head.label, kind, step.head.id), same, raws, self._due()))
        return self._told(batch)

    @property
    def history(self) -> tuple[str, ...]:
        """Labels of what can be taken back, oldest first; also of earlier sessions on these folders."""
        return tuple(step.head.label for step in self._history.done)

    @property
    def redoable(self) -> tuple[str, ...]:
        """Labels of what can be done again, the next one last."""
        return tuple(step.head.label for step in self._history.undone)

    # files

    @property
    def unsaved(self) -> int:
        """Pictures whose caption is not yet in its file."""
        return self._autosave.waiting

    @property
    def conflicts(self) -> Mapping[int, Conflict]:
        """By picture."""
        return {picture: as_now(self.library, conflict) for picture, conflict in list(self._autosave.conflicts.items())}

    def resolve(self, picture: int, choice: Choice) -> None:
        """Settle a conflict: write "mine", take "theirs", or write both edits joined. Undo brings the other text back.

        Raises:
            UserError: "merge" where `merged` is None, or there is no such conflict.
        """
        with self._editing:
            conflict = self._autosave.conflicts.pop(picture, None)
            if conflict is None:
                raise UserError("this caption is in no conflict any more")
            conflict = as_now(self.library, conflict)
            if choice == "merge" and conflict.merged is None:
                self._autosave.conflicts[picture] = conflict
                raise UserError("both edits changed the same words", "choose one of the texts")
            caption = self.library.caption(picture)
            before = caption.text if caption.text or conflict.mine is not None else None
            after = {"mine": before, "theirs": conflict.theirs, "merge": conflict.merged}[choice]
            mine, new = (None if text is None else encode(text, caption) for text in (before, after))
            raws = {picture: (mine, conflict.their_raw if choice == "theirs" else new)}
            change = Change(picture, before, after)
            kind: Kind = "settle" if choice == "mine" else "edit"
            step = Step(self._head(f"settle a conflict: {choice}", kind), [change], raws)
            if choice != "mine":
                self._history.add(step)
                self._set([change], raws)
            self._put(Put(step.head, [change], raws, self._clock(), {conflict.path: conflict}, step.placed))
        self._on_changed([picture])

    def outside(self, ids: Sequence[int]) -> list[int]:
        """Files of these pictures were seen to differ: captions not edited here are read again, the others become
        conflicts. Returns the pictures whose text is another now."""
        changed: list[int] = []
        with self._editing, self._autosave.working:
            self._autosave.take_in(self._clock(), everything=True)
            for id in ids:
                changed += self._read_again(id)
        if changed:
            self._on_changed(changed)
        return changed

    def _read_again(self, id: int) -> tuple[int, ...]:
        path = self.library.caption_path(id)
        try:
            raw, stamp = read_caption_file(path)
        except OSError:  # said when it is to be written
            return ()
        if path in self._autosave.pending:
            self._autosave.look(path, raw, stamp)
            return ()
        if self._autosave.holds(id, path):  # the journal cannot be written: compared when the file is
            return ()
        known = self.library.caption_stamp(id)
        if (stamp and stamp.hash) == (known and known.hash):
            self.library.saved(id, stamp)
            return ()
        changed = self.library.set_caption(id, decode(raw or b""))
        self.library.saved(id, stamp)
        return changed

    def flush(self, seconds: float | None = None) -> tuple[str, ...]:
        """Write everything now and wait for it, at most so long; sentences of what could not be written."""
        start = self._clock()
        self._autosave.work(start, 0, everything=True)
        for _ in range(0, self.unsaved, FILES_AT_ONCE):
            self._autosave.work(self._clock(), FILES_AT_ONCE, everything=True)
            if seconds is not None and self._clock() - start > seconds:
                break
        self._on_saved(self.unsaved)
        return self.problems

    @property
    def problems(self) -> tuple[str, ...]:
        """Why captions are not in their files, a sentence for each reason; none when all is well."""
        reasons = tuple(dict.fromkeys(self._autosave.faults.values()))
        names = [self.library.picture(id).name for id in list(self._autosave.conflicts)]
        asked = (f"changed outside while they were edited here: {named(names)}",) if names else ()
        return reasons + asked

    def work(self, now: float) -> None:
        """Do what is due at `now`: journal what is new, write what is old enough. Called by a test."""
        self._autosave.work(now)

    def close(self, seconds: float | None = None) -> tuple[str, ...]:
        """`flush`, then let go of the journal. What is not written waits in it for the next session."""
        self._thread.stop()
        left = self.flush(seconds)
        self._autosave.close()
        return left

    # behind

    def _put(self, batch: Put) -> None:
        self._autosave.put(batch)
        self._thread.wake()

    def _due(self) -> float:
        return self._clock() + AUTOSAVE_SECONDS

    def _head(self, label: str, kind: Kind, of: str = "") -> BatchHead:
        return BatchHead(os.urandom(8).hex(), label, kind, of, time.time())

    def _new_journal(self) -> Journal:
        return Journal.create(self._journals, self._places(), time.time())

    def _places(self) -> list[str]:
        """What its journals are about: the caption files of one kind in these folders."""
        return [os.path.join(folder, f"*{self.library.rules.caption_extension}") for folder in self.library.folders()]

    def _recovered(self) -> History:
        """Take up what killed sessions on these folders left."""
        left = left_behind(self._journals, self._places())
        changed = take_up(self.library, self._autosave, left, self._clock())
        if left.owed:
            many = times(len(left.owed), "caption")
            self._on_fault(f"edits of a session that was ended by force are taken up: {many}")
        if changed:
            self._on_changed(changed)
        return History.of(left.done)
