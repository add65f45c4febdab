"""Concept folders: their names, their order, their own options; all that is wrong is told at once."""

from __future__ import annotations

import os
import random
import unicodedata
from pathlib import Path

import pytest

from kohya_like.data.options import DataOptions
from kohya_like.data.scan import scan
from tests.data.folders_made import codes, jpeg, make, png, said, scanned

pytestmark = pytest.mark.quick

PICTURE = (64, 64)


def test_a_good_folder_has_nothing_said_of_it(tmp_path: Path) -> None:
    make(tmp_path, {"10_cat/a.png": (64, 48), "10_cat/a.txt": "a cat, red\nsecond line", "10_cat/b.jpg": jpeg()})
    make(tmp_path, {"10_cat/b.txt": "another"})
    dataset = scanned(tmp_path)
    first, second = dataset.images
    assert (first.size, first.captions, first.caption_path) == (
        (64, 48),
        ("a cat, red",),
        tmp_path / "10_cat" / "a.txt",
    )
    assert (second.size, second.captions, second.identity) == ((40, 24), ("another",), "10_cat/b.jpg")
    assert not dataset.faults
    assert dataset.reports[0].images == 2 and dataset.reports[0].captions == {".txt": 2}


def test_extensions_in_any_mixture_of_cases(tmp_path: Path) -> None:
    make(tmp_path, {"1_a/A.Jpg": jpeg(), "1_a/b.PNG": PICTURE, "1_a/c.WebP": png(), "1_a/A.TXT": "x", "1_a/b.Txt": "y"})
    dataset = scanned(tmp_path)
    assert [image.captions for image in dataset.images] == [("x",), ("y",), ()]


@pytest.mark.parametrize(
    "name", ["with space", "猫と犬", "emoji 🐈‍⬛", "a.b.c", "quote'\"", "-rf", "#1", "100%", "e\u0301t\u00e9"]
)
def test_names_of_every_kind(tmp_path: Path, name: str) -> None:
    make(tmp_path, {f"1_{name}/{name}.png": PICTURE, f"1_{name}/{name}.txt": "x"})
    dataset = scanned(tmp_path)
    nfc = unicodedata.normalize("NFC", name)
    assert dataset.images[0].identity == f"1_{nfc}/{nfc}.png"
    assert dataset.images[0].captions == ("x",) and dataset.images[0].path.exists()
    assert dataset.concepts[0].class_tokens == nfc
    assert not dataset.faults


def test_a_name_that_is_no_text_is_spelt_out(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/1_a"
    os.mkdir(folder)
    with open(folder + b"/\xff\xe9.png", "wb") as file:
        file.write(png())
    dataset = scanned(tmp_path)
    assert dataset.images[0].identity == "1_a/\\udcff\\udce9.png"
    assert dataset.images[0].path.exists()
    said(dataset, "no-caption").encode()


def test_marks_that_turn_text_round_are_spelt_out(tmp_path: Path) -> None:
    make(tmp_path, {"1_a/\u202egnp.exe.png": PICTURE})
    assert "\\u202egnp.exe.png" in said(scanned(tmp_path), "no-caption")


def test_composed_and_decomposed_names_belong_together(tmp_path: Path) -> None:
    """A Mac's archive stores é as two characters, and the captions were written elsewhere."""
    make(tmp_path, {"1_a/caf\u00e9.png": PICTURE, "1_a/cafe\u0301.txt": "x"})
    dataset = scanned(tmp_path)
    assert dataset.images[0].captions == ("x",) and not dataset.faults


def test_names_equal_but_for_their_form_stay_two_pictures(tmp_path: Path) -> None:
    make(tmp_path, {"1_a/caf\u00e9.png": PICTURE, "1_a/cafe\u0301.png": PICTURE})
    if len(os.listdir(tmp_path / "1_a")) == 1:
        pytest.skip("this file system knows only one form")
    identities = [image.identity for image in scanned(tmp_path).images]
    assert identities == ["1_a/caf\u00e9.png", "1_a/caf\u00e9.png#2"]


def test_order_does_not_depend_on_the_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"{name}.png" for name in ("b", "a", "Z", "10", "9", "é", "猫")]
    make(tmp_path, {f"{folder}/{name}": PICTURE for folder in ("2_x", "10_y") for name in names})
    first = scanned(tmp_path)
    scandir = os.scandir

    class Shuffled:
        def __init__(self, path: str) -> None:
            with scandir(path) as entries:
                self.entries = sorted(entries, key=lambda entry: random.Random(entry.name).random())

        def __enter__(self) -> Shuffled:
            return self

        def __exit__(self, *error: object) -> None: ...

        def __iter__(self) -> object:
            return iter(self.entries)

    monkeypatch.setattr(os, "scandir", Shuffled)
    again = scanned(tmp_path)
    assert again == first
    assert [image.identity for image in again.images] == sorted(image.identity for image in again.images)


def test_no_usable_picture_is_an_error(tmp_path: Path) -> None:
    make(tmp_path, {"1_cat/a.png": b"", "2_dog/": b""})
    dataset = scanned(tmp_path)
    assert [fault.code for fault in dataset.errors] == ["no-images"]
    assert "there is no usable picture to train on" in str(dataset.errors[0])
    sentences = [str(fault) for fault in dataset.faults if fault.code == "no-images"]
    assert any("1_cat  holds no usable pictures" in one for one in sentences)
    assert any("2_dog  holds no pictures" in one for one in sentences)


def test_no_usable_regularisation_picture_is_an_error(tmp_path: Path) -> None:
    make(tmp_path, {"img/1_cat/a.png": PICTURE, "reg/1_cat/": b""})
    dataset = scanned(tmp_path / "img", reg_data_dir=str(tmp_path / "reg"))
    assert [(fault.key, fault.text) for fault in dataset.errors] == [
        ("data.reg_data_dir", "there is no usable regularisation picture")
    ]
    assert scanned(tmp_path / "img", reg_data_dir=str(tmp_path / "none")).errors[0].key == "data.reg_data_dir"


def test_regularisation_folders_have_their_own_identities_and_weight(tmp_path: Path) -> None:
    make(tmp_path, {"img/1_cat/a.png": PICTURE, "reg/1_cat/a.png": PICTURE})
    dataset = scanned(tmp_path / "img", reg_data_dir=str(tmp_path / "reg"), prior_loss_weight=0.5)
    assert [image.identity for image in dataset.images] == ["1_cat/a.png", "reg/1_cat/a.png"]
    assert [(c.is_reg, c.loss_weight) for c in dataset.concepts] == [(False, 1.0), (True, 0.5)]


def test_single_folders_with_their_own_options(tmp_path: Path) -> None:
    make(tmp_path, {"img/10_cat/a.png": PICTURE, "img/5_dog/b.png": PICTURE, "extra/c.png": PICTURE})
    subsets = [
        {"image_dir": str(tmp_path / "img" / "5_dog"), "keep_tokens": 3, "loss_weight": 0.25},
        {"image_dir": str(tmp_path / "extra"), "class_tokens": "bird", "num_repeats": 7},
    ]
    dataset = scanned(tmp_path / "img", subsets=subsets, keep_tokens=1)
    facts = [(c.name, c.repeats, c.class_tokens, c.settings.keep_tokens, c.loss_weight) for c in dataset.concepts]
    assert facts == [("10_cat", 10, "cat", 1, 1.0), ("5_dog", 5, "dog", 3, 0.25), ("extra", 7, "bird", 1, 1.0)]
    assert len(dataset.images) == 3  # 5_dog is not read twice


def test_options_of_a_regularisation_folder_leave_it_one(tmp_path: Path) -> None:
    make(tmp_path, {"img/1_a/a.png": PICTURE, "reg/1_b/b.png": PICTURE})
    subsets = [{"image_dir": str(tmp_path / "reg" / "1_b"), "num_repeats": 2}]
    dataset = scanned(tmp_path / "img", reg_data_dir=str(tmp_path / "reg"), subsets=subsets)
    assert [(c.name, c.is_reg, c.repeats) for c in dataset.concepts] == [("1_a", False, 1), ("1_b", True, 2)]


def test_single_folders_gone_wrong(tmp_path: Path) -> None:
    make(tmp_path, {"img/10_cat/a.png": PICTURE, "one/a.png": PICTURE})
    folders = [tmp_path / "none", tmp_path / "img", tmp_path / "one", tmp_path / "one" / ".." / "one"]
    options = DataOptions.model_validate({"subsets": [{"image_dir": str(folder)} for folder in folders]})
    found = {fault.key: str(fault) for fault in scan(options).faults}
    assert "does not exist" in found["data.subsets[0].image_dir"]
    assert "holds concept folders, not pictures (give it as data.train_data_dir)" in found["data.subsets[1].image_dir"]
    assert "is listed twice; the second is not used" in found["data.subsets[3].image_dir"]


def test_folders_of_one_name_do_not_share_identities(tmp_path: Path) -> None:
    make(tmp_path, {"a/1_cat/x.png": PICTURE, "b/1_cat/x.png": PICTURE})
    subsets = [{"image_dir": str(tmp_path / "b" / "1_cat")}]
    dataset = scanned(tmp_path / "a", subsets=subsets)
    assert [image.identity for image in dataset.images] == ["1_cat#2/x.png", "1_cat/x.png"]


def test_progress_is_told(tmp_path: Path) -> None:
    make(tmp_path, {f"1_a/{i:04}.png": PICTURE for i in range(501)})
    told: list[tuple[str, int]] = []
    scan(DataOptions(train_data_dir=str(tmp_path)), progress=lambda name, count: told.append((name, count)))
    assert told == [("1_a", 0), ("1_a", 500)]


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    make(
        tmp_path,
        {"img/1_a/a.png": b"", "img/0_b/b.png": PICTURE, "img/1_c/c.png": PICTURE, "img/1_c/c.txt": b"\xff\xfe\0"},
    )
    subsets = [{"image_dir": str(tmp_path / "none")}]
    dataset = scanned(tmp_path / "img", reg_data_dir=str(tmp_path / "no reg"), subsets=subsets)
    assert {"no-folder", "folder-zero", "unreadable", "no-images"} <= codes(dataset)
    assert {fault.key for fault in dataset.errors} >= {"data.reg_data_dir", "data.subsets[0].image_dir"}
