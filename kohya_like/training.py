"""From a preset to a run folder, and the training process inside one."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

from kohya_like import runs
from kohya_like.config import TrainConfig, dumped, load, to_toml
from kohya_like.events import (
    CONTROL,
    EVENTS,
    TOKEN_VARIABLE,
    ControlFile,
    Controlled,
    EndRequested,
    Failed,
    Finished,
    Reporter,
)
from kohya_like.formats.atomic import sweep_orphans
from kohya_like.schema.errors import ConfigError, UserError

MEMORY_HINT = (
    "in this order: train.gradient_checkpointing = true; train.mixed_precision = 'bf16'; train.train_batch_size = 1; "
    "network.train_text_encoder = false; an 8-bit optimizer; a smaller data.resolution"
)

WORKERS_HINT = "set data.max_data_loader_n_workers = 0, close other programs; in a container give it more /dev/shm"


def start_checked(path: Path, overrides: Sequence[str], run: Path | None) -> tuple[Path, subprocess.Popen[bytes]]:
    """Check a preset, say its warnings on stderr, and start it.

    Raises ConfigError with everything that forbids it; nothing is then written.
    """
    from kohya_like.console import say
    from kohya_like.preflight import check

    config, document = load(path, overrides)
    report = check(config, document)
    for fault in report.warnings:
        say(f"warning: {fault}", error=True)
    if report.errors:
        raise ConfigError(report.errors)
    return launched(config, run)


def launched(config: TrainConfig, run: Path | None = None) -> tuple[Path, subprocess.Popen[bytes]]:
    """A config that was found sound becomes a run folder with a detached supervisor."""
    folder = new_folder(config, run)
    return folder, runs.start(folder, to_toml(resolved(config)))


def new_folder(config: TrainConfig, run: Path | None) -> Path:
    if run is None:
        return runs.new_run_folder(Path(config.save.output_dir), config.save.output_name)
    if run.exists() and any(run.iterdir()):
        raise UserError(f"{run} is not empty", "a new run wants a new folder; --resume goes on with an old one")
    run.mkdir(parents=True, exist_ok=True)
    return run.resolve()


def resolved(config: TrainConfig) -> TrainConfig:
    """The config with its seed drawn, so that a resume draws the same."""
    if config.train.seed is not None:
        return config
    values = dumped(config)
    values["train"]["seed"] = secrets.randbits(32)
    return TrainConfig.model_validate(values)


def run_in_folder(run: Path, resume: bool) -> int:
    """The training process: everything it has to say goes into the folder. Returns its exit code."""
    reporter = Reporter(run / EVENTS)
    control = ControlFile(run / CONTROL, os.environ.get(TOKEN_VARIABLE, ""))

    def on_terminate(number: int, frame: FrameType | None) -> None:
        control.ask("stop")

    signal.signal(signal.SIGTERM, on_terminate)
    try:
        config, _ = load(run / runs.CONFIG, ())
        output = Path(config.save.output_dir)
        with claimed(output, config.save.output_name):
            from kohya_like.recipe import build

            for folder in (run, run / "samples", output):
                sweep_orphans(folder)  # what a killed run left half-written

            build(config, run, reporter, control, resume).train()
        return 0
    except EndRequested as request:  # before the first step: what is cached is kept, there is nothing else to save
        step = last_state(run)
        reporter.emit(Controlled(request.command.id, request.command.verb, step))
        reporter.emit(Finished("paused" if request.command.verb == "pause" else "stopped", step))
        return 0
    except UserError as error:
        reporter.emit(Failed(error.text, error.hint))
        return 1
    except Exception as error:
        traceback.print_exc(file=sys.stderr)
        reporter.emit(explained(error))
        return 1
    finally:
        reporter.close()


def last_state(run: Path) -> int:
    """The step a resume would go on from, by the names of the states; 0 where there is none."""
    names = (path.name.removeprefix("state-") for path in (run / "checkpoints").glob("state-*"))
    return max((int(name) for name in names if name.isdecimal()), default=0)


def explained(error: Exception) -> Failed:
    """An unforeseen error as a sentence; the whole of it is in console.log."""
    text = str(error).strip().splitlines()
    first = text[0] if text else type(error).__name__
    if type(error).__name__ == "OutOfMemoryError" or isinstance(error, MemoryError) or "not enough memory" in first:
        return Failed(f"out of memory: {first}", MEMORY_HINT)
    if "DataLoader worker" in first:  # torch raises it from a signal handler, wherever the program is at that moment
        return Failed("a process that prepares pictures was killed, most likely for lack of memory", WORKERS_HINT)
    if type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
        return Failed(f"the UNet could not be compiled: {first}", "set hardware.torch_compile = false")
    if isinstance(error, OSError) and error.filename:
        return Failed(f"{error.filename}: {error.strerror}", "see console.log in the run folder")
    return Failed(f"{type(error).__name__}: {first}", "this is our fault, not yours; console.log has the details")


@contextlib.contextmanager
def claimed(folder: Path, name: str) -> Iterator[None]:
    """Two runs must not write files of one name into one folder; the kernel frees a killed run's claim."""
    path = folder / f".{name}.lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    except OSError as error:
        raise UserError(f"{folder}: nothing can be saved there: {error.strerror}", "choose another folder") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            taken = os.stat(path).st_ino != os.fstat(file.fileno()).st_ino  # its owner removed it as we opened it
        except OSError:
            taken = True
        if taken:
            raise UserError(
                f"another run is writing {name} into {folder}", "wait for it, or choose another save.output_name"
            )
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
