"""The training process in its run folder: every ending is an event, a code and a sentence; no file is lost."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pytest
import torch
from safetensors.torch import load as read
from safetensors.torch import load_file, save_file

from kohya_like import supervise
from kohya_like.cli import main
from kohya_like.config import load, to_toml
from kohya_like.events import (
    CONTROL,
    EVENTS,
    RUN,
    Controlled,
    Event,
    Failed,
    Finished,
    Phase,
    Reporter,
    Saved,
    Step,
    Warned,
    read_events,
    send,
)
from kohya_like.formats import atomic
from kohya_like.runs import CONFIG, exit_text
from kohya_like.schema.errors import ConfigError, UserError
from kohya_like.training import claimed, explained, last_state, resolved, run_in_folder, start_checked
from tests.tiny_runs import base, preset, trained

Listener = Callable[[Event], None]
ROOT = Path(__file__).parent.parent


@dataclass
class Process:
    """The training process, here in this one: its run folder, and who is told of each event as it comes."""

    root: Path
    listeners: list[Listener]

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def out(self) -> Path:
        return self.root / "out"

    def prepare(self, **changes: Any) -> None:
        self.run.mkdir(exist_ok=True)
        config, _ = load(preset(self.root, **changes))
        (self.run / CONFIG).write_text(to_toml(config), encoding="utf-8")

    def train(self, resume: bool = False, **changes: Any) -> int:
        if not resume:
            self.prepare(**changes)
        return run_in_folder(self.run, resume)

    def all(self, kind: type[Event]) -> list[Any]:
        return [record.event for record in read_events(self.run / EVENTS)[0] if isinstance(record.event, kind)]

    def files(self) -> list[str]:
        return sorted(path.name for path in self.out.iterdir())

    def failed(self, **changes: Any) -> str:
        """The sentence of a run that must fail."""
        assert self.train(**changes) == 1
        (event,) = self.all(Failed)
        return f"{event.text}\n{event.hint}"


@pytest.fixture
def process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Process]:
    made = Process(tmp_path, [])
    emit = Reporter.emit

    def told(self: Reporter, event: Event) -> None:
        emit(self, event)
        for listener in made.listeners:
            listener(event)

    monkeypatch.setattr(Reporter, "emit", told)
    before = signal.getsignal(signal.SIGTERM)
    yield made
    signal.signal(signal.SIGTERM, before)


def at(kind: type[Event], act: Callable[[], object], **facts: Any) -> Listener:
    """Act at events of a kind with these facts."""

    def listener(event: Event) -> None:
        if isinstance(event, kind) and all(getattr(event, key) == value for key, value in facts.items()):
            act()

    return listener


def overflowing_vae(folder: Path) -> Path:
    """A VAE that looks sound and returns infinities."""
    copy = shutil.copytree(base("mini").folder / "vae", folder / "vae")
    file = copy / "diffusion_pytorch_model.safetensors"
    tensors = load_file(file)
    tensors["quant_conv.bias"] = torch.full_like(tensors["quant_conv.bias"], float("inf"))
    save_file(tensors, file)
    return copy


class TestEndings:
    def test_a_whole_run(self, process: Process) -> None:
        assert process.train() == 0
        assert [event.reason for event in process.all(Finished)] == ["done"]
        assert process.files() == ["tiny.safetensors"], "no test file, no lock, no leftover"
        assert last_state(process.run) == 3

    def test_terminate_is_stop_with_a_file_and_a_state(self, process: Process) -> None:
        process.listeners.append(at(Step, lambda: os.kill(os.getpid(), signal.SIGTERM), step=2))
        assert process.train(train__max_train_steps=50) == 0
        (finished,) = process.all(Finished)
        assert (finished.reason, finished.step) == ("stopped", 2)
        assert process.files() == ["tiny-step00000002.safetensors"]
        assert [event.what for event in process.all(Saved)] == ["network", "state"]

    @pytest.mark.parametrize("verb", ["stop", "pause"])
    def test_a_stop_while_pictures_are_encoded_does_not_wait_for_the_rest(self, process: Process, verb: Any) -> None:
        (process.root / "run").mkdir()
        (process.run / RUN).write_text(json.dumps({"token": ""}))
        asked = at(Phase, lambda: send(process.run, verb), name="cache", done=1)
        process.listeners.append(asked)
        assert process.train() == 0
        ended = "paused" if verb == "pause" else "stopped"
        assert [(event.reason, event.step) for event in process.all(Finished)] == [(ended, 0)]
        assert [event.verb for event in process.all(Controlled)] == [verb]
        assert max(event.done for event in process.all(Phase) if event.name == "cache") == 1
        process.listeners.remove(asked)
        (process.run / CONTROL).unlink()  # the next process has another token and would not listen to it
        assert process.train(resume=True) == 0
        assert process.files() == ["tiny.safetensors"]

    def test_what_a_killed_run_left_half_written_is_swept(self, process: Process) -> None:
        process.out.mkdir()
        leftover = process.out / f"{atomic.TEMP_PREFIX}{'0' * 16}.tmp"
        leftover.write_bytes(b"half")
        assert process.train() == 0 and not leftover.exists()


class TestFaults:
    def test_a_model_that_overflows_names_the_pictures_and_keeps_the_last_file(self, process: Process) -> None:
        folder = shutil.copytree(base("mini").folder, process.root / "base")
        file = folder / "unet" / "diffusion_pytorch_model.safetensors"
        tensors = load_file(file)
        tensors["conv_out.bias"] = torch.full_like(tensors["conv_out.bias"], float("nan"))
        save_file(tensors, file)
        said = process.failed(model__base=str(folder))
        assert "the loss is not a number at step 1 (pictures: 2_sks thing/" in said
        assert "lower the learning rate" in said
        assert process.files() == [] and process.all(Step) == []

    def test_a_vae_that_overflows_names_the_picture(self, process: Process) -> None:
        said = process.failed(model__vae=str(overflowing_vae(process.root)))
        assert "2_sks thing/0.png: The VAE returned numbers that are not finite" in said
        assert "hardware.vae_precision" in said

    def test_no_such_network_to_continue(self, process: Process) -> None:
        missing = process.root / "none.safetensors"
        for more in ({}, {"network__dim_from_weights": True}):
            shutil.rmtree(process.run, ignore_errors=True)
            assert str(missing) in process.failed(network__weights=str(missing), **more)

    def test_a_network_of_another_family(self, process: Process) -> None:
        said = process.failed(network__weights=str(trained("sdxl")), network__conv_dim=2)
        assert str(trained("sdxl")) in said and "is a network for Stable Diffusion XL, and this is" in said

    def test_a_network_of_another_rank_tells_how(self, process: Process) -> None:
        said = process.failed(network__weights=str(trained("mini")), network__conv_dim=2, network__dim=3)
        assert "has shape" in said and "network.dim_from_weights = true" in said

    def test_files_of_an_earlier_training_are_kept(self, process: Process) -> None:
        process.out.mkdir()
        mine = process.out / "tiny-000003.safetensors"
        mine.write_bytes(b"a night's work")
        said = process.failed()
        assert f"{mine} is there already" in said and "save.overwrite = true" in said
        assert mine.read_bytes() == b"a night's work" and process.files() == [mine.name]

    def test_or_replaced_where_that_is_asked(self, process: Process) -> None:
        process.out.mkdir()
        (process.out / "tiny.safetensors").write_bytes(b"old")
        assert process.train(save__overwrite=True) == 0
        assert len(load_file(process.out / "tiny.safetensors")) > 100

    def test_two_runs_of_one_name(self, process: Process) -> None:
        with claimed(process.out, "tiny"):
            said = process.failed()
        assert f"another run is writing tiny into {process.out}" in said and "save.output_name" in said
        assert process.files() == []
        shutil.rmtree(process.run)
        with claimed(process.out, "other"):
            assert process.train() == 0

    def test_an_output_folder_that_is_a_file(self, process: Process) -> None:
        process.out.write_text("mine")
        assert f"{process.out}: nothing can be saved there" in process.failed()
        assert process.out.read_text() == "mine"

    def test_pictures_that_are_gone_at_a_resume(self, process: Process) -> None:
        from tests.tiny_runs import pictures

        folder = shutil.copytree(pictures(), process.root / "pictures")
        process.listeners.append(at(Step, lambda: os.kill(os.getpid(), signal.SIGTERM), step=1))
        assert process.train(data__train_data_dir=str(folder)) == 0
        next(folder.rglob("*.png")).unlink()
        assert process.train(resume=True) == 1
        assert "this run cannot be continued exactly: pictures" in process.all(Failed)[0].text

    def test_our_own_fault_is_told_as_that(
        self, process: Process, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def broken(*_: Any, **__: Any) -> None:
            raise KeyError("oops")

        monkeypatch.setattr("kohya_like.recipe.build", broken)
        assert "KeyError: 'oops'\nthis is our fault" in process.failed()
        assert "Traceback (most recent call last)" in capsys.readouterr().err, "the whole of it, for console.log"

    def test_no_memory_tells_what_helps(self) -> None:
        told = explained(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB"))
        assert told.text.startswith("out of memory:") and "gradient_checkpointing" in told.hint

    def test_what_torch_cannot_compile(self) -> None:
        from torch._dynamo.exc import TorchDynamoException

        told = explained(TorchDynamoException("no C++ compiler"))
        assert told.text == "the UNet could not be compiled: no C++ compiler" and "torch_compile = false" in told.hint

    def test_a_killed_worker_is_no_fault_of_ours(self) -> None:
        """torch raises this from its SIGCHLD handler, in whatever line the training is."""
        told = explained(RuntimeError("DataLoader worker (pid 4711) is killed by signal: Killed. "))
        assert told.text == "a process that prepares pictures was killed, most likely for lack of memory"
        assert "max_data_loader_n_workers = 0" in told.hint


class TestFullDisk:
    def test_it_waits_for_space_and_for_save(self, process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
        """The files of step 2 meet a disk that is full twice: once for the network, once for the state."""
        full, write = [False], atomic.atomic_write
        tries: list[str] = []

        def limited(path: Path, body: Callable[[BinaryIO], None], **how: bool) -> None:
            tries.append(path.name)
            if full[0]:
                raise OSError(errno.ENOSPC, "No space left on device")
            write(path, body, **how)

        def freed() -> None:
            full[0] = False
            send(process.run, "save")

        monkeypatch.setattr("kohya_like.formats.tensors.atomic_write", limited)
        process.run.mkdir()
        (process.run / RUN).write_text(json.dumps({"token": ""}))
        process.listeners += [
            at(Step, lambda: full.__setitem__(0, True), step=2),
            at(Phase, freed, name="waiting for disk space"),
            at(Saved, lambda: full.__setitem__(0, process.all(Saved)[-1].step == 2), what="network"),
        ]
        assert process.train(save__save_every_n_steps=2) == 0
        first, second = (event.text for event in process.all(Warned))
        assert first.startswith(f"the disk is full: {process.out / 'tiny-step00000002.safetensors'} needs about ")
        assert re.search(r"needs about 0\.[1-4] MB, .* has \d+\.\d MB. Training waits; nothing is lost", first)
        assert second.startswith(f"the disk is full: {process.run / 'checkpoints' / 'state'} needs about ")
        assert [event.verb for event in process.all(Controlled)] == ["save", "save"]
        assert process.files() == ["tiny-step00000002.safetensors", "tiny.safetensors"]
        assert all(len(load_file(process.out / name)) > 100 for name in process.files())
        assert tries.count("tiny-step00000002.safetensors") == 2

    @pytest.mark.full
    def test_on_a_disk_that_is_really_full(self, tmp_path: Path) -> None:
        """A tmpfs of 400 kB in a namespace of its own; skipped where the system allows no such thing."""
        small = tmp_path / "small"
        small.mkdir()
        mount = f"mount -t tmpfs -o size=400k small '{small}'"
        if subprocess.run(["unshare", "-rm", "sh", "-c", mount], capture_output=True).returncode:
            pytest.skip("no user namespaces here")
        run = tmp_path / "run"
        run.mkdir()
        config, _ = load(preset(tmp_path, "sd1", save__output_dir=str(small / "out"), save__save_every_n_steps=1))
        (run / CONFIG).write_text(to_toml(config), encoding="utf-8")
        (run / RUN).write_text(json.dumps({"token": ""}))
        script = f"{mount} && exec '{sys.executable}' -m kohya_like run-trainer '{run}'"
        child = subprocess.Popen(["unshare", "-rm", "sh", "-c", script], cwd=ROOT)
        inside = Path(f"/proc/{child.pid}/root{small}/out")
        waits = 0
        try:
            while child.poll() is None:
                told = [record.event for record in read_events(run / EVENTS)[0]]
                if sum(isinstance(event, Warned) for event in told) > waits and isinstance(told[-1], Phase):
                    waits += 1
                    files = [path for path in sorted(inside.iterdir()) if path.suffix == ".safetensors"]
                    assert files and all(len(read(path.read_bytes())) > 100 for path in files), (
                        "what was there is whole"
                    )
                    files[0].unlink()
                    send(run, "save")
        finally:
            child.kill()
        assert child.returncode == 0 and waits >= 1
        assert [event.reason for event in told if isinstance(event, Finished)] == ["done"]


class TestStart:
    def test_all_that_forbids_it_at_once_and_nothing_is_written(self, tmp_path: Path) -> None:
        config = preset(tmp_path, model__base="/none", data__train_data_dir=str(tmp_path / "none"))
        with pytest.raises(ConfigError) as caught:
            start_checked(config, [], None)
        assert {"model.base", "data.train_data_dir"} <= {fault.key for fault in caught.value.faults}
        assert sorted(path.name for path in tmp_path.iterdir()) == ["preset.toml"]

    def test_a_run_folder_that_is_not_empty(self, tmp_path: Path) -> None:
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "mine.txt").write_text("mine")
        with pytest.raises(UserError, match="is not empty"):
            start_checked(preset(tmp_path), [], tmp_path / "run")
        assert [path.name for path in (tmp_path / "run").iterdir()] == ["mine.txt"]

    def test_a_seed_is_drawn_once(self, tmp_path: Path) -> None:
        config, _ = load(preset(tmp_path, train__seed=None))
        first, second = resolved(config), resolved(config)
        assert config.train.seed is None and first.train.seed != second.train.seed
        assert resolved(first) == first


class TestSupervised:
    """The verb `train` with the real processes."""

    def test_a_run_and_a_fault_that_only_the_process_finds(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        config, run = preset(tmp_path), tmp_path / "run"
        assert main(["train", str(config), "--run", str(run), "--json"]) == 0
        assert (run / "console.log").is_file() and json.loads((run / "exit.json").read_text())["code"] == 0
        events = [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()]
        assert events[0] == "phase" and events[-1] == "finished" and events.count("step") == 3
        assert supervise.status(run) == "finished" and exit_text(run) == ""
        assert load(run / CONFIG)[0].train.seed == 5
        before = (tmp_path / "out" / "tiny.safetensors").read_bytes()

        again = tmp_path / "again"
        vae = f"model.vae={overflowing_vae(tmp_path)}"
        assert main(["train", str(config), "--run", str(again), "--set", "save.overwrite=true", "--set", vae]) == 1
        said = capsys.readouterr()
        assert "error: " in said.out and "numbers that are not finite" in said.out
        assert "Traceback" not in said.out + said.err
        assert supervise.status(again) == "failed" and exit_text(again) == "the training process ended with code 1"
        assert (tmp_path / "out" / "tiny.safetensors").read_bytes() == before
