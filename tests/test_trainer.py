"""The loop with a toy learner: what it does at each command, fault and full disk. No model is loaded."""

from __future__ import annotations

import contextlib
import errno
import itertools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import Tensor, nn

from kohya_like.checkpoint import Position, StateStore
from kohya_like.data.dataset import Batch
from kohya_like.events import ControlFile, Event, Finished, Phase, Reporter, Sample, Saved, Step, Validation, Warned
from kohya_like.length import Length
from kohya_like.methods.base import Adapter
from kohya_like.objective.objective import LossResult
from kohya_like.optim.ema import Ema
from kohya_like.optim.optimizers import build_optimizer
from kohya_like.optim.schedules import build_schedule
from kohya_like.output import SavePlan
from kohya_like.schema.errors import UserError
from kohya_like.trainer import Optimization, Outputs, Trainer

pytestmark = pytest.mark.quick

START = torch.tensor([3.0, -2.0])


def batch(index: int) -> Batch:
    one = torch.ones(1)
    size = [(8, 8)]
    name = f"pic-{index}.png"
    return Batch(1, index, [name], [""], None, torch.zeros(1, 4, 1, 1), None, one, one > 2, size, [(0, 0)], size)


class Learner:
    """Squared distance to a noisy target; `poison` is a batch whose loss is not a number."""

    def __init__(self, weight: nn.Parameter, poison: int | None = None) -> None:
        self.weight, self.poison = weight, poison

    def loss(self, batch: Batch, generator: torch.Generator) -> LossResult:
        noise = torch.randn(2, generator=generator) + 0.1 * torch.randn(2)
        loss = (self.weight - noise).square().sum()
        if batch.index == self.poison:
            loss = loss * float("nan")
        return LossResult(loss, loss.detach()[None], torch.zeros(1))

    def validation_loss(self) -> float:
        return float(self.weight.detach().square().sum())


class Method:
    trains_text_encoders = False

    def __init__(self, weight: nn.Parameter, fail: Callable[[Path], None] = lambda path: None) -> None:
        self.weight, self.fail = weight, fail

    def parameter_groups(self) -> list[dict[str, Any]]:
        return [{"name": "unet", "params": [self.weight], "lr": 0.1}]

    def modules(self) -> Mapping[str, nn.Module]:
        return {}

    def before_step(self, step: int) -> None: ...

    def after_step(self) -> None: ...

    def state(self) -> dict[str, Tensor]:
        return {"weight": self.weight.detach().clone()}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        with torch.no_grad():
            self.weight.copy_(tensors["weight"])

    def try_saving(self, path: Path) -> None:
        self.save(path, {}, True)

    def save(self, path: Path, metadata: Mapping[str, str], overwrite: bool) -> None:
        self.fail(path)
        path.write_text(str(self.weight.tolist()), encoding="utf-8")

    def adapter(self) -> Adapter:
        return "lora"

    def disabled(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()


class Previews:
    at_first = True

    def __init__(self, broken: bool = False) -> None:
        self.broken = broken

    def due(self, step: int, epoch_ended: int | None) -> bool:
        return step == 4

    def draw(self, step: int, emit: Callable[[Event], None]) -> None:
        if self.broken:
            raise RuntimeError("no pictures today")
        emit(Sample(step, "p", 0, 1, "x.png"))


class Rig:
    """A trainer over `total` steps with everything it says."""

    def __init__(self, folder: Path, total: int = 8, **more: Any) -> None:
        AcceleratorState._reset_state(reset_partial_state=True)
        self.events: list[Event] = []
        self.hooks: list[Callable[[Event], None]] = []
        self.control = ControlFile(None, "")
        weight = nn.Parameter(START.clone())
        self.method = Method(weight, more.pop("fail", lambda path: None))
        optimizer = build_optimizer("AdamW", self.method.parameter_groups(), learning_rate=0.1)
        average = Ema([weight], 0.9) if more.pop("ema", False) else None
        plan = SavePlan(folder / "out", "toy", suffix=".txt", **more.pop("plan", {}))
        outputs = Outputs(
            plan, StateStore(folder / "checkpoints", 9), lambda step, epoch: {}, Reporter(None, [self.hear]),
            self.control, more.pop("state_every", None),
        )  # fmt: skip
        self.trainer = Trainer(
            Accelerator(cpu=True), self.method, Learner(weight, more.pop("poison", None)), self.loader,
            Optimization(optimizer, build_schedule(optimizer, "cosine", total, 2), 1.0, average),
            more.pop("length", Length(total, 4)), outputs, Position(0, 5, "base", "plan"), **more,
        )  # fmt: skip

    def hear(self, event: Event) -> None:
        self.events.append(event)
        for hook in self.hooks:
            hook(event)

    def loader(self, start: int) -> Iterator[Batch]:
        return map(batch, itertools.count(start))

    def ask_at(self, step: int, *verbs: str) -> None:
        def hook(event: Event) -> None:
            if isinstance(event, Step) and event.step == step:
                for verb in verbs:
                    self.control.ask(verb)  # type: ignore[arg-type]

        self.hooks.append(hook)

    def kinds(self, kind: type[Event]) -> list[Any]:
        return [e for e in self.events if isinstance(e, kind)]

    @property
    def weight(self) -> list[float]:
        return self.method.weight.tolist()

    def files(self) -> list[str]:
        return sorted(p.name for p in self.trainer.outputs.plan.folder.iterdir())


def test_a_run_to_its_end(tmp_path: Path) -> None:
    rig = Rig(tmp_path, plan={"every_epochs": 1}, previews=Previews(), validate_due=lambda step, ended: ended == 1)
    finished = rig.trainer.train()
    assert finished == Finished("done", 8, str(tmp_path / "out" / "toy.txt"))
    assert [e.step for e in rig.kinds(Step)] == list(range(1, 9))
    assert [e.epoch for e in rig.kinds(Step)] == [1] * 4 + [2] * 4
    assert rig.files() == ["toy-000001.txt", "toy.txt"], "and the test file is gone"
    assert [e.step for e in rig.kinds(Sample)] == [0, 4]
    assert [e.step for e in rig.kinds(Validation)] == [4]
    assert rig.weight != START.tolist()
    order = [type(e).__name__ for e in rig.events if getattr(e, "step", None) == 4]
    assert order.index("Saved") < order.index("Sample"), "a file is saved before pictures are tried"


@pytest.mark.parametrize("cut", [1, 3, 4, 6])
@pytest.mark.parametrize("ema", [False, True])
def test_pause_and_resume_end_with_the_same_bits(tmp_path: Path, cut: int, ema: bool) -> None:
    length = Length(8, 5, accumulation=2)  # 3 steps an epoch, the last of one batch
    straight = Rig(tmp_path / "a", ema=ema, length=length)
    straight.trainer.train()
    first = Rig(tmp_path / "b", ema=ema, length=length)
    first.ask_at(cut, "pause")
    assert first.trainer.train().reason == "paused"
    assert first.files() == [], "a pause writes a state and no file"
    second = Rig(tmp_path / "b", ema=ema, length=length)
    found = second.trainer.outputs.store.newest()
    assert found is not None and found[0].position.step == cut
    second.trainer.restore(found[0])
    second.trainer.train()
    assert second.weight == straight.weight
    assert [e.loss for e in first.kinds(Step) + second.kinds(Step)] == [e.loss for e in straight.kinds(Step)]
    assert second.trainer.outputs.plan.final().read_text() == straight.trainer.outputs.plan.final().read_text()


def test_another_seed_ends_elsewhere(tmp_path: Path) -> None:
    a, b = Rig(tmp_path / "a"), Rig(tmp_path / "b")
    b.trainer.position = Position(0, 6, "base", "plan")
    a.trainer.train()
    b.trainer.train()
    assert a.weight != b.weight


def test_the_file_holds_the_average(tmp_path: Path) -> None:
    rig = Rig(tmp_path, ema=True)
    rig.trainer.train()
    assert (tmp_path / "out" / "toy.txt").read_text() != str(rig.weight)


def test_stop_saves_a_numbered_file_and_a_state(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.ask_at(3, "stop")
    assert rig.trainer.train() == Finished("stopped", 3, str(tmp_path / "out" / "toy-step00000003.txt"))
    assert [e.what for e in rig.kinds(Saved)] == ["network", "state"]


def test_stop_after_epoch(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.ask_at(2, "stop_after_epoch")
    assert rig.trainer.train().step == 4


def test_save_and_sample_on_request(tmp_path: Path) -> None:
    rig = Rig(tmp_path, previews=Previews())
    rig.ask_at(2, "save", "sample")
    rig.trainer.train()
    assert "toy-step00000002.txt" in rig.files()
    assert [e.step for e in rig.kinds(Sample)] == [0, 2, 4]


def test_failing_pictures_never_end_a_run(tmp_path: Path) -> None:
    rig = Rig(tmp_path, previews=Previews(broken=True))
    assert rig.trainer.train().reason == "done"
    assert [e.text for e in rig.kinds(Warned)] == ["the preview pictures failed: no pictures today"] * 2


def test_a_loss_that_is_no_number_stops_at_once_and_names_the_picture(tmp_path: Path) -> None:
    rig = Rig(tmp_path, poison=5, plan={"every_epochs": 1})
    with pytest.raises(UserError) as caught:
        rig.trainer.train()
    assert "the loss is not a number at step 6 (pictures: pic-5.png)" in caught.value.text
    assert "lower the learning rate" in caught.value.hint
    assert all(torch.isfinite(torch.tensor(rig.weight))), "the poisoned gradient was not applied"
    assert rig.files() == ["toy-000001.txt"]


def test_an_infinite_gradient_stops_too(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.method.weight.register_hook(lambda g: g * float("inf"))
    with pytest.raises(UserError, match="the gradient is not a number at step 1"):
        rig.trainer.train()


def full_disk(times: int) -> Callable[[Path], None]:
    left = [times]

    def fail(path: Path) -> None:
        if not path.name.startswith(".") and left[0]:
            left[0] -= 1
            raise OSError(errno.ENOSPC, "No space left on device", str(path))

    return fail


def test_a_full_disk_waits_until_asked_and_loses_nothing(tmp_path: Path) -> None:
    rig = Rig(tmp_path, fail=full_disk(2))
    rig.hooks.append(
        lambda e: rig.control.ask("save") if isinstance(e, Phase) and e.name == "waiting for disk space" else None
    )
    assert rig.trainer.train().reason == "done"
    said = [e.text for e in rig.kinds(Warned)]
    assert len(said) == 2 and "the disk is full" in said[0] and "toy.txt" in said[0]
    assert rig.files() == ["toy.txt"]


def test_stopping_on_a_full_disk_ends_with_a_sentence(tmp_path: Path) -> None:
    rig = Rig(tmp_path, fail=full_disk(99), plan={"every_epochs": 1})
    rig.hooks.append(lambda e: rig.control.ask("stop") if isinstance(e, Warned) else None)
    with pytest.raises(UserError, match="stopped while the disk was full"):
        rig.trainer.train()


def test_an_output_folder_that_cannot_be_written_is_found_before_the_first_step(tmp_path: Path) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    rig = Rig(tmp_path, fail=refuse)
    with pytest.raises(UserError, match="nothing can be saved there: Permission denied"):
        rig.trainer.train()
    assert rig.kinds(Step) == []


def test_length_counts_batches_and_epochs() -> None:
    length = Length(total=9, batches_per_epoch=5, accumulation=2)
    assert length.steps_per_epoch == 3
    assert [length.batches_in(step) for step in range(6)] == [2, 2, 1, 2, 2, 1]
    assert [length.first_batch(step) for step in range(7)] == [0, 2, 4, 5, 7, 9, 10]
    assert [length.epoch_ended(step) for step in range(1, 7)] == [None, None, 1, None, None, 2]
    assert [length.epoch(step) for step in range(1, 7)] == [1, 1, 1, 2, 2, 2]


class TestLossScaler:
    """fp16's scaler, here on the CPU: its factor is taken out of the gradient, an overflow costs one step."""

    def rig(self, folder: Path, scale: float = 2.0**16) -> Rig:
        rig = Rig(folder)
        if scale:
            rig.trainer.accelerator.scaler = torch.amp.GradScaler("cpu", init_scale=scale)
        return rig

    def test_the_factor_leaves_no_trace(self, tmp_path: Path) -> None:
        scaled, plain = self.rig(tmp_path / "a"), self.rig(tmp_path / "b", scale=0)
        scaled.trainer.train()
        plain.trainer.train()
        assert scaled.weight == plain.weight
        assert [e.gradient_norm for e in scaled.kinds(Step)] == [e.gradient_norm for e in plain.kinds(Step)]

    def test_an_overflow_costs_one_step(self, tmp_path: Path) -> None:
        rig = self.rig(tmp_path)
        before: list[list[float]] = []
        rig.hooks.append(lambda event: before.append(rig.weight) if isinstance(event, Step) else None)
        third = itertools.count(1)
        rig.method.weight.register_hook(lambda g: g * float("inf") if next(third) == 3 else g)
        assert rig.trainer.train().reason == "done"
        assert before[2] == before[1] != before[3], "the third step was left out"
        assert rig.kinds(Step)[2].gradient_norm == 0.0
        assert rig.trainer.accelerator.scaler.get_scale() == 2.0**15

    def test_overflows_without_end_are_a_fault(self, tmp_path: Path) -> None:
        rig = self.rig(tmp_path)
        rig.trainer.length = Length(100, 4)
        rig.method.weight.register_hook(lambda g: g * float("inf"))
        with pytest.raises(UserError, match="the gradient is not a number at step 32"):
            rig.trainer.train()

    def test_its_factor_is_resumed(self, tmp_path: Path) -> None:
        rig = self.rig(tmp_path, scale=2.0**5)
        rig.ask_at(2, "pause")
        rig.trainer.train()
        second = self.rig(tmp_path)
        found = second.trainer.outputs.store.newest()
        assert found is not None
        second.trainer.restore(found[0])
        second.trainer.train()
        assert second.trainer.accelerator.scaler.get_scale() == 2.0**5


def test_previews_validation_and_files_see_no_dropout(tmp_path: Path) -> None:
    rig = Rig(tmp_path, previews=Previews(), validate_due=lambda step, ended: True)
    module = nn.Dropout(0.5)
    rig.method.modules = lambda: {"network": module}  # type: ignore[method-assign]
    seen: dict[str, bool] = {}
    rig.hooks.append(lambda event: seen.setdefault(type(event).__name__, module.training))  # type: ignore[arg-type,func-returns-value]
    rig.trainer.train()
    assert seen["Step"] is True and seen["Sample"] is False
    assert module.training
