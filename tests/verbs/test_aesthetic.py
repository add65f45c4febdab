"""`aesthetic`: the mean of a folder's pictures, in a file that webui and `generate` read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from kohya_like.cli import main
from kohya_like.families.image_tower import build_image_tower, open_image_tower
from kohya_like.formats.aesthetic import read_aesthetic, save_aesthetic
from kohya_like.schema.errors import FormatError
from tests.families.tiny_models import modules, write_folder

VISION = {
    "hidden_size": 16, "intermediate_size": 32, "projection_dim": 24, "num_hidden_layers": 1, "num_attention_heads": 2,
    "image_size": 32, "patch_size": 8,
}  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    folder = tmp_path / "tower"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(VISION))
    state = build_image_tower(VISION).state_dict()
    save_file({k: v for k, v in state.items() if not k.endswith("position_ids")}, folder / "model.safetensors")
    (tmp_path / "pictures").mkdir()
    for name, colour in (("a.png", "red"), ("b.png", "blue")):
        Image.new("RGB", (40, 40), colour).save(tmp_path / "pictures" / name)
    return tmp_path


def made(place: Path, *more: str) -> int:
    return main(
        ["aesthetic", str(place / "pictures"), "--tower", str(place / "tower"), "--out", str(place / "x.pt"), *more]
    )


def test_it_is_the_mean_of_the_pictures(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert made(place) == 0
    assert "x.pt: the mean of 2 pictures, 24 numbers" in capsys.readouterr().out
    tower = open_image_tower(place / "tower")
    wanted = tower.features([Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]).mean(dim=0)
    assert torch.allclose(read_aesthetic(place / "x.pt"), wanted, atol=1e-6)
    bare = torch.load(place / "x.pt", weights_only=True)
    assert bare.shape == (1, 24) and (place / "x.pt").read_bytes()[:2] == b"\x80\x02", "torch's old form"


def test_what_cannot_be_read_is_left_out_with_a_word(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "pictures" / "c.png").write_bytes(b"no picture")
    assert made(place) == 0
    said = capsys.readouterr()
    assert "the mean of 2 pictures" in said.out and "warning: left out: " in said.err and "c.png" in said.err


def test_a_file_that_is_there_is_kept(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "x.pt").write_bytes(b"mine")
    assert made(place) == 1 and "is there already" in capsys.readouterr().err
    assert (place / "x.pt").read_bytes() == b"mine"
    assert made(place, "--force") == 0


@pytest.mark.parametrize("content", [{}, {"c.png": b"no"}])
def test_a_folder_without_pictures_is_refused(
    place: Path, content: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (place / "pictures").iterdir():
        path.unlink()
    for name, data in content.items():
        (place / "pictures" / name).write_bytes(data)
    assert made(place) == 1
    assert "none of its 1 pictures" in (said := capsys.readouterr().err) or "holds no pictures" in said
    assert not (place / "x.pt").exists()


@pytest.mark.parametrize(
    "value", [{"a": torch.ones(3)}, torch.ones(2, 3), torch.zeros(1, 4), torch.tensor([[1.0, float("nan")]])]
)
def test_other_files_are_no_aesthetic_embeddings(tmp_path: Path, value: object) -> None:
    torch.save(value, tmp_path / "x.pt")
    with pytest.raises(FormatError, match=r"x\.pt: "):
        read_aesthetic(tmp_path / "x.pt")


def test_either_form_is_read(tmp_path: Path) -> None:
    save_aesthetic(tmp_path / "old.pt", torch.arange(1.0, 5.0))
    torch.save(torch.arange(1.0, 5.0)[None], tmp_path / "new.pt")
    assert torch.equal(read_aesthetic(tmp_path / "old.pt"), read_aesthetic(tmp_path / "new.pt"))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., bytes]:
    """Pictures of a tiny SD1 drawn with a tower that goes with its text encoder; the same options, the same bytes."""
    place = tmp_path_factory.mktemp("drawn")
    model = write_folder(place / "model", "sd1", modules("sd1"))
    torch.manual_seed(0)
    (place / "config.json").write_text(json.dumps(VISION))
    state = build_image_tower(VISION).state_dict()
    tensors = {k: v for k, v in state.items() if not k.endswith("position_ids")}
    save_file({**tensors, "text_projection.weight": torch.randn(24, 16)}, place / "model.safetensors")
    save_aesthetic(place / "look.pt", torch.randn(24))

    def draw(*more: str, negative: str = "blurry") -> bytes:
        out = place / f"{len(list(place.glob('*.png')))}.png"
        common = ["--prompt", "a red cat", "--negative", negative, "--size", "64", "--steps", "3", "--device", "cpu"]
        assert main(["generate", "--model", str(model), "--out", str(out), *common, *more]) == 0
        with Image.open(out) as picture:
            draw.text, draw.file = picture.info["parameters"], out  # type: ignore[attr-defined]
            return picture.tobytes()

    draw.look = ["--aesthetic", str(place / "look.pt"), "--aesthetic-tower", str(place)]  # type: ignore[attr-defined]
    return draw


def test_generate_draws_with_the_look(drawn: Callable[..., bytes]) -> None:
    look = drawn.look  # type: ignore[attr-defined]
    plain, pulled = drawn(), drawn(*look, "--aesthetic-lr", "0.01")
    told = drawn.text  # type: ignore[attr-defined]
    assert pulled != plain
    assert drawn(*look, "--aesthetic-weight", "0") == plain, "the control"
    assert "Aesthetic LR: 0.01, Aesthetic weight: 0.9, Aesthetic steps: 5, Aesthetic embedding: look" in told


def test_like_draws_with_the_look_again(drawn: Callable[..., bytes], capsys: pytest.CaptureFixture[str]) -> None:
    look = drawn.look  # type: ignore[attr-defined]
    first = drawn(
        *look, "--aesthetic-lr", "0.01", "--aesthetic-slerp", "--aesthetic-text", "oil", "--aesthetic-steps", "3"
    )
    told, file = drawn.text, str(drawn.file)  # type: ignore[attr-defined]
    assert drawn("--like", file, *look) == first and drawn.text == told  # type: ignore[attr-defined]
    assert drawn("--like", file, *look, "--no-aesthetic-slerp", "--aesthetic-text", "") != first
    assert "Aesthetic slerp: False" in drawn.text and "Aesthetic text" not in drawn.text  # type: ignore[attr-defined]
    assert "Aesthetic LR: 0.01" in drawn.text and "hint" not in capsys.readouterr().err  # type: ignore[attr-defined]
    with pytest.raises(AssertionError):
        drawn("--like", file)
    said = capsys.readouterr().err
    assert "was drawn with the aesthetic embedding look" in said and "give its file with --aesthetic" in said
    assert drawn("--like", file, "--aesthetic-weight", "0") == drawn()
    other = Path(look[1]).with_name("other.pt")
    other.write_bytes(Path(look[1]).read_bytes())
    drawn("--like", file, "--aesthetic", str(other), *look[2:])
    assert "was drawn with the aesthetic embedding look" in capsys.readouterr().err


def test_the_negative_prompt_is_left_alone(drawn: Callable[..., bytes]) -> None:
    """Guidance of 0 draws what the negative prompt says."""
    look = drawn.look  # type: ignore[attr-defined]
    assert drawn("--cfg", "0") == drawn("--cfg", "0", *look, "--aesthetic-lr", "0.01")
    assert drawn("--cfg", "1") != drawn("--cfg", "1", *look, "--aesthetic-lr", "0.01")


def test_options_that_make_no_sense_are_all_named(
    drawn: Callable[..., bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(AssertionError):
        drawn("--aesthetic", "x.pt", "--aesthetic-weight", "2", "--aesthetic-steps", "-1")
    said = capsys.readouterr().err
    assert "--aesthetic needs --aesthetic-tower" in said
    assert "--aesthetic-weight is 2; expects 0 to 1" in said and "--aesthetic-steps is -1" in said
