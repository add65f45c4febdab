"""The shipped presets are made from the recipes, load without a fault, and name every option one may want to change."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kohya_like.config import TrainConfig, load
from kohya_like.example_presets import (
    FOLDER,
    MODELS,
    NOT_MADE,
    PRESET_RECIPES,
    Model,
    pairs,
    preset_name,
    preset_text,
    preset_values,
)
from kohya_like.networks.base import NetworkAlgorithm
from kohya_like.preflight.rules import config_faults
from kohya_like.recipes import Recipe, defaults_of, edits_for, recipe_of
from kohya_like.schema.docs import commented_toml
from kohya_like.schema.known import known_options
from kohya_like.schema.option import describe
from kohya_like.schema.toml import lookup

pytestmark = pytest.mark.quick

PRESETS = sorted(FOLDER.glob("*.toml"))
PAIRS = [pytest.param(recipe, model, id=f"{recipe.name}-{model.ending}") for recipe, model in pairs()]
BY_HAND = [path for path in PRESETS if load(path)[0].method.name != "network"]
every_pair = pytest.mark.parametrize(("recipe", "model"), PAIRS)


def path_of(recipe: Recipe, model: Model) -> Path:
    return FOLDER / preset_name(recipe.name, model.ending)


def test_every_recipe_has_a_preset_for_every_family_or_a_reason() -> None:
    made = {path_of(recipe, model).name for recipe, model in pairs()}
    assert {path.name for path in PRESETS} - {path.name for path in BY_HAND} == made | {"demo.toml"}
    assert len(made) + len(NOT_MADE) == len(PRESET_RECIPES) * len(MODELS)
    assert all(len(reason.split()) > 5 for reason in NOT_MADE.values())
    assert {name for name, _ in NOT_MADE} <= {recipe.name for recipe in PRESET_RECIPES}


@every_pair
def test_it_is_what_the_script_writes(recipe: Recipe, model: Model) -> None:
    text = path_of(recipe, model).read_text(encoding="utf-8")
    assert text == preset_text(recipe, model), "run: python -m kohya_like.example_presets"
    assert text.startswith(f"# {recipe.label} on ") and max(map(len, text.splitlines())) <= 120


@every_pair
def test_it_is_its_recipe_and_nothing_in_it_is_idle(recipe: Recipe, model: Model) -> None:
    config, document = load(path_of(recipe, model))
    values = document.values()
    assert recipe_of(values) == recipe
    assert edits_for(recipe, values, model.family) == {}, "choosing its own recipe in the window changes nothing"
    for key, value in defaults_of(recipe, model.family).items():
        assert lookup(values, key) == value, key
    said = [(fault.key, fault.text) for fault in config_faults(config)]
    assert [row for row in said if row[0] not in ("model.base", "data.train_data_dir")] == []
    assert Path(config.model.base).is_absolute(), "paths are made absolute beside the preset"


def test_control_a_preset_that_left_its_recipe_is_found() -> None:
    recipe, model = next(pairs())
    values = {"network": {"name": "lora", "dim": 4}, "model": {"family": model.family}}
    assert "optimizer.learning_rate" in edits_for(recipe, values, model.family)
    assert preset_text(recipe, model) != preset_text(recipe, MODELS[1])


@pytest.mark.parametrize("ending", [model.ending for model in MODELS])
def test_every_option_up_to_advanced_stands_in_it(ending: str) -> None:
    for recipe, model in pairs():
        if model.ending != ending:
            continue
        section, named = "", set()
        for line in path_of(recipe, model).read_text(encoding="utf-8").splitlines():
            if match := re.match(r"\[(\w+)\]", line):
                section = match[1]
            elif match := re.match(r"(?:# )?(\w+) =", line):
                named.add(f"{section}.{match[1]}")
        wanted = {
            option.key
            for option in describe(TrainConfig)
            if option.info.level != "expert" and "[]" not in option.key and option.plugin in ("", recipe.network)
        }
        assert wanted - named == set()
        assert preset_values(recipe, model).keys() <= named | known_options(TrainConfig).options.keys()


def test_each_family_gets_its_own_numbers() -> None:
    for recipe, model in pairs():
        config = load(path_of(recipe, model))[0]
        network = config.network
        assert isinstance(network, NetworkAlgorithm)
        side = {"sd1": 512, "sd2": 768, "sdxl": 1024}[model.family]
        assert config.data.resolution == (side, side)
        assert config.model.prediction_type == ("v_prediction" if model.family == "sd2" else "epsilon")
        trains_text = model.family != "sdxl" and recipe.network != "hypernetwork"
        assert network.train_text_encoder == trains_text
        assert (config.optimizer.text_encoder_lr is not None) == trains_text
        assert config.train.mixed_precision == ("fp16" if model.family == "sd1" and recipe.name != "full" else "bf16")


def test_the_demo_loads() -> None:
    assert load(FOLDER / "demo.toml")[1].text().startswith("# ")


def test_every_other_method_has_a_preset_for_every_family() -> None:
    kinds = ("dreambooth", "finetune", "textual-inversion", "dreamartist", "pivotal")
    assert {path.stem for path in BY_HAND} == {f"{kind}-{model.ending}" for kind in kinds for model in MODELS}


@pytest.mark.parametrize("path", BY_HAND, ids=lambda path: path.stem)
def test_they_tell_their_options_in_todays_words(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    heading = "\n".join(line.removeprefix("# ") for line in text.partition("\n\n")[0].splitlines())
    made = commented_toml(TrainConfig, load(path)[1].values(), "advanced", heading)
    if not load(path)[0].method.uses_network:
        made = re.sub(r"^\[network\].*?(?=^\[)", "", made, flags=re.MULTILINE | re.DOTALL)
    assert text == made and len(heading) > 200


@pytest.mark.parametrize("path", BY_HAND, ids=lambda path: path.stem)
def test_presets_of_other_methods_name_their_options_too(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# ")
    section, named = "", set()
    for line in text.splitlines():
        if match := re.match(r"\[(\w+)\]", line):
            section = match[1]
        elif match := re.match(r"(?:# )?(\w+) =", line):
            named.add(f"{section}.{match[1]}")
    config = load(path)[0]
    wanted = {
        option.key
        for option in describe(TrainConfig)
        if option.info.level != "expert" and "[]" not in option.key
        and not option.key.startswith("network.") and option.plugin in ("", config.method.name)
    }  # fmt: skip
    assert wanted - named == set()
    assert config.method.uses_network or not any(key.startswith("network.") for key in named)
