"""WD14's preparation is that of the models' author, pixel for pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dataset_tools.taggers.wd14 import squared
from kohya_like.data.images import load_picture

Pixels = np.ndarray


def author(image: Image.Image, size: int) -> Pixels:
    """`prepare_image` of huggingface.co/spaces/SmilingWolf/wd-tagger, app.py, without the batch."""
    canvas = Image.new("RGBA", image.size, (255, 255, 255))
    canvas.alpha_composite(image)
    image = canvas.convert("RGB")
    image_shape = image.size
    max_dim = max(image_shape)
    pad_left = (max_dim - image_shape[0]) // 2
    pad_top = (max_dim - image_shape[1]) // 2
    padded_image = Image.new("RGB", (max_dim, max_dim), (255, 255, 255))
    padded_image.paste(image, (pad_left, pad_top))
    if max_dim != size:
        padded_image = padded_image.resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(padded_image, dtype=np.float32)[:, :, ::-1]


def drawn(width: int, height: int, mode: str) -> Image.Image:
    """Gradients and noise, so that no two channels, edges or filters are alike."""
    rng = np.random.default_rng(width * 1000 + height)
    pixels = rng.integers(0, 256, (height, width, 4), dtype=np.uint8)
    pixels[..., 0] = np.linspace(0, 255, width, dtype=np.uint8)[None]
    pixels[..., 1] = np.linspace(255, 0, height, dtype=np.uint8)[:, None]
    picture = Image.fromarray(pixels, "RGBA")
    return picture if mode == "RGBA" else picture.convert(mode)


CASES = [
    (448, 448, "RGB"),
    (640, 360, "RGBA"),
    (333, 517, "RGBA"),
    (31, 97, "RGB"),
    (1, 1, "RGBA"),
    (512, 511, "LA"),
    (200, 100, "P"),
]


@pytest.mark.parametrize(("width", "height", "mode"), CASES)
def test_as_the_author_does_it(tmp_path: Path, width: int, height: int, mode: str) -> None:
    picture = drawn(width, height, mode)
    picture.save(tmp_path / "a.png")
    ours = squared(load_picture(tmp_path / "a.png").rgb, 448).astype(np.float32)
    theirs = author(picture.convert("RGBA"), 448)
    assert ours.shape == theirs.shape == (448, 448, 3)
    # transparency is laid on white by another rounding: a level for a pixel, before the resize
    assert np.abs(ours - theirs).max() <= (2 if picture.has_transparency_data else 0)


def test_values_that_stand_written_here(tmp_path: Path) -> None:
    """A picture 2 wide and 1 high, half of it transparent: alpha on white, white below, BGR."""
    picture = Image.new("RGBA", (2, 1))
    picture.putpixel((0, 0), (200, 100, 50, 255))
    picture.putpixel((1, 0), (200, 100, 50, 0))
    picture.save(tmp_path / "a.png")
    found = squared(load_picture(tmp_path / "a.png").rgb, 2)
    assert found.tolist() == [[[50, 100, 200], [255, 255, 255]], [[255, 255, 255], [255, 255, 255]]]


@pytest.mark.parametrize("wrong", ["rgb", "black", "stretched", "bilinear", "unlaid"])
def test_each_slip_would_be_seen(wrong: str) -> None:
    picture = drawn(640, 360, "RGBA")
    theirs = author(picture, 448)
    filter_ = Image.Resampling.BILINEAR if wrong == "bilinear" else Image.Resampling.BICUBIC
    ground = Image.new("RGB", (640, 640), "black" if wrong == "black" else "white")
    white = Image.new("RGBA", picture.size, "white")
    white.alpha_composite(picture)
    ground.paste((picture if wrong == "unlaid" else white).convert("RGB"), (0, 140))
    if wrong == "stretched":
        ground = white.convert("RGB")
    found = np.asarray(ground.resize((448, 448), filter_), np.float32)
    found = found if wrong == "rgb" else found[:, :, ::-1]
    assert np.abs(found - theirs).max() > 20


def test_a_strip_is_not_made_into_a_square_of_gigabytes() -> None:
    found = squared(Image.new("RGB", (40_000, 10), "red"), 64)
    assert found.shape == (64, 64, 3)
    assert (found[31] == (0, 0, 255)).all()  # BGR; one row of it is left
    assert (found[:31] == 255).all() and (found[32:] == 255).all()
