"""Class pictures in a whole training: drawn before it, gone on with after a stop, never over what lies there."""

from __future__ import annotations

import os
import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from kohya_like.data import class_images
from kohya_like.events import EndRequested, Event, Phase, Started, Step
from kohya_like.preflight import check
from kohya_like.schema.errors import UserError
from tests.tiny_runs import Run, pictures

WANTED = 10  # more than a batch of pictures


def run(folder: Path, **changes: Any) -> Run:
    given: dict[str, Any] = {
        "data__reg_data_dir": str(folder / "reg"), "data__num_class_images": WANTED, "train__max_train_steps": None,
        "train__max_train_epochs": 1, "data__resolution": 64, **changes,
    }  # fmt: skip
    return Run(folder, **given)


def drawn(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "reg" / "1_thing").iterdir())}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training that drew all of its class pictures."""
    folder = tmp_path_factory.mktemp("whole")
    done = run(folder).train()
    assert "draw class pictures" in done.phases and len(done.all(Step)) == 16
    return folder


def test_missing_pictures_are_drawn_and_trained(whole: Path) -> None:
    assert list(drawn(whole)) == [f"class-{i:05d}.png" for i in range(WANTED)]
    with Image.open(whole / "reg" / "1_thing" / "class-00000.png") as one:
        assert one.size == (64, 64) and len(set(one.convert("L").tobytes())) > 8, "it shows something"
    assert len(set(drawn(whole).values())) == WANTED, "each from a seed of its own"


def test_check_counts_the_same_steps_before_they_are_drawn(tmp_path: Path, whole: Path) -> None:
    before = check(run(tmp_path).config)
    assert before.steps is not None and before.steps.total == 16 == check(run(whole).config).steps.total  # type: ignore[union-attr]
    assert "class-images" in {fault.code for fault in before.faults}
    assert not (tmp_path / "reg").exists(), "a check writes nothing"
    without = check(run(tmp_path, data__num_class_images=0, data__reg_data_dir=None).config)
    assert without.steps is not None and without.steps.total == 8


def test_a_second_training_draws_nothing(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole / "reg", tmp_path / "reg")
    before = drawn(tmp_path)
    again = run(tmp_path)
    again.build()
    assert drawn(tmp_path) == before and not [e for e in again.all(Phase) if e.name == "draw class pictures"]


def test_after_a_stop_it_goes_on_and_ends_as_if_there_had_been_none(whole: Path, tmp_path: Path) -> None:
    stopped = run(tmp_path)

    def stop(event: Event) -> None:
        if isinstance(event, Phase) and event.name == "draw class pictures" and event.done == 3:
            stopped.control.ask("stop")

    stopped.reporter.listen(stop)
    with pytest.raises(EndRequested):
        stopped.build()
    half = drawn(tmp_path)
    assert len(half) == 3
    resumed = run(tmp_path).train(resume=True)
    assert {name: drawn(tmp_path)[name] for name in half} == half
    assert drawn(tmp_path).keys() == drawn(whole).keys() and resumed.all(Started)[0].total_steps == 16


def test_a_picture_of_the_users_is_never_replaced(tmp_path: Path) -> None:
    mine = tmp_path / "reg" / "1_thing" / "class-00004.png"
    mine.parent.mkdir(parents=True)
    shutil.copy(next(pictures().rglob("*.png")), mine)
    before = (mine.read_bytes(), os.stat(mine).st_mtime_ns)
    run(tmp_path).build()
    assert (mine.read_bytes(), os.stat(mine).st_mtime_ns) == before
    assert len(drawn(tmp_path)) == WANTED


def test_a_full_disk_is_said_before_the_first_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(class_images.shutil, "disk_usage", lambda path: usage(1, 1, 1000))
    with pytest.raises(UserError, match="10 class pictures may need 0 MB, and 0 MB are free"):
        run(tmp_path).build()
    assert not (tmp_path / "reg").exists()
