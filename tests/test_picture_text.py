"""The text in a picture: A1111's, to the letter, and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from kohya_like import __version__
from kohya_like.picture_text import Surroundings, Told, picture_text, told_by, told_in
from kohya_like.prompt_file import SamplePrompt
from kohya_like.prompts.infotext import SAMPLERS, Parameters, infotext, read_infotext, sampler_named
from kohya_like.prompts.pull import Pull
from kohya_like.sampling import save_png
from kohya_like.schema.errors import UserError

pytestmark = pytest.mark.quick

# as A1111's own documentation of its reader shows it
OLD = """girl with an artist's beret, determined, blue eyes, desert scene, ((eyeshadow)), (coquettish)
Negative prompt: ugly, fat, obese, chubby, (((deformed))), [blurry], bad anatomy
second line of it
Steps: 20, Sampler: DPM++ 2M Karras, CFG scale: 7, Seed: 965400086, Size: 512x640, Model hash: 45dee52b"""
NEW = """a cat <lora:ghost:1>
Steps: 30, Sampler: DPM++ 2M, Schedule type: Automatic, CFG scale: 4.5, Seed: 1, Size: 64x64, Model hash: 6ce0161689, \
Model: v1-5, Denoising strength: 0.4, Clip skip: 2, Hires upscale: 2, Lora hashes: "ghost: 0123456789ab, b: 1", \
Version: v1.10.1"""


def test_every_field_to_the_letter() -> None:
    prompt = SamplePrompt("a (cat:1.2) # dog\n<lora:g:1>", "ugly, bad", 512, 768, 7, 6.5, 30, "dpmpp_2m_karras")
    around = Surroundings("v1-5", "6ce0161689", 2, 0.4, True, {"my:cat": "aa"}, {"g": "bb", "h": "cc"})
    assert picture_text(prompt, around, {"Script": "X/Y/Z plot"}) == (
        "a (cat:1.2) \n<lora:g:1>\nNegative prompt: ugly, bad\n"
        "Steps: 30, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 6.5, Seed: 7, Size: 512x768, "
        "Model hash: 6ce0161689, Model: v1-5, Denoising strength: 0.4, Clip skip: 2, RNG: CPU, "
        'Noise Schedule: Zero Terminal SNR, TI hashes: "mycat: aa", Lora hashes: "g: bb, h: cc", Script: X/Y/Z plot, '
        f"Version: kohya-like {__version__}"
    )


def test_pictures_of_the_web_ui_are_read() -> None:
    told = told_in(OLD, "x")
    assert told.text.startswith("girl with") and told.negative.endswith("anatomy\nsecond line of it")
    assert (told.steps, told.sampler, told.scale, told.seed, told.size) == (
        20, "dpmpp_2m_karras", 7.0, 965400086, "512x640",
    )  # fmt: skip
    assert told.clip_skip is None and told.model_hash == "45dee52b"
    told = told_in(NEW, "x")
    assert (told.sampler, told.clip_skip, told.strength) == ("dpmpp_2m_karras", 2, None), "the strength is of its hires"
    assert read_infotext(NEW).fields["Lora hashes"] == "ghost: 0123456789ab, b: 1"


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize(
    "text", ["a", "", "two\nlines: (x:1.2), y", "Steps: 1", '"quoted", a', "汉字，图片", "a: b, c: d"]
)
def test_there_and_back(sampler: str, text: str) -> None:
    prompt = SamplePrompt(text, text if "\n" not in text else "", 64, 96, 5, 3.25, 9, sampler)
    told = told_in(picture_text(prompt, Surroundings("a, b: c", clip_skip=3)), "x")
    assert told == Told(
        prompt.text, prompt.negative, 9, sampler, 3.25, 5, "64x96", 3, None, model="a, b: c"
    )  # fmt: skip


def test_names_of_samplers() -> None:
    assert sampler_named("Euler a") == "euler_a" and sampler_named("unipc") == "unipc"
    assert sampler_named("DPM++ 2M") == "dpmpp_2m" and sampler_named("DPM++ 2M", "Automatic") == "dpmpp_2m_karras"
    assert sampler_named("Restart") is None and sampler_named("DPM++ 2M", "Exponential") is None
    assert sampler_named("Euler", "Uniform") == "euler" and sampler_named("UniPC", "Karras") == "unipc"
    assert told_in("x\nSteps: 1, Sampler: Euler, Schedule type: Karras", "x").unknown_sampler == "Euler Karras"
    assert told_in("x\nSteps: 1, Sampler: Restart, Seed: 2", "x").unknown_sampler == "Restart"


def test_a_prompt_of_two_fields_is_no_line_of_fields() -> None:
    assert read_infotext("a: b, c: d") == Parameters("a: b, c: d")
    assert infotext(Parameters("", "", {"A b": "1"})) == "A b: 1"


def test_in_a_png_and_out(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    text = picture_text(SamplePrompt("汉字 & ünï", "x" * 5000))
    save_png(path, Image.new("RGB", (8, 8)), text)
    with Image.open(path) as image:
        assert image.info["parameters"] == text
    assert told_by(path).text == "汉字 & ünï"


def png(path: Path, text: str | None) -> Path:
    info = PngImagePlugin.PngInfo()
    if text is not None:
        info.add_text("parameters", text)
    Image.new("RGB", (8, 8)).save(path, pnginfo=info)
    return path


@pytest.mark.filterwarnings("ignore:Truncated File Read")
def test_what_tells_nothing_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not tell how it was drawn"):
        told_by(png(tmp_path / "a.png", None))
    with pytest.raises(UserError, match="does not tell how it was drawn"):
        told_by(png(tmp_path / "b.png", "  \n"))
    with pytest.raises(UserError, match="is damaged"):
        told_by(png(tmp_path / "c.png", "a\nSteps: many, Seed: 1, Size: 64x64"))
    (tmp_path / "d.png").write_bytes(b"\x89PNG\r\n\x1a\n cut")
    with pytest.raises(UserError, match="this picture cannot be read"):
        told_by(tmp_path / "d.png")
    Image.new("RGB", (8, 8)).save(tmp_path / "e.jpg")
    with pytest.raises(UserError, match="does not tell how it was drawn"):
        told_by(tmp_path / "e.jpg")
    Image.new("RGB", (8, 8)).save(tmp_path / "f.gif")
    with pytest.raises(UserError, match="this picture cannot be read"):
        told_by(tmp_path / "f.gif")
    with pytest.raises(UserError, match="does not tell how it was drawn"):
        told_by(with_comment(tmp_path / "g.jpg", b"UNICODE\0" + OLD.encode("utf-16-be"), cut=12))


def with_comment(path: Path, comment: bytes, cut: int = 0) -> Path:
    """A picture whose EXIF tells how it was drawn, as A1111 writes it; without the last `cut` bytes."""
    exif = Image.Exif()
    exif[0x8769] = {0x9286: comment}
    raw = exif.tobytes()
    Image.new("RGB", (8, 8)).save(path, exif=raw[: len(raw) - cut])
    return path


@pytest.mark.parametrize("name", ["a.jpg", "a.webp", "a.png"])
@pytest.mark.parametrize(
    ("code", "encoding"),
    [(b"UNICODE\0", "utf-16-be"), (b"UNICODE\0", "utf-16-le"), (b"UNICODE\0", "utf-16"), (b"ASCII\0\0\0", "utf-8"),
     (bytes(8), "utf-8"), (b"", "utf-8")],
)  # fmt: skip
def test_jpeg_and_webp_of_the_web_ui(tmp_path: Path, name: str, code: bytes, encoding: str) -> None:
    text = OLD.replace("desert scene", "沙漠, ünï")
    told = told_by(with_comment(tmp_path / name, code + text.encode(encoding)))
    assert told == told_in(text, "x") and told.negative.endswith("second line of it") and told.seed == 965400086


PULL = Pull("look", 0.7, 9, 2e-4, True, "oil, (thick:1.2)", True, 0.3)


def test_aesthetic_gradients_there_and_back() -> None:
    text = picture_text(SamplePrompt("a"), more=PULL.fields())
    assert told_in(text, "x").pull == PULL
    assert 'Aesthetic text: "oil, (thick:1.2)", Aesthetic text negative: True, Aesthetic slerp angle: 0.3' in text
    assert told_in(picture_text(SamplePrompt("a"), more=Pull("b").fields()), "x").pull == Pull("b")
    assert told_in(picture_text(SamplePrompt("a"), more=Pull("None").fields()), "x").pull is None
    assert told_in("x\nSteps: 1, Seed: 2, Aesthetic embedding: old", "x").pull == Pull("old")
    with pytest.raises(UserError, match="is damaged"):
        told_in("x\nSteps: 1, Seed: 2, Aesthetic embedding: old, Aesthetic LR: fast", "x")
