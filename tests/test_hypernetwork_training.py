"""Hypernetworks through the whole trainer: files in webui's format, numbered and thrown away, resumed, previewed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from kohya_like.cli import main
from kohya_like.events import Command, Sample, Warned
from kohya_like.formats.headers import identify
from kohya_like.networks.reading import read_file
from tests.formats import webui
from tests.tiny_runs import Run, base, same

OPTIONS: dict[str, Any] = {
    "network__name": "hypernetwork", "network__dim": None, "network__alpha": None, "network__activation": "relu",
}  # fmt: skip


def test_three_steps_make_a_file_that_webui_loads(tmp_path: Path) -> None:
    run = Run(tmp_path, **OPTIONS, network__layer_norm=True, network__dropout=0.1, save__training_comment="x").train()
    assert run.file.name == "tiny.pt" and [path.name for path in run.file.parent.iterdir()] == ["tiny.pt"]
    loaded = webui.Hypernetwork(run.file)
    assert list(loaded.layers) == [16, 32] and loaded.step == 3 and loaded.name == "tiny"
    assert loaded.header["sd_checkpoint_name"] == base("mini").folder.name and loaded.header["optional_info"] == "x"
    last = loaded.layers[16][0].linear[-2]
    assert isinstance(last, torch.nn.Linear) and last.weight.abs().max() > 0, "it has learnt"
    assert identify(run.file).kind == "hypernetwork"


def test_both_files_are_written_numbered_and_thrown_away_together(tmp_path: Path) -> None:
    both = {**OPTIONS, "network__files": "both", "save__save_every_n_steps": 1, "save__save_last_n_steps": 1}
    run = Run(tmp_path, **both, train__max_train_steps=4).train()
    names = sorted(path.name for path in run.file.parent.iterdir())
    stems = sorted({name.partition(".")[0] for name in names})
    assert names == sorted(f"{stem}.{end}" for stem in stems for end in ("pt", "safetensors"))
    assert "tiny" in stems and "tiny-step00000001" not in stems and "tiny-step00000003" in stems
    twin = run.file.with_suffix(".safetensors")
    assert same(read_file(run.file), read_file(twin)) and identify(twin).kind == "hypernetwork"
    assert webui.Hypernetwork(run.file.with_name("tiny-step00000003.pt")).step == 3
    with pytest.raises(Exception, match="is there already"):
        Run(tmp_path, **both).build()


def test_the_twin_alone(tmp_path: Path) -> None:
    run = Run(tmp_path, **OPTIONS, network__files="safetensors").train()
    assert [path.name for path in run.file.parent.iterdir()] == ["tiny.safetensors"]


def test_a_resumed_run_ends_with_the_same_file(tmp_path: Path) -> None:
    whole = Run(tmp_path / "a", **OPTIONS, network__dropout=0.2, train__max_train_steps=5).train()
    part = Run(tmp_path / "b", **OPTIONS, network__dropout=0.2, train__max_train_steps=5)
    trainer = part.build()
    asked = iter([[], [Command("pause", "")]])
    trainer.outputs.control.poll = lambda: iter(next(asked))  # type: ignore[method-assign]
    assert trainer.train().reason == "paused"
    again = Run(tmp_path / "b", **OPTIONS, network__dropout=0.2, train__max_train_steps=5).train(resume=True)
    assert again.file.read_bytes() == whole.file.read_bytes()


def test_continued_from_its_own_file(tmp_path: Path) -> None:
    first = Run(tmp_path / "a", **OPTIONS, network__layer_structure=[1, 3, 1]).train()
    plain = {key: value for key, value in OPTIONS.items() if key != "network__activation"}
    onward = Run(
        tmp_path / "b", **plain, network__weights=str(first.file), network__dim_from_weights=True,
        optimizer__learning_rate=1e-12,
    ).train()  # fmt: skip
    before, after = read_file(first.file), read_file(onward.file)
    assert before.keys() == after.keys() and "hypernetwork_16_k.activation.relu" in after
    assert all(torch.allclose(before[key], after[key], atol=1e-6) for key in before)


def test_previews_show_it_and_generate_attaches_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(
        tmp_path, **OPTIONS, optimizer__learning_rate=0.3, network__initialization="kaiming_normal",
        sample__prompts=["a thing --s 2 --w 64 --h 64"], sample__sample_every_n_steps=2,
    ).train()  # fmt: skip
    assert run.all(Warned) == []
    first, later = (Path(event.path).read_bytes() for event in run.all(Sample)[:2])
    assert first != later

    def draw(name: str, *more: str) -> bytes:
        out = tmp_path / f"{name}.png"
        common = ["--prompt", "a thing", "--size", "64x64", "--steps", "2", "--seed", "3", "--out", str(out)]
        assert main(["generate", "--model", str(base("mini").folder), *common, *more]) == 0, capsys.readouterr().err
        with Image.open(out) as picture:  # its text names the network
            return picture.tobytes()

    none = draw("none")
    assert draw("zero", "--network", f"{run.file}:0") == none
    strong, weak = draw("one", "--network", str(run.file)), draw("weak", "--network", f"{run.file}:0.8")
    assert len({none, strong, weak}) == 3
