"""Copies: upright, cut, scaled and converted, with their captions, and never over anything that is there."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dataset_tools.copies import Copied, CopyPlan, Shaping, carry_out, plan_copies
from kohya_like.schema.errors import UserError
from tests.dataset_tools.made_pictures import put, scene

pytestmark = pytest.mark.quick


def run(folder: Path, target: Path, shaping: Shaping) -> tuple[CopyPlan, Copied]:
    plan = plan_copies(folder, target, shaping)
    return plan, carry_out(plan, shaping)


def sums(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize(
    ("shaping", "size", "made"),
    [
        (Shaping(), (300, 200), (300, 200)),
        (Shaping(longest=150), (300, 200), (150, 100)),
        (Shaping(longest=600), (300, 200), (300, 200)),
        (Shaping(longest=600, enlarge=True), (300, 200), (600, 400)),
        (Shaping(crop=(64, 64)), (300, 200), (64, 64)),
        (Shaping(crop=(512, 512)), (300, 200), (200, 200)),  # smaller: only cut to the shape
        (Shaping(crop=(512, 512), enlarge=True), (300, 200), (512, 512)),
        (Shaping(step=64), (300, 200), (256, 192)),
        (Shaping(longest=130, step=64), (300, 200), (128, 64)),
    ],
)
def test_sizes(tmp_path: Path, shaping: Shaping, size: tuple[int, int], made: tuple[int, int]) -> None:
    put(tmp_path / "in", "a.png", scene(1, size))
    plan, copied = run(tmp_path / "in", tmp_path / "out", shaping)
    assert (plan.copies[0].made, copied) == (made, Copied(1, 0, ()))
    assert Image.open(tmp_path / "out" / "a.png").size == made


def test_a_cut_keeps_the_middle_and_every_pixel_of_it(tmp_path: Path) -> None:
    whole = scene(2, (300, 200))
    put(tmp_path / "in", "a.png", whole)
    run(tmp_path / "in", tmp_path / "out", Shaping(crop=(200, 200)))
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out" / "a.png")), np.asarray(whole)[:, 50:250])


def test_the_camera_rotation_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    upright = scene(3, (200, 300))
    (tmp_path / "in").mkdir()
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "in" / "a.png", exif=exif)
    run(tmp_path / "in", tmp_path / "out", Shaping())
    copy = Image.open(tmp_path / "out" / "a.png")
    assert np.array_equal(np.asarray(copy), np.asarray(upright)) and copy.getexif().get(0x0112) is None


@pytest.mark.parametrize(("background", "colour"), [("", (40, 90, 200, 128)), ("#ff0000", (147, 45, 100))])
def test_transparency_stays_or_is_laid_on_a_colour(tmp_path: Path, background: str, colour: tuple[int, ...]) -> None:
    put(tmp_path / "in", "a.png", Image.new("RGBA", (80, 80), (40, 90, 200, 128)))
    run(tmp_path / "in", tmp_path / "out", Shaping(longest=40, background=background))
    pixel = Image.open(tmp_path / "out" / "a.png").getpixel((20, 20))
    assert isinstance(pixel, tuple) and len(pixel) == len(colour)
    assert max(abs(a - b) for a, b in zip(pixel, colour)) <= 2


def test_captions_go_along_byte_for_byte_and_the_originals_stay(tmp_path: Path) -> None:
    source = tmp_path / "in"
    put(source / "10_a", "x.png", scene(4))
    caption = b"\xef\xbb\xbfone, two\r\nsecond line"
    (source / "10_a" / "x.txt").write_bytes(caption)
    (source / "10_a" / "x.caption").write_bytes(b"a sentence")
    before = sums(source)
    run(source, tmp_path / "out", Shaping(longest=64, format="webp"))
    assert sums(source) == before
    assert sorted(path.name for path in (tmp_path / "out" / "10_a").iterdir()) == ["x.caption", "x.txt", "x.webp"]
    assert (tmp_path / "out" / "10_a" / "x.txt").read_bytes() == caption


def test_a_picture_that_needs_no_change_is_copied_byte_for_byte(tmp_path: Path) -> None:
    source = tmp_path / "in"
    put(source, "same.jpg", scene(1))
    put(source, "misnamed.png", scene(2))
    (source / "misnamed.png").rename(source / "misnamed.jpg")  # a PNG that calls itself JPEG becomes one
    run(source, tmp_path / "out", Shaping(longest=256, background="white"))
    assert (tmp_path / "out" / "same.jpg").read_bytes() == (source / "same.jpg").read_bytes()
    assert Image.open(tmp_path / "out" / "misnamed.jpg").format == "JPEG"


def test_names_that_would_meet_are_kept_apart(tmp_path: Path) -> None:
    for seed, name in enumerate(["a.png", "a.jpg", "A.webp"]):
        put(tmp_path / "in", name, scene(seed, (64, 64)))
    plan, copied = run(tmp_path / "in", tmp_path / "out", Shaping(format="png"))
    assert copied.made == 3 and len({str(copy.target).casefold() for copy in plan.copies}) == 3


def test_an_interrupted_one_goes_on(tmp_path: Path) -> None:
    for seed in range(3):
        put(tmp_path / "in", f"{seed}.png", scene(seed, (64, 64)))
    shaping = Shaping(longest=32)
    run(tmp_path / "in", tmp_path / "out", shaping)
    kept = (tmp_path / "out" / "0.png").stat().st_mtime_ns
    (tmp_path / "out" / "1.png").unlink()
    _, copied = run(tmp_path / "in", tmp_path / "out", shaping)
    assert copied == Copied(1, 2, ()) and (tmp_path / "out" / "0.png").stat().st_mtime_ns == kept


def test_foreign_pictures_in_the_target_stop_it_before_it_begins(tmp_path: Path) -> None:
    put(tmp_path / "in", "a.png", scene(1))
    put(tmp_path / "in", "b.png", scene(2))
    mine = put(tmp_path / "out", "b.png", scene(9, (33, 33)))
    before = sums(tmp_path / "out")
    with pytest.raises(UserError, match=r"holds other files of these names: b\.png"):
        run(tmp_path / "in", tmp_path / "out", Shaping())
    assert sums(tmp_path / "out") == before and mine.exists()


def test_damaged_pictures_are_named_and_the_others_made(tmp_path: Path) -> None:
    put(tmp_path / "in", "good.png", scene(1))
    torn = put(tmp_path / "in", "torn.png", scene(2))
    content = bytearray(torn.read_bytes())
    content[len(content) // 2] ^= 0xFF  # its header is whole: seen only when it is decoded
    torn.write_bytes(content)
    (tmp_path / "in" / "text.png").write_text("no picture")
    plan, copied = run(tmp_path / "in", tmp_path / "out", Shaping())
    assert [(path.name, why) for path, why in plan.left_out] == [("text.png", "is no picture this program reads")]
    ((failed, why),) = copied.failed
    assert (copied.made, failed.name) == (1, "torn.png") and "damaged" in why
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["good.png"]


@pytest.mark.parametrize("target", ["in", "in/below"])
def test_the_target_lies_outside(tmp_path: Path, target: str) -> None:
    put(tmp_path / "in", "a.png", scene(1))
    with pytest.raises(UserError, match="lies in the folder itself"):
        plan_copies(tmp_path / "in", tmp_path / target, Shaping())


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"longest": -1}, "sides are"),
        ({"crop": (0, 9)}, "sides are"),
        ({"step": 0}, "sides are"),
        ({"quality": 101}, "a quality of 101"),
        ({"background": "nocolour"}, '"nocolour" is no colour'),
    ],
)
def test_wrong_numbers_are_said(bad: dict[str, object], words: str) -> None:
    with pytest.raises(UserError, match=words):
        Shaping(**bad)  # type: ignore[arg-type]
