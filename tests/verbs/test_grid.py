"""Tables of pictures: axes, cells, labels, and what is refused."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from kohya_like.prompts.library import Library
from kohya_like.schema.errors import UserError
from kohya_like.verbs.generate_request import Request
from kohya_like.verbs.grid import Grid, grid_of, table
from kohya_like.verbs.sheet import PAPER, Sheet, drawn
from tests.tiny_runs import trained
from tests.verbs.drawing import Hand, parameters, pixels


@pytest.fixture
def hand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Hand:
    return Hand(tmp_path, capsys)


def test_each_cell_is_the_picture_drawn_alone(hand: Hand, tmp_path: Path) -> None:
    network = str(trained("mini"))
    own = ("--network", network, "--batch-size", "1")
    sheet = hand.file(*own, "--x", "strength", "0", "0.5", "1", "--y", "seed", "1..2", "--cells")
    cells = sorted(tmp_path.glob("1-*.png"))
    assert [cell.stem for cell in cells] == ["1-x1y1", "1-x1y2", "1-x2y1", "1-x2y2", "1-x3y1", "1-x3y2"]
    assert pixels(cells[0]) == hand("--seed", "1") and pixels(cells[1]) == hand("--seed", "2")
    assert pixels(cells[5]) == hand("--network", network, "--seed", "2")
    assert pixels(cells[2]) == hand("--network", f"{network}:0.5", "--seed", "1")
    assert len({pixels(cell) for cell in cells}) == 6
    with Image.open(sheet) as image:
        left, top = image.width - 3 * 64, image.height - 2 * 64
        assert 0 < left <= 160 and 0 < top < 64
        for i, cell in enumerate(cells):
            x, y = left + i // 2 * 64, top + i % 2 * 64
            with Image.open(cell) as alone:
                assert not ImageChops.difference(image.crop((x, y, x + 64, y + 64)), alone).getbbox()
        assert len(image.crop((left, 0, left + 64, top)).getcolors() or ()) > 2, "there is a label"
        assert image.getpixel((0, 0)) == PAPER
    said = parameters(sheet)
    assert 'X Type: strength, X Values: "strength 0, strength 0.5, strength 1"' in said
    assert "Script: X/Y/Z plot" in said and 'Y Values: "seed 1, seed 2"' in said


def test_files_epochs_and_a_third_axis(hand: Hand, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("cat-000002", "cat-000010", "cat", "cat-other", "dog-000001"):
        shutil.copy(trained("mini"), folder / f"{name}.safetensors")
    grid = made(
        y=["epoch", str(folder / "cat.safetensors")], x=["strength", "0.5", "1"], z=["sampler", "euler", "DDIM"]
    )
    assert grid.y.labels == ("epoch 2", "epoch 10", "cat") and grid.z.labels == ("Euler", "DDIM")
    prompts = grid.prompts(64, 64)
    assert len(prompts) == 2 * 3 * 2 and [p.sampler for p in prompts] == ["euler"] * 6 + ["ddim"] * 6
    assert prompts[1].text == "x<lora:cat-000002:1>" and prompts[4].text == "x<lora:cat:0.5>"
    assert [place for place in grid.places()][:3] == ["x1y1z1", "x2y1z1", "x1y2z1"]
    files = [str(folder / "cat.safetensors"), str(folder / "dog-000001.safetensors")]
    shutil.copy(trained("mini"), tmp_path / "cat.safetensors")
    grid = made(x=["file", *files, str(tmp_path / "cat.safetensors")], y=["cfg", "1", "7.5"])
    assert [p.text for p in grid.prompts(64, 64)[:3]] == ["x<lora:cat:1>", "x<lora:dog-000001:1>",
                                                         f"x<lora:{tmp_path.name}/cat:1>"]  # fmt: skip
    assert grid.y.labels == ("cfg 1", "cfg 7.5")
    hand.file("--x", "file", *files, "--batch-size", "1", "--cells")
    one, other = (pixels(tmp_path / f"1-{place}.png") for place in ("x1y1", "x2y1"))
    assert one == other == hand("--network", files[0]) != hand(), "two names of one network"


def made(
    x: list[str] | None = None, y: list[str] | None = None, z: list[str] | None = None,
    texts: tuple[str, ...] = ("x",), count: int = 1,
) -> Grid:  # fmt: skip
    request = Request(texts, "", 1, 2, 7.0, "euler", "", None, False, None, (), Library([], ()), Library([], ()))
    return grid_of(argparse.Namespace(count=count, x=x, y=y, z=z), request)


@pytest.mark.parametrize(
    ("axes", "said"),
    [
        ({"x": ["colour", "1"]}, "no such axis; there are file, epoch, strength"),
        ({"x": ["seed"]}, "the axis seed has no values"),
        ({"x": ["seed", "-1"]}, "cannot have the values -1"),
        ({"x": ["seed", "9..1"]}, "cannot have the values"),
        ({"x": ["steps", "0"]}, "cannot have the values"),
        ({"x": ["cfg", "nan"]}, "cannot have the values"),
        ({"x": ["sampler", "magic"]}, "cannot have the values magic"),
        ({"x": ["seed", "1"], "y": ["seed", "2"]}, "the axis seed is given twice"),
        ({"x": ["strength", "1"]}, "needs a network"),
        ({"x": ["file", "none.safetensors"]}, "there is no such network file"),
        ({"x": ["epoch", "none.safetensors"]}, "nor one of its epochs"),
        ({"x": ["epoch", "a", "b"]}, "has one value"),
        ({"x": ["seed", "1..999"], "y": ["steps", "1..9"]}, "8991 pictures; at most 1000"),
    ],
)
def test_what_is_wrong_with_axes_is_said(axes: dict[str, list[str]], said: str) -> None:
    with pytest.raises(UserError, match=said):
        made(axes.get("x"), axes.get("y"))


def test_one_prompt_and_a_sheet_of_bearable_size() -> None:
    with pytest.raises(UserError, match="of one prompt"):
        made(["seed", "1"], texts=("a", "b"))
    with pytest.raises(UserError, match="of one prompt"):
        made(count=2, x=["seed", "1"])
    with pytest.raises(UserError, match="1000 pictures of 512x512 are too many"):
        made(x=["seed", "1..1000"]).prompts(512, 512)


def test_a_sheet_fits_long_and_foreign_labels() -> None:
    images = [Image.new("RGB", (40, 24), (i * 60, 0, 0)) for i in range(4)]
    sheet = drawn([Sheet("标题 " * 40, ["a very long label " * 9, "汉字"], ["第一行" * 30, ""], images)])
    assert sheet.width == 2 * 40 + 160 and sheet.getpixel((sheet.width - 1, sheet.height - 1)) == (180, 0, 0)
    bare = drawn([Sheet("", ["", ""], ["", ""], images)])
    assert bare.size == (80, 48), "no labels, no margins"
    grid = made(x=["seed", "1", "2"], z=["steps", "1", "2"])
    assert table(grid, images).height > 2 * 24
