"""The form's rows out of the schema, without a window."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest

from gui.fields import Field, chosen_plugin, default_plugin, fields, subset_fields
from kohya_like.config import TrainConfig
from kohya_like.schema.option import describe
from kohya_like.schema.registry import plugins


def field(key: str, plugin: str = "") -> Field:
    return next(one for one in fields() if one.key == key and one.plugin == plugin)


@pytest.mark.parametrize(
    "key, kind",
    [
        ("train.train_batch_size", "int"), ("network.alpha", "float"), ("optimizer.learning_rate", "rate"),
        ("optimizer.unet_lr", "rate"), ("optimizer.max_grad_norm", "float"), ("data.flip_aug", "bool"),
        ("model.family", "choice"), ("model.max_token_length", "choice"), ("data.cache_text_encoder_outputs", "choice"),
        ("data.caption_prefix", "text"), ("sample.prompts", "lines"), ("model.base", "path"),
        ("data.resolution", "resolution"), ("schedule.lr_warmup_steps", "amount"),
        ("schedule.lr_decay_steps", "amount"),
        ("optimizer.text_encoder_lr", "rates"), ("optimizer.optimizer_args", "table"), ("network.targets", "targets"),
        ("network.name", "choice"),
    ],
)  # fmt: skip
def test_each_type_has_its_kind_of_editor(key: str, kind: str) -> None:
    assert {one.kind for one in fields() if one.key == key} == {kind}


def test_every_option_is_a_row_once() -> None:
    rows = [*fields(), *subset_fields()]
    assert max(Counter((row.key, row.plugin) for row in rows).values()) == 1
    wanted = {(option.key, option.plugin) for option in describe(TrainConfig) if not option.key.endswith(".name")}
    assert wanted == {(row.key, row.plugin) for row in rows if row.leaf != "name"}


def test_the_plugin_that_is_chosen_decides_which_rows_there_are() -> None:
    def keys(name: str) -> set[str]:
        return {row.key for row in fields({"network": {"name": name}})}

    assert "network.constraint" in keys("oft") and "network.constraint" not in keys("lora")
    assert {row.plugin for row in fields({})} == {"", "lora"}
    assert chosen_plugin({"network": {"name": "loha"}}, "network") == "loha"
    assert chosen_plugin({"network": 5}, "network") == default_plugin("network") == "lora"
    assert default_plugin("train") == ""


def test_the_name_of_a_plugin_is_a_choice_among_all() -> None:
    names = field("network.name")
    assert names.choices == tuple(plugins("algorithm")) and names.default == "lora"
    network = [row for row in fields({}) if row.section == "network"]
    assert network[0].key == "network.name" and network[1].group == "Size"


@pytest.mark.parametrize(
    "key, plugin, limits",
    [
        ("network.dim", "lora", "1 – 4096"), ("network.alpha", "lora", "> 0"), ("train.max_train_steps", "", "≥ 1"),
        ("data.validation_split", "", "≥ 0, < 1"), ("train.ema_decay", "", "> 0, < 1"), ("data.flip_aug", "", ""),
        ("objective.huber_c", "", "> 0, ≤ 1"),
    ],
)  # fmt: skip
def test_ranges_need_no_words(key: str, plugin: str, limits: str) -> None:
    assert field(key, plugin).limits == limits


def test_rows_of_a_list_item_are_bound_to_its_place() -> None:
    row = next(row.at("data.subsets[3]") for row in subset_fields() if row.leaf == "num_repeats")
    assert row.key == "data.subsets[3].num_repeats" and row.section == "data"
    assert row.option.key == "data.subsets[].num_repeats"
    assert not any("[]" in row.key for row in fields())


def test_what_may_be_empty_and_what_must_not() -> None:
    assert field("train.seed").nullable and not field("train.train_batch_size").nullable
    assert [row.leaf for row in subset_fields() if row.required] == ["image_dir"]


def test_known_optimizers_and_presets_of_layers_are_suggested() -> None:
    assert {"AdamW", "Prodigy", "AdamW8bit"} <= set(field("optimizer.optimizer_type").suggestions)
    assert "attn-mlp" in field("network.targets", "lora").suggestions


def test_no_torch_and_no_qt_for_the_fields() -> None:
    code = "import sys, gui.written, gui.field_index; gui.field_index.find('rank'); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "gui.fields" in loaded
    assert not {"torch", "numpy", "PIL", "diffusers", "safetensors", "PySide6"} & set(loaded)
