"""Which pictures went into which step, with the captions as they were trained: `batches.jsonl`, one line a batch."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from kohya_like.data.dataset import Batch
from kohya_like.formats.atomic import atomic_text


class BatchLog:
    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, step: int, batch: Batch) -> None:
        body = {"step": step, "batch": batch.index, "pictures": batch.identities, "captions": batch.captions}
        # a full disk must not end a run over its diary
        with contextlib.suppress(OSError), self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(body, ensure_ascii=False) + "\n")

    def forget_after(self, step: int) -> None:
        """Drop the lines of steps that a resumed run goes through again, and a torn last line."""
        if not self._path.exists():
            return
        lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
        atomic_text(self._path, "".join(line for line in lines if line.endswith("\n") and _step(line) <= step))


def _step(line: str) -> float:
    """Infinity for a line that a full disk tore."""
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")
