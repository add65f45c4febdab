"""The names of the files a run leaves, kohya's: `{name}-000001`, `{name}-step00000100`, `{name}`; and which stay."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from kohya_like.schema.option import Section, option


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
    twins: tuple[str, ...] = ()  # endings of files that are written beside each one: .pt, -neg.pt

    def final(self) -> Path:
        return self.folder / f"{self.name}{self.suffix}"

    def at_epoch(self, epoch: int) -> Path:
        return self.folder / f"{self.name}-{epoch:06d}{self.suffix}"

    def at_step(self, step: int) -> Path:
        return self.folder / f"{self.name}-step{step:08d}{self.suffix}"

    def written_with(self, path: Path) -> list[Path]:
        """A file of this plan and its twins."""
        return [path, *(path.with_name(path.stem + twin) for twin in self.twins)]

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


class SaveOptions(Section):
    """Which files are written, where, and what they say of themselves."""

    title: ClassVar[str] = "Saving"

    output_dir: str = option(
        "output", "Folder for the trained files; it is made where it does not exist.", group="Output", path="folder",
    )  # fmt: skip
    output_name: str = option(
        "last", "Name of the files, without extension. It is also the word a prompt uses: <lora:NAME:1>.",
        group="Output",
    )  # fmt: skip
    overwrite: bool = option(
        False, "Replace files of an earlier training that have the same name. Usually off: where there are such files, "
        "no training starts.", group="Output", level="advanced", differs="kohya overwrites without a question.",
    )  # fmt: skip
    save_precision: Literal["fp32", "fp16", "bf16"] = option(
        "fp16", "Number type of the saved file. fp16 is usual and read everywhere; fp32 makes it twice as large.",
        group="Output", level="advanced",
        differs="kohya keeps fp32 when unset; fp16 is what every reader expects and half the size.",
    )  # fmt: skip
    save_every_n_epochs: int | None = option(
        None, "Save a file every N epochs besides the last, so that you can choose the best. 1 or 2 is usual. Empty: "
        "only the last.", ge=1, group="When",
    )  # fmt: skip
    save_every_n_steps: int | None = option(
        None, "Save a file every N steps besides the last, so that you can choose the best. 500 is usual for long "
        "trainings.", ge=1, group="When", level="advanced",
    )  # fmt: skip
    save_last_n_epochs: int | None = option(
        None, "Keep only the newest N of the files saved by epoch; older ones of this run are deleted. Empty: keep "
        "all.", ge=1, group="When", level="advanced",
    )  # fmt: skip
    save_last_n_steps: int | None = option(
        None, "Keep only the files saved by step in the last N steps; older ones of this run are deleted. Empty: keep "
        "all.", ge=1, group="When", level="advanced",
    )  # fmt: skip
    save_state_every_n_steps: int | None = option(
        None, "Write a full state for resuming every N steps. One is also written with every file, on stop and on "
        "pause.", ge=1, group="Resume", level="advanced", kohya="save_state",
    )  # fmt: skip
    keep_states: int = option(
        2, "How many states for resuming are kept in the run folder; the oldest goes first. 2 is usual; each takes "
        "disk space.", ge=1, le=100, group="Resume", level="advanced", kohya="save_last_n_steps_state",
    )  # fmt: skip
    log_batches: bool = option(
        False, "Write the pictures and final captions of every step into batches.jsonl in the run folder, to look for "
        "a fault. Usually off.", group="Log", level="expert",
    )  # fmt: skip
    log_with: Literal["none", "tensorboard"] = option(
        "none", "tensorboard: also write a TensorBoard log into the run folder; that package must be installed. "
        "Usually none.", group="Log", level="advanced",
    )  # fmt: skip
    no_metadata: bool = option(
        False, "Leave tags, folder names and settings out of the file, for privacy. Usually off: others can then see "
        "how it was made.", group="Metadata", level="advanced",
    )  # fmt: skip
    training_comment: str = option(
        "", "A note of your own that travels in the file's metadata. Optional.", group="Metadata", level="advanced",
    )  # fmt: skip
    metadata_title: str = option(
        "", "Title of the model in the file's metadata, which other programs show. Empty: the output name.",
        group="Metadata", level="advanced",
    )  # fmt: skip
    metadata_author: str = option(
        "", "Name of the author in the file's metadata. Optional.", group="Metadata", level="advanced",
    )  # fmt: skip
    metadata_description: str = option(
        "", "What the model shows or does, in a sentence for the file's metadata. Optional.", group="Metadata",
        level="advanced",
    )  # fmt: skip
    metadata_license: str = option(
        "", "Licence under which others may use the file, such as CC-BY-4.0; kept in its metadata. Optional.",
        group="Metadata", level="advanced",
    )  # fmt: skip
    metadata_tags: str = option(
        "", "Tags that describe the model, separated by commas, for the file's metadata. Optional.", group="Metadata",
        level="advanced",
    )  # fmt: skip
    metadata_trigger_phrase: str = option(
        "", "The words that call it up in a prompt, such as sks cat, for the file's metadata. Optional.",
        group="Metadata", level="advanced",
    )  # fmt: skip
    metadata_usage_hint: str = option(
        "", "How others best use the model, such as its strength (0.8), for the file's metadata. Optional.",
        group="Metadata", level="advanced",
    )  # fmt: skip

    def plan(self, suffixes: Sequence[str]) -> SavePlan:
        """When which files are written, with these endings side by side."""
        return SavePlan(
            Path(self.output_dir), self.output_name, self.save_every_n_epochs, self.save_every_n_steps,
            self.save_last_n_epochs, self.save_last_n_steps, suffixes[0], tuple(suffixes[1:]),
        )  # fmt: skip
