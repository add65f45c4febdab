"""What training sees of a picture: scaled, cut, mirrored and coloured as its dice say, its mask with it."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kohya_like.data.augment import AUGMENT_NOTHING, ColourShift, draw, place
from kohya_like.data.images import prepare
from kohya_like.data.options import SubsetSettings
from kohya_like.data.records import Fit
from kohya_like.data.resample import resize_box
from kohya_like.schema.errors import FormatError, UserError
from tests.data.pictures_made import RED, WHITE, gradient, noise, record

pytestmark = pytest.mark.quick


def test_one_pixel_and_a_long_strip_are_pictures(tmp_path: Path) -> None:
    Image.new("RGB", (1, 1), RED).save(tmp_path / "dot.png")
    out = prepare(record(tmp_path / "dot.png", (1, 1)), Fit((64, 64), (64, 64)), SubsetSettings(), None)
    assert out.pixels.shape == (64, 64, 3) and (out.pixels == RED).all()

    gradient(30000, 10).save(tmp_path / "strip.png")
    fit = Fit((128, 64), (192000, 64))  # scaled whole it would be 12 megapixels; only the middle is scaled
    out = prepare(record(tmp_path / "strip.png", (30000, 10)), fit, SubsetSettings(), None)
    assert out.pixels.shape == (64, 128, 3) and out.crop == (0, 95936)
    assert abs(out.pixels[:, :, 0].astype(int) - 127).max() <= 1


def test_original_crop_and_target_are_three_different_things(tmp_path: Path) -> None:
    """400x300 scaled to 256x192 shows a bucket 192x128: height, width and origins all differ."""
    gradient(400, 300).save(tmp_path / "a.png")
    picture, fit = record(tmp_path / "a.png", (400, 300)), Fit(bucket=(192, 128), scaled=(256, 192))
    out = prepare(picture, fit, SubsetSettings(), random.Random(0))
    assert (out.original, out.target, out.crop, out.flipped) == ((300, 400), (128, 192), (32, 32), False)
    assert out.pixels.shape == (128, 192, 3) and out.pixels.dtype == np.uint8
    # the left edge of the crop lies at 32/256 of the width, the top at 32/192 of the height
    assert abs(int(out.pixels[0, 0, 0]) - 255 * 32 / 256) < 2 and abs(int(out.pixels[0, 0, 1]) - 255 * 32 / 192) < 2


def test_random_crop_reports_where_it_cut(tmp_path: Path) -> None:
    gradient(400, 300).save(tmp_path / "a.png")
    picture, fit = record(tmp_path / "a.png", (400, 300)), Fit((192, 128), (256, 192))
    settings = SubsetSettings(random_crop=True)
    crops = set()
    for seed in range(40):
        out = prepare(picture, fit, settings, random.Random(seed))
        top, left = out.crop
        assert (
            abs(int(out.pixels[0, 0, 0]) - 255 * left / 256) < 2 and abs(int(out.pixels[0, 0, 1]) - 255 * top / 192) < 2
        )
        crops.add(out.crop)
    assert len(crops) > 30
    assert {0 <= top <= 64 and 0 <= left <= 64 for top, left in crops} == {True}


def test_every_random_crop_is_possible_the_outermost_too() -> None:
    fit = Fit((8, 8), (10, 9))
    rng, settings = random.Random(0), SubsetSettings(random_crop=True)
    seen = {place(fit, draw(settings, rng)).crop for _ in range(300)}
    assert seen == {(top, left) for top in (0, 1) for left in (0, 1, 2)}


def test_a_flipped_picture_is_the_mirror_image_and_says_its_margin_in_it(tmp_path: Path) -> None:
    """Scaled width 257, bucket 192: 32 to the left of the crop, 33 to the right. Mirrored, 33 are left of it."""
    gradient(257, 192).save(tmp_path / "a.png")
    picture, fit = record(tmp_path / "a.png", (257, 192)), Fit((192, 128), (257, 192))
    settings = SubsetSettings(flip_aug=True)
    plain = prepare(picture, fit, SubsetSettings(), random.Random(0))
    outs = [prepare(picture, fit, settings, random.Random(seed)) for seed in range(20)]
    flipped = next(out for out in outs if out.flipped)
    assert {out.flipped for out in outs} == {True, False}
    assert plain.crop == (32, 32) and flipped.crop == (32, 33)
    assert (flipped.pixels == plain.pixels[:, ::-1]).all() and not (flipped.pixels == plain.pixels).all()
    mirror = np.asarray(gradient(257, 192))[:, ::-1]
    top, left = flipped.crop
    assert (flipped.pixels == mirror[top : top + 128, left : left + 192]).all()


def test_without_dice_nothing_is_augmented(tmp_path: Path) -> None:
    gradient(100, 90).save(tmp_path / "a.png")
    settings = SubsetSettings(flip_aug=True, color_aug=True, random_crop=True)
    out = prepare(record(tmp_path / "a.png", (100, 90)), Fit((64, 64), (100, 90)), settings, None)
    assert not out.flipped and out.crop == (13, 18)
    assert (out.pixels == np.asarray(gradient(100, 90))[13:77, 18:82]).all()


def test_one_option_does_not_change_what_the_others_draw() -> None:
    every = draw(SubsetSettings(flip_aug=True, color_aug=True, random_crop=True), random.Random(3))
    assert draw(SubsetSettings(flip_aug=True), random.Random(3)).flipped == every.flipped
    assert draw(SubsetSettings(random_crop=True), random.Random(3)).crop == every.crop
    assert draw(SubsetSettings(color_aug=True), random.Random(3)).colour == every.colour
    assert draw(SubsetSettings(), random.Random(3)) == AUGMENT_NOTHING


def test_the_same_dice_give_the_same_pixels_and_others_do_not(tmp_path: Path) -> None:
    noise(100, 90).save(tmp_path / "a.png")
    settings = SubsetSettings(flip_aug=True, color_aug=True, random_crop=True)
    first, again, other = (
        prepare(record(tmp_path / "a.png", (100, 90)), Fit((64, 64), (80, 72)), settings, random.Random(seed)).pixels
        for seed in (1, 1, 2)
    )
    assert (first == again).all() and not (first == other).all()


def test_colours_shift_a_little_and_grey_stays_grey() -> None:
    pixels = np.array([[[200, 60, 40], [128, 128, 128]]], np.uint8)
    shifted = ColourShift(hue=0.1, saturation=1.1, brightness=1.0).apply(pixels).astype(int)
    change = abs(shifted - pixels.astype(int))
    assert 3 <= change[0, 0].max() <= 40 and change[0, 1].max() <= 1
    brighter = ColourShift(hue=0.0, saturation=1.0, brightness=1.05).apply(pixels)
    assert brighter[0, 1].tolist() == [134, 134, 134]
    assert (ColourShift(0.0, 1.0, 1.0).apply(pixels) == pixels).all()


def test_shrinking_averages_and_enlarging_stays_within_the_picture() -> None:
    image = noise(600, 600)
    exact = np.asarray(image, float).reshape(150, 4, 150, 4, 3).mean((1, 3))
    by_default = resize_box(image, (0, 0, 600, 600), (150, 150), None).astype(float)
    single = resize_box(image, (0, 0, 600, 600), (150, 150), "nearest").astype(float)
    assert abs(by_default - exact).mean() < 8 < 40 < abs(single - exact).mean()
    assert (resize_box(image, (0, 0, 600, 600), (150, 150), "area") == by_default).all()
    names = (None, "lanczos", "bicubic", "area", "bilinear")
    enlarged = {name: resize_box(image, (0, 0, 30, 30), (90, 90), name).tobytes() for name in names}
    assert enlarged[None] == enlarged["lanczos"] != enlarged["bicubic"]
    assert enlarged["area"] == enlarged["bilinear"] != enlarged["bicubic"]


def test_a_part_of_the_right_size_is_copied_pixel_for_pixel() -> None:
    image = noise(50, 40)
    assert (resize_box(image, (3.0, 5.0, 35.0, 37.0), (32, 32), None) == np.asarray(image)[5:37, 3:35]).all()


def test_a_picture_that_changed_since_the_scan_is_named(tmp_path: Path) -> None:
    noise(32, 64).save(tmp_path / "a.png")
    with pytest.raises(UserError, match=r"a\.png: is 32x64 now; it was 64x32"):
        prepare(record(tmp_path / "a.png", (64, 32)), Fit((32, 32), (64, 32)), SubsetSettings(), None)


# masks


def half_white(width: int, height: int) -> Image.Image:
    """White on the right half, black on the left."""
    mask = Image.new("RGB", (width, height))
    mask.paste(WHITE, (width // 2, 0, width, height))
    return mask


def test_a_mask_is_cut_like_its_picture_and_averaged_to_the_latents(tmp_path: Path) -> None:
    noise(128, 64).save(tmp_path / "a.png")
    half_white(64, 32).save(tmp_path / "m.png")  # a smaller copy of the same shape will do
    picture, fit = record(tmp_path / "a.png", (128, 64), tmp_path / "m.png"), Fit((64, 64), (128, 64))
    out = prepare(picture, fit, SubsetSettings(), None, masked=True)
    assert out.mask is not None and out.mask.dtype == np.float32 and out.mask.shape == (8, 8)
    assert out.mask.tolist() == [[0, 0, 0, 0, 1, 1, 1, 1]] * 8
    flips = SubsetSettings(flip_aug=True)
    seed = next(seed for seed in range(20) if draw(flips, random.Random(seed)).flipped)
    mirrored = prepare(picture, fit, flips, random.Random(seed), masked=True)
    assert mirrored.mask is not None and mirrored.mask.tolist() == [[1, 1, 1, 1, 0, 0, 0, 0]] * 8


def test_a_mask_counts_by_its_share_and_only_its_red_channel(tmp_path: Path) -> None:
    noise(16, 16).save(tmp_path / "a.png")
    mask = Image.new("RGB", (16, 16), (0, 255, 255))
    mask.paste((255, 0, 0), (0, 0, 4, 8))
    mask.save(tmp_path / "m.png")
    picture = record(tmp_path / "a.png", (16, 16), tmp_path / "m.png")
    out = prepare(picture, Fit((16, 16), (16, 16)), SubsetSettings(), None, masked=True)
    assert out.mask is not None and np.allclose(out.mask, [[0.5, 0], [0, 0]], atol=1 / 255)


def test_alpha_is_the_mask_where_asked_for_and_no_file_is_given(tmp_path: Path) -> None:
    image = noise(16, 16).convert("RGBA")
    image.putalpha(half_white(16, 16).getchannel("R"))
    image.save(tmp_path / "a.png")
    Image.new("L", (16, 16), 255).save(tmp_path / "m.png")
    picture, fit = record(tmp_path / "a.png", (16, 16)), Fit((16, 16), (16, 16))
    alpha = SubsetSettings(alpha_mask=True)
    out = prepare(picture, fit, alpha, None, masked=True)
    assert out.mask is not None and out.mask.tolist() == [[0, 1], [0, 1]]
    assert prepare(picture, fit, SubsetSettings(), None, masked=True).mask is None
    assert prepare(picture, fit, alpha, None).mask is None
    by_file = prepare(replace(picture, mask_path=tmp_path / "m.png"), fit, alpha, None, masked=True)
    assert by_file.mask is not None and by_file.mask.tolist() == [[1, 1], [1, 1]]


def test_a_mask_of_another_shape_is_refused_by_name(tmp_path: Path) -> None:
    noise(64, 32).save(tmp_path / "a.png")
    half_white(32, 32).save(tmp_path / "mask.png")
    picture = record(tmp_path / "a.png", (64, 32), tmp_path / "mask.png")
    with pytest.raises(FormatError, match=r"mask\.png: the mask is 32x32, its picture 64x32"):
        prepare(picture, Fit((64, 32), (64, 32)), SubsetSettings(), None, masked=True)
