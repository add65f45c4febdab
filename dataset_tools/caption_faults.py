"""What is wrong with the captions of a library, in the sentences of the scan: one for each folder and kind."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

from dataset_tools.caption_names import one_fault
from dataset_tools.columns import NO_FILE, PROBLEMS, UNREADABLE
from dataset_tools.shelf import Shelf
from kohya_like.data.sidecar import PROBLEMS as SENTENCES
from kohya_like.schema.errors import Fault, Severity


def caption_faults(shelf: Shelf, ids: Iterable[int], caption_path: Callable[[int], str]) -> Iterator[Fault]:
    """Looks at all pictures: for a worker thread. A file that several pictures share is named once."""
    columns = shelf.columns
    by_kind: dict[tuple[int, str], dict[str, None]] = {}
    for number in ids:
        kind: str = PROBLEMS[columns.problems[number]]
        if columns.mtimes[number] == NO_FILE and columns.problems[number] != UNREADABLE:
            by_kind.setdefault((columns.folders[number], ""), {})[columns.names[number]] = None
        elif kind:
            name = os.path.basename(caption_path(number))
            by_kind.setdefault((columns.folders[number], kind), {})[name] = None
    for (folder, kind), found in by_kind.items():
        yield from _of_kind(list(found), shelf.folders[folder].folder, kind)


def _of_kind(names: list[str], where: str, kind: str) -> Iterator[Fault]:
    def _say(severity: Severity, thing: str, text: str, mend: str, code: str) -> Iterator[Fault]:
        return one_fault(names, thing, text, mend, code, where, severity)

    if not kind:
        return _say("hint", "picture", "without a caption", "", "no-caption")
    text, cure = SENTENCES[kind]
    return _say("warning" if kind == "empty" else "error", "caption file", text, cure, f"caption-{kind}")
