"""The verb `generate`, as a person calls it, on tiny random models."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from kohya_like.cli import main
from kohya_like.formats.tensors import save_safetensors
from kohya_like.schema.errors import UserError
from kohya_like.verbs.generate_request import output_paths, picture_size, split_weight
from tests.tiny_runs import base, trained

Draw = Callable[..., bytes]


@pytest.fixture
def draw(tmp_path: Path) -> Draw:
    """Call the verb with more arguments and give the picture's pixels."""
    numbers = iter(range(100))

    def drawn(*more: str, family: str = "mini", size: str = "64") -> bytes:
        out = tmp_path / f"{next(numbers)}.png"
        own = ["--model", str(base(family).folder), "--prompt", "a red square", "--steps", "2", "--size", size]
        assert main(["generate", *own, "--out", str(out), "--device", "cpu", *more]) == 0
        with Image.open(out) as image:
            assert image.format == "PNG"
            return image.convert("RGB").tobytes()

    return drawn


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a call says that ends with code 1; never a traceback."""
    capsys.readouterr()
    assert main(["generate", "--prompt", "x", "--steps", "1", "--size", "64", "--device", "cpu", *arguments]) == 1
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("error: ") and "Traceback" not in said.err
    return said.err


@pytest.mark.parametrize("family", ["mini", "sdxl"])
def test_a_network_at_0_is_no_network_and_at_1_it_is_seen(draw: Draw, family: str) -> None:
    without, network = draw(family=family), str(trained(family))
    assert draw("--network", f"{network}:0", family=family) == without
    full = draw("--network", network, family=family)
    assert full != without and full == draw("--network", f"{network}:1", family=family)
    assert draw("--network", f"{network}:0.5", family=family) not in (full, without)


def test_networks_add_up_and_take_away(draw: Draw) -> None:
    network = str(trained("mini"))
    assert draw("--network", network, "--network", f"{network}:0") == draw("--network", network)
    assert draw("--network", network, "--network", network) != draw("--network", network)


def test_each_option_changes_the_picture_and_the_same_call_does_not(draw: Draw) -> None:
    plain = draw()
    assert draw() == plain
    for more in (
        ("--seed", "2"), ("--cfg", "1.5"), ("--steps", "3"), ("--negative", "blue"), ("--sampler", "euler_a"),
        ("--clip-skip", "2"), ("--prediction-type", "v_prediction"), ("--zero-terminal-snr",), ("--dtype", "bf16"),
    ):  # fmt: skip
        assert draw(*more) != plain, more
    assert len(draw(size="64x96")) == 64 * 96 * 3


def test_a_single_file_draws_as_its_folder(draw: Draw) -> None:
    told = base("sd1")
    from_file = draw("--model", str(told.file), "--config-folder", str(told.configs))
    difference = max(abs(a - b) for a, b in zip(from_file, draw(family="sd1")))
    assert difference <= 1


def test_several_prompts_make_several_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = ["generate", "--model", str(base("mini").folder), "--steps", "1", "--size", "64", "--json"]
    assert main([*own, "--prompt", "a", "--prompt", "b", "--out", str(tmp_path / "set")]) == 0
    files = json.loads(capsys.readouterr().out)["pictures"]
    assert files == [str(tmp_path / "set" / f"picture-0{i}.png") for i in (1, 2)]
    assert all(Path(file).is_file() for file in files)


class TestFaults:
    def test_no_such_model(self, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        assert "no such file or folder" in refused(capsys, "--model", str(tmp_path / "none"))

    def test_a_network_as_model(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert "this is a LoRA, not a base model" in refused(capsys, "--model", str(trained("mini")))

    def test_no_such_network(self, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        model = ["--model", str(base("mini").folder)]
        assert "there is no such network file" in refused(capsys, *model, "--network", str(tmp_path / "none"))
        assert "there is no such network file" in refused(capsys, *model, "--network", f"{trained('sd1')}:nan")
        assert "there is no such network file" in refused(capsys, *model, "--network", f"{trained('sd1')}:inf")

    def test_a_network_of_another_family(self, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        said = refused(
            capsys, "--model", str(base("mini").folder), "--network", str(trained("sdxl")), "--out",
            str(tmp_path / "x.png"),
        )  # fmt: skip
        assert f"{trained('sdxl')}: is a network for Stable Diffusion XL, and this is a Stable Diffusion 1.x" in said
        assert "use it with a model of Stable Diffusion XL" in said
        assert list(tmp_path.iterdir()) == []

    def test_a_file_that_is_no_network(self, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        model = ["--model", str(base("mini").folder), "--network"]
        page = tmp_path / "page.safetensors"
        page.write_text("<!DOCTYPE html><title>Sign in</title>")
        assert str(page) in refused(capsys, *model, str(page))
        empty = tmp_path / "empty.safetensors"
        save_safetensors(empty, {}, {})
        assert "holds no tensors" in refused(capsys, *model, str(empty))

    def test_pictures_are_not_replaced_unasked(self, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        out = tmp_path / "mine.png"
        out.write_bytes(b"mine")
        call = ["--model", str(base("mini").folder), "--out", str(out)]
        assert f"{out} would be replaced" in refused(capsys, *call)
        assert out.read_bytes() == b"mine"
        assert main(["generate", "--prompt", "x", "--steps", "1", "--size", "64", *call, "--force"]) == 0
        assert out.read_bytes().startswith(b"\x89PNG")

    def test_a_place_that_cannot_be_written(self, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        said = refused(capsys, "--model", str(base("mini").folder), "--out", str(tmp_path / "file" / "x.png"))
        assert said == f"error: {tmp_path / 'file'}: no picture can be written there\nchoose another --out\n"

    @pytest.mark.parametrize(
        "wrong",
        [
            ("--steps", "0"), ("--steps", "many"), ("--cfg", "nan"), ("--seed", "-1"), ("--clip-skip", "0"),
            ("--sampler", "magic"), ("--dtype", "fp8"), ("--nonsense",),
        ],
    )  # fmt: skip
    def test_wrong_usage_ends_with_2(self, capsys: pytest.CaptureFixture[str], wrong: tuple[str, ...]) -> None:
        with pytest.raises(SystemExit) as ended:
            main(["generate", "--model", "m", "--prompt", "x", *wrong])
        assert ended.value.code == 2 and wrong[0] in capsys.readouterr().err


@pytest.mark.parametrize("text", ["0", "63", "64x", "64x64x64", "-64", "big", "99992"])
def test_sizes_that_are_none(text: str) -> None:
    with pytest.raises(UserError, match="expects 512 or 512x768"):
        picture_size(text, 512)


def test_sizes() -> None:
    assert (picture_size("", 512), picture_size("64", 512), picture_size("64X96", 512)) == (
        (512, 512),
        (64, 64),
        (64, 96),
    )


def test_weights_behind_a_name() -> None:
    assert split_weight("a.safetensors") == (Path("a.safetensors"), 1.0)
    assert split_weight("a.safetensors:-0.5") == (Path("a.safetensors"), -0.5)
    assert split_weight("a:b.safetensors:.5") == (Path("a:b.safetensors"), 0.5)


def test_names_of_pictures(tmp_path: Path) -> None:
    assert output_paths(tmp_path / "a.png", 1, False) == [tmp_path / "a.png"]
    assert output_paths(tmp_path / "a.png", 2, False) == [tmp_path / "a-01.png", tmp_path / "a-02.png"]
    assert output_paths(tmp_path / "a", 1, False) == [tmp_path / "a" / "picture-01.png"]
