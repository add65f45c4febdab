"""Choosing layers: what each wrong choice is told, and that nothing is changed by it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from torch import nn

from kohya_like.networks.algorithms.hypernetwork import Hypernetwork
from kohya_like.networks.algorithms.lora import LoRA
from kohya_like.networks.network import Network
from kohya_like.networks.targets import find_targets
from kohya_like.schema.errors import ConfigError
from tests.networks.tiny import parts

pytestmark = pytest.mark.quick

MODELS = parts("sd1")


def faults(*patterns: str, **options: object) -> list[str]:
    algorithm = LoRA(targets=patterns, **options)
    with pytest.raises(ConfigError) as caught:
        find_targets(algorithm, MODELS)
    assert all(fault.key == "network.targets" for fault in caught.value.faults)
    return [str(fault) for fault in caught.value.faults]


def test_pattern_without_a_match_names_the_nearest_layers() -> None:
    (text,) = faults("unet.mid_block.attentions.0.proj_inn")
    assert "'unet.mid_block.attentions.0.proj_inn' matches no layer" in text
    assert "nearest: unet.mid_block.attentions.0.proj_in" in text


def test_pattern_on_modules_no_network_can_adapt() -> None:
    (text,) = faults("unet.*.nonlinearity")
    assert "matches only SiLU, which no network can adapt" in text


def test_pattern_on_layers_of_another_kind() -> None:
    (text,) = faults("unet.*.norm1")
    assert "matches only layers of another kind than linear and conv2d" in text


def test_pattern_on_a_container_is_told_how_to_reach_its_layers() -> None:
    (text,) = faults("unet.mid_block")
    assert "matches only UNetMidBlock2DCrossAttn" in text
    assert "write 'unet.mid_block.*' for the layers below" in text


def test_pattern_on_a_part_that_is_not_trained() -> None:
    (text,) = faults("unet.*.to_q", "text_encoder.*.fc1", train_text_encoder=False)
    assert "matches only layers of text_encoder, which is not trained" in text
    with pytest.raises(ValueError, match="targets choose no layer of what train_unet and train_text_encoder switch on"):
        faults("text_encoder.*.fc1", train_text_encoder=False)


def test_pattern_whose_layers_are_all_taken_out_again() -> None:
    (text,) = faults("unet.mid_block.*", "!unet.*")
    assert "matches only layers that a '!' pattern takes out" in text


def test_pattern_on_convolutions_without_a_rank_for_them() -> None:
    (text,) = faults("unet.*.conv1")
    assert "matches only convolutions, which this network leaves alone" in text
    assert "network.conv_dim" in text


def test_exclusion_that_excludes_nothing() -> None:
    (text,) = faults("unet.mid_block.*", "!unet.midblock.*")
    assert "'unet.midblock.*' matches no layer" in text


def test_all_faults_at_once() -> None:
    assert len(faults("unet.a", "unet.mid_block.*", "unet.b", "unet.mid_block")) == 3


def test_only_an_exclusion_means_all_the_rest() -> None:
    found = find_targets(LoRA(targets=("!unet.*",), train_unet=True), MODELS)
    assert {target.part for target in found} == {"text_encoder"}
    assert len(found) == 12


def test_preset_on_a_model_without_such_layers() -> None:
    with pytest.raises(ConfigError, match="preset 'kohya' finds no layer in unet: no Transformer2DModel"):
        find_targets(LoRA(), {"unet": nn.Sequential(nn.Linear(2, 2))})


def test_a_failed_choice_leaves_the_model_alone() -> None:
    before = {id(module): set(vars(module)) for module in MODELS["unet"].modules()}
    with pytest.raises(ConfigError):
        Network.create(LoRA(targets=("unet.mid_block.*", "unet.nothing")), MODELS, "sd1")
    assert {id(module): set(vars(module)) for module in MODELS["unet"].modules()} == before


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"targets": "attentoin"}, "no preset of that name; there are kohya, attn-only, attn-mlp, full, full-lin"),
        ({"targets": []}, "an empty list chooses no layer"),
        ({"train_unet": False, "train_text_encoder": False}, "nothing would be trained"),
        ({"dim_from_weights": True}, "needs a file in weights"),
        ({"alpha": 0}, "greater than 0"),
        ({"dropout": 1.0}, "less than 1"),
    ],
)
def test_options_refused_before_any_model_is_loaded(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        LoRA.model_validate(options)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"train_text_encoder": True}, "no part in the text encoders"),
        ({"rank_dropout": 0.1}, "has no ranks"),
        ({"targets": "attn-only"}, "always works on the keys and values"),
        ({"layer_structure": [1, 2]}, "the first and the last 1"),
    ],
)
def test_options_a_hypernetwork_does_not_have(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        Hypernetwork.model_validate(options)
