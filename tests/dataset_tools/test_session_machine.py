"""Edit, bulk rename, undo, redo, outside edits and deletions, kills at any file operation, restarts, in any order.

After each: every file holds bytes that somebody wrote, whole; what was written outside and not seen here stands
untouched; edits older than a second are there after a kill; conflicts are found; what was not edited has its old bytes.
Time is a value that the machine moves on.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from dataset_tools import autosave
from dataset_tools.writer import Backup, Stamp, read_caption_file
from tests.dataset_tools.caption_machine import Captions

CALM = settings(
    deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True, print_blob=False
)


def test_nothing_typed_is_lost_and_nothing_foreign_overwritten() -> None:
    run_state_machine_as_test(Captions, settings=settings(CALM, max_examples=40, stateful_step_count=30))


@pytest.mark.full
def test_nothing_is_lost_in_long_sequences() -> None:
    run_state_machine_as_test(
        Captions, settings=settings(CALM, max_examples=3000, stateful_step_count=50, phases=[Phase.generate])
    )


def plain(path: str, wanted: bytes | None, known: Stamp | None, backup: Backup) -> Stamp | None:
    """The control: what most caption tools do."""
    if wanted is None:
        os.unlink(path)
        return None
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        os.write(descriptor, wanted)
    finally:
        os.close(descriptor)
    return read_caption_file(path)[1]


def test_the_control_writing_in_place_fails_the_same_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autosave, "write_caption_file", plain)
    hasty = settings(CALM, max_examples=400, stateful_step_count=30, phases=[Phase.generate])
    with pytest.raises((AssertionError, FileNotFoundError, ExceptionGroup)):
        run_state_machine_as_test(Captions, settings=hasty)
