"""Faulty keys do not blank the rest: they are left out, and what is sound is counted."""

from __future__ import annotations

import pytest

from kohya_like.config import TrainConfig
from kohya_like.preflight.partial import sound_part
from kohya_like.schema.toml import Document
from kohya_like.schema.validate import inspect


def part(text: str) -> TrainConfig | None:
    document = Document(text)
    config, faults = inspect(TrainConfig, document)
    assert config is None and faults
    return sound_part(document, faults)


SOUND = "[train]\ntrain_batch_size = 7\n"


@pytest.mark.parametrize(
    "text",
    [
        SOUND + "train_batch_sice = 3",
        SOUND + 'seed = "x"',
        SOUND + '[network]\ndim = 0\nalpha = "x"',
        SOUND + '[network]\nname = "lroa"\ndim = 8',
        SOUND + '[network]\nname = "hypernetwork"\ndim = 8\nnonsense = 1',
        SOUND + '[nonsense]\na = 1\n[sample]\nprompts = "x"',
        SOUND + '[data]\ntrain_data_dir = "a\\u0007"\nnonsense = 1',
        SOUND + "[network]\ntrain_unet = false\ntrain_text_encoder = false",
        SOUND + 'base_precision = "fp16"',
        SOUND + "network = 5",
        "model = 3\n" + SOUND,
        SOUND + '"a.b" = 3\n"" = 4',
    ],
)
def test_the_sound_rest(text: str) -> None:
    config = part(text)
    assert config is not None and config.train.train_batch_size == 7


def test_a_list_item_without_its_folder_goes_and_the_others_stay() -> None:
    config = part(
        '[[data.subsets]]\nnum_repeats = 2\n[[data.subsets]]\nimage_dir = "a"\n[[data.subsets]]\nis_reg = true'
    )
    assert config is not None and [subset.image_dir for subset in config.data.subsets] == ["a"]


def test_a_wrong_key_of_a_list_item_goes_alone() -> None:
    config = part('[[data.subsets]]\nimage_dir = "a"\nnum_repeats = 0\n[[data.subsets]]\nimage_dir = "b"\nx = 1')
    assert config is not None and [subset.image_dir for subset in config.data.subsets] == ["a", "b"]


def test_where_nothing_can_be_taken_out_there_is_no_config() -> None:
    document = Document("[train]\nseed = 1\n")
    assert sound_part(document, []) is None
