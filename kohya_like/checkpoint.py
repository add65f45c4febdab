"""Exact resume: state folders that are complete only by their rename, with a manifest of sha256 sums.

`<run>/checkpoints/state-00000100/` holds `manifest.json`, `trained.safetensors` and `optimizer.pt` (optimizer,
schedule, average, loss scaler: tensors and plain values only). It is written aside under a temporary name, every file
fsynced, and renamed last; a state whose manifest does not match is never used, the one before it is. The noise of a
step is drawn from the run's seed and the number of the batch, so a resumed run draws what an unbroken one would have
drawn; torch's random state is kept as well, for whatever draws outside a batch.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kohya_like.formats.atomic import atomic_folder, sweep_orphans
from kohya_like.formats.tensors import open_tensors, save_safetensors
from kohya_like.schema.errors import FormatError, UserError

MANIFEST = "manifest.json"
PREFIX = "state-"


@dataclass(frozen=True)
class Position:
    """Where a run stands, and what it may be continued with."""

    step: int
    seed: int
    base_model: str  # sha256 or folder fingerprint of the base model
    plan: str  # fingerprint of everything that decides the order and number of batches
    files: tuple[str, ...] = ()  # names of the files written so far
    smoothed_loss: float | None = None


@dataclass(frozen=True)
class State:
    position: Position
    trained: Mapping[str, Tensor]
    optimizer: Mapping[str, Any]
    extra: Mapping[str, Any] = field(default_factory=dict)  # schedule, average, loss scaler


class StateStore:
    """The `checkpoints` folder of one run. `keep` newest states stay."""

    def __init__(self, folder: Path, keep: int = 2) -> None:
        self.folder, self.keep = folder, keep

    def save(self, state: State) -> Path:
        """Write a state. OSErrors (disk full) pass through; what was there stays whole."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{PREFIX}{state.position.step:08d}"
        if path.exists():
            try:
                if read_manifest(path)["position"]["step"] == state.position.step:
                    self._verified(path)
                    return path  # the same step is the same state
            except FormatError:
                shutil.rmtree(path)
        with atomic_folder(path) as folder:
            save_safetensors(folder / "trained.safetensors", state.trained, None)
            torch.save({"optimizer": state.optimizer, "extra": state.extra}, folder / "optimizer.pt")
            sums = {file.name: digest(file) for file in sorted(folder.iterdir())}
            body = {"version": 1, "position": asdict(state.position), "sha256": sums}
            manifest = {"sum": own_sum(body), **body}
            (folder / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        self._prune()
        return path

    def newest(self) -> tuple[State, Path, list[str]] | None:
        """The newest whole state, its folder, and a sentence for each damaged one that was passed over."""
        passed_over: list[str] = []
        for path in sorted(self.states(), reverse=True):
            try:
                return self.load(path), path, passed_over
            except FormatError as error:
                passed_over.append(str(error))
        if passed_over:
            raise UserError(
                "no saved state of this run is whole:\n" + "\n".join(passed_over),
                "start again from the last saved file with network.weights",
            )
        return None

    def load(self, path: Path) -> State:
        """One state. Raises FormatError if any file differs from the manifest."""
        manifest = self._verified(path)
        raw = torch.load(path / "optimizer.pt", map_location="cpu", weights_only=True)
        position = Position(**{**manifest["position"], "files": tuple(manifest["position"]["files"])})
        return State(
            position,
            read_all(path / "trained.safetensors"),
            raw["optimizer"],
            raw["extra"],
        )

    def states(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return [p for p in self.folder.iterdir() if p.is_dir() and p.name.startswith(PREFIX)]

    def sweep(self) -> list[Path]:
        """Remove what a killed process left half-written."""
        return sweep_orphans(self.folder) if self.folder.is_dir() else []

    def _verified(self, path: Path) -> dict[str, Any]:
        manifest = read_manifest(path)
        for name, expected in manifest["sha256"].items():
            file = path / name
            if not file.is_file() or digest(file) != expected:
                raise FormatError(f"{path.name}: {name} is damaged or missing", "an earlier state is used instead")
        return manifest

    def _prune(self) -> None:
        for old in sorted(self.states())[: -self.keep]:
            # renamed first, so that a kill in the middle leaves an orphan and never half a state
            doomed = old.with_name(f".old-{old.name}")
            old.rename(doomed)
            shutil.rmtree(doomed, ignore_errors=True)
        for doomed in self.folder.glob(".old-*"):
            shutil.rmtree(doomed, ignore_errors=True)


def read_manifest(path: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        if manifest.pop("sum") != own_sum(manifest):
            raise FormatError(f"{path.name}: its manifest is damaged", "an earlier state is used instead")
        if manifest["version"] != 1:
            raise FormatError(f"{path.name}: written by another version of this program")
        return manifest
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FormatError(f"{path.name}: its manifest cannot be read", "an earlier state is used instead") from error


def own_sum(body: Mapping[str, Any]) -> str:
    """The manifest's checksum of itself."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_all(path: Path) -> dict[str, Tensor]:
    file = open_tensors(path)
    try:
        return {name: file.get(name).clone() for name in file.keys()}  # noqa: SIM118
    finally:
        file.close()


def check_same_run(saved: Position, now: Position) -> None:
    """Refuse to continue with another base model, seed or batch plan. Raises UserError, all differences at once."""
    faults = []
    if saved.base_model != now.base_model:
        faults.append("the base model is another file than the one this run began with")
    if saved.seed != now.seed:
        faults.append(f"the seed was {saved.seed} and is now {now.seed}")
    if saved.plan != now.plan:
        faults.append("pictures, captions, repeats, batch size or resolution have changed since")
    if faults:
        raise UserError(
            "this run cannot be continued exactly: " + "; ".join(faults),
            "restore what changed, or start a new run from the last file with network.weights",
        )
