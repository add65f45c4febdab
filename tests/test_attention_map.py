"""DreamArtist's attention maps in whole trainings: pictures named after theirs, and what they change."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from kohya_like.formats.embeddings import read_embedding
from tests.tiny_runs import CAPTIONS, SIZE, Run, pictures

DREAM: dict[str, Any] = {
    "network__name": None, "network__dim": None, "network__alpha": None, "method__name": "dreamartist",
    "method__token_string": "my-cat", "train__max_train_steps": 1,
}  # fmt: skip
GREY = 191  # .749: on the curve from .5 -> 1 to .75 -> 3
WITH_MAP = 1 + (GREY / 255 - 0.5) / 0.25 * 2


def train(folder: Path, left: int, right: int, masked: bool = True, attention_map: bool = True) -> Run:
    """A step on pictures beside which lie maps of two halves."""
    place = Path(shutil.copytree(pictures(), folder / "pictures")) / "2_sks thing"
    if masked:
        for number in range(len(CAPTIONS)):
            drawn = Image.new("L", (SIZE, SIZE), left)
            drawn.paste(right, (SIZE // 2, 0, SIZE, SIZE))
            drawn.save(place / f"{number}_att.png")
    own = {"data__train_data_dir": str(place.parent), "method__attention_map": attention_map}
    if masked:
        own |= {"data__masked_loss": True, "data__mask_suffix": "_att"}
    return Run(folder, **{**DREAM, **own}).train()


def pair(run: Run) -> tuple[Tensor, Tensor]:
    files = (run.file, run.file.with_stem(f"{run.file.stem}-neg"))
    word, negative = (read_embedding(file).vectors["text_encoder"] for file in files)
    return word, negative


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(tmp_path_factory.mktemp("plain"), 0, 0, masked=False)


def test_a_grey_counts_by_the_curve(tmp_path: Path, plain: Run) -> None:
    mapped = train(tmp_path / "map", GREY, GREY)
    assert mapped.losses[0] == pytest.approx(WITH_MAP * plain.losses[0], rel=1e-4)
    assert mapped.norms[0] == pytest.approx(WITH_MAP * plain.norms[0], rel=1e-3)
    mask = train(tmp_path / "mask", GREY, GREY, attention_map=False)
    assert mask.losses[0] == pytest.approx(GREY / 255 * plain.losses[0], rel=1e-4), "the control: a plain mask"


def test_both_words_learn_what_the_map_shows(tmp_path: Path, plain: Run) -> None:
    half = train(tmp_path / "half", GREY, 0)
    assert 0.2 * WITH_MAP * plain.losses[0] < half.losses[0] < 0.8 * WITH_MAP * plain.losses[0]
    assert all(not torch.equal(one, other) for one, other in zip(pair(half), pair(plain)))


def test_white_says_nothing_and_black_hides_all(tmp_path: Path, plain: Run) -> None:
    white = train(tmp_path / "white", 255, 255)
    assert white.losses == plain.losses
    assert all(torch.equal(one, other) for one, other in zip(pair(white), pair(plain)))
    black = train(tmp_path / "black", 0, 0)
    assert black.losses == [0.0] and black.norms == [0.0]
