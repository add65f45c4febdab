"""Implied tags out of a table that lies in a file, as an edit that can be shown before it is made."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from dataset_tools.edits import AddImplied, Context, TagEdit
from dataset_tools.implied import read_implied
from kohya_like.schema.errors import UserError


@dataclass(frozen=True)
class ImpliedFile(TagEdit):
    """The table is read by the first caption that is looked at (in the worker, by the preview), and again only when the
    file is another."""

    path: str

    def of(self, tags: tuple[str, ...], context: Context) -> Sequence[str]:
        try:
            facts = os.stat(self.path)
        except OSError as error:
            raise UserError(f"{self.path}: cannot be read ({error.strerror})", "check the path") from None
        return AddImplied(_table(self.path, facts.st_mtime_ns, facts.st_size)).of(tags, context)

    def describe(self) -> str:
        return "add implied tags"


@lru_cache(maxsize=2)
def _table(path: str, mtime_ns: int, size: int) -> Mapping[str, tuple[str, ...]]:
    return read_implied(Path(path))
