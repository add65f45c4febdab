"""Each recipe gives a preset without faults for each family; what a person set himself stays."""

from __future__ import annotations

import subprocess
import sys
from itertools import product
from typing import Any

import pytest

from kohya_like.config import TrainConfig
from kohya_like.recipes import (
    FAMILIES,
    FAMILY_DEFAULTS,
    RECIPES,
    Recipe,
    defaults_of,
    edits_for,
    recipe_of,
    recipe_text,
)
from kohya_like.schema.known import known_options, plugin_name
from kohya_like.schema.option import sections_in
from kohya_like.schema.texts import LANGUAGES
from kohya_like.schema.toml import Document
from kohya_like.schema.validate import inspect

pytestmark = pytest.mark.quick
BY_NAME = {recipe.name: recipe for recipe in RECIPES}
PAIRS = list(product(BY_NAME, FAMILIES))


def chosen(name: str, family: str = "auto", text: str = "") -> Document:
    document = Document(text)
    for key, value in edits_for(BY_NAME[name], document.values(), family).items():
        document.set(key, value)
    return document


def filled(document: Document) -> dict[str, Any]:
    return {section: table for section, table in document.values().items() if table != {}}


@pytest.mark.parametrize("name, family", PAIRS)
def test_every_recipe_is_without_faults_for_every_family(name: str, family: str) -> None:
    document = chosen(name, family)
    config, faults = inspect(TrainConfig, document)
    assert faults == () and config is not None
    assert config.method.name == BY_NAME[name].method
    assert plugin_name(type(config.network)) == (BY_NAME[name].network or "lora")
    assert config.model.family == family and recipe_of(document.values()) == BY_NAME[name]
    assert config.data.resolution == {"auto": None, "sd1": (512, 512), "sd2": (768, 768), "sdxl": (1024, 1024)}[family]
    for key, value in defaults_of(BY_NAME[name], family).items():
        assert document.get(key) == value
    trained = document.get("network.train_text_encoder", True) and name != "hypernetwork"
    trained = trained and bool(BY_NAME[name].network)
    assert (document.get("optimizer.text_encoder_lr") is not None) == trained
    assert edits_for(BY_NAME[name], document.values(), family) == {}


@pytest.mark.parametrize("first, second", [pair for pair in product(BY_NAME, BY_NAME) if pair[0] != pair[1]])
def test_going_from_one_to_another_leaves_nothing_behind(first: str, second: str) -> None:
    for before, after in (("auto", "auto"), ("sdxl", "sd1"), ("sd1", "sdxl")):
        there = chosen(second, after, chosen(first, before).text())
        assert filled(there) == filled(chosen(second, after))


ALL_OPTIONS = """
[network]
name = "lora"
dim = 64
alpha = 3.0
conv_dim = 5
conv_alpha = 2.0
dropout = 0.1
rank_dropout = 0.2
targets = "attn-only"
train_text_encoder = true
dimm = 3
[optimizer]
learning_rate = 3e-4
[data]
resolution = 640
"""


@pytest.mark.parametrize("name, family", PAIRS)
def test_what_a_person_set_stays_unless_the_network_does_not_take_it(name: str, family: str) -> None:
    document = chosen(name, family, ALL_OPTIONS)
    _, faults = inspect(TrainConfig, document)
    assert [fault.key for fault in faults] == ["network.dimm"]  # a typo is his to mend
    assert document.get("optimizer.learning_rate") == 3e-4 and document.get("data.resolution") == 640
    if not BY_NAME[name].network:
        assert list(document.values()["network"]) == ["dimm"] and recipe_of(document.values()) == BY_NAME[name]
        return
    assert document.get("network.dropout") == 0.1 and recipe_of(document.values()) == BY_NAME[name]
    networks = sections_in(TrainConfig.model_fields["network"].annotation)
    own = next(c for c in networks if plugin_name(c) == BY_NAME[name].network)
    assert document.get("network.dim") == (64 if "dim" in own.model_fields else None)
    assert document.get("network.targets") == (None if name == "hypernetwork" else "attn-only")
    knows = any("conv_dim" in c.model_fields for c in networks if plugin_name(c) == BY_NAME[name].network)
    another = BY_NAME[name].network == "lora" and name != "locon"  # there it is what tells one recipe from another
    assert document.get("network.conv_dim") == (5 if knows and not another else None)


def test_class_pictures_tell_dreambooth_from_a_plain_lora() -> None:
    text = '[network]\nname = "lora"\n[data]\nnum_class_images = 250\n'
    assert recipe_of(Document(text).values()) == BY_NAME["dreambooth_lora"]
    assert recipe_of(Document(text.replace("250", "0")).values()) == BY_NAME["lora"], "none is a plain LoRA"
    for name, left in (("lora", None), ("dreambooth_lora", 250), ("dora", 250), ("loha", 250), ("pivotal", 250)):
        document = chosen(name, text=text)
        assert document.get("data.num_class_images") == left and recipe_of(document.values()) == BY_NAME[name], name


def test_a_text_of_the_wrong_kind_is_no_obstacle() -> None:
    values: dict[str, Any]
    for values in ({"network": 3}, {"network": {"name": 5}}, {"network": {"name": "other"}}, {"model": []}):
        assert edits_for(BY_NAME["oft"], values, "sd1")["network.name"] == "oft"
    assert recipe_of({"network": {"name": "other"}}) is None and recipe_of({}) == BY_NAME["lora"]


def test_every_network_has_a_recipe_and_every_key_exists() -> None:
    options = known_options(TrainConfig).options
    networks = {plugin_name(choice) for choice in sections_in(TrainConfig.model_fields["network"].annotation)}
    assert {recipe.network for recipe in RECIPES} - {""} == networks and len(BY_NAME) == len(RECIPES)
    for recipe in RECIPES:
        assert {*recipe.defaults, *recipe.marks, *recipe.refuses} <= options.keys()
        assert set(recipe.marks) <= recipe.defaults.keys()
    assert {key for defaults in FAMILY_DEFAULTS.values() for key in defaults} <= options.keys()
    assert set(FAMILIES) == {"auto", "sd1", "sd2", "sdxl"}


def test_the_rates_are_usual_ones() -> None:
    rates = {recipe.name: recipe.defaults["optimizer.learning_rate"] for recipe in RECIPES if recipe.network}
    assert rates.pop("ia3") == 5e-3 and rates.pop("full") == 1e-5  # few numbers, and as many as a fine-tune has
    assert (rates.pop("lokr"), rates.pop("oft"), rates.pop("boft")) == (3e-4, 3e-5, 1e-5)  # as measured
    assert 5e-6 <= rates.pop("hypernetwork") <= 5e-5 and set(rates.values()) == {1e-4}


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_every_text_is_there_in_every_language(recipe: Recipe) -> None:
    assert recipe_text(recipe.name, "en") == (recipe.label, recipe.produces, recipe.note)
    for language in LANGUAGES:
        texts = recipe_text(recipe.name, language)
        assert all(texts) and len(texts[0]) <= 32
        if language != "en":
            assert all(any("\u4e00" <= letter <= "\u9fff" for letter in text) for text in texts[1:])
            assert all(number in texts[2] for number in ("32", "3x3") if number in recipe.note)
            assert all(
                word in texts[1] for word in (".safetensors", "A1111", "ComfyUI", ".pt") if word in recipe.produces
            )
    assert recipe_text(recipe.name, "xx")[0] == recipe.label


def test_it_needs_no_torch_and_no_more_than_the_config() -> None:
    asks = (
        "import sys, kohya_like.config\nbefore = set(sys.modules)\nimport kohya_like.recipes\n"
        "print(sorted(name for name in set(sys.modules) - before if 'tomllib' not in name), 'torch' in sys.modules)"
    )
    said = subprocess.check_output([sys.executable, "-c", asks], text=True)
    assert said.strip() == "['kohya_like.recipes'] False"
