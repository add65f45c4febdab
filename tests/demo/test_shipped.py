"""What is shipped: SD1.5's structure, a model that diffusers opens, a dataset that drawing again would give again."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from kohya_like.demo.measure import unseen_pictures
from kohya_like.demo.pack import write_dataset, write_tokenizer
from kohya_like.demo.run import HERE
from kohya_like.families.loading import load_backbone
from kohya_like.formats.headers import identify, read_safetensors_header
from kohya_like.prompt_file import SamplePrompt
from kohya_like.verbs.generate import painter_of

BASE = HERE / "base"


def test_the_unet_has_the_keys_of_sd15() -> None:
    header = read_safetensors_header(BASE / "unet" / "diffusion_pytorch_model.safetensors")
    assert len(header.tensors) == 686
    assert {tensor.dtype for tensor in header.tensors.values()} == {"F16"}
    text = read_safetensors_header(BASE / "text_encoder" / "model.safetensors")
    assert all(name.startswith("text_model.") for name in text.tensors)


def test_it_is_small_and_recognised() -> None:
    assert sum(path.stat().st_size for path in BASE.rglob("*") if path.is_file()) <= 24_000_000
    facts = identify(BASE)
    assert (facts.kind, facts.family) == ("checkpoint", "sd1")


def test_no_path_of_the_machine_that_made_it() -> None:
    for path in BASE.rglob("*.json"):
        assert "/" not in json.dumps(json.loads(path.read_text(encoding="utf-8")))


def test_diffusers_draws_the_same_picture(tmp_path: Path) -> None:
    from diffusers import DDIMScheduler, StableDiffusionPipeline

    folder = Path(shutil.copytree(BASE, tmp_path / "base"))
    write_tokenizer(folder / "tokenizer")
    pipe = StableDiffusionPipeline.from_pretrained(str(folder), torch_dtype=torch.float32, local_files_only=True)
    assert isinstance(pipe.scheduler, DDIMScheduler)
    # the released configs stop one step short of the clean picture; our sampler goes to the end
    pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config, set_alpha_to_one=True)
    pipe.set_progress_bar_config(disable=True)
    noise = torch.randn(4, 8, 8, generator=torch.Generator().manual_seed(3))[None]
    theirs = pipe(
        "a red circle on a blue background", num_inference_steps=10, guidance_scale=4.0, width=64, height=64,
        latents=noise.clone(),
    ).images[0]  # fmt: skip
    backbone = load_backbone(BASE)
    prompt = SamplePrompt("a red circle on a blue background", "", 64, 64, 3, 4.0, 10, "ddim")
    ours = dict(painter_of(backbone).draw([prompt]))[0]
    difference = np.abs(np.asarray(theirs, dtype=int) - np.asarray(ours, dtype=int))
    assert difference.max() <= 3, "rounding only"


def test_the_autoencoder_gives_pictures_back() -> None:
    backbone = load_backbone(BASE)
    pixels = torch.from_numpy(np.stack([np.asarray(image) for image, _ in unseen_pictures(16)]))
    pixels = pixels.permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.no_grad():
        back = backbone.decode(backbone.encode_images(pixels)).clamp(-1, 1)
    assert (back - pixels).abs().mean() < 0.06
    shuffled = back[torch.tensor(random.Random(0).sample(range(16), 16))]
    assert (shuffled - pixels).abs().mean() > 0.3, "the ruler tells pictures apart"


def test_the_dataset_is_what_the_script_draws(tmp_path: Path) -> None:
    write_dataset(tmp_path)
    again = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    shipped = sorted(path.relative_to(HERE / "dataset") for path in (HERE / "dataset").rglob("*") if path.is_file())
    assert again == shipped and len(again) == 2 * (12 + 64)
    for name in again:
        if name.suffix == ".txt":
            assert (tmp_path / name).read_text() == (HERE / "dataset" / name).read_text()
        else:
            drawn, kept = (np.asarray(Image.open(root / name)) for root in (tmp_path, HERE / "dataset"))
            assert np.array_equal(drawn, kept)


@pytest.mark.full
def test_the_script_makes_all_of_it_and_goes_on_where_it_was_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from kohya_like.demo import make

    monkeypatch.setattr(make, "CHECKPOINT_SECONDS", 0.0)
    small = ["--vae-steps", "4", "--vae-batch", "2", "--latents", "800", "--unet-steps", "4", "--unet-batch", "2"]

    def run(name: str) -> None:
        monkeypatch.setattr("sys.argv", ["make", "--work", str(tmp_path / name), *small])
        make.main()

    run("whole")
    original, calls = make.save_state, [0]

    def cut(path: Path, state: dict[str, object]) -> None:
        original(path, state)
        calls[0] += 1
        if calls[0] in (2, 8):
            raise KeyboardInterrupt

    monkeypatch.setattr(make, "save_state", cut)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            run("cut")
    run("cut")
    assert "continues at step" in capsys.readouterr().out
    for part in ("unet", "vae"):
        name = f"out/base/{part}/diffusion_pytorch_model.safetensors"
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "cut" / name).read_bytes()
