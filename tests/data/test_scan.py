"""Pictures, captions and masks of concept folders: what is used, and a sentence for all that is not."""

from __future__ import annotations

import io
import os
import random
import struct
import unicodedata
from pathlib import Path

import pytest
from PIL import Image

from kohya_like.data.options import DataOptions
from kohya_like.data.scan import scan
from tests.data.folders_made import codes, make, png, said, scanned

PICTURE = (64, 64)
CHINESE = "一个女孩，红色的头发"


def jpeg(size: tuple[int, int] = (40, 24), orientation: int = 1) -> bytes:
    tags = Image.Exif()
    tags[0x0112] = orientation
    buffer = io.BytesIO()
    Image.new("RGB", size, "red").save(buffer, "JPEG", exif=tags)
    return buffer.getvalue()


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


def test_sizes_are_upright(tmp_path: Path) -> None:
    make(tmp_path, {"1_a/phone.jpg": jpeg((40, 24), orientation=6), "1_a/phone.txt": "x"})
    assert scanned(tmp_path).images[0].size == (24, 40)


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


BAD_PICTURES = {
    "cut.png": (png(200, 200)[:-20], "the file is cut off"),
    "cut.jpg": (jpeg((200, 200))[:-40], "the file is cut off"),
    "drawing.png": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "is an SVG drawing"),
    "page.jpg": (b"<!DOCTYPE html><html></html>", "is a web page, not a picture"),
    "gif.png": (b"GIF89a\x10\0\x10\0", "is a GIF"),
    "empty.webp": (b"", "the file is empty (0 bytes)"),
    "text.bmp": (b"no picture at all", "is no picture this program reads"),
}


@pytest.mark.parametrize("name", BAD_PICTURES)
def test_pictures_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    content, why = BAD_PICTURES[name]
    make(tmp_path, {f"1_cat/{name}": content, "1_cat/good.png": PICTURE, "1_cat/good.txt": "x"})
    dataset = scanned(tmp_path)
    assert [image.identity for image in dataset.images] == ["1_cat/good.png"]
    assert f"1 picture left out, cannot be read: {name} ({why})" in said(dataset, "unreadable")
    assert not dataset.errors


def test_several_bad_pictures_make_one_sentence(tmp_path: Path) -> None:
    make(tmp_path, {f"1_cat/{name}": content for name, (content, _) in BAD_PICTURES.items()} | {"1_cat/a.png": PICTURE})
    dataset = scanned(tmp_path)
    assert "7 pictures left out, cannot be read: cut.jpg (the file is cut off), cut.png" in said(dataset, "unreadable")
    assert said(dataset, "unreadable").count("(") == 7  # five reasons, "0 bytes", the cure
    assert "and 2 more" in said(dataset, "unreadable")
    assert dataset.reports[0].unreadable == 7


def test_too_small_and_too_large_pictures(tmp_path: Path) -> None:
    make(tmp_path, {"1_cat/dot.png": (1, 1), "1_cat/line.png": (30000, 10), "1_cat/huge.png": (100_000, 100_000)})
    make(tmp_path, {"1_cat/edge.png": (10_000, 10_000), "1_cat/step.png": (64, 64)})
    dataset = scanned(tmp_path, smallest=64)
    assert [image.identity for image in dataset.images] == ["1_cat/edge.png", "1_cat/step.png"]
    assert "2 pictures left out, a side is under 64 pixels: dot.png (1x1), line.png (30000x10)" in said(
        dataset, "too-small"
    )
    assert "1 picture left out, over 100 megapixels: huge.png (100000x100000: 10,000)" in said(dataset, "too-large")
    assert (dataset.reports[0].too_small, dataset.reports[0].too_large) == (2, 1)


def test_the_bucket_step_of_the_options_is_the_least_side(tmp_path: Path) -> None:
    make(tmp_path, {"1_cat/a.png": (40, 40)})
    assert len(scanned(tmp_path, smallest=64, bucket_reso_steps=32).images) == 1
    assert "a side is under 64 pixels" in said(scanned(tmp_path, smallest=64), "too-small")


def test_animations(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    frames = [Image.new("RGB", PICTURE, colour) for colour in ("red", "blue")]
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:])
    make(tmp_path, {"1_cat/a.webp": buffer.getvalue(), "1_cat/a.txt": "x"})
    dataset = scanned(tmp_path)
    assert len(dataset.images) == 1
    assert "1 animation of which only the first frame is used: a.webp" in said(dataset, "animated")


def test_pictures_of_other_kinds_and_folders_inside(tmp_path: Path) -> None:
    make(tmp_path, {"1_cat/a.png": PICTURE, "1_cat/a.txt": "x", "1_cat/b.gif": b"GIF89a", "1_cat/more/c.png": PICTURE})
    dataset = scanned(tmp_path)
    assert "1 picture of a kind that is not read: b.gif (save them as PNG or JPEG)" in said(dataset, "other-pictures")
    assert "1 folder inside, not read: more" in said(dataset, "sub-folders")


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


def test_transparency_and_alpha_masks(tmp_path: Path) -> None:
    make(tmp_path, {"1_a/clear.png": png(alpha=True), "1_a/plain.png": PICTURE})
    dataset = scanned(tmp_path, masked_loss=True, alpha_mask=True)
    assert [image.has_alpha for image in dataset.images] == [True, False]
    assert "no-alpha" not in codes(dataset)
    make(tmp_path, {"1_a/clear.png": PICTURE})
    assert "alpha_mask is on, but no picture has transparency" in said(
        scanned(tmp_path, masked_loss=True, alpha_mask=True), "no-alpha"
    )


@pytest.mark.parametrize("place", ["masks", "masks/1_a"])
def test_masks_by_name(tmp_path: Path, place: str) -> None:
    make(
        tmp_path,
        {"img/1_a/x.png": PICTURE, "img/1_a/y.jpg": jpeg(), f"{place}/x.jpg": jpeg(), f"{place}/z.png": PICTURE},
    )
    dataset = scanned(tmp_path / "img", masked_loss=True, mask_dir=str(tmp_path / "masks"))
    assert [image.mask_path for image in dataset.images] == [tmp_path / place / "x.jpg", None]
    assert "1 picture without a mask, all of it counts: y.jpg" in said(dataset, "no-mask")
    unmasked = scanned(tmp_path / "img", mask_dir=str(tmp_path / "masks"))
    assert all(image.mask_path is None for image in unmasked.images)


def test_mask_folders_gone_wrong(tmp_path: Path) -> None:
    make(tmp_path, {"1_a/x.png": PICTURE})
    missing = scanned(tmp_path, masked_loss=True, mask_dir=str(tmp_path / "none"))
    assert f"mask_dir {tmp_path / 'none'} cannot be read (No such file or directory)" in said(missing, "mask-dir")
    same = scanned(tmp_path, masked_loss=True, mask_dir=str(tmp_path / "1_a"))
    assert "mask_dir is the folder of the pictures" in said(same, "mask-dir")
    assert missing.errors and same.errors


def test_only_the_beginning_and_end_of_a_picture_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = png(1500, 1500)[:-12] + struct.pack(">I", 4) + b"IEND"
    noise = random.Random(0).randbytes(3_000_000)
    make(
        tmp_path,
        {"1_a/a.png": content[:33] + struct.pack(">I4s", len(noise), b"IDAT") + noise + bytes(4) + png()[-12:]},
    )
    read, total = os.read, [0]

    def counted(descriptor: int, count: int) -> bytes:
        data = read(descriptor, count)
        total[0] += len(data)
        return data

    monkeypatch.setattr(os, "read", counted)
    assert scanned(tmp_path).images[0].size == (1500, 1500)
    assert total[0] < 20_000


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
