"""The demo's end: it looks for the file that the preset as it was run writes, whatever kind that is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tomlkit

from kohya_like import training
from kohya_like.cli import main
from kohya_like.demo import run as demo
from kohya_like.demo.measure import GHOST_PROMPTS
from tests.tiny_runs import Run

HYPERNETWORK: dict[str, Any] = {"network__name": "hypernetwork", "network__dim": None, "network__alpha": None}


@pytest.mark.parametrize(
    ("changes", "name", "title"),
    [({}, "tiny.safetensors", "LoRA"), (HYPERNETWORK, "tiny.pt", "Hypernetwork"),
     pytest.param(HYPERNETWORK | {"network__files": "safetensors"}, "tiny.safetensors", "Hypernetwork",
                  marks=pytest.mark.full)],
)  # fmt: skip
def test_the_file_is_that_of_the_config(
    changes: dict[str, Any], name: str, title: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    prepared = Run(tmp_path, train__max_train_steps=1, **changes)
    (prepared.folder / "config.toml").write_text(tomlkit.dumps(prepared.values))
    drawn = []

    def strip(base: Path, network: Path, path: Path, kind: str) -> tuple[int, int]:
        drawn.append((network.name, kind))
        return 0, len(GHOST_PROMPTS)

    monkeypatch.setattr(training, "start_checked", lambda *_: (prepared.folder, None))
    monkeypatch.setattr("kohya_like.cli.watched", lambda *_: 0 if prepared.train() else 1)
    monkeypatch.setattr(demo, "draw_strip", strip)
    assert main(["demo", "--out", str(tmp_path / "runs"), "--json"]) == 0
    assert drawn == [(name, title)]
    assert Path(json.loads(capsys.readouterr().out)["network"]).name == name


def test_control_a_run_without_a_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = Run(tmp_path)
    (prepared.folder / "config.toml").write_text(tomlkit.dumps(prepared.values))
    monkeypatch.setattr(training, "start_checked", lambda *_: (prepared.folder, None))
    monkeypatch.setattr("kohya_like.cli.watched", lambda *_: 0)
    assert main(["demo", "--out", str(tmp_path / "runs")]) == 1
