"""A run as a terminal sees it: a progress bar and a summary (rich), plain lines in a pipe, or JSON lines."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from kohya_like.data.folders import times
from kohya_like.events import Event, Failed, Finished, Phase, Record, Resumed, Sample, Saved, Started, Step, Validation
from kohya_like.events import Warned as Warning_
from kohya_like.schema.errors import UserError


def say(text: str, error: bool = False) -> None:
    """One line of plain text; foreign text is never read as markup."""
    Console(stderr=error, highlight=False, soft_wrap=True).print(Text(text))


def exit_code(run: Callable[[], int]) -> int:
    """What a verb ends with. Faults of input are a sentence on stderr and code 1; Ctrl+C is 130."""
    try:
        return run()
    except UserError as error:
        say(f"error: {error}", error=True)
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        say(f"error: {where}{error.strerror or error}", error=True)
        return 1
    except KeyboardInterrupt:
        return 130


class JsonView:
    """Each event as the line that stands in the log."""

    def show(self, event: Event) -> None:
        sys.stdout.write(json.dumps({"event": event.kind, **asdict(event)}, ensure_ascii=False) + "\n")
        sys.stdout.flush()

    def close(self) -> None:
        pass


class PlainView:
    """For pipes and logs: a line per phase and saved file, every hundredth step, every warning."""

    def __init__(self, every: int = 50) -> None:
        self._every = every
        self._total = 0

    def show(self, event: Event) -> None:
        match event:
            case Started():
                self._total = event.total_steps
                say(described(event))
            case Step() if event.step % self._every == 0 or event.step == self._total:
                where = f"step {event.step}/{self._total}  epoch {event.epoch}"
                say(f"{where}  loss {event.loss:.4f}  {event.seconds:.3f} s")
            case Step():
                pass
            case Phase() if event.done:
                pass
            case _:
                if text := described(event):
                    say(text)

    def close(self) -> None:
        pass


class RichView:
    """A bar for whatever takes the time, with loss and rate; messages above it."""

    def __init__(self) -> None:
        self._loss = ""
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=32),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=Console(highlight=False),
        )
        self._task: TaskID | None = None
        self._smoothed: float | None = None
        self._progress.start()

    def show(self, event: Event) -> None:
        match event:
            case Phase():
                self._bar(event.name, event.done, event.total)
            case Step():
                kept = event.loss if self._smoothed is None else 0.95 * self._smoothed + 0.05 * event.loss
                self._smoothed = kept
                note = f"loss {kept:.4f}  {1 / max(event.seconds, 1e-6):.2f} it/s  epoch {event.epoch}"
                if self._task is not None:
                    self._progress.update(self._task, completed=event.step, note=note)
            case _:
                if text := described(event):
                    self._progress.console.print(Text(text))

    def _bar(self, name: str, done: int, total: int) -> None:
        if self._task is not None and self._progress.tasks[0].description == name:
            self._progress.update(self._task, completed=done, total=total or None)
            return
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._progress.add_task(name, total=total or None, completed=done, note="")

    def close(self) -> None:
        self._progress.stop()


def described(event: Event) -> str:
    """An event as a sentence; empty for those that only move a bar."""
    match event:
        case Started():
            rates = ", ".join(f"{part} {rate:g}" for part, rate in event.groups.items())
            return (
                f"{times(event.total_steps, 'step')} in {times(event.epochs, 'epoch')}; "
                f"{event.parameters:,} trained numbers; learning rates: {rates}"
            )
        case Phase():
            return f"{event.name} ..."
        case Saved():
            return f"saved {event.path}"
        case Sample():
            return f"picture {event.path}"
        case Validation():
            return f"validation loss {event.loss:.5f} after step {event.step}"
        case Resumed():
            return f"continues after step {event.step}"
        case Warning_() | Failed():
            label = "warning" if isinstance(event, Warning_) else "error"
            return f"{label}: {event.text}" + (f"\n  {event.hint}" if event.hint else "")
        case Finished():
            return {"done": "finished", "stopped": "stopped", "paused": "paused"}[event.reason] + (
                f" after step {event.step}: {event.path}" if event.path else f" after step {event.step}"
            )
    return ""


View = JsonView | PlainView | RichView


def view(as_json: bool) -> View:
    if as_json:
        return JsonView()
    return RichView() if sys.stdout.isatty() else PlainView()


def watch(records: Iterable[Record], shown: View) -> Event | None:
    """Show records until they end; returns the last Finished or Failed."""
    last: Event | None = None
    try:
        for record in records:
            shown.show(record.event)
            if isinstance(record.event, Finished | Failed):
                last = record.event
    finally:
        shown.close()
    return last
