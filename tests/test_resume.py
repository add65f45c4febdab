"""Exact resume with real processes: whatever is cut by kill -9, wherever, ends with the bits of an unbroken run.

Every run goes through the supervisor on the embedded model. What is compared: trained weights, optimizer, average,
random state, file list, the saved file's tensors, every loss, and every caption in every batch.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from kohya_like import runs, supervise
from kohya_like.checkpoint import StateStore
from kohya_like.config import load, to_toml
from kohya_like.demo.run import PRESET, demo_overrides
from kohya_like.events import EVENTS, Finished, Saved, Step, read_events, settled
from kohya_like.formats.atomic import TEMP_PREFIX
from kohya_like.formats.tensors import open_tensors
from kohya_like.schema.errors import UserError

BASIC = (
    "train.max_train_steps=14", "train.train_batch_size=2", "train.seed=5", "sample.prompts=[]",
    "save.save_state_every_n_steps=3", "save.save_every_n_steps=7", "save.log_batches=true", "hardware.threads=1",
    "network.dim=2", "data.shuffle_caption=true", "data.caption_dropout_rate=0.2", "network.dropout=0.1",
)  # fmt: skip
HEAVY = (
    "train.gradient_accumulation_steps=2", "train.ema_decay=0.9", "optimizer.optimizer_type='Prodigy'",
    "optimizer.learning_rate=1.0", "optimizer.optimizer_args={}",
)  # fmt: skip


def prepare(folder: Path, overrides: Sequence[str]) -> Path:
    run = folder / "run"
    run.mkdir(parents=True)
    own = [*demo_overrides(folder / "out"), f"data.cache_dir={json.dumps(str(folder / 'cache'))}", *BASIC, *overrides]
    config, _ = load(PRESET, own)
    (run / runs.CONFIG).write_text(to_toml(config), encoding="utf-8")
    return run


def begin(run: Path) -> Any:
    fresh = not (run / EVENTS).exists()
    return supervise.launch(run, runs.trainer_command(run)) if fresh else runs.resume(run)


def finish(run: Path) -> None:
    assert begin(run).wait(timeout=300) == 0, (run / "console.log").read_text()[-3000:]


def kill_when(run: Path, moment: Callable[[], bool]) -> bool:
    """Start or resume, kill -9 the trainer at the moment. False if the run was over before it came."""
    supervisor = begin(run)
    deadline = time.monotonic() + 300
    while supervisor.poll() is None:
        assert time.monotonic() < deadline
        if moment():
            body = json.loads((run / "run.json").read_text(encoding="utf-8"))
            with contextlib.suppress(ProcessLookupError):  # it ended by itself in this very moment
                os.kill(body["trainer"]["pid"], signal.SIGKILL)
            supervisor.wait(timeout=60)
            if runs.is_done(run):
                return False
            assert supervise.status(run) == "interrupted"
            return True
    return False


def after_seconds(seconds: float) -> Callable[[], bool]:
    started = time.monotonic()
    return lambda: time.monotonic() - started > seconds


def saving(run: Path, nth: int = 1) -> Callable[[], bool]:
    """True while a state is being written under its temporary name, the n-th time one is seen."""
    folder = run / "checkpoints"
    seen: set[str] = set()

    def moment() -> bool:
        if folder.is_dir():
            seen.update(name for name in os.listdir(folder) if name.startswith(TEMP_PREFIX))
        return len(seen) >= nth

    return moment


def caching(folder: Path, entries: int) -> Callable[[], bool]:
    """True when so many pictures are in the cache, of the 76 there are."""
    return lambda: sum(1 for _ in folder.glob("cache/latents/*/*.entry")) >= entries


def outcome(run: Path) -> dict[str, Any]:
    """Everything a run leaves that must not depend on whether it was cut."""
    found = StateStore(run / "checkpoints").newest()
    assert found is not None and found[2] == []
    state = found[0]
    records = settled(read_events(run / EVENTS)[0])
    out = run.parent / "out"
    files = sorted(p.name for p in out.iterdir())
    with open_tensors(out / "ghost.safetensors") as file:
        saved = {name: file.get(name).clone() for name in file}
    return {
        "position": state.position,
        "trained": dict(state.trained),
        "optimizer": state.optimizer,
        "extra": state.extra,
        "files": files,
        "saved": saved,
        "losses": [(r.event.step, r.event.loss, r.event.lr) for r in records if isinstance(r.event, Step)],
        "written": [
            Path(r.event.path).name for r in records if isinstance(r.event, Saved) and r.event.what == "network"
        ],
        "batches": (run / "batches.jsonl").read_text(encoding="utf-8"),
        "end": [r.event.reason for r in records if isinstance(r.event, Finished)],
        "orphans": [str(p) for p in run.parent.rglob(".*") if p.name not in (".lock", ".ghost.lock")],
    }


def differences(a: Any, b: Any, place: str = "") -> list[str]:
    """Where two outcomes differ; tensors are compared bit for bit."""
    if isinstance(a, torch.Tensor):
        return [] if isinstance(b, torch.Tensor) and torch.equal(a, b) else [place]
    if isinstance(a, dict):
        if not isinstance(b, dict) or a.keys() != b.keys():
            return [f"{place} keys"]
        return [d for key in a for d in differences(a[key], b[key], f"{place}.{key}")]
    if isinstance(a, list | tuple):
        if len(a) != len(b):
            return [f"{place} length"]
        return [d for i, (x, y) in enumerate(zip(a, b)) for d in differences(x, y, f"{place}[{i}]")]
    return [] if a == b else [f"{place}: {a!r} != {b!r}"[:200]]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Sequence[str]], dict[str, Any]]:
    """The outcome of an unbroken run with some overrides, made once."""
    made: dict[tuple[str, ...], dict[str, Any]] = {}

    def outcome_of(overrides: Sequence[str]) -> dict[str, Any]:
        key = tuple(overrides)
        if key not in made:
            run = prepare(tmp_path_factory.mktemp("unbroken"), overrides)
            finish(run)
            made[key] = outcome(run)
        return made[key]

    return outcome_of


def test_the_comparison_sees_another_seed(tmp_path: Path, unbroken: Callable[[Sequence[str]], dict[str, Any]]) -> None:
    run = prepare(tmp_path, ["train.seed=6"])
    finish(run)
    found = " ".join(differences(unbroken(()), outcome(run)))
    for part in ("trained", "optimizer", "saved", "losses", "batches"):
        assert f".{part}" in found


def test_killed_in_a_save_and_while_caching(
    tmp_path: Path, unbroken: Callable[[Sequence[str]], dict[str, Any]]
) -> None:
    run = prepare(tmp_path, ())
    assert kill_when(run, caching(tmp_path, 9))
    assert kill_when(run, saving(run))
    finish(run)
    assert differences(unbroken(()), outcome(run)) == []


@pytest.mark.full
@pytest.mark.parametrize(
    "overrides", [(), HEAVY, ("data.max_data_loader_n_workers=2",)], ids=["plain", "heavy", "workers"]
)
@pytest.mark.parametrize("seed", [1, 2])
def test_four_kills_in_a_chain(
    tmp_path: Path, overrides: Sequence[str], seed: int, unbroken: Callable[[Sequence[str]], dict[str, Any]]
) -> None:
    """Two inside caching, two inside a save, four at moments drawn uniformly over the wall time of a run."""
    rng = random.Random(seed)
    run = prepare(tmp_path, overrides)
    assert kill_when(run, caching(tmp_path, rng.randint(2, 20)))
    assert kill_when(run, caching(tmp_path, rng.randint(30, 50)))
    kills = 2
    moments = [saving(run, 1), saving(run, 2), *(after_seconds(rng.uniform(0.5, 6.0)) for _ in range(4))]
    over = False
    while moments and not over:  # a fast machine may be done before the last of them
        over = not kill_when(run, moments.pop(0))
        kills += not over
    assert kills >= 4
    if not over:
        finish(run)
    assert differences(unbroken(overrides), outcome(run)) == []


def test_a_run_that_is_done_is_not_done_again(tmp_path: Path) -> None:
    run = prepare(tmp_path, ["train.max_train_steps=2"])
    finish(run)
    written = (run / EVENTS).read_bytes()
    with pytest.raises(UserError, match="has finished: there is nothing left to train") as refused:
        runs.resume(run)
    assert "train.max_train_steps" in refused.value.hint
    assert (run / EVENTS).read_bytes() == written and supervise.status(run) == "finished"
    config = (run / runs.CONFIG).read_text(encoding="utf-8")
    (run / runs.CONFIG).write_text(config.replace("max_train_steps = 2", "max_train_steps = 4"), encoding="utf-8")
    finish(run)
    assert [r.event.step for r in settled(read_events(run / EVENTS)[0]) if isinstance(r.event, Step)] == [1, 2, 3, 4]


@pytest.mark.full
def test_workers_change_nothing(unbroken: Callable[[Sequence[str]], dict[str, Any]]) -> None:
    assert differences(unbroken(()), unbroken(("data.max_data_loader_n_workers=2",))) == []


@pytest.mark.full
def test_another_base_model_is_refused(tmp_path: Path) -> None:
    import shutil

    from kohya_like.demo.run import demo_base

    copy = shutil.copytree(demo_base(), tmp_path / "base")
    run = prepare(tmp_path, [f"model.base={json.dumps(str(copy))}"])
    assert kill_when(run, lambda: bool(list((run / "checkpoints").glob("state-*"))))
    weights = copy / "unet" / "diffusion_pytorch_model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-2:] = b"\x00\x00"
    weights.write_bytes(data)
    assert begin(run).wait(timeout=300) == 1
    assert "the base model is another file" in (run / EVENTS).read_text(encoding="utf-8")
