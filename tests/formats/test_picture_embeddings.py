"""Embeddings in pictures: they survive what keeps every bit; where one does not, it is said."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image, PngImagePlugin

from kohya_like.formats.embeddings import Embedding, read_embedding, write_embedding
from kohya_like.formats.picture_embeddings import TEXT_KEY, is_lossless
from kohya_like.schema.errors import FormatError, UserError
from tests.formats import webui_embeddings as webui

ROWS = torch.randn(2, 768, generator=torch.Generator().manual_seed(1))
EMBEDDING = Embedding("my-cat", {"text_encoder": ROWS})


@pytest.fixture
def png(tmp_path: Path) -> Path:
    photo = Image.effect_noise((96, 128), 80).convert("RGB")
    photo.save(tmp_path / "photo.png")
    write_embedding(tmp_path / "cat.png", EMBEDDING, picture=tmp_path / "photo.png")
    return tmp_path / "cat.png"


def test_the_pixels_alone_carry_it_and_the_picture_is_seen(png: Path, tmp_path: Path) -> None:
    image = Image.open(png)
    assert image.height == 128 and TEXT_KEY in image.info
    image.info = {}
    image.save(tmp_path / "bare.png")
    image.save(tmp_path / "bare.webp", lossless=True, exact=True)
    for name in ("bare.png", "bare.webp"):
        assert TEXT_KEY not in Image.open(tmp_path / name).info
        assert torch.equal(read_embedding(tmp_path / name).vectors["text_encoder"], ROWS)
        assert torch.equal(webui.load(tmp_path / name)[1][""], ROWS)
    photo = Image.open(tmp_path / "photo.png").tobytes()
    wide = (image.width - 96) // 2
    assert image.crop((wide, 0, wide + 96, 128)).tobytes() == photo


@pytest.mark.parametrize("format", ["JPEG", "WEBP"])
def test_after_a_lossy_format_it_is_said(png: Path, tmp_path: Path, format: str) -> None:
    Image.open(png).save(tmp_path / "lossy.png", format=format, quality=95)
    with pytest.raises(FormatError, match="no embedding"):
        read_embedding(tmp_path / "lossy.png")
    assert Image.open(tmp_path / "lossy.png").format == format


def test_pictures_without_one(tmp_path: Path) -> None:
    for name, colour in (("plain", (9, 90, 200)), ("black", (0, 0, 0))):
        Image.new("RGB", (64, 64), colour).save(tmp_path / f"{name}.png")
        with pytest.raises(FormatError, match="picture without an embedding"):
            read_embedding(tmp_path / f"{name}.png")


@pytest.mark.parametrize("text", ["###", "aGVsbG8=", "WzFd", "eyJUT1JDSFRFTlNPUiI6ICJ4In0="])
def test_damaged_text(tmp_path: Path, text: str) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text(TEXT_KEY, text)
    Image.new("RGB", (8, 8), (1, 2, 3)).save(tmp_path / "x.png", pnginfo=info)
    with pytest.raises(FormatError, match="damaged"):
        read_embedding(tmp_path / "x.png")


def test_formats_are_tried_before_they_are_trusted(tmp_path: Path) -> None:
    assert is_lossless(".png") and is_lossless(".webp")
    for suffix in (".avif", ".jxl"):
        if is_lossless(suffix):
            write_embedding(tmp_path / f"x{suffix}", EMBEDDING)
            assert torch.equal(read_embedding(tmp_path / f"x{suffix}").vectors["text_encoder"], ROWS)
        else:
            with pytest.raises(UserError, match="without loss"):
                write_embedding(tmp_path / f"x{suffix}", EMBEDDING)
            assert not (tmp_path / f"x{suffix}").exists()


def test_data_that_ends_early_is_no_crash(png: Path, tmp_path: Path) -> None:
    image = Image.open(png)
    image.info = {}
    image.crop((0, 0, image.width, 100)).save(tmp_path / "cut.png")
    with pytest.raises(FormatError):
        read_embedding(tmp_path / "cut.png")
