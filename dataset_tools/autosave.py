"""What stands between edits in memory and caption files: journal first, then file by file, when they are due.

`put` takes a batch and returns at once. `work(now)` does the rest, in one thread at a time:

1. Each batch is appended to the journal and fsynced: one fsync, whatever its size. On a full disk it waits here, in
   memory, and is tried again.
2. Each file that is due is written by `writer`, with an fsync of its own. 100,000 of them take minutes, so they are
   written some at a time, with pauses; from step 1 on all are safe in the journal.
3. When nothing is owed, the journal says so.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

from dataset_tools.journal import Journal
from dataset_tools.journal_frames import BatchHead, Content, Entry, Written, bytes_of
from dataset_tools.library import Library, Stamp, hash_of
from dataset_tools.merging import Conflict, conflict_of
from dataset_tools.preview import Change, Raws
from dataset_tools.writer import Backup, Changed, sentence_of, write_caption_file
from kohya_like.data.records import plain

AUTOSAVE_SECONDS = 1.0
RETRY_SECONDS = 5.0
LONGEST_RETRY_SECONDS = 60.0
FEW = 8  # files that are written one after the other
THREADS = 16


@dataclass
class Put:
    """A batch on its way. `taken`: what a person accepted as the state of files whose conflicts this batch settles;
    `placed` is told where in the journal the batch stands."""

    head: BatchHead
    changes: Sequence[Change]
    raws: Raws
    due: float
    taken: Mapping[str, Conflict] = field(default_factory=dict)
    placed: Callable[[BatchHead, Journal, tuple[int, ...]], None] = lambda head, journal, places: None


@dataclass(slots=True)
class Pending:
    """A file to be written. `base` and `known`: what it holds, as far as is known; `wanted`: what it shall hold."""

    picture: int
    base: Content
    known: Stamp | None
    wanted: Content
    due: float
    wait: float = RETRY_SECONDS
    asked: tuple[bytes | None, Stamp | None] | None = None  # what it holds instead of `known`: waits for a person


class Autosave:
    """See the module. `journal` is None while none could be made (a full disk): `open_journal` is asked again."""

    def __init__(
        self,
        library: Library,
        open_journal: Callable[[], Journal],
        backup: Backup,
        on_conflict: Callable[[list[int]], None],
        on_fault: Callable[[str], None],
    ) -> None:
        self.pending: dict[str, Pending] = {}
        self.conflicts: dict[int, Conflict] = {}
        self.faults: dict[str, str] = {}  # why files cannot be written, by path; "" is the journal
        self.older: list[Journal] = []  # of killed sessions, not settled yet
        self.journal: Journal | None = None
        self.working = threading.RLock()  # held while files are touched
        self._library, self._open_journal, self._backup = library, open_journal, backup
        self._on_conflict, self._on_fault = on_conflict, on_fault
        self._queue: list[Put] = []
        self._order: list[tuple[float, str]] = []  # a heap; rows whose time is not that of their file are old
        self._journal_retry = 0.0

    # taking

    def put(self, batch: Put) -> None:
        """Take a batch; memory only."""
        self._queue.append(batch)

    def holds(self, picture: int, path: str) -> bool:
        """Whether an edit of this file is on its way to the journal."""
        return any(
            change.picture == picture or self._library.caption_path(change.picture) == path
            for batch in list(self._queue)
            for change in batch.changes
        )

    @property
    def waiting(self) -> int:
        """Files that are not as wanted yet (a file in two batches may count twice)."""
        return len(self.pending) + sum(len(batch.changes) for batch in list(self._queue))

    def owe(self, path: str, pending: Pending) -> None:
        """Take what a killed session left: it stands in a journal already."""
        self.pending[path] = pending
        heapq.heappush(self._order, (pending.due, path))

    # working

    def work(self, now: float, most: int | None = None, everything: bool = False) -> None:
        """Journal what is new; write what is due, or `everything`; at most so many files."""
        with self.working:
            self.take_in(now, everything)
            self.note(self._write_all(self._due(now, most, everything), now))

    def take_in(self, now: float, everything: bool = False) -> None:
        """Journal the batches that wait. Those of which the journal knows become `pending`."""
        while self._queue and (everything or now >= self._journal_retry):
            batch = self._queue[0]
            rows = list(self._rows(batch))
            try:
                if self.journal is None:
                    self.journal = self._open_journal()
                head, places = self.journal.append_batch(batch.head, (entry for _, entry in rows))
            except OSError as error:
                self._journal_retry = now + RETRY_SECONDS
                why = error.strerror or error
                self._blame("", f"the journal of edits cannot be written ({why}): what is new is not safe yet")
                return
            self._queue.pop(0)
            self._blame("", "")
            batch.placed(head, self.journal, places)
            for picture, entry in rows:
                self._expect(picture, entry, batch)

    def seconds_left(self, now: float) -> float | None:
        """Until there is something to do; None: nothing."""
        if self._queue:
            return max(0.0, self._journal_retry - now)
        with self.working:
            self._drop_old()
            return max(0.0, self._order[0][0] - now) if self._order else None

    def _rows(self, batch: Put) -> Iterator[tuple[int, Entry]]:
        """Each file of the batch once; pictures may share one."""
        seen: set[str] = set()
        for picture, before, after in batch.changes:
            path = self._library.caption_path(picture)
            if path in seen:
                continue
            seen.add(path)
            old, new = batch.raws.get(picture, (before, after))
            if path in batch.taken:
                known = batch.taken[path].their_stamp
            elif path in self.pending:
                known = self.pending[path].known
            else:
                known = self._library.caption_stamp(picture)
            yield picture, Entry(path, old, new, known)

    def _expect(self, picture: int, entry: Entry, batch: Put) -> None:
        pending = self.pending.get(entry.path)
        if pending is None:
            pending = self.pending[entry.path] = Pending(picture, entry.before, entry.known, None, 0.0)
        if entry.path in batch.taken:
            pending.base, pending.known, pending.asked = batch.taken[entry.path].their_raw, entry.known, None
            self.conflicts.pop(picture, None)
        pending.picture, pending.wanted, pending.wait = picture, entry.after, RETRY_SECONDS
        if pending.asked is None and _is_owed_nothing(pending):  # edited and undone before it was written
            del self.pending[entry.path]
            self._library.saved(picture, pending.known)
            return
        if pending.asked:
            self._ask(entry.path, pending, *pending.asked)
        else:
            self._plan(entry.path, pending, batch.due)

    def _plan(self, path: str, pending: Pending, due: float) -> None:
        pending.due = due
        heapq.heappush(self._order, (due, path))

    def _due(self, now: float, most: int | None, everything: bool) -> list[str]:
        found: list[str] = []
        while self._order and (most is None or len(found) < most):
            due, path = self._order[0]
            if due > now and not everything:
                break
            heapq.heappop(self._order)
            pending = self.pending.get(path)
            if pending is not None and pending.due == due and not pending.asked:
                found.append(path)
        return list(dict.fromkeys(found))

    def _drop_old(self) -> None:
        while self._order:
            due, path = self._order[0]
            pending = self.pending.get(path)
            if pending is not None and pending.due == due and not pending.asked:
                return
            heapq.heappop(self._order)

    def _write_all(self, paths: Sequence[str], now: float) -> list[Written]:
        """Write these files; many in several threads, since a disk takes many fsyncs at a time as quickly as one."""
        if len(paths) > FEW:
            with ThreadPoolExecutor(THREADS) as pool:
                results = list(pool.map(self._attempt, paths))
        else:
            results = [self._attempt(path) for path in paths]
        return [one for path, result in zip(paths, results) if (one := self._take(path, result, now)) is not None]

    def _attempt(self, path: str) -> Written | Exception:
        pending = self.pending[path]
        try:
            return Written(path, write_caption_file(path, bytes_of(pending.wanted), pending.known, self._backup), True)
        except (Changed, OSError) as error:
            return error

    def _take(self, path: str, result: Written | Exception, now: float) -> Written | None:
        """What became of a file: it is written, it waits, or a person is asked."""
        pending = self.pending[path]
        if isinstance(result, Changed):
            self._ask(path, pending, result.raw, result.stamp)
        elif isinstance(result, OSError):
            self._plan(path, pending, now + pending.wait)
            pending.wait = min(2 * pending.wait, LONGEST_RETRY_SECONDS)
            self._blame(path, sentence_of(result, path))
        elif isinstance(result, Written):
            del self.pending[path]
            self._blame(path, "")
            if pending.picture >= 0:
                self._library.saved(pending.picture, result.stamp)
            return result
        return None

    def _ask(self, path: str, pending: Pending, raw: bytes | None, stamp: Stamp | None) -> None:
        """The file holds what nobody here knows: a person decides."""
        pending.asked = raw, stamp
        if pending.picture < 0:
            self._blame(path, f"{plain(path)} was changed outside and is left so; the edit of it stays in the journal")
            return
        self.conflicts[pending.picture] = conflict_of(
            pending.picture, path, bytes_of(pending.base), bytes_of(pending.wanted), raw, stamp
        )
        self._on_conflict([pending.picture])

    def ask(self, path: str, raw: bytes | None, stamp: Stamp | None) -> None:
        """A pending file holds this, and a person is to decide."""
        self._ask(path, self.pending[path], raw, stamp)

    def look(self, path: str, raw: bytes | None, stamp: Stamp | None) -> None:
        """A pending file was seen to hold this: a conflict, unless that is what it was known to hold, or shall hold."""
        pending = self.pending[path]
        if raw != bytes_of(pending.wanted) and (stamp and stamp.hash) != (pending.known and pending.known.hash):
            self._ask(path, pending, raw, stamp)

    def note(self, written: Sequence[Written]) -> None:
        """Older journals first: should a kill come between, what is left is a question, never an overwriting."""
        settled = not self.pending and not self._queue
        for journal in [*self.older, *([self.journal] if self.journal else [])]:
            with suppress(OSError):
                if settled:
                    journal.append_settled()
                elif written and not journal.settled:
                    journal.append_written(written)

    def _blame(self, path: str, sentence: str) -> None:
        """Say why a file (or the journal, "") cannot be written: once, however many files share the reason."""
        known = self.faults.pop(path, "") if not sentence else self.faults.get(path, "")
        if sentence and sentence != known:
            is_new = sentence not in self.faults.values()
            self.faults[path] = sentence
            if is_new:
                self._on_fault(sentence)

    def close(self) -> None:
        """Let go of all journals; what is still owed stays in them."""
        with self.working:
            for journal in self.older:
                journal.close()
            if self.journal:
                self.journal.close(delete=self.journal.empty)
            self.older, self.journal = [], None


def _is_owed_nothing(pending: Pending) -> bool:
    wanted = bytes_of(pending.wanted)
    if wanted is None or pending.known is None:
        return wanted is pending.known
    return hash_of(wanted) == pending.known.hash
