"""The key table and the presets are made from the options, and are never behind them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from kohya_like.config import TrainConfig, dumped
from kohya_like.config_docs import KEYS_FILE, keys_text
from kohya_like.schema.docs import LEVELS, commented_toml
from kohya_like.schema.option import describe
from kohya_like.schema.phrases import union_members
from kohya_like.schema.toml import Document
from kohya_like.schema.validate import build

pytestmark = pytest.mark.quick

VALUES: dict[str, Any] = {
    "model": {"base": "models/v1-5.safetensors"},
    "network": {"name": "lora", "dim": 32, "targets": ["unet.*", "!unet.mid_block.*"]},
    "data": {"train_data_dir": "pictures", "resolution": [512, 768], "subsets": [{"image_dir": "a", "num_repeats": 2}]},
    "optimizer": {"optimizer_args": {"weight_decay": 0.01, "betas": [0.9, 0.99]}, "learning_rate": 1e-4},
    "sample": {"prompts": ['a "quoted" ghost', "two\nlines"]},
}


def test_the_key_table_is_up_to_date() -> None:
    assert KEYS_FILE.read_text(encoding="utf-8") == keys_text(), "run: python -m kohya_like.config_docs"


def test_every_option_has_its_row() -> None:
    rows = re.findall(r"^\| `([^`]+)` \|", keys_text(), re.MULTILINE)
    assert {option.key for option in describe(TrainConfig)} == set(rows)
    assert all(line.replace("\\|", "").count("|") == 7 for line in keys_text().splitlines() if line.startswith("| `"))


def test_every_option_says_what_it_is() -> None:
    for option in describe(TrainConfig):
        assert len(option.info.help) > 5 and option.info.help[-1] in ".:)", f"{option.key}: {option.info.help!r}"


def test_bounds_stand_only_on_numbers() -> None:
    """pydantic raises a raw TypeError where a bound meets a text or a list."""
    for option in describe(TrainConfig):
        kinds = {member for member in union_members(option.annotation) if member is not type(None)}
        assert (
            not option.field.metadata
            or kinds <= {int, float}
            or not any(hasattr(limit, bound) for limit in option.field.metadata for bound in ("ge", "gt", "le", "lt"))
        ), option.key


@pytest.mark.parametrize("level", LEVELS)
def test_a_commented_preset_reads_back_as_its_values(level: Any) -> None:
    text = commented_toml(TrainConfig, VALUES, level, "For my ghost.\n\nSecond try.")
    assert text.startswith("# For my ghost.\n#\n# Second try.\n\n[model]")
    read = {name: section for name, section in Document(text).values().items() if section}
    assert read == VALUES
    assert build(TrainConfig, Document(text)) == build(TrainConfig, VALUES)


def test_its_comments_hold_the_defaults() -> None:
    text = commented_toml(TrainConfig, {}, "expert")
    uncommented = re.sub(r"^# (\w+ = .+)$", r"\1", text, flags=re.MULTILINE)
    assert uncommented != text
    assert build(TrainConfig, Document(uncommented)) == TrainConfig()


def test_levels_add_options() -> None:
    sizes = [commented_toml(TrainConfig, {}, level).count(" =") for level in LEVELS]
    assert sizes[0] < sizes[1] < sizes[2]


def test_a_whole_config_can_be_written() -> None:
    config = build(TrainConfig, VALUES)
    text = commented_toml(TrainConfig, dumped(config), "basic")
    assert build(TrainConfig, Document(text)) == config
