"""Which caption belongs to which picture; every caption that is missing or cannot be read is said."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.data.folders_made import codes, jpeg, make, said, scanned

pytestmark = pytest.mark.quick

PICTURE = (64, 64)
CHINESE = "一个女孩，红色的头发"


def test_missing_captions_are_said_once_with_the_first_five(tmp_path: Path) -> None:
    make(tmp_path, {f"10_sks cat/{i}.png": PICTURE for i in range(9)} | {"10_sks cat/0.txt": "x"})
    dataset = scanned(tmp_path)
    assert (
        '8 pictures without a caption, trained with the class words "sks cat": 1.png, 2.png, 3.png, 4.png, 5.png '
        "and 3 more (write .txt files)"
    ) in said(dataset, "no-caption")
    assert dataset.reports[0].missing_captions == 8 and not dataset.errors
    assert [image.captions for image in dataset.images[:2]] == [("x",), ()]


def test_missing_captions_of_regularisation_pictures_are_usual(tmp_path: Path) -> None:
    make(tmp_path, {"img/1_sks cat/a.png": PICTURE, "img/1_sks cat/a.txt": "x", "reg/1_cat/b.png": PICTURE})
    dataset = scanned(tmp_path / "img", reg_data_dir=str(tmp_path / "reg"))
    assert [fault.severity for fault in dataset.faults] == ["hint"]


def test_the_wrong_caption_extension(tmp_path: Path) -> None:
    make(tmp_path, {f"5_cat/{i}.png": PICTURE for i in range(3)})
    make(tmp_path, {f"5_cat/{i}.caption": "x" for i in range(3)} | {"5_cat/0.txt": "y"})
    dataset = scanned(tmp_path)
    sentence = said(dataset, "caption-extension")
    assert 'data.caption_extension: 3 pictures with a ".caption" caption, but only 1 with ".txt"' in sentence
    assert 'set data.caption_extension = ".caption"' in sentence
    assert dataset.reports[0].captions == {".caption": 3, ".txt": 1}
    right = scanned(tmp_path, caption_extension="caption")
    assert "caption-extension" not in codes(right)
    assert [image.captions for image in right.images] == [("x",)] * 3


@pytest.mark.parametrize(
    ("content", "code", "sentence", "severity"),
    [
        (
            b"",
            "caption-empty",
            '1 caption file with no content, trained with the class words "cat": a.txt',
            "warning",
        ),
        (b" \n\n", "caption-empty", "with no content", "warning"),
        (CHINESE.encode("gbk"), "caption-gbk", "1 caption file not in UTF-8 but, it seems, in GBK: a.txt", "error"),
        ("café x".encode("latin-1"), "caption-encoding", "1 caption file not in UTF-8: a.txt", "error"),
        ("a cat".encode("utf-16-le"), "caption-utf-16", "in UTF-16 without its mark", "error"),
        ("a cat".encode("utf-16"), "caption-other", "in UTF-16 or UTF-32, read as such: a.txt", "hint"),
        (b"\0\1\2\3", "caption-not-text", "1 caption file without readable text: a.txt", "error"),
        (b"x" * (1 << 20) + b"x", "caption-too-long", "1 caption file of more than 1024 KiB: a.txt", "error"),
    ],
)
def test_bad_caption_files(tmp_path: Path, content: bytes, code: str, sentence: str, severity: str) -> None:
    make(tmp_path, {"1_cat/a.png": PICTURE, "1_cat/a.txt": content})
    dataset = scanned(tmp_path)
    assert sentence in said(dataset, code)
    (fault,) = dataset.faults
    assert fault.severity == severity and fault.mend
    assert dataset.images[0].captions == (("a cat",) if code == "caption-other" else ())


def test_a_byte_order_mark_is_not_part_of_the_caption(tmp_path: Path) -> None:
    make(tmp_path, {"1_cat/a.png": PICTURE, "1_cat/a.txt": "\ufeffa cat".encode()})
    dataset = scanned(tmp_path)
    assert dataset.images[0].captions == ("a cat",) and not dataset.faults


def test_a_caption_that_is_a_folder_or_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, {"1_cat/a.png": PICTURE, "1_cat/a.txt": "x"})
    opened = os.open

    def guarded(path: str | Path, *args: int, **more: object) -> int:
        if str(path).endswith(".txt"):
            raise PermissionError(13, "Permission denied")
        return opened(path, *args)

    monkeypatch.setattr(os, "open", guarded)
    assert "1 caption file that cannot be opened: a.txt (check their permissions)" in said(
        scanned(tmp_path), "caption-unreadable"
    )


def test_lines_are_kept_for_wildcards_only(tmp_path: Path) -> None:
    make(tmp_path, {"1_cat/a.png": PICTURE, "1_cat/a.txt": "one\n\ntwo\n"})
    assert scanned(tmp_path).images[0].captions == ("one",)
    assert scanned(tmp_path, enable_wildcard=True).images[0].captions == ("one", "two")


def test_a_face_crop_finds_its_picture_s_caption(tmp_path: Path) -> None:
    make(tmp_path, {"1_cat/my_cat_0_0_64_64.png": PICTURE, "1_cat/my_cat.txt": "x"})
    dataset = scanned(tmp_path)
    assert dataset.images[0].captions == ("x",) and not dataset.faults


def test_an_extension_of_two_dots(tmp_path: Path) -> None:
    make(tmp_path, {"1_cat/a.png": PICTURE, "1_cat/a.wd14.txt": "x", "1_cat/a.txt": "y"})
    assert scanned(tmp_path, caption_extension=".wd14.txt").images[0].captions == ("x",)


def test_captions_without_a_picture(tmp_path: Path) -> None:
    make(tmp_path, {"1_cat/a.png": PICTURE, "1_cat/a.txt": "x", "1_cat/gone.txt": "y"})
    assert "1 caption file without a picture: gone.txt" in said(scanned(tmp_path), "orphans")


def test_one_name_with_two_pictures(tmp_path: Path) -> None:
    make(tmp_path, {"1_cat/a.png": PICTURE, "1_cat/a.jpg": jpeg(), "1_cat/a.txt": "x"})
    dataset = scanned(tmp_path)
    assert len(dataset.images) == 2
    assert "1 name used by several pictures, which share one caption: a.jpg = a.png" in said(dataset, "same-stem")
