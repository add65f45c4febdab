"""The one loop. It knows protocols and never a family, a method or an algorithm by name.

A step is a pure function of (weights, optimizer state, seed, step number): pictures, captions and noise are drawn from
the seed and the number of the batch. That is why a resumed run ends with the same bits as one that was never cut.
"""

from __future__ import annotations

import contextlib
import math
import resource
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import torch
from accelerate import Accelerator
from torch import Tensor

from kohya_like.batch_log import BatchLog
from kohya_like.checkpoint import Position, State, StateStore
from kohya_like.data.dataset import Batch
from kohya_like.events import (
    ControlFile,
    Controlled,
    EndRequested,
    Event,
    Finished,
    Phase,
    Reporter,
    Saved,
    Step,
    Validation,
    Warned,
)
from kohya_like.full_disk import Patience
from kohya_like.length import Length
from kohya_like.methods.base import Adapter, TrainingMethod, trainable
from kohya_like.objective.objective import LossResult
from kohya_like.optim.ema import Ema
from kohya_like.optim.optimizers import averaged_weights, effective_rates
from kohya_like.optim.stepping import WeightByWeight, load_exactly
from kohya_like.output import SavePlan
from kohya_like.schema.errors import UserError

T = TypeVar("T")
Reason = Literal["done", "stopped", "paused"]
# With a loss scaler the first gradients overflow by design; this many in a row do not.
OVERFLOWS = 32
SAVED: dict[Adapter, Literal["model", "network", "embedding"]] = {
    "": "model", "lora": "network", "textual-inversion": "embedding",
}  # fmt: skip


class Learner(Protocol):
    """Turns a batch into a loss; made by the recipe from family, method and objective."""

    def loss(self, batch: Batch, generator: torch.Generator) -> LossResult: ...

    def validation_loss(self) -> float: ...


class Previews(Protocol):
    @property
    def at_first(self) -> bool: ...

    def due(self, step: int, epoch_ended: int | None) -> bool: ...

    def draw(self, step: int, emit: Callable[[Event], None]) -> None: ...


@dataclass(frozen=True)
class Optimization:
    optimizer: torch.optim.Optimizer
    schedule: Any  # steps with the optimizer; state_dict / load_state_dict
    clip_norm: float = 0.0
    average: Ema | None = None
    single: WeightByWeight | None = None


@dataclass(frozen=True)
class Outputs:
    plan: SavePlan
    store: StateStore
    metadata: Callable[[int, int], dict[str, str]]  # (step, epoch) -> what the file says of itself
    reporter: Reporter
    control: ControlFile
    state_every_steps: int | None = None
    batch_log: BatchLog | None = None


@dataclass
class Trainer:
    """`train` runs to the end, or to a stop. Raises UserError for what a person can mend (a loss that is no number)."""

    accelerator: Accelerator
    method: TrainingMethod
    learner: Learner
    batches: Callable[[int], Iterator[Batch]]
    optimization: Optimization
    length: Length
    outputs: Outputs
    position: Position
    previews: Previews | None = None
    validate_due: Callable[[int, int | None], bool] = lambda step, ended: False
    step: int = 0
    files: list[str] = field(default_factory=list)
    overflows: int = 0

    def train(self) -> Finished:
        self._test_save()
        if self.step == 0 and self.previews is not None and self.previews.at_first:
            self._sample()
        self.outputs.reporter.emit(Phase("train", self.step, self.length.total))
        batches = self.batches(self.length.first_batch(self.step))
        while self.step < self.length.total:
            if (reason := self.one_whole_step(batches)) is not None:
                return self._finish(reason)
        return self._finish("done")

    def one_whole_step(self, batches: Iterator[Batch]) -> Reason | None:
        """A step and all that is due after it. Returns a reason to end here, if there is one."""
        started = time.perf_counter()
        loss, norm = self._one_step(batches)
        self.step += 1
        self._report(loss, norm, time.perf_counter() - started)
        ended = self.length.epoch_ended(self.step)
        self._save_if_due(ended)
        if self.validate_due(self.step, ended):
            self._validate()
        if self.previews is not None and self.previews.due(self.step, ended):
            self._sample()
        return self._obey(ended)

    def _one_step(self, batches: Iterator[Batch]) -> tuple[float, float]:
        """Forward and backward over the step's batches, then the optimizer. Returns mean loss and gradient norm."""
        self.method.before_step(self.step)
        single = self.optimization.single
        if single is not None:
            single.begin(self.step)
        count = self.length.batches_in(self.step)
        losses: list[Tensor] = []
        names: list[str] = []
        for _ in range(count):
            batch = next(batches)
            names += batch.identities
            if self.outputs.batch_log is not None:
                self.outputs.batch_log.note(self.step + 1, batch)
            generator = self._seeded(batch.index)
            with self.accelerator.autocast():
                result = self.learner.loss(batch, generator)
            if single is not None and single.fused:  # a loss that is no number must not reach the weights
                self._check_finite(result.loss.item(), 0.0, names)
            self.accelerator.backward(result.loss / count)
            losses.append(result.loss.detach())
        norm = self._clip()
        loss, gradient = torch.stack([torch.stack(losses).mean(), norm.to(losses[0])]).tolist()
        self._check_finite(loss, gradient, names)
        self._apply_gradient()
        return loss, gradient if math.isfinite(gradient) else 0.0

    def _apply_gradient(self) -> None:
        optimization, scaler = self.optimization, self.accelerator.scaler
        if scaler is None:
            (optimization.single or optimization.optimizer).step()
        else:  # leaves the step out where a gradient overflowed, and then scales the next ones less
            scaler.step(optimization.optimizer)
            scaler.update()
        optimization.schedule.step()
        optimization.optimizer.zero_grad()
        self.numbers = self.method.after_step() or {}
        if optimization.average is not None:
            optimization.average.update()

    def _seeded(self, batch: int) -> torch.Generator:
        """Noise of a batch from (seed, batch); torch's own state likewise, for dropout."""
        seed = (self.position.seed * 0x9E3779B97F4A7C15 + batch * 2 + 1) % 2**63
        torch.manual_seed(seed)
        return torch.Generator().manual_seed(seed ^ 1)

    def _clip(self) -> Tensor:
        """The gradient's norm before it is shortened; a loss scaler's factor is taken out of it first."""
        optimizer, single = self.optimization.optimizer, self.optimization.single
        if single is not None and single.fused:
            return single.norm()
        if self.accelerator.scaler is not None:
            self.accelerator.scaler.unscale_(optimizer)
        return torch.nn.utils.clip_grad_norm_(
            list(trainable(optimizer.param_groups)), self.optimization.clip_norm or math.inf
        )

    def _check_finite(self, loss: float, gradient: float, names: list[str]) -> None:
        if math.isfinite(loss) and math.isfinite(gradient):
            self.overflows = 0
            return
        self.overflows += 1
        if math.isfinite(loss) and self.accelerator.scaler is not None and self.overflows < OVERFLOWS:
            return
        what = "loss" if not math.isfinite(loss) else "gradient"
        shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
        raise UserError(
            f"the {what} is not a number at step {self.step + 1} (pictures: {shown}); training stopped, "
            f"the files saved so far are whole",
            "lower the learning rate; with fp16 use bf16 or hardware.vae_precision = 'fp32'; look at those pictures",
        )

    def _report(self, loss: float, norm: float, seconds: float) -> None:
        optimizer = self.optimization.optimizer
        names = [group.get("name", str(i)) for i, group in enumerate(optimizer.param_groups)]
        rates = dict(zip(names, effective_rates(optimizer)))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        if self.accelerator.device.type == "cuda":
            memory = torch.cuda.max_memory_allocated()
        epoch = self.length.epoch(self.step)
        self.outputs.reporter.emit(Step(self.step, epoch, loss, rates, round(seconds, 4), memory, norm, self.numbers))

    @contextlib.contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        """Say what takes the time now, and afterwards that training goes on."""
        self.outputs.reporter.emit(Phase(name, self.step, self.length.total))
        try:
            yield
        finally:
            self.outputs.reporter.emit(Phase("train", self.step, self.length.total))

    @contextlib.contextmanager
    def _as_saved(self) -> Iterator[None]:
        """Inside, the trained weights are those that a file gets, averaged where something averages; no dropout."""
        average = self.optimization.average
        modules = self.method.modules().values()
        for module in modules:
            module.eval()
        try:
            with averaged_weights(self.optimization.optimizer), average.swap() if average else contextlib.nullcontext():
                yield
        finally:
            for module in modules:
                module.train()

    def _test_save(self) -> None:
        """Find out before the first step, not after the last, that the output folder cannot be written."""
        path = self.outputs.plan.final().with_name(f".{self.outputs.plan.name}.test{self.outputs.plan.suffix}")
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with self._as_saved():
                self.method.try_saving(path)
        except OSError as error:
            text = f"{path.parent}: nothing can be saved there: {error.strerror}"
            raise UserError(text, "choose another folder") from error
        finally:
            self._remove(path)

    def _remove(self, path: Path) -> None:
        for file in self.outputs.plan.written_with(path):
            if file.is_dir() and not file.is_symlink():
                shutil.rmtree(file, ignore_errors=True)
            else:
                file.unlink(missing_ok=True)

    def _save_if_due(self, ended: int | None) -> None:
        outputs = self.outputs
        path = outputs.plan.due(self.step, ended, self.length.total)
        if path is not None:
            self._save(path)
            old = outputs.plan.outdated(self.step, ended)
            if old is not None and old.name in self.files:
                self._remove(old)
        if path is not None or (outputs.state_every_steps and self.step % outputs.state_every_steps == 0):
            self._save_state()

    def _save(self, path: Path) -> None:
        def write() -> None:
            with self._as_saved():
                metadata = self.outputs.metadata(self.step, self.length.epoch(self.step))
                self.method.save(path, metadata, True)  # names of earlier trainings were refused before the start

        with self._phase("save"):
            self._patiently(write, path, trained_bytes(self.optimization.optimizer))
        if path.name not in self.files:
            self.files.append(path.name)
        self.outputs.reporter.emit(Saved(self.step, str(path), SAVED[self.method.adapter()]))

    def _save_state(self) -> None:
        position = Position(
            self.step, self.position.seed, self.position.base_model, self.position.plan, tuple(self.files)
        )
        optimization = self.optimization
        extra = {"schedule": optimization.schedule.state_dict(), "random": torch.get_rng_state()}
        if optimization.average is not None:
            extra["average"] = optimization.average.state_dict()
        if self.accelerator.scaler is not None:
            extra["scaler"] = self.accelerator.scaler.state_dict()
        state = State(position, self.method.state(), optimization.optimizer.state_dict(), extra)
        needed = trained_bytes(optimization.optimizer) * 3  # the weights, and as a rule two moments of each
        path = self._patiently(lambda: self.outputs.store.save(state), self.outputs.store.folder / "state", needed)
        self.outputs.reporter.emit(Saved(self.step, str(path), "state"))

    def restore(self, state: State) -> None:
        """Continue from a state: trained weights, optimizer, average, schedule, step."""
        optimization = self.optimization
        self.method.load_state(state.trained)
        load_exactly(optimization.optimizer, dict(state.optimizer))
        optimization.schedule.load_state_dict(state.extra["schedule"])
        torch.set_rng_state(state.extra["random"])
        if optimization.average is not None:
            optimization.average.load_state_dict(state.extra["average"])
        if self.accelerator.scaler is not None and "scaler" in state.extra:
            self.accelerator.scaler.load_state_dict(state.extra["scaler"])
        self.step = state.position.step
        self.files = list(state.position.files)

    def _patiently(self, write: Callable[[], T], path: Path, needed_bytes: int) -> T:
        waiting = Patience(self.outputs.reporter, self.outputs.control)
        return waiting.write(write, path, needed_bytes, self.step, self.length.total)

    def _validate(self) -> None:
        with self._as_saved(), self.accelerator.autocast():
            loss = self.learner.validation_loss()
        self.outputs.reporter.emit(Validation(self.step, self.length.epoch(self.step), loss))

    def _sample(self) -> None:
        """Pictures must never end a run: whatever goes wrong is a warning. A stop does not wait for the rest."""
        assert self.previews is not None

        def emit(event: Event) -> None:
            self.outputs.reporter.emit(event)
            self.outputs.control.end_if_asked()

        try:
            with self._phase("sample"), self._as_saved(), torch.no_grad():
                self.previews.draw(self.step, emit)
        except EndRequested:  # it waits in the control file and is obeyed after this step
            return
        except UserError as error:
            self.outputs.reporter.emit(Warned(f"the preview pictures failed: {error.text}", error.hint))
        except Exception as error:
            told = str(error).strip().split("\n")[0] or type(error).__name__
            self.outputs.reporter.emit(Warned(f"the preview pictures failed: {told}", "training goes on"))

    def _obey(self, ended: int | None) -> Reason | None:
        for command in self.outputs.control.poll():
            self.outputs.reporter.emit(Controlled(command.id, command.verb, self.step))
            if command.verb == "stop":
                return "stopped"
            if command.verb == "pause":
                return "paused"
            if command.verb == "save":
                self._save(self.outputs.plan.at_step(self.step))
                self._save_state()
            elif command.verb == "sample" and self.previews is not None:
                self._sample()
            elif command.verb == "stop_after_epoch":
                self.outputs.control.stop_after_epoch = True
        return "stopped" if ended is not None and self.outputs.control.stop_after_epoch else None

    def _finish(self, reason: Reason) -> Finished:
        path = None
        if reason == "done":
            path = self.outputs.plan.final()
        elif reason == "stopped":
            path = self.outputs.plan.at_step(self.step)
        if path is not None:
            self._save(path)
        self._save_state()
        finished = Finished(reason, self.step, str(path) if path else "")
        self.outputs.reporter.emit(finished)
        return finished


def trained_bytes(optimizer: torch.optim.Optimizer) -> int:
    return sum(p.numel() * p.element_size() for p in trainable(optimizer.param_groups))
