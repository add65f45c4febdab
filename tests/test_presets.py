"""The shipped presets load, say what they are for, and name every option that a person may want to change."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kohya_like.config import TrainConfig, load
from kohya_like.schema.option import describe

pytestmark = pytest.mark.quick

PRESETS = sorted((Path(__file__).parent.parent / "presets").glob("*.toml"))
COMPLETE = [path for path in PRESETS if path.name != "demo.toml"]


def test_the_families_are_there() -> None:
    assert {path.name for path in PRESETS} >= {
        "demo.toml", "lora-sd15.toml", "lora-sd21-v.toml", "lora-sdxl.toml", "hypernetwork-sd15.toml",
        *(f"{kind}-{model}.toml" for kind in ("dreambooth", "finetune") for model in ("sd15", "sd21-v", "sdxl")),
    }  # fmt: skip


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.name)
def test_it_loads_and_begins_with_words(path: Path) -> None:
    config, document = load(path)
    assert document.text().startswith("# ")
    assert Path(config.model.base).is_absolute(), "paths are made absolute beside the preset"


@pytest.mark.parametrize("path", COMPLETE, ids=lambda path: path.name)
def test_every_option_up_to_advanced_stands_in_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    section = ""
    named = set()
    for line in text.splitlines():
        if match := re.match(r"\[(\w+)\]", line):
            section = match[1]
        elif match := re.match(r"(?:# )?(\w+) =", line):
            named.add(f"{section}.{match[1]}")
    config = load(path)[0]
    network = type(config.network).model_fields if config.method.uses_network else {}
    wanted = {
        option.key
        for option in describe(TrainConfig)
        if option.info.level != "expert" and "[]" not in option.key
        and not option.key.startswith("network.") and option.plugin in ("", config.method.name)
    } | {f"network.{key}" for key in network if key in ("dim", "alpha", "conv_dim", "dropout")}  # fmt: skip
    assert wanted - named == set()
    assert config.method.uses_network or not any(key.startswith("network.") for key in named)


def test_each_family_gets_its_own_numbers() -> None:
    by_name = {path.name: load(path)[0] for path in COMPLETE}
    assert by_name["lora-sd21-v.toml"].model.prediction_type == "v_prediction"
    assert by_name["lora-sd21-v.toml"].data.resolution == (768, 768)
    assert by_name["lora-sdxl.toml"].data.resolution == (1024, 1024)
    assert not by_name["lora-sdxl.toml"].network.train_text_encoder
    assert by_name["lora-sd15.toml"].data.resolution == (512, 512)
