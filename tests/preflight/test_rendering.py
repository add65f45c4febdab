"""The report for people: the numbers are there, plain in a pipe, and foreign text is only text."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from kohya_like.config import TrainConfig
from kohya_like.preflight import check
from kohya_like.preflight.rendering import render, verdict
from kohya_like.preflight.report import CheckReport, ModelRow
from kohya_like.schema.errors import Fault
from kohya_like.schema.validate import build
from tests.preflight.made import pictures, workplace

pytestmark = pytest.mark.quick


def shown(report: CheckReport, terminal: bool = False, width: int = 100) -> str:
    stream = io.StringIO()
    render(report, Console(file=stream, force_terminal=terminal, width=width, highlight=False, soft_wrap=not terminal))
    return stream.getvalue()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> CheckReport:
    root = tmp_path_factory.mktemp("work")
    sections = workplace(root)
    pictures(root / "data", 3, (1024, 512), "5_[bold]a cat")
    return check(build(TrainConfig, sections | {"sample": {"prompts": ["x"], "sample_every_n_epochs": 1}}))


def test_a_pipe_gets_plain_lines(report: CheckReport) -> None:
    text = shown(report)
    assert "\x1b" not in text
    for line in (
        "  10_sks ghost | 10 | sks ghost | 24 | 24 .txt | 0 | 0 | 240",
        "  512x512 | 240 | 240",
        f"steps: {report.steps.formula}" if report.steps else "",
        "= 255 batches per epoch; x 5 epochs = 1275 steps",
        "model: Stable Diffusion 1.x, predicts epsilon, trained at 512x512; safetensors ",
        "  unet | 3 | 45,056 | 0.0001 | optimizer.learning_rate",
        "  optimizer state | 1.0 MB | 8 bytes each for AdamW",
        "memory: about 1.",
        "files: 1 file, 0.3 MB each in ",
        "disk: ",
    ):
        assert line in text


def test_a_terminal_gets_tables_that_fit(report: CheckReport) -> None:
    text = shown(report, terminal=True, width=110)
    assert "\x1b[1m" in text and "10_sks ghost" in text and "activations" in text


def test_names_are_never_markup(report: CheckReport) -> None:
    for terminal in (False, True):
        assert "[bold]a cat" in shown(report, terminal, width=160)


def test_the_last_line_is_the_verdict() -> None:
    model = ModelRow("")
    error, hint = Fault("is wrong", "a.b", "x.toml:3", "mend it"), Fault("could be better", severity="hint")
    assert verdict(CheckReport((), model)) == "ready"
    assert verdict(CheckReport((hint,), model)) == "ready (1 hint)"
    text = shown(CheckReport((error, error, hint), model))
    assert "error: x.toml:3  a.b: is wrong (mend it)" in text and "model: none (not readable)" in text
    assert text.splitlines()[-1] == "not ready (2 errors, 1 hint): mend the errors first"


def test_many_buckets_are_summed_up(tmp_path: Path) -> None:
    sections = workplace(tmp_path)
    sides = range(256, 513, 64)
    for size in ((width, height) for width in sides for height in sides):
        pictures(tmp_path / "data", 1, size, f"1_{size[0]}x{size[1]}")
    found = check(build(TrainConfig, sections))
    assert len(found.buckets) == 25
    assert "\n  13 more | 253 | 253\n" in shown(found)
