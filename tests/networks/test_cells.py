"""Every hole of an algorithm has its reason, and a file tells the options that are declared as told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pytest
import torch

from kohya_like.networks.base import NetworkAlgorithm, ParamSpec, WeightDelta
from kohya_like.networks.cells import CELLS, has, lost_by, own_options, told
from kohya_like.networks.layer import AdaptedLayer
from kohya_like.networks.network import Network
from kohya_like.schema.registry import plugins
from kohya_like.schema.texts.sentences import sentences
from tests.networks.test_laws import Attention, algorithms, every_case, network_on, residuals
from tests.networks.tiny import randomise

pytestmark = pytest.mark.quick

EVERY: dict[str, type[NetworkAlgorithm]] = {**algorithms(), **residuals()}


def unexplained(algorithm: type[NetworkAlgorithm]) -> Iterator[str]:
    """What an algorithm's declarations lack: a hole without its reason, a reason without its hole, an empty one."""
    for cell in CELLS:
        if has(algorithm, cell) == (cell in algorithm.why_not):
            yield f"{cell}: {'there' if has(algorithm, cell) else 'no reason'}"
    yield from (f"{cell}: no cell" for cell in algorithm.why_not.keys() - set(CELLS))
    yield from (f"{name}: no option" for name in algorithm.untold.keys() - set(own_options(algorithm)))
    for name, sentence in {**algorithm.why_not, **algorithm.untold}.items():
        if len(sentence.split()) < 4 or sentences("zh_CN").say(sentence) == sentence:
            yield f"{name}: no sentence in both languages"


@pytest.mark.parametrize("name", EVERY)
def test_no_hole_is_without_its_reason(name: str) -> None:
    assert EVERY.keys() == plugins("algorithm").keys()
    assert list(unexplained(EVERY[name])) == []


def test_control_a_hole_without_a_reason_is_found() -> None:
    class Hasty(WeightDelta):
        """Says why it works on no context and has no rank, and forgets the rest."""

        invertible: ClassVar[bool] = False
        why_not: ClassVar[Mapping[str, str]] = {
            "contexts": "it changes the weights of a layer, not what the layer reads", "linear": "oh", "pictures": "no",
        }  # fmt: skip
        untold: ClassVar[Mapping[str, str]] = {"colour": "it has no rank"}

    found = set(unexplained(Hasty))
    assert {"linear: there", "layernorm: no reason", "invertible: no reason", "dora_wd: no reason"} <= found
    assert {"pictures: no cell", "colour: no option", "linear: no sentence in both languages"} <= found
    assert not any(line.startswith(("contexts:", "conv3x3:")) for line in found)


def test_what_an_option_takes_away_is_found() -> None:
    assert {name for name, kind in EVERY.items() if lost_by(kind)} == {
        "lora",
        "lora_fa",
        "dylora",
        "locon",
        "loha",
        "lokr",
    }
    assert lost_by(EVERY["lora"]).keys() == {"dora_wd"} and lost_by(EVERY["lora"])["dora_wd"].keys() == {"invertible"}


def same_tensors(ours: AdaptedLayer, option: str, found: object) -> bool:
    """Whether the value read from the file in place of ours makes the same tensors at this layer."""

    def seen(algorithm: WeightDelta) -> tuple[dict[str, tuple[int, ...]], dict[str, float]]:
        specs: Mapping[str, ParamSpec] = algorithm.parameters(ours.shape)
        return {key: spec.shape for key, spec in specs.items()}, algorithm.constants()

    swapped = ours.algorithm.model_copy(update={option: found})
    return seen(swapped) == seen(ours.algorithm)


@every_case
def test_the_file_tells_what_is_declared(name: str, more: dict[str, Any], cell: str) -> None:
    network, model, _ = network_on(name, more, cell, torch.float32)
    randomise(network)
    read = Network.from_tensors(network.tensors(), {"unet": model}, "sd1")
    ours, theirs = network.adapters[0], read.adapters[0]
    assert isinstance(ours, AdaptedLayer) and isinstance(theirs, AdaptedLayer)
    for option in told(type(ours.algorithm)):
        if option == "alpha" and getattr(ours.algorithm, "rs_lora", False):
            continue  # it is stored for a reader who divides by the rank
        value = getattr(ours.algorithm, option)
        found = getattr(theirs.algorithm, option, type(ours.algorithm).model_fields[option].default)
        assert found == pytest.approx(value) or same_tensors(ours, option, found), f"{option}: {value} -> {found}"


@pytest.mark.parametrize(
    "more",
    [
        {}, {"layer_structure": (1.0, 1.5, 3.0, 1.0), "activation": "swish", "layer_norm": True},
        {"activation": "relu", "activate_output": True, "initialization": "normal"},
        {"dropout_structure": (0.0, 0.2, 0.0)},
    ],
)  # fmt: skip
def test_the_file_of_a_hypernetwork_tells_what_is_declared(more: dict[str, Any]) -> None:
    algorithm, parts = residuals()["hypernetwork"](**more), {"unet": Attention()}
    network = Network.create(algorithm, parts, "sd1")
    read = Network.from_tensors(network.tensors(), parts, "sd1").algorithm
    for option in told(type(algorithm)):
        if option != "dropout_structure" or getattr(algorithm, option):
            assert getattr(read, option) == getattr(algorithm, option), option


def test_control_an_option_that_no_file_tells_is_not_read_back() -> None:
    network, model, _ = network_on("dylora", {"unit": 3, "rs_lora": True}, "linear", torch.float32)
    theirs = Network.from_tensors(network.tensors(), {"unet": model}, "sd1").adapters[0].algorithm
    assert "name" not in told(EVERY["dylora"]) and theirs.name == "lora"  # type: ignore[attr-defined]
    assert "rs_lora" not in told(EVERY["dylora"]) and not theirs.rs_lora  # type: ignore[attr-defined]
