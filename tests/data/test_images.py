"""Every kind of picture a folder may hold: read right, or refused in a sentence that names the file."""

from __future__ import annotations

import io
import os
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from kohya_like.data.images import MAX_PIXELS, load_image, load_picture
from kohya_like.data.picture_header import read_header
from kohya_like.schema.errors import FormatError
from tests.data.pictures_made import RED, WHITE, gradient, noise

pytestmark = pytest.mark.quick

GREEN, BLUE = (0, 255, 0), (0, 0, 255)


def png_claiming(width: int, height: int) -> bytes:
    """A PNG whose header claims a size that its few bytes cannot hold."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "AVIF"])
def test_each_allowed_format_is_told_by_its_content_not_its_name(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.png"
    gradient(64, 48).save(path, kind)
    image = load_image(path)
    assert (image.mode, image.size) == ("RGB", (64, 48))
    assert abs(np.asarray(image, float) - np.asarray(gradient(64, 48), float)).mean() < 6


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///x"/></svg>',
            "SVG drawing",
        ),
        (b"<!DOCTYPE html><html>404</html>", "web page"),
        (b"GIF89a" + bytes(20), "a GIF"),
        (b"8BPS" + bytes(20), "Photoshop"),
        (b"\0\0\0\x18ftypheic" + bytes(20), "HEIC"),
        (b"", "0 bytes"),
        (b"just text", "no picture this program reads"),
        (b"\x89PNG\r\n\x1a\n", "cut off"),
        (b"\0\0\0\x18ftypavif" + bytes(20), "AVIF"),
    ],
)
def test_what_is_no_picture_is_named_for_what_it_is(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "fake.png"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=sentence) as caught:
        load_image(path)
    assert "fake.png" in caught.value.text and caught.value.hint


def test_a_real_gif_is_refused_although_pillow_could_read_it(tmp_path: Path) -> None:
    noise(8, 8).save(tmp_path / "a.png", "GIF")
    Image.open(tmp_path / "a.png").load()
    with pytest.raises(FormatError, match="a GIF"):
        load_image(tmp_path / "a.png")


def test_missing_files_folders_and_pipes_are_no_pictures(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path / "none.png", tmp_path, tmp_path / "pipe.png"):
        with pytest.raises(FormatError, match="no such file"):
            load_image(path)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "AVIF"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_picture_is_refused_never_half_grey(
    tmp_path: Path, kind: str, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    buffer = io.BytesIO()
    noise(200, 160).save(buffer, kind)
    path = tmp_path / f"cut.{kind.lower()}"
    path.write_bytes(buffer.getvalue()[: int(len(buffer.getvalue()) * share)])
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)  # as some libraries leave it behind
    with pytest.raises(FormatError, match=r"cut\.\w+: .*(cut off|damaged|cannot be read)"):
        load_image(path)


def test_the_switch_that_guards_against_half_grey_pictures_matters(tmp_path: Path) -> None:
    """Control: with Pillow's tolerance on, the same bytes do load, and their end is one flat colour."""
    buffer = io.BytesIO()
    noise(200, 160).save(buffer, "JPEG")
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        torn = np.asarray(Image.open(io.BytesIO(buffer.getvalue()[: len(buffer.getvalue()) // 2])).convert("RGB"))
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
    assert torn[-8:].std() == 0


@pytest.mark.parametrize("size", [(100_000, 100_000), (MAX_PIXELS // 1000 + 1, 1000), (2**31 - 1, 2**31 - 1)])
def test_a_claim_of_too_many_pixels_is_refused_before_decoding(
    tmp_path: Path, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bomb.png").write_bytes(png_claiming(*size))
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("decoded"))
    with pytest.raises(FormatError, match=r"bomb\.png: .*megapixels; the limit is 100"):
        load_image(tmp_path / "bomb.png")


def test_as_many_pixels_as_allowed_are_not_refused_for_their_number(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png_claiming(MAX_PIXELS // 1000, 1000))
    with pytest.raises(FormatError, match=r"cut off|damaged"):  # only for the bytes it lacks
        load_image(tmp_path / "a.png")


def test_16_bit_grey_is_scaled_not_clipped(tmp_path: Path) -> None:
    values = np.linspace(0, 65535, 256).astype(np.uint16).reshape(1, 256).repeat(4, 0)
    Image.fromarray(values).save(tmp_path / "deep.png")
    grey = np.asarray(load_image(tmp_path / "deep.png"))
    assert (grey[0, :, 0] == np.arange(256)).all() and (grey[..., 0] == grey[..., 2]).all()
    clipped = np.asarray(Image.open(tmp_path / "deep.png").convert("L"))
    assert (clipped[0, 2:] == 255).all()  # control: what Pillow alone makes of it


def test_16_bit_colour_is_scaled(tmp_path: Path) -> None:
    row = b"\0" + struct.pack(">3H", 65535, 32768, 0) * 2
    data = struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)
    chunks = [(b"IHDR", data), (b"IDAT", zlib.compress(row)), (b"IEND", b"")]
    body = b"".join(struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
    (tmp_path / "deep.png").write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    assert load_image(tmp_path / "deep.png").getpixel((1, 0)) == (255, 128, 0)


def test_cmyk_comes_out_in_its_colours(tmp_path: Path) -> None:
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "ink.jpg", quality=95)
    red, green, blue = load_image(tmp_path / "ink.jpg").getpixel((8, 8))
    assert red > 240 and green < 15 and blue < 15


def _palette() -> Image.Image:
    image = Image.new("P", (2, 1))
    image.putpalette([*RED, *GREEN])
    image.putpixel((1, 0), 1)
    image.info["transparency"] = 1
    return image


def _grey_alpha() -> Image.Image:
    image = Image.new("LA", (2, 1), (76, 255))
    image.putpixel((1, 0), (0, 0))
    return image


def _rgba() -> Image.Image:
    image = Image.new("RGBA", (2, 1), (*RED, 255))
    image.putpixel((1, 0), (*GREEN, 0))
    return image


@pytest.mark.parametrize(
    ("make", "left"), [(_palette, RED), (_grey_alpha, (76, 76, 76)), (_rgba, RED)], ids=["palette", "LA", "RGBA"]
)
def test_transparency_is_laid_on_white_and_kept_as_alpha(
    tmp_path: Path, make: Callable[[], Image.Image], left: tuple[int, ...]
) -> None:
    make().save(tmp_path / "a.png")
    picture = load_picture(tmp_path / "a.png")
    assert picture.rgb.getpixel((0, 0)) == left and picture.rgb.getpixel((1, 0)) == WHITE
    assert picture.alpha is not None and np.asarray(picture.alpha).tolist() == [[255, 0]]


def test_half_transparent_is_half_white_and_opaque_alpha_is_none(tmp_path: Path) -> None:
    Image.new("RGBA", (2, 2), (0, 0, 0, 128)).save(tmp_path / "half.png")
    assert load_image(tmp_path / "half.png").getpixel((0, 0)) == (127, 127, 127)
    Image.new("RGBA", (2, 2), (*RED, 255)).save(tmp_path / "full.png")
    assert load_picture(tmp_path / "full.png").alpha is None


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF"])
def test_of_an_animation_the_first_frame_is_taken_and_said(tmp_path: Path, kind: str) -> None:
    frames = [Image.new("RGB", (32, 32), colour) for colour in (RED, GREEN, BLUE)]
    path = tmp_path / f"moving.{kind.lower()}"
    frames[0].save(path, kind, save_all=True, append_images=frames[1:], duration=100)
    picture = load_picture(path)
    red, green, blue = picture.rgb.getpixel((16, 16))
    assert red > 230 and green < 25 and blue < 25
    assert len(picture.notes) == 1 and "moving" in picture.notes[0] and "3 frames" in picture.notes[0]


def test_a_still_picture_has_nothing_to_be_said_of_it(tmp_path: Path) -> None:
    noise(8, 8).save(tmp_path / "still.webp")
    assert load_picture(tmp_path / "still.webp").notes == ()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_exif_rotation_is_applied(tmp_path: Path, orientation: int, kind: str) -> None:
    """The reference is written out by numpy, corner by corner, not by Pillow's own exif_transpose."""
    image = gradient(64, 32)
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(tmp_path / "phone.x", kind, exif=exif)
    stored = np.asarray(Image.open(tmp_path / "phone.x").convert("RGB"))
    upright = {
        1: stored,
        2: stored[:, ::-1],
        3: stored[::-1, ::-1],
        4: stored[::-1],
        5: stored.transpose(1, 0, 2),
        6: np.rot90(stored, -1),
        7: stored[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(stored, 1),
    }[orientation]
    assert (np.asarray(load_image(tmp_path / "phone.x")) == upright).all()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "AVIF"])
def test_the_scan_measures_what_the_decoder_will_see(tmp_path: Path, kind: str) -> None:
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        extra = {} if kind == "BMP" else {"exif": exif}
        gradient(48, 24).save(tmp_path / "a", kind, **extra)
        assert read_header(tmp_path / "a").size == load_image(tmp_path / "a").size


def test_broken_exif_costs_only_the_rotation(tmp_path: Path) -> None:
    gradient(16, 8).save(tmp_path / "a.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + b"\xff" * 40)
    assert load_image(tmp_path / "a.jpg").size == (16, 8)


def test_colour_profiles_are_ignored(tmp_path: Path) -> None:
    noise(8, 8).save(tmp_path / "a.png", icc_profile=b"not a profile" * 20)
    assert (np.asarray(load_image(tmp_path / "a.png")) == np.asarray(noise(8, 8))).all()


def test_bytes_changed_at_random_give_a_picture_or_a_format_error(tmp_path: Path) -> None:
    rng = random.Random(5)
    outcomes = set()
    for kind in ("PNG", "JPEG", "WEBP", "BMP", "AVIF"):
        buffer = io.BytesIO()
        noise(24, 24).save(buffer, kind)
        for _ in range(60):
            data = bytearray(buffer.getvalue())
            for _ in range(rng.randint(1, 4)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            (tmp_path / "x").write_bytes(data)
            try:
                load_image(tmp_path / "x")
                outcomes.add("read")
            except FormatError:
                outcomes.add("refused")
    assert outcomes == {"read", "refused"}


def test_names_that_are_no_text_are_shown_as_text(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"bad\xff\xe2\x80\xaename.png")
    path.write_bytes(b"")
    with pytest.raises(FormatError) as caught:
        load_image(path)
    assert "\\udcff\\u202e" in caught.value.text and caught.value.text.encode()
