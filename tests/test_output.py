"""File names and which files stay, by kohya's rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from kohya_like.output import SavePlan

pytestmark = pytest.mark.quick

OUT = Path("out")


def names(plan: SavePlan, total: int, per_epoch: int) -> list[str]:
    return [p.name for p in plan.all(total, per_epoch)]


def test_kohyas_names() -> None:
    assert names(SavePlan(OUT, "ghost", every_epochs=1), 6, 2) == [
        "ghost-000001.safetensors", "ghost-000002.safetensors", "ghost.safetensors",
    ]  # fmt: skip
    assert names(SavePlan(OUT, "ghost", every_steps=3), 7, 100) == [
        "ghost-step00000003.safetensors", "ghost-step00000006.safetensors", "ghost.safetensors",
    ]  # fmt: skip


def test_the_last_step_is_the_final_file_alone() -> None:
    assert names(SavePlan(OUT, "g", every_steps=3), 6, 100) == ["g-step00000003.safetensors", "g.safetensors"]


def test_keep_last_epochs() -> None:
    plan = SavePlan(OUT, "g", every_epochs=1, last_epochs=2)
    kept: list[str] = []
    for epoch in range(1, 6):
        kept.append(plan.at_epoch(epoch).name)
        if (old := plan.outdated(epoch * 10, epoch)) is not None:
            kept.remove(old.name)
    assert kept == ["g-000004.safetensors", "g-000005.safetensors"]


def test_keep_last_steps() -> None:
    plan = SavePlan(OUT, "g", every_steps=10, last_steps=25)
    kept: list[str] = []
    for step in range(10, 101, 10):
        kept.append(plan.at_step(step).name)
        old = plan.outdated(step, None)
        if old is not None and old.name in kept:
            kept.remove(old.name)
    assert kept == [plan.at_step(s).name for s in (80, 90, 100)]
