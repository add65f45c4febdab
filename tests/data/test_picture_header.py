"""The fast header reader agrees with Pillow, and says what a file is that is no picture."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from kohya_like.data.picture_header import PictureHeader, read_header
from kohya_like.schema.errors import FormatError

pytestmark = pytest.mark.quick

XMP = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'


def exif(orientation: int) -> bytes:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags.tobytes()


def drawn(size: tuple[int, int] = (40, 24), mode: str = "RGB") -> Image.Image:
    rng = random.Random(1)
    image = Image.new("RGB", size)
    image.putdata([(rng.randrange(256), rng.randrange(256), rng.randrange(256)) for _ in range(size[0] * size[1])])
    return image.convert(mode)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def header_of(tmp_path: Path, content: bytes, name: str = "a.png") -> PictureHeader:
    path = tmp_path / name
    path.write_bytes(content)
    return read_header(path)


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def with_chunk(png: bytes, chunk: bytes, before: bytes) -> bytes:
    at = png.index(before) - 4
    return png[:at] + chunk + png[at:]


FORMATS: list[tuple[str, dict[str, object]]] = [
    ("PNG", {}),
    ("JPEG", {}),
    ("JPEG", {"progressive": True}),
    ("WEBP", {}),
    ("WEBP", {"lossless": True}),
    ("BMP", {}),
    ("AVIF", {}),
]


@pytest.mark.parametrize(("kind", "options"), FORMATS)
@pytest.mark.parametrize("size", [(40, 24), (1, 1), (3, 300)])
def test_size_of_every_format(tmp_path: Path, kind: str, options: dict[str, object], size: tuple[int, int]) -> None:
    assert header_of(tmp_path, saved(drawn(size), kind, **options)) == PictureHeader(size)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_swaps_the_sides(tmp_path: Path, kind: str, orientation: int) -> None:
    header = header_of(tmp_path, saved(drawn(), kind, exif=exif(orientation)))
    assert header.size == ((40, 24) if orientation <= 4 else (24, 40))


def xmp_jpeg() -> bytes:
    return saved(drawn(), "JPEG", xmp=XMP)


def xmp_webp() -> bytes:
    return saved(drawn(), "WEBP", xmp=XMP)


def xmp_png(zip: bool = False) -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", XMP.decode(), lang="x-default", zip=zip)
    return saved(drawn(), "PNG", pnginfo=info)


def raw_profile_png() -> bytes:
    packed = exif(6)
    text = f"\nexif\n{len(packed):8}\n" + "\n".join(packed.hex()[i : i + 72] for i in range(0, 2 * len(packed), 72))
    return with_chunk(
        saved(drawn(), "PNG"), png_chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text.encode())), b"IDAT"
    )


def late_exif_png() -> bytes:
    return with_chunk(saved(drawn(), "PNG"), png_chunk(b"eXIf", exif(6)[6:]), b"IEND")


@pytest.mark.parametrize(
    "make", [xmp_jpeg, xmp_webp, xmp_png, lambda: xmp_png(zip=True), raw_profile_png, late_exif_png]
)
def test_rotation_from_unusual_places_as_pillow_reads_it(tmp_path: Path, make: Callable[[], bytes]) -> None:
    content = make()
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        assert image.getexif().get(0x0112) == 6
    assert header_of(tmp_path, content).size == (24, 40)


def test_header_behind_a_long_profile(tmp_path: Path) -> None:
    """The size of a JPEG may stand far behind the first bytes read."""
    content = saved(drawn(), "JPEG", icc_profile=bytes(200_000), exif=exif(6))
    assert header_of(tmp_path, content).size == (24, 40)


@pytest.mark.parametrize(
    ("mode", "kind", "options", "alpha"),
    [
        ("RGBA", "PNG", {}, True),
        ("LA", "PNG", {}, True),
        ("P", "PNG", {"transparency": 3}, True),
        ("P", "PNG", {}, False),
        ("L", "PNG", {}, False),
        ("RGBA", "WEBP", {}, True),
        ("RGBA", "WEBP", {"lossless": True}, True),
        ("CMYK", "JPEG", {}, False),
    ],
)
def test_transparency(tmp_path: Path, mode: str, kind: str, options: dict[str, object], alpha: bool) -> None:
    image = drawn(mode="RGBA" if mode == "RGBA" else mode)
    if mode in ("RGBA", "LA"):
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    assert header_of(tmp_path, saved(image, kind, **options)).has_alpha is alpha


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_animation(tmp_path: Path, kind: str) -> None:
    frames = [drawn(), Image.new("RGB", (40, 24), "red")]
    content = saved(frames[0], kind, save_all=True, append_images=frames[1:])
    assert header_of(tmp_path, content) == PictureHeader((40, 24), animated=True)


@pytest.mark.parametrize(("kind", "options"), FORMATS[:-1])  # Pillow finds it in an AVIF when it decodes
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_cut_off_file_is_found_by_its_end(
    tmp_path: Path, kind: str, options: dict[str, object], share: float
) -> None:
    content = saved(drawn((200, 100)), kind, **options)
    with pytest.raises(FormatError, match="the file is cut off"):
        header_of(tmp_path, content[: int(len(content) * share)])


def test_the_end_of_a_thumbnail_is_not_the_end_of_the_picture(tmp_path: Path) -> None:
    thumbnail = saved(drawn((16, 16)), "JPEG")
    content = saved(drawn((200, 100)), "JPEG", exif=exif(1) + thumbnail)
    assert header_of(tmp_path, content).size == (200, 100)
    with pytest.raises(FormatError, match="cut off"):
        header_of(tmp_path, content[:-500])


def test_bytes_behind_the_end_do_no_harm(tmp_path: Path) -> None:
    for kind in ("JPEG", "PNG"):
        assert header_of(tmp_path, saved(drawn(), kind) + b"appended by a camera" * 50).size == (40, 24)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", r"the file is empty \(0 bytes\)"),
        (b'<?xml version="1.0"?><svg width="9" height="9"/>', "is an SVG drawing"),
        (b"<!DOCTYPE html><html>", "is a web page, not a picture"),
        (b"GIF89a\x10\0\x10\0", "is a GIF"),
        (b"II*\0....", "is a TIFF"),
        (b"8BPS....", "is a Photoshop file"),
        (b"\0\0\0\x18ftypheic", "is a HEIC photo"),
        (b"hello", "is no picture this program reads"),
        (b"\x89PNG\r\n\x1a\n", "the file is cut off"),
        (b"\x89PNG\r\n\x1a\n" + png_chunk(b"tEXt", b"a\0b"), "damaged"),
        (b"\xff\xd8\xff\xda\0\x02", "a JPEG without a size"),
        (b"\xff\xd8\xff\xe0\0\x02junk", "broken JPEG header"),
        (b"RIFF\x16\0\0\0WEBPjunk\0\0\0\0" + bytes(10), "broken WebP header"),
        (b"\0\0\0\x18ftypavif" + bytes(30), "AVIF or JPEG XL picture that cannot be read"),
    ],
)
def test_what_is_no_picture_is_named(tmp_path: Path, content: bytes, sentence: str) -> None:
    with pytest.raises(FormatError, match=sentence):
        header_of(tmp_path, content)


def test_a_size_of_zero_is_refused(tmp_path: Path) -> None:
    header = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", struct.pack(">IIBBBBB", 0, 8, 8, 2, 0, 0, 0))
    with pytest.raises(FormatError, match="its header says 0x8 pixels"):
        header_of(tmp_path, header + png_chunk(b"IEND", b""))


def test_a_claimed_size_costs_nothing(tmp_path: Path) -> None:
    header = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0))
    assert header_of(tmp_path, header + png_chunk(b"IEND", b"")).size == (100_000, 100_000)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP"])
def test_mutated_files_raise_nothing_but_a_sentence(tmp_path: Path, kind: str) -> None:
    content = saved(drawn(), kind, exif=exif(6)) if kind != "BMP" else saved(drawn(), kind)
    rng = random.Random(5)
    read, refused = 0, 0
    path = tmp_path / "a"
    for _ in range(200):
        changed = bytearray(content)
        for _ in range(rng.randint(1, 8)):
            changed[rng.randrange(min(len(changed), 300))] = rng.randrange(256)
        path.write_bytes(changed[: rng.choice([len(changed), rng.randrange(len(changed))])])
        try:
            assert min(read_header(path).size) > 0
            read += 1
        except FormatError as error:
            assert str(error)
            refused += 1
    assert read > 10 and refused > 10
