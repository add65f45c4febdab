"""What every tagger promises: pictures are prepared in threads, and looked at in batches."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from dataset_tools.proposals import Score
from kohya_like.schema.errors import UserError

P = TypeVar("P")


class TaggerStopped(UserError):
    """No picture can be tagged any more: what was found so far stays, the rest is not tried."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a model says of one picture."""

    scores: Mapping[str, tuple[Score, ...]] = field(default_factory=dict)
    sentence: str = ""


class Tagger(Protocol[P]):
    """A model that was opened.

    `facts` describe it in plain values. `workers` threads prepare pictures ahead of `look`, which is called from one
    thread. With `seen_when_prepared` the work is done in `prepare` (a server does it), and a cancel keeps its results.
    """

    batch: int
    workers: int
    seen_when_prepared: bool

    @property
    def facts(self) -> Mapping[str, object]: ...

    def prepare(self, picture: Path) -> P:
        """One picture as the model reads it. Raises UserError where it is skipped, TaggerStopped for the end."""

    def look(self, batch: Sequence[P]) -> list[Seen]:
        """What the model sees in at most `batch` pictures. Raises TaggerStopped."""


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
