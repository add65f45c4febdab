"""Killed or failing at any file operation, a save leaves the old file or the new one, whole; orphans are swept.

Each loop counts n = 1, 2, 3 ... until a run in which nothing was hit, as SQLite's tests do.
"""

from __future__ import annotations

import errno
import os
from collections import Counter
from pathlib import Path

import pytest

from kohya_like.formats.atomic import atomic_write, sweep_orphans
from tests.formats.faults import (
    CONTROL,
    FAULTS,
    STRACE,
    SYSTEM_CALLS,
    WRITERS,
    Scene,
    Script,
    killed_at,
    numbers,
    scripted,
    traced,
)

needs_strace = pytest.mark.skipif(STRACE is None, reason="strace is not installed (.ci/run installs it)")
# the calls whose n-th kill decides between old and new; the rest run in the full set
SHORT_CALLS = ("write", "fsync", "?rename")


@pytest.fixture(autouse=True)
def umask() -> object:
    before = os.umask(0o027)
    yield
    os.umask(before)


def kills(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    found: Counter[str] = Counter()
    for number in numbers():
        if not killed_at(scene, number, monkeypatch.setattr):
            found[f"unharmed {scene.verdict(tidy=True)}"] += 1
            return found
        found[scene.verdict()] += 1
    raise AssertionError("endless")


@pytest.mark.parametrize("name", WRITERS)
def test_killed_at_every_operation(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = kills(Scene(tmp_path / "run", WRITERS[name]), monkeypatch)
    assert found.keys() == {"old", "new", "unharmed new"}
    assert found["old"] >= 3 and found["new"] >= 1


@pytest.mark.parametrize("forever", [False, True])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", WRITERS)
def test_an_error_at_every_operation(name: str, fault: str, forever: bool, tmp_path: Path) -> None:
    scene = Scene(tmp_path / "run", WRITERS[name])
    found: Counter[str] = Counter()

    def fail() -> None:
        raise OSError(FAULTS[fault], os.strerror(FAULTS[fault]))

    for number in numbers():
        script = Script(number, fail, forever)
        with pytest.MonkeyPatch.context() as patch:
            try:
                scripted(script, scene.save, patch.setattr)
            except OSError as error:
                assert error.errno == FAULTS[fault]  # as the system said it, for the trainer to know a full disk
                found["raised"] += 1
        if not script.hit:
            assert scene.verdict(tidy=True) == "new"
            break
        # where removing the temporary file is what fails, the sweep does it
        found[scene.verdict(tidy=not forever and script.failed != "unlink")] += 1
    assert found.keys() <= {"old", "new", "raised"} and found["old"] >= 3 and found["raised"] >= 3


def test_the_control_writing_in_place_fails_the_same_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = kills(Scene(tmp_path / "run", CONTROL), monkeypatch)
    assert found["torn"] >= 2 and found["unharmed new"] == 1


@needs_strace
def test_the_control_under_strace(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "run", CONTROL)
    verdicts = set()
    for when in (1, 2):
        assert traced(scene, "write", "signal=KILL", str(when)).hit
        verdicts.add(scene.verdict())
    assert verdicts == {"torn"}


def trace_all(scene: Scene, calls: tuple[str, ...], fault: str, suffix: str = "") -> Counter[str]:
    found: Counter[str] = Counter()
    for call in calls:
        for number in numbers():
            outcome = traced(scene, call, fault, f"{number}{suffix}")
            if not outcome.hit:
                assert (outcome.code, scene.verdict(tidy=True)) == (0, "new"), call
                break
            verdict = scene.verdict()
            found[verdict] += 1
            assert verdict in ("old", "new"), (call, number, verdict)
            if outcome.code == 0:
                found["saved all the same"] += 1
            elif outcome.code > 0:
                assert outcome.code in (*FAULTS.values(), errno.EINTR), (call, number, outcome.code)
    return found


@needs_strace
@pytest.mark.parametrize("name", WRITERS)
def test_killed_by_strace(name: str, tmp_path: Path) -> None:
    found = trace_all(Scene(tmp_path / "run", WRITERS[name]), SHORT_CALLS, "signal=KILL")
    assert found["old"] >= 2 and found["new"] + found["old"] == sum(found.values())


@needs_strace
@pytest.mark.full
@pytest.mark.parametrize("fault", ["signal=KILL", "error=ENOSPC", "error=EIO", "error=EINTR"])
@pytest.mark.parametrize("name", WRITERS)
def test_every_fault_at_every_call_by_strace(name: str, fault: str, tmp_path: Path) -> None:
    scene = Scene(tmp_path / "run", WRITERS[name])
    assert trace_all(scene, SYSTEM_CALLS, fault)["old"] >= (0 if "EINTR" in fault else 3)


@needs_strace
@pytest.mark.full
@pytest.mark.parametrize("name", WRITERS)
def test_a_disk_that_stays_full_by_strace(name: str, tmp_path: Path) -> None:
    scene = Scene(tmp_path / "run", WRITERS[name])
    assert trace_all(scene, ("write", "fsync", "openat"), "error=ENOSPC", "+")["old"] >= 3


def test_a_living_writer_is_not_swept(tmp_path: Path) -> None:
    def sweep_meanwhile(file: object) -> None:
        assert [path.name for path in tmp_path.iterdir()] and sweep_orphans(tmp_path) == []
        file.write(b"whole")  # type: ignore[attr-defined]

    atomic_write(tmp_path / "a", sweep_meanwhile)
    assert (tmp_path / "a").read_bytes() == b"whole"


@pytest.mark.parametrize("name", WRITERS)
def test_the_order_that_survives_a_power_cut(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data reach the disk before the name does, and the name before the save is reported done (git, core.fsync)."""
    done: list[str] = []
    files: set[str] = set()

    def watch(function: str) -> None:
        real = getattr(os, function)

        def noted(*args: object) -> object:
            if function == "fsync":
                path = os.readlink(f"/proc/self/fd/{args[0]}")
                done.append("folder" if os.path.isdir(path) else "file")
                files.add(path)
            else:
                done.append("name")
            return real(*args)

        monkeypatch.setattr(os, function, noted)

    scene = Scene(tmp_path / "run", WRITERS[name])
    for function in ("fsync", "replace", "rename", "link"):
        watch(function)
    scene.save()
    assert done[-2:] == ["name", "folder"] and "file" in done[:-2]
    if name == "folder":  # every file and folder in it, before its own name
        synced = {path.rpartition(".tmp")[2] for path in files}
        assert {"/network.safetensors", "/inner/manifest.json", "/inner", ""} <= synced
    else:
        assert done == ["file", "name", "folder"]
