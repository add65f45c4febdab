"""What `check` found, as values: for the terminal, for the window, and as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kohya_like.data.plan import StepCount
from kohya_like.preflight.estimate import DiskNeed, MemoryEstimate
from kohya_like.schema.errors import Fault, Severity


@dataclass(frozen=True)
class ModelRow:
    """The base model, as its header tells. Empty texts are what it does not tell."""

    path: str
    container: str = ""
    kind: str = ""
    family: str = ""
    label: str = ""
    prediction_type: str = ""
    resolution: tuple[int, int] = (0, 0)  # that is trained at, px
    parameters: dict[str, int] = field(default_factory=dict)  # numbers of each part


@dataclass(frozen=True)
class ConceptRow:
    """One folder. `samples` is what it adds to an epoch: pictures that are trained, times their effective repeats."""

    name: str
    folder: str
    repeats: int
    class_tokens: str
    is_reg: bool
    loss_weight: float
    images: int
    samples: int
    captions: dict[str, int]
    missing_captions: int
    empty_captions: int
    unreadable: int
    too_small: int
    too_large: int


@dataclass(frozen=True)
class BucketRow:
    width: int
    height: int
    samples: int
    batches: int


@dataclass(frozen=True)
class PartRow:
    """One part of the model. `parameters` and `layers` are None where the model's file could not be read."""

    part: str
    trained: bool
    learning_rate: float
    rate_from: str  # the option the rate comes from
    layers: int | None
    parameters: int | None


@dataclass(frozen=True)
class FilePlan:
    """The files a run writes: how many, the last one, and the first of them by name."""

    folder: str
    final: str
    count: int
    kept: int
    names: tuple[str, ...]
    bytes_each: int | None


@dataclass(frozen=True)
class CheckReport:
    """Everything known before a model is loaded. Parts that could not be worked out are None or empty."""

    faults: tuple[Fault, ...]
    model: ModelRow
    concepts: tuple[ConceptRow, ...] = ()
    images: int = 0
    held_out: int = 0
    buckets: tuple[BucketRow, ...] = ()
    steps: StepCount | None = None
    warmup_steps: int = 0
    parts: tuple[PartRow, ...] = ()
    files: FilePlan | None = None
    memory: MemoryEstimate | None = None
    disks: tuple[DiskNeed, ...] = ()
    device: str = ""

    @property
    def errors(self) -> tuple[Fault, ...]:
        return self.of("error")

    @property
    def warnings(self) -> tuple[Fault, ...]:
        return self.of("warning")

    @property
    def hints(self) -> tuple[Fault, ...]:
        return self.of("hint")

    def of(self, severity: Severity) -> tuple[Fault, ...]:
        return tuple(fault for fault in self.faults if fault.severity == severity)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `ok` says whether a training may start."""
        values: dict[str, Any] = {"ok": not self.errors, **_plain(asdict(self))}
        if self.memory is not None:
            values["memory"] |= {"training": self.memory.training, "peak": self.memory.peak}
        return values


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return str(value) if isinstance(value, Path) else value
