"""The names of the files a run leaves, kohya's: `{name}-000001`, `{name}-step00000100`, `{name}`; and which stay."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SavePlan:
    """When files are written and which are kept. Steps are optimizer steps, epochs count from 1; None means never."""

    folder: Path
    name: str
    every_epochs: int | None = None
    every_steps: int | None = None
    last_epochs: int | None = None
    last_steps: int | None = None
    suffix: str = ".safetensors"
    twins: tuple[str, ...] = ()  # endings of files that are written beside each one

    def final(self) -> Path:
        return self.folder / f"{self.name}{self.suffix}"

    def at_epoch(self, epoch: int) -> Path:
        return self.folder / f"{self.name}-{epoch:06d}{self.suffix}"

    def at_step(self, step: int) -> Path:
        return self.folder / f"{self.name}-step{step:08d}{self.suffix}"

    def written_with(self, path: Path) -> list[Path]:
        """A file of this plan and its twins."""
        return [path, *(path.with_suffix(twin) for twin in self.twins)]

    def due(self, step: int, epoch_ended: int | None, total: int) -> Path | None:
        """The file due after `step`, if any. The last step writes the final file, not a numbered one as well."""
        if step >= total:
            return None
        if epoch_ended is not None and self.every_epochs and epoch_ended % self.every_epochs == 0:
            return self.at_epoch(epoch_ended)
        if self.every_steps and step % self.every_steps == 0:
            return self.at_step(step)
        return None

    def outdated(self, step: int, epoch_ended: int | None) -> Path | None:
        """The one file that the file due now pushes out, by kohya's rule."""
        if epoch_ended is not None and self.every_epochs and self.last_epochs:
            old = epoch_ended - self.every_epochs * self.last_epochs
            return self.at_epoch(old) if old > 0 else None
        if self.every_steps and self.last_steps:
            old = step - self.last_steps - 1
            old -= old % self.every_steps
            return self.at_step(old) if old > 0 else None
        return None

    def existing(self) -> list[Path]:
        """Files in the folder that a run of this name could replace."""
        endings = "|".join(map(re.escape, (self.suffix, *self.twins)))
        own = re.compile(rf"{re.escape(self.name)}(-\d{{6}}|-step\d{{8}})?({endings})")
        if not self.folder.is_dir():
            return []
        return sorted(path for path in self.folder.iterdir() if own.fullmatch(path.name))

    def all(self, total: int, steps_per_epoch: int) -> list[Path]:
        """Every file that a whole run writes, in order; files pushed out later are among them."""
        files = []
        for step in range(1, total):
            ended = step // steps_per_epoch if step % steps_per_epoch == 0 else None
            if (path := self.due(step, ended, total)) is not None:
                files.append(path)
        return [*files, self.final()]
