"""Folders: which are concepts, which are not and why, each in a sentence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kohya_like.data.folders import Named, named, read_name
from tests.data.folders_made import codes, make, said, scanned

pytestmark = pytest.mark.quick

PICTURE = (64, 64)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("10_sks cat", Named(10, "sks cat")),
        ("010_a_b", Named(10, "a_b")),
        ("10", Named(10, "")),
        ("10_", Named(10, "")),
        (" 5_x ", Named(5, "x")),
        ("3_猫 🐈", Named(3, "猫 🐈")),
        ("0_x", Named(0, "x", "zero")),
        ("10001_x", Named(10001, "x", "many")),
        ("cat", Named(refusal="number")),
        ("-3_x", Named(refusal="number")),
        ("+5_x", Named(refusal="number")),
        ("10 cat", Named(refusal="number")),
        ("１０_x", Named(refusal="width")),
        ("٣_x", Named(refusal="width")),
        ("²_x", Named(refusal="number")),
    ],
)
def test_what_a_name_says(name: str, expected: Named) -> None:
    assert read_name(name) == expected


def test_a_parent_of_concept_folders(tmp_path: Path) -> None:
    make(tmp_path, {"10_sks cat/a.png": PICTURE, "2_dog/b.png": PICTURE, "2_dog/c.png": PICTURE})
    dataset = scanned(tmp_path)
    assert [(c.name, c.repeats, c.class_tokens) for c in dataset.concepts] == [
        ("10_sks cat", 10, "sks cat"),
        ("2_dog", 2, "dog"),
    ]
    assert [image.identity for image in dataset.images] == ["10_sks cat/a.png", "2_dog/b.png", "2_dog/c.png"]
    assert [dataset.concept_of(image).name for image in dataset.images] == ["10_sks cat", "2_dog", "2_dog"]


def test_the_concept_folder_itself_is_understood(tmp_path: Path) -> None:
    make(tmp_path, {"10_sks cat/a.png": PICTURE, "3_dog/b.png": PICTURE})
    dataset = scanned(tmp_path / "10_sks cat")
    assert [(c.repeats, c.class_tokens) for c in dataset.concepts] == [(10, "sks cat")]
    assert dataset.images[0].identity == "10_sks cat/a.png"
    assert not dataset.errors
    assert 'is a concept folder itself: read as the concept "sks cat" with 10 repeats' in said(dataset, "leaf")
    assert f"to train its neighbours as well, give {tmp_path}" in said(dataset, "leaf")


def test_pictures_in_a_folder_without_a_number(tmp_path: Path) -> None:
    make(tmp_path, {"cat/a.png": PICTURE, "cat/b.jpg": PICTURE})
    dataset = scanned(tmp_path / "cat")
    assert not dataset.images and len(dataset.errors) == 1
    sentence = said(dataset, "no-repeats")
    assert "holds 2 pictures, but its name has no number of repeats" in sentence
    assert 'put them into a folder "10_cat" in it' in sentence


def test_folders_that_are_not_used_are_named(tmp_path: Path) -> None:
    make(tmp_path, {f"{name}/a.png": PICTURE for name in ("0_zero", "dog", "-1_minus", "5_cat")})
    dataset = scanned(tmp_path)
    assert [concept.name for concept in dataset.concepts] == ["5_cat"]
    assert 'folders with 0 repeats are not used: "0_zero"' in said(dataset, "folder-zero")
    assert 'folders without a number in front are not used: "-1_minus", "dog"' in said(dataset, "folder-number")
    assert not dataset.errors


def test_digits_of_another_script_are_refused(tmp_path: Path) -> None:
    make(tmp_path, {"１０_cat/a.png": PICTURE, "5_dog/b.png": PICTURE})
    dataset = scanned(tmp_path)
    assert [fault.code for fault in dataset.errors] == ["folder-width"]
    assert 'folders whose number is not in the plain digits 0-9: "１０_cat"' in said(dataset, "folder-width")


def test_a_date_is_not_a_number_of_repeats(tmp_path: Path) -> None:
    make(tmp_path, {"20240131_trip/a.png": PICTURE})
    assert 'folders with more than 10000 repeats: "20240131_trip" (a date?' in said(scanned(tmp_path), "folder-many")


def test_only_a_number_trains_an_empty_prompt_and_says_so(tmp_path: Path) -> None:
    make(tmp_path, {"10/a.png": PICTURE})
    dataset = scanned(tmp_path)
    assert (dataset.concepts[0].repeats, dataset.concepts[0].class_tokens) == (10, "")
    sentence = said(dataset, "no-caption")
    assert "1 picture without a caption, trained with an empty prompt: a.png" in sentence
    assert "name the folder 10_words" in sentence


def test_the_folder_above_the_parent_is_explained(tmp_path: Path) -> None:
    make(tmp_path, {"img/10_cat/a.png": PICTURE, "log/": "", "model/": ""})
    sentence = said(scanned(tmp_path), "no-concepts")
    assert f"the concept folders are one level deeper: give {tmp_path / 'img'}" in sentence


def test_numberless_folders_only(tmp_path: Path) -> None:
    make(tmp_path, {"cat/a.png": PICTURE})
    dataset = scanned(tmp_path)
    assert 'holds no concept folder (name its folders like "10_cat"' in said(dataset, "no-concepts")
    assert 'folders without a number in front are not used: "cat"' in said(dataset, "folder-number")


def test_pictures_beside_the_concept_folders(tmp_path: Path) -> None:
    make(tmp_path, {"10_cat/a.png": PICTURE, "lost.png": PICTURE})
    assert "beside the concept folders, not used: lost.png" in said(scanned(tmp_path), "loose-pictures")


def test_missing_folder_names_the_part_that_is_wrong(tmp_path: Path) -> None:
    dataset = scanned(tmp_path / "picturs" / "cats")
    assert [fault.key for fault in dataset.errors] == ["data.train_data_dir"]
    assert f"does not exist ({tmp_path} exists, picturs in it does not)" in said(dataset, "no-folder")


def test_a_file_given_as_folder(tmp_path: Path) -> None:
    make(tmp_path, {"a.png": PICTURE})
    assert "is a file, not a folder (give the folder it is in)" in said(scanned(tmp_path / "a.png"), "not-a-folder")


def test_empty_folder_and_folder_without_pictures(tmp_path: Path) -> None:
    assert "is empty (put pictures into a folder such as 10_sks cat in it)" in said(scanned(tmp_path), "no-concepts")
    make(tmp_path, {"readme.md": "x"})
    assert "holds no pictures" in said(scanned(tmp_path), "no-concepts")


def test_unreadable_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests may run as root, who can read everything: the refusal is made here."""
    make(tmp_path, {"10_cat/a.png": PICTURE, "5_dog/b.png": PICTURE})
    scandir = os.scandir

    def guarded(path: os.PathLike[str]) -> object:
        if Path(path).name == refused:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    refused = tmp_path.name
    assert "cannot be read (Permission denied) (check its permissions)" in said(scanned(tmp_path), "unreadable-folder")
    refused = "5_dog"
    dataset = scanned(tmp_path)
    assert len(dataset.images) == 1 and len(dataset.errors) == 1
    assert f"{tmp_path / '5_dog'}  cannot be read" in said(dataset, "unreadable-folder")


def test_hidden_and_system_folders_are_counted_without_a_word(tmp_path: Path) -> None:
    names = (".ipynb_checkpoints", "$RECYCLE.BIN", "System Volume Information", "__MACOSX", "@eaDir")
    make(tmp_path, {f"{name}/a.png": PICTURE for name in names} | {"1_cat/a.png": PICTURE, "1_cat/a.txt": "a"})
    make(tmp_path, {"1_cat/.hidden.png": PICTURE, "1_cat/Thumbs.db": b"x"})
    dataset = scanned(tmp_path)
    assert dataset.skipped.hidden == 7
    assert len(dataset.images) == 1 and not dataset.faults


def test_a_pipe_named_like_a_picture_does_not_hang(tmp_path: Path) -> None:
    make(tmp_path, {"1_cat/a.png": PICTURE, "1_cat/a.txt": "a"})
    os.mkfifo(tmp_path / "1_cat" / "b.png")
    os.mkfifo(tmp_path / "1_cat" / "a.caption")
    dataset = scanned(tmp_path)
    assert len(dataset.images) == 1 and dataset.skipped.hidden == 2 and not dataset.faults


def test_symlinks_that_lead_out_round_or_nowhere_are_skipped_and_counted(tmp_path: Path) -> None:
    outside = make(tmp_path / "outside", {"secret.png": PICTURE, "1_x/a.png": PICTURE})
    root = make(tmp_path / "root", {"1_cat/a.png": PICTURE, "1_cat/a.txt": "a"})
    (root / "1_cat" / "b.png").symlink_to(outside / "secret.png")
    (root / "1_out").symlink_to(outside / "1_x")
    (root / "1_self").symlink_to(root / "1_self")
    (root / "1_round").symlink_to(root)
    (root / "1_cat" / "1_up").symlink_to("..")
    (root / "1_gone").symlink_to(root / "nothing")
    dataset = scanned(root)
    assert [image.identity for image in dataset.images] == ["1_cat/a.png"]
    assert dataset.skipped.symlinks == 6
    assert "symlinks skipped: 6; they lead out of the dataset folder" in said(dataset, "symlinks")
    assert codes(dataset) == {"symlinks"}


def test_symlinks_inside_the_dataset_are_followed(tmp_path: Path) -> None:
    make(tmp_path, {"1_cat/a.png": PICTURE, "1_cat/a.txt": "a"})
    (tmp_path / "1_cat" / "b.png").symlink_to(tmp_path / "1_cat" / "a.png")
    (tmp_path / "2_again").symlink_to("1_cat")
    dataset = scanned(tmp_path)
    assert {image.identity for image in dataset.images} == {
        "1_cat/a.png",
        "1_cat/b.png",
        "2_again/a.png",
        "2_again/b.png",
    }
    assert dataset.skipped.symlinks == 0


def test_a_chosen_folder_may_itself_be_a_symlink(tmp_path: Path) -> None:
    make(tmp_path / "real", {"1_cat/a.png": PICTURE})
    (tmp_path / "link").symlink_to("real")
    assert len(scanned(tmp_path / "link").images) == 1


def test_home_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, {"set/1_cat/a.png": PICTURE})
    monkeypatch.setenv("HOME", str(tmp_path))
    assert len(scanned("~/set").images) == 1


def test_long_lists_are_cut() -> None:
    assert named(list("abcde")) == "a, b, c, d, e"
    assert named(list("abcdefg")) == "a, b, c, d, e and 2 more"
