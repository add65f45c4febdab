"""The wizard: folders that training reads back, out of pictures that stay where they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dataset_tools.new_dataset import NewConcept, make_dataset, plan_dataset
from kohya_like.data.options import DataOptions
from kohya_like.data.scan import scan
from kohya_like.schema.errors import UserError
from tests.dataset_tools.made_pictures import put, scene

pytestmark = pytest.mark.quick


def loose(tmp_path: Path) -> Path:
    folder = tmp_path / "loose"
    put(folder, "a.png", scene(1, (64, 64)), "a cat")
    put(folder / "more", "a.png", scene(2, (64, 64)), "another cat")
    put(folder, "b.png", scene(3, (64, 64)))
    return folder


@pytest.mark.parametrize("how", ["copy", "link"])
def test_training_reads_what_was_made(tmp_path: Path, how: str) -> None:
    source = loose(tmp_path)
    plan = plan_dataset(
        tmp_path / "set", [NewConcept("sks cat", 10, (source,)), NewConcept("", 2, (source / "b.png",))]
    )
    assert plan.pictures == {"10_sks cat": 3, "2": 1}
    make_dataset(plan, "copy" if how == "copy" else "link")
    found = scan(DataOptions(train_data_dir=str(tmp_path / "set")))
    assert found.errors == ()
    assert [(one.repeats, one.class_tokens) for one in found.concepts] == [(10, "sks cat"), (2, "")]
    captions = {record.identity: record.captions for record in found.images}
    assert captions == {
        "10_sks cat/a.png": ("a cat",),
        "10_sks cat/a_2.png": ("another cat",),
        "10_sks cat/b.png": (),
        "2/b.png": (),
    }
    made = tmp_path / "set" / "10_sks cat" / "a.png"
    assert os.path.samefile(made, source / "a.png") == (how == "link")
    assert not os.path.samefile(made.with_suffix(".txt"), source / "a.txt"), "edits must not reach the source"


def test_an_interrupted_one_goes_on_and_a_foreign_file_stops_it(tmp_path: Path) -> None:
    plan = plan_dataset(tmp_path / "set", [NewConcept("cat", 1, (loose(tmp_path),))])
    make_dataset(plan, "copy")
    plan.fillings[0].target.unlink()
    make_dataset(plan, "copy")
    assert all(filling.target.read_bytes() == filling.source.read_bytes() for filling in plan.fillings)
    plan.fillings[0].target.write_bytes(b"mine")
    with pytest.raises(UserError, match="is there already"):
        make_dataset(plan, "copy")
    assert plan.fillings[0].target.read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("concept", "words"),
    [
        (("a/b", 1), "cannot be the name of a folder"),
        (("a\n", 1), "cannot be the name of a folder"),
        (("cat ", 1), "cannot be the name of a folder"),
        (("cat", 0), "0 repeats"),
        (("cat", 10_001), "10001 repeats"),
    ],
)
def test_names_that_could_not_be_read_back(tmp_path: Path, concept: tuple[str, int], words: str) -> None:
    with pytest.raises(UserError, match=words):
        plan_dataset(tmp_path / "set", [NewConcept(*concept, (loose(tmp_path),))])
    assert not (tmp_path / "set").exists()


def test_sources_and_folders_that_cannot_be(tmp_path: Path) -> None:
    source = loose(tmp_path)
    (tmp_path / "empty").mkdir()
    put(tmp_path / "set" / "1_cat", "old.png", scene(1))
    for concepts, words in (
        ([NewConcept("dog", 1, (tmp_path / "gone",))], "is not there"),
        ([NewConcept("dog", 1, (tmp_path / "empty",))], "hold no picture"),
        ([NewConcept("dog", 1, (source,)), NewConcept("dog", 1, (source,))], "is named twice"),
        ([NewConcept("cat", 1, (source,))], "holds files already"),
    ):
        with pytest.raises(UserError, match=words):
            plan_dataset(tmp_path / "set", concepts)


def test_too_little_room_is_said_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_dataset(tmp_path / "set", [NewConcept("cat", 1, (loose(tmp_path),))])
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("", (), {"free": 10})())
    with pytest.raises(UserError, match="less is free"):
        make_dataset(plan, "copy")
    assert list((tmp_path / "set").iterdir()) == []
    make_dataset(plan, "link")  # takes no room
