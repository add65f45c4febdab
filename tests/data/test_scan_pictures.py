"""Which pictures and masks are used; every picture that is left out is named with its reason."""

from __future__ import annotations

import io
import os
import random
import struct
from pathlib import Path

import pytest
from PIL import Image

from tests.data.folders_made import codes, jpeg, make, png, said, scanned

pytestmark = pytest.mark.quick

PICTURE = (64, 64)
BAD_PICTURES = {
    "cut.png": (png(200, 200)[:-20], "the file is cut off"),
    "cut.jpg": (jpeg((200, 200))[:-40], "the file is cut off"),
    "drawing.png": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "is an SVG drawing"),
    "page.jpg": (b"<!DOCTYPE html><html></html>", "is a web page, not a picture"),
    "gif.png": (b"GIF89a\x10\0\x10\0", "is a GIF"),
    "empty.webp": (b"", "the file is empty (0 bytes)"),
    "text.bmp": (b"no picture at all", "is no picture this program reads"),
}


def test_sizes_are_upright(tmp_path: Path) -> None:
    make(tmp_path, {"1_a/phone.jpg": jpeg((40, 24), orientation=6), "1_a/phone.txt": "x"})
    assert scanned(tmp_path).images[0].size == (24, 40)


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
    assert "1 picture left out, over 100 megapixels: huge.png (100000x100000: 10,000 megapixels)" in said(
        dataset, "too-large"
    )
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
