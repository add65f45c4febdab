"""Hostile text in every widget of the whole window: no file is probed for it, nothing turns the writing."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
MUST_SHOW = {
    "ChoiceBox", "ConceptTable", "ElidedLabel", "MainWindow", "PlainLabel", "QHeaderView", "QListView", "QListWidget",
    "QMenu", "QPushButton", "SwitchBox", "tooltip of ConceptTable", "tooltip of ElidedLabel", "tooltip of PathEdit",
    "tooltip of QListView", "tooltip of QTableView",
}  # fmt: skip


def watched(folder: Path, *options: str) -> tuple[list[str], dict[str, Any]]:
    """The system calls that name the probe, and what the window showed."""
    folder.mkdir()
    probe, log = folder / "PROBE.png", folder / "calls.log"
    strace = [
        "strace",
        "-f",
        "--seccomp-bpf",
        "-e",
        "trace=open,openat,stat,newfstatat,statx,access,readlink,faccessat2",
    ]
    command = [sys.executable, "-m", "tests.gui.hostile", str(folder / "desk"), str(probe), *options]
    done = subprocess.run([*strace, "-s", "4096", "-o", str(log), *command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    calls = log.read_text(errors="replace").splitlines()
    # the window asks for its own files and folders by their whole name, markup and all: that is no probe
    return [call for call in calls if "PROBE" in call and "<img" not in call], json.loads(done.stdout.splitlines()[-1])


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_no_file_is_probed_and_nothing_lies(tmp_path: Path) -> None:
    probed, seen = watched(tmp_path / "window")
    assert probed == []
    assert MUST_SHOW - set(seen["shown"]) == set(), "these show what strangers wrote, and were not looked at"
    assert seen["broken"] == []


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_the_watch_sees_what_a_careless_label_does(tmp_path: Path) -> None:
    probed, seen = watched(tmp_path / "careless", "--control")
    assert probed and seen["broken"]
