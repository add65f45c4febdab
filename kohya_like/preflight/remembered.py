"""Readers that remember between checks, so that an edit is answered in a fraction of a second.

Which folders there are is always looked up; the pictures of a folder, which take nearly all the time, are read again
when the folder's time changed or the reading is `LIFETIME` old (a caption edited in place leaves its folder's time as
it was). Until then, and for the first answer after that, what was read before is given: `is_stale` says so, and
`readers(renew=True)` reads anew. Headers of models are told by the times and sizes of their files and are never stale.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

from kohya_like.data.concept import ConceptReader, Reading
from kohya_like.data.folders import Walk
from kohya_like.formats.headers import FileFacts, identify
from kohya_like.preflight.machine import Machine, find_machine
from kohya_like.preflight.readers import Readers, count_tokens, hashes
from kohya_like.preflight.shapes import Shapes, model_shapes

LIFETIME = 10.0  # seconds
MACHINE_LIFETIME = 30.0  # nvidia-smi may take a second or two
UNUSED_CHECKS = 8  # what so many checks did not ask for is dropped
TEXTS_AT_MOST = 200_000
STAMPED_FILES = 400  # of a model's folder

T = TypeVar("T")
Stamp = tuple[object, ...]


@dataclass
class _Kept:
    value: object
    stamp: Stamp
    read_at: float
    used: int  # number of the check that last asked for it


class Remembered:
    """What the checks of one process have read so far. Not for several threads."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.is_stale = False  # whether the last check was given something that may have changed
        self._now = now
        self._kept: dict[Hashable, _Kept] = {}
        self._tokens: dict[str, int] = {}
        self._check = 0
        self._renew = False

    def readers(self, renew: bool = False, progress: Callable[[str, int], None] | None = None) -> Readers:
        """For one check. `renew`: what may have changed is read again. What `progress` raises ends the check."""
        self._check += 1
        self._renew = renew
        self.is_stale = False
        self._kept = {key: kept for key, kept in self._kept.items() if kept.used >= self._check - UNUSED_CHECKS}
        return Readers(
            concept=self._concept,
            identify=self._identify,
            shapes=self._shapes,
            count_tokens=self._count_tokens,
            hashes=self._hashes,
            machine=self._machine,
            progress=progress,
        )

    def forget(self) -> None:
        """As if nothing had been read yet."""
        self._kept.clear()
        self._tokens.clear()

    def _concept(self, reader: ConceptReader) -> Reading:
        concept, settings = reader.concept, reader.concept.settings
        key = (
            "concept", concept.folder, concept.name, concept.class_tokens, concept.is_reg, reader.number, reader.root,
            reader.prefix, settings.caption_extension, settings.enable_wildcard, settings.mask_dir,
            settings.mask_suffix, settings.alpha_mask, reader.rules.smallest, reader.rules.masked,
            None if concept.captions is None else frozenset(concept.captions.items()),
        )  # fmt: skip
        masks = (Path(settings.mask_dir), Path(settings.mask_dir, concept.name)) if settings.mask_dir else ()
        stamp = tuple(_time_of(folder) for folder in (concept.folder, *masks))
        (records, report), own = self._recall(key, stamp, lambda: _read_apart(reader), LIFETIME)
        reader.walk.faults += own.faults
        reader.walk.hidden += own.hidden
        reader.walk.symlinks += own.symlinks
        return records, report

    def _identify(self, path: Path) -> FileFacts:
        return self._recall(("facts", path), _stamp_of(path), lambda: identify(path))

    def _shapes(self, path: Path, family: str) -> Mapping[str, Shapes]:
        return self._recall(("shapes", path, family), _stamp_of(path), lambda: model_shapes(path, family))

    def _machine(self, wanted: str) -> Machine:
        return self._recall(("machine", wanted), (), lambda: find_machine(wanted), MACHINE_LIFETIME)

    def _hashes(self, cache: Path) -> Callable[[Path], str]:
        return self._recall(("hashes", cache), (), lambda: hashes(cache))

    def _count_tokens(self, text: str) -> int:
        if text not in self._tokens:
            if len(self._tokens) >= TEXTS_AT_MOST:
                self._tokens.clear()
            self._tokens[text] = count_tokens(text)
        return self._tokens[text]

    def _recall(self, key: Hashable, stamp: Stamp, read: Callable[[], T], lifetime: float = 0.0) -> T:
        """The value under a key. With a lifetime an old or changed one is given first, and read again when renewed."""
        kept = self._kept.get(key)
        if kept is not None:
            kept.used = self._check
            aged = lifetime > 0 and self._now() - kept.read_at > lifetime
            if kept.stamp == stamp and not aged:
                return cast(T, kept.value)
            if lifetime and not self._renew:
                self.is_stale = True
                return cast(T, kept.value)
        value = read()
        self._kept[key] = _Kept(value, stamp, self._now(), self._check)
        return value


def _read_apart(reader: ConceptReader) -> tuple[Reading, Walk]:
    """The pictures of a folder, and what is wrong with them, apart from what the walk found elsewhere."""
    walk, own = reader.walk, Walk()
    reader.walk = own
    try:
        return reader.read(), own
    finally:
        reader.walk = walk


def _time_of(path: str | Path) -> Stamp:
    try:
        facts = os.stat(path)
    except OSError:
        return ()
    return facts.st_ino, facts.st_mtime_ns, facts.st_size


def _stamp_of(path: Path) -> Stamp:
    """Times and sizes of a file, or of the files in a folder and in the folders inside it."""
    stamp: list[object] = [_time_of(path)]
    folders = [path]
    for folder in folders:
        try:
            with os.scandir(folder) as entries:
                for entry in sorted(entries, key=lambda entry: entry.name)[:STAMPED_FILES]:
                    stamp.append((entry.path, _time_of(entry.path)))
                    if folder == path and entry.is_dir():
                        folders.append(Path(entry.path))
        except OSError:  # a file, or nothing
            continue
    return tuple(stamp)
