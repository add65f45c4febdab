"""Rules: what each line does to the layers it matches, and what a line that cannot be read is told."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from kohya_like.config import TrainConfig
from kohya_like.networks.algorithms.full import FullDifference
from kohya_like.networks.algorithms.loha import LoHa
from kohya_like.networks.algorithms.lora import LoRA
from kohya_like.networks.algorithms.norms import Norms
from kohya_like.networks.algorithms.oft import OFT
from kohya_like.networks.base import WeightDelta
from kohya_like.networks.targets import Target, find_targets
from kohya_like.schema.errors import ConfigError
from kohya_like.schema.toml import Document
from kohya_like.schema.validate import inspect
from tests.networks.tiny import parts

pytestmark = pytest.mark.quick

MODELS = parts("sd1")


def found(algorithm: WeightDelta) -> dict[str, Target]:
    return {f"{target.part}.{target.path}": target for target in find_targets(algorithm, MODELS)}


def names(targets: dict[str, Target], word: str) -> set[str]:
    return {name for name in targets if word in name}


PLAIN = found(LoRA(dim=4, alpha=2))


def test_a_line_changes_options_of_the_layers_it_matches_and_of_no_other() -> None:
    got = found(LoRA(dim=4, alpha=2, dropout=0.1, rules=("unet.*.attn2.*: dim=32 alpha=16",)))
    assert got.keys() == PLAIN.keys()
    for name, target in got.items():
        own = target.algorithm
        assert isinstance(own, LoRA)
        wanted = (32, 16.0) if name.startswith("unet") and ".attn2." in name else (4, 2.0)
        assert (own.dim, own.alpha, own.dropout) == (*wanted, 0.1)


def test_the_first_line_that_matches_counts() -> None:
    rules = ("unet.*.attn2.to_q: dim=1", "unet.*.attn2.*: dim=2", "unet.*: lr=0.5")
    got = found(LoRA(dim=4, rules=rules))
    ranks = {name: target.algorithm.dim for name, target in got.items()}  # type: ignore[attr-defined]
    assert {ranks[name] for name in names(got, "attn2.to_q")} == {1}
    assert {ranks[name] for name in names(got, "attn2.to_k")} == {2}
    rates = {name: target.rate for name, target in got.items()}
    assert {rates[name] for name in names(got, "attn2.to_k")} == {1.0}
    assert {rates[name] for name in names(got, "attn1.to_k")} == {0.5}
    assert {rates[name] for name in names(got, "text_encoder")} == {1.0}


def test_a_line_without_a_name_adds_no_layer() -> None:
    assert found(LoRA(rules=("unet.up_blocks.*: lr=0.5",))).keys() == PLAIN.keys()


def test_off_leaves_layers_out() -> None:
    got = found(LoRA(rules=("*.ff.*: off", "text_encoder.*: off")))
    assert PLAIN.keys() - got.keys() == names(PLAIN, ".ff.") | names(PLAIN, "text_encoder")


def test_off_everywhere_but_in_one_layer() -> None:
    one = "unet.mid_block.attentions.0.proj_in"
    assert list(found(LoRA(rules=(f"{one}: lr=1", "*: off")))) == [one]


def test_another_algorithm_is_added_with_its_own_defaults_and_what_all_share() -> None:
    rules = ("*.resnets.*.conv?: name=loha dim=4", "*.norm1: name=norms", "*.to_q: name=oft")
    network = LoRA(
        targets="attn-only", dim=64, dropout=0.2, scale_weight_norms=1.0, down_lr_weight="sine+0.5", rules=rules
    )
    got = found(network)
    convolution = got["unet.mid_block.resnets.0.conv1"].algorithm
    assert isinstance(convolution, LoHa)
    assert (convolution.dim, convolution.alpha, convolution.dropout) == (4, 4.0, 0.2)
    assert convolution.scale_weight_norms == 1.0 and convolution.parameters(got["unet.mid_block.resnets.0.conv1"].shape)
    norm, query = (
        got["unet.mid_block.resnets.0.norm1"].algorithm,
        got["unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q"].algorithm,
    )
    assert isinstance(norm, Norms) and norm.scale_weight_norms is None  # it cannot be scaled down
    assert isinstance(query, OFT) and query.dim == 8
    assert {type(target.algorithm) for target in got.values()} == {LoRA, LoHa, Norms, OFT}
    assert not names(got, "proj_in") and not names(got, "time_emb_proj")


def test_a_line_with_a_name_trains_convolutions_too() -> None:
    got = found(LoRA(targets="attn-only", rules=("unet.*.conv?: name=full train_bias=false",)))
    own = got["unet.down_blocks.0.resnets.0.conv1"].algorithm
    assert isinstance(own, FullDifference) and own.convolutions and not own.train_bias


def test_own_algorithm_by_name_keeps_its_options_and_adds() -> None:
    got = found(
        LoRA(dim=6, alpha=3, rs_lora=True, rules=("*.time_emb_proj: name=lora", "*.resnets.*.conv1: name=lora dim=2"))
    )
    linear, wide = (got[f"unet.mid_block.resnets.0.{name}"].algorithm for name in ("time_emb_proj", "conv1"))
    assert isinstance(linear, LoRA) and isinstance(wide, LoRA)
    assert (linear.dim, linear.alpha, linear.rs_lora) == (6, 3.0, True)
    assert (wide.dim, wide.alpha) == (2, 3.0)
    assert not names(got, "conv2")


def test_rank_and_alpha_hold_for_convolutions_unless_they_have_their_own() -> None:
    network = LoRA(dim=8, conv_dim=8, rules=("unet.mid_block.*: dim=2 alpha=1", "unet.up_blocks.*: dim=2 conv_dim=3"))
    got = found(network)
    ranks = {name: target.algorithm.dim for name, target in got.items()}  # type: ignore[attr-defined]
    assert ranks["unet.mid_block.resnets.0.conv1"] == ranks["unet.mid_block.resnets.0.time_emb_proj"] == 2
    assert ranks["unet.up_blocks.1.resnets.0.conv1"] == 3
    assert ranks["unet.down_blocks.1.resnets.0.conv1"] == 8


def test_a_rule_beats_the_ranks_of_blocks_and_multiplies_their_rates() -> None:
    network = LoRA(block_dims=(5,) * 25, up_lr_weight="zeros+0.5", rules=("unet.up_blocks.*.to_q: dim=2 lr=0.5",))
    got = found(network)
    query, key = (got[f"unet.up_blocks.1.attentions.0.transformer_blocks.0.attn1.to_{n}"] for n in "qk")
    assert (query.algorithm.dim, query.rate) == (2, 0.25)  # type: ignore[attr-defined]
    assert (key.algorithm.dim, key.rate) == (5, 0.5)  # type: ignore[attr-defined]


def test_a_line_can_bring_in_a_text_encoder_that_the_target_set_leaves_out() -> None:
    assert not LoRA(targets="unet-only").trains("text_encoder")
    network = LoRA(targets="unet-transformer-only", rules=("*.self_attn.q_proj: name=loha",))
    assert network.trains("text_encoder") and not network.model_copy(update={"train_text_encoder": False}).trains_text
    assert len(names(found(network), "text_encoder")) == 2


def faults(*rules: str, **options: object) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        found(LoRA(rules=rules, **options))  # type: ignore[arg-type]
    return [str(fault) for fault in caught.value.faults]


def test_lines_that_do_nothing_are_told_all_at_once() -> None:
    told = faults(
        "unet.mid_block.attentions.0.proj_inn: dim=2", "*.to_q: dim=2", "unet.*.attn1.to_q: dim=3", "*.norm1: dim=2",
        "*.conv_shortcut: dim=2", "*.norm2: name=lora", "unit.*: off",
    )  # fmt: skip
    assert told[0].startswith(
        "network.rules[0]: line 1: pattern 'unet.mid_block.attentions.0.proj_inn' matches no layer"
    )
    assert "(nearest: unet.mid_block.attentions.0.proj_in" in told[0]
    assert "network.rules[2]: line 3: pattern 'unet.*.attn1.to_q' matches only layers that an earlier line" in told[1]
    assert "'*.norm1' matches only layers of another kind than linear and conv2d" in told[2]
    assert "line 5: pattern '*.conv_shortcut' matches only layers that network.targets leaves out" in told[3]
    assert told[3].endswith("(name=lora in this line adds them)")
    assert "'*.norm2' matches only layers of another kind than linear and conv2d" in told[4]
    assert "line 7: pattern 'unit.*' matches no layer" in told[5]
    assert len(told) == 6


def test_everything_off() -> None:
    assert "leave every layer out" in faults("*: off")[0]


def test_a_rule_for_a_part_that_is_not_trained_is_no_fault() -> None:
    got = found(LoRA(train_text_encoder=False, rules=("text_encoder.*: dim=2", "*.to_q: dim=3")))
    assert names(got, "to_q") and not names(got, "text_encoder")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("unet.* dim=3", "line 1: expects a pattern, a colon and what holds for its layers"),
        ("unet.*:", "line 1: expects a pattern"),
        (": dim=3", "line 1: expects a pattern"),
        ("!unet.*: dim=3", "the pattern of a rule has no '!'"),
        ("*: dmi=3", r"a LoRA has no option 'dmi' \(did you mean 'dim'\?\)"),
        ("*: dim=0", "dim got '0', must be at least 1"),
        ("*: dim=2.5", "dim got '2.5', expects a whole number"),
        ("*: rs_lora=yes", "rs_lora got 'yes', expects true or false"),
        ("*: dora_axis=in", "dora_axis got 'in', expects one of input, output"),
        ("*: dim = 3", "got 'dim', expects key=value or off"),
        ("*: dim=3 dim=4", "dim is given twice"),
        ("*: off dim=3", "nothing else can stand beside it"),
        ("*: lr=-1", "lr got '-1', expects a factor"),
        ("*: lr=nan", "lr got 'nan', expects a factor"),
        ("*: lr=true", "lr got 'true', expects a factor"),
        ("*: name=lohaa", r"there is no 'lohaa'; .*did you mean 'loha'\?"),
        ("*: name=hypernetwork", "hypernetwork works beside layers, not in them"),
        ("*: name=oft alpha=3", "a OFT has no option 'alpha'"),
        ("*: targets=full", r"targets holds for the whole network, .*set network\.targets"),
        ("*: name=oft scale_weight_norms=1.0", "the change of a OFT cannot be scaled down"),
    ],
)
def test_lines_that_cannot_be_read(line: str, sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        LoRA(rules=(line,))


def test_check_tells_each_line_at_its_place() -> None:
    text = '[network]\nname = "loha"\nrules = [\n  "unet.*: dim=4",\n  "*.ff.*: dmi=4 lr=x",\n  "oh",\n]\n'
    made, told = inspect(TrainConfig, Document(text, "a.toml"))
    assert made is None
    mine = [fault for fault in told if fault.key.startswith("network.rules")]
    assert [(fault.key, fault.text, fault.mend) for fault in mine] == [
        ("network.rules[1]", "line 2: lr got 'x', expects a factor of the part's learning rate, 0 or more", ""),
        ("network.rules[1]", "line 2: a LoHa has no option 'dmi'", "did you mean 'dim'?"),
        ("network.rules[2]", "line 3: expects a pattern, a colon and what holds for its layers",
         "for example unet.*.attn2.*: dim=32 alpha=16"),
    ]  # fmt: skip
    assert mine[0].where.startswith("a.toml:")


def test_empty_lines_are_passed_over() -> None:
    assert LoRA(rules=("", "  ", "*: lr=1")).rules == ("", "  ", "*: lr=1")
