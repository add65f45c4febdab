"""What the preview of a sample shows is what a training is given: pixels, masks and captions, one by one."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kohya_like.config import TrainConfig
from kohya_like.data.buckets import rules_of
from kohya_like.data.dataset import Loading
from kohya_like.pictures import Pictures
from kohya_like.preflight.readers import FRESH
from kohya_like.sample_preview import SamplePreview, sample_preview
from kohya_like.schema.errors import UserError
from kohya_like.schema.validate import build
from tests import house
from tests.dataset_tools.made_pictures import put, scene
from tests.service_talk import Talk

SEED = 7
CHANCE = {
    "shuffle_caption": True,
    "keep_tokens": 1,
    "caption_tag_dropout_rate": 0.3,
    "caption_dropout_rate": 0.1,
    "token_warmup_step": 4,
    "enable_wildcard": True,
    "random_crop": True,
    "flip_aug": True,
    "color_aug": True,
    "cache_latents": False,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, size in enumerate([(200, 120), (96, 160), (128, 128), (300, 100)]):
        put(tmp_path / "2_sks cat", f"{number}.png", scene(number, size), f"a {{red|blue}} cat, tag {number}, b, c, d")
    masks = tmp_path / "masks"
    for number, size in ((0, (200, 120)), (2, (64, 64))):
        put(masks, f"{number}.png", Image.linear_gradient("L").resize(size).convert("RGB"))
    put(tmp_path / "1_dog", "9.png", scene(9, (130, 130)))
    return tmp_path


def config_of(folder: Path, **data: Any) -> TrainConfig:
    values = {
        "model": {"family": "sd1", "base": str(folder / "none.safetensors")},
        "data": {"train_data_dir": str(folder), "resolution": [128, 128], "min_bucket_reso": 64, **data},
        "train": {"seed": SEED, "max_train_epochs": 3, "train_batch_size": 2, "gradient_accumulation_steps": 2},
    }
    return build(TrainConfig, values)


def trained(config: TrainConfig, folder: Path) -> Iterator[tuple[int, str, str, np.ndarray, np.ndarray | None]]:
    """(batch number, identity, caption, pixels [H, W, 3], mask) of every sample of a training, as it is fed."""
    rules = rules_of(config.data, 512, 64)
    assert config.train.seed is not None
    batch_size = config.train.train_batch_size
    pictures = Pictures.read(config.data, rules, batch_size, config.train.seed, folder / "cache")
    count = pictures.plan.count_steps(config.train.gradient_accumulation_steps, *config.train.wanted_length)
    wording = config.method.wording(config.save.output_name)
    batches = pictures.training_set(
        pictures.sources(pictures.train, config.data), config.train.seed, config.train.gradient_accumulation_steps,
        count.total, Loading(), wording,
    )  # fmt: skip
    for number in range(3 * len(batches)):
        batch = batches[number]
        assert batch.pixels is not None
        for i, (identity, caption) in enumerate(zip(batch.identities, batch.captions)):
            pixels = ((batch.pixels[i].permute(1, 2, 0) + 1) * 127.5).round().byte().numpy()
            yield number, identity, caption, pixels, None if batch.masks is None else batch.masks[i, 0].numpy()


def shown(config: TrainConfig) -> Iterator[SamplePreview]:
    """Every sample of three epochs."""
    for concept, pictures in ((0, 1), (1, 4)):
        for picture in range(pictures):
            for epoch in (1, 2, 3):
                for repeat in range(2 if concept else 1):
                    yield sample_preview(config, FRESH, concept, picture, epoch, repeat)


def picture_of(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(png)))


@pytest.mark.parametrize("chance", [{}, CHANCE], ids=["steady", "by chance"])
def test_it_is_what_a_training_is_given(folder: Path, chance: dict[str, Any]) -> None:
    config = config_of(folder, masked_loss=True, mask_dir=str(folder / "masks"), **chance)
    wanted = sorted(trained(config, folder), key=lambda row: (*row[:3], row[3].tobytes()))
    found = sorted(shown(config), key=lambda o: (o.batch, o.identity, o.caption, picture_of(o.pixels).tobytes()))
    assert len(found) == len(wanted) == 3 * (2 * 4 + 1)
    for one, (number, identity, caption, pixels, mask) in zip(found, wanted):
        assert (one.batch, one.identity, one.caption) == (number + 1, identity, caption)
        assert np.array_equal(picture_of(one.pixels), pixels)
        if one.mask:
            assert mask is not None and np.abs(picture_of(one.mask) / 255 - mask).max() <= 0.5 / 255 + 1e-6
    assert sum(bool(one.mask) for one in found) == 2 * 2 * 3
    if chance:
        assert len({one.caption for one in found}) > 9, "the control: chance has an effect"
        assert len({one.box for one in found}) > 5 and any(one.flipped for one in found)


def test_a_word_that_is_taught_is_in_its_captions(folder: Path) -> None:
    config = config_of(folder)
    taught = TrainConfig.model_validate(
        {**config.model_dump(), "method": {"name": "textual_inversion"}, "save": {"output_name": "ghosty"}}
    )
    assert "ghosty" in sample_preview(taught, FRESH, 1, 0).caption
    assert "ghosty" not in sample_preview(config, FRESH, 1, 0).caption


def test_numbers_beyond_the_last_are_the_last(folder: Path) -> None:
    config = config_of(folder)
    far = sample_preview(config, FRESH, 1, 99, 99, 99)
    assert far == sample_preview(config, FRESH, 1, 3, 3, 1)
    assert (far.pictures, far.repeats, far.epochs, far.identity) == (4, 2, 3, "2_sks cat/3.png")


def test_without_a_seed_it_says_so(folder: Path) -> None:
    config = config_of(folder)
    without = config.model_copy(update={"train": config.train.model_copy(update={"seed": None})})
    assert (sample_preview(without, FRESH, 0, 0).seed_is_drawn, sample_preview(config, FRESH, 0, 0).seed_is_drawn) == (
        True,
        False,
    )


def test_a_concept_without_pictures_and_a_torn_picture_are_sentences(folder: Path) -> None:
    config = config_of(folder)
    with pytest.raises(UserError, match="no picture that is trained"):
        sample_preview(config, FRESH, 5, 0)
    torn = folder / "1_dog" / "9.png"
    content = bytearray(torn.read_bytes())
    content[len(content) // 2] ^= 0xFF
    torn.write_bytes(content)
    with pytest.raises(UserError, match=r"9\.png: the file is damaged"):
        sample_preview(config, FRESH, 0, 0)


def test_the_window_is_answered(folder: Path) -> None:
    talk = Talk()
    talk.serve()
    data = f"[data]\ntrain_data_dir = {json.dumps(str(folder))}\nresolution = [128, 128]\n[train]\nseed = 7\n"
    text = f'[model]\nfamily = "sd1"\nbase = "none.safetensors"\n{data}'
    try:
        answer = talk.wait(talk.ask("sample", text=text, source="a.toml", folder=str(folder), concept=1, picture=2))
        refused = talk.wait(talk.ask("sample", text=text, source="a.toml", folder=str(folder), concept=9))
        odd = talk.wait(talk.ask("sample", text=text, concept="1"))
    finally:
        talk.close()
    assert answer["ok"] and answer["identity"] == "2_sks cat/2.png" and answer["bucket"] == [128, 128]
    assert picture_of(base64.b64decode(answer["pixels"])).shape == (128, 128, 3)
    assert [fault["text"] for fault in refused["faults"]] == ["this concept has no picture that is trained"]
    assert odd["faults"][0]["text"] == "the request's concept must be a whole number"


@pytest.mark.quick
def test_it_needs_no_torch() -> None:
    assert house.import_without(["kohya_like.sample_preview"]) == []
