"""kohya's blocks: numbers of the layers, curves of the learning rate, ranks by block."""

from __future__ import annotations

import re
from math import pi, sin

import pytest
from pydantic import ValidationError

from kohya_like.formats.kohya_keys import lora_name
from kohya_like.networks.algorithms.locon import LoCon
from kohya_like.networks.algorithms.loha import LoHa
from kohya_like.networks.algorithms.lora import LoRA
from kohya_like.networks.base import WeightDelta
from kohya_like.networks.blocks import SD, SDXL, block_weights, blocks_of, curve
from kohya_like.networks.network import Network
from kohya_like.networks.targets import find_targets
from kohya_like.schema.errors import ConfigError
from tests.networks.tiny import parts

pytestmark = pytest.mark.quick

MODELS = {"sd1": parts("sd1"), "sdxl": parts("sdxl")}
UNETS = {family: {"unet": models["unet"]} for family, models in MODELS.items()}


def kohyas_index(name: str, is_sdxl: bool) -> int:
    """get_block_index of sd-scripts, from the name of a module in a file."""
    if is_sdxl:
        starts = {"time_embed_": 0, "label_emb_": 0, "input_blocks_": 1, "middle_block_": 10, "output_blocks_": 13}
        name = name.removeprefix("lora_unet_")
        for start, first in starts.items():
            if name.startswith(start):
                return first + (int(name.split("_")[2]) if first else 0)
        return 22 if name.startswith("out_") else -1
    found = re.match(r"lora_unet_(up|down)_blocks_(\d+)_(resnets|upsamplers|downsamplers|attentions)_(\d+)_", name)
    if found:
        side, i, kind, j = found.groups()
        place = 3 * int(i) + (int(j) if kind in ("resnets", "attentions") else 2)
        return 1 + place if side == "down" else 13 + place
    return 12 if "mid_block_" in name else -1


@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_every_layer_stands_in_kohyas_block(family: str) -> None:
    targets = find_targets(LoRA(targets="unet-only", conv_dim=2), UNETS[family])
    blocks = blocks_of(path for path, _ in MODELS[family]["unet"].named_modules())
    assert blocks is (SDXL if family == "sdxl" else SD)
    found = {target.path: blocks.index(target.path) for target in targets}
    wanted = {path: kohyas_index(lora_name("unet", path, family), family == "sdxl") for path in found}
    assert {path: -1 if index is None else index for path, index in found.items()} == wanted
    assert len(set(found.values())) > 20


def test_totals() -> None:
    assert (SD.total, SDXL.total) == (25, 23)


def test_curves() -> None:
    """get_block_lr_weight of sd-scripts."""
    assert curve("sine", 12) == tuple(sin(pi * (i / 11) / 2) for i in range(12))
    assert curve("cosine+.25", 9) == tuple(sin(pi * (i / 8) / 2) + 0.25 for i in reversed(range(9)))
    assert curve("linear", 3) == (0.0, 0.5, 1.0)
    assert curve("reverse_linear", 3) == (1.0, 0.5, 0.0)
    assert curve("zeros+0.5", 2) == (0.5, 0.5)


def test_factors_are_one_where_nothing_is_said_and_zero_below_the_threshold() -> None:
    found = SDXL.factors("linear", (), (0.5,) * 9, 0.2)
    assert found == (1.0, 0.0, 0.0, *(i / 8 for i in range(2, 9)), 1.0, 1.0, 1.0, *(0.5,) * 9, 1.0)
    assert SD.factors((), (), (), 0.5) == ()


def test_kohyas_text_is_taken() -> None:
    assert block_weights("0, 0.5,1") == (0.0, 0.5, 1.0)
    assert LoRA(up_lr_weight="sine + 0.1").up_lr_weight == "sine+0.1"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"down_lr_weight": "sinus"}, "expects one number for each block, or sine, cosine, linear"),
        ({"up_lr_weight": (0.5, -1.0)}, "each number must be 0 or more"),
        ({"block_dims": (4,) * 24}, "got a list of 24, expects 25 numbers for SD 1 and SD 2, 23 for SDXL"),
        ({"block_dims": (-1,) * 25}, "from 0 to 4096"),
        ({"block_alphas": (0.0,) * 23}, "more than 0"),
        ({"conv_block_alphas": (1.0,) * 25}, "no effect without conv_dim or conv_block_dims"),
    ],
)
def test_lists_that_cannot_be(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        LoRA.model_validate(options)


def test_lists_of_the_other_family_say_how_many_this_one_wants() -> None:
    algorithm = LoRA(
        block_dims=(4,) * 25, down_lr_weight=(1.0,) * 12, mid_lr_weight=(1.0,), up_lr_weight="sine",
        train_text_encoder=False,
    )  # fmt: skip
    with pytest.raises(ConfigError) as caught:
        find_targets(algorithm, UNETS["sdxl"])
    assert [(fault.key, fault.text) for fault in caught.value.faults] == [
        ("network.block_dims", "is a list of 25, but SDXL wants 23 here: one for each block"),
        ("network.down_lr_weight", "is a list of 12, but SDXL wants 9 here: one for each block"),
        ("network.mid_lr_weight", "is a list of 1, but SDXL wants 3 here: one for each block"),
    ]
    assert len(find_targets(algorithm, UNETS["sd1"])) == 192


def by_block(algorithm: WeightDelta, family: str = "sd1") -> dict[int, set[tuple[object, ...]]]:
    """What the layers of each block got: whether wide, rank, alpha."""
    blocks = SDXL if family == "sdxl" else SD
    found: dict[int, set[tuple[object, ...]]] = {}
    for target in find_targets(algorithm, UNETS[family]):
        own, block = target.algorithm, blocks.index(target.path)
        assert isinstance(own, (LoRA, LoHa)) and block is not None
        found.setdefault(block, set()).add((target.shape.is_wide, own.dim, own.alpha))
    return found


def test_ranks_by_block_and_a_block_of_rank_0() -> None:
    dims = tuple(range(1, 26))
    found = by_block(LoRA(dim=3, alpha=3, block_dims=(*dims[:12], 0, *dims[13:])))
    assert 12 not in found and 12 in by_block(LoRA())
    assert all(ranks == {(False, dims[block], 3.0)} for block, ranks in found.items())


def test_ranks_of_convolutions_by_block() -> None:
    """kohya: block_dims are for linear layers and 1x1 convolutions alone; conv_block_dims switch the others on."""
    conv = tuple(0 if block == 14 else 2 for block in range(25))
    found = by_block(LoRA(dim=3, alpha=3, conv_block_dims=conv, conv_block_alphas=(4.0,) * 25))
    assert found[16] == {(False, 3, 3.0), (True, 2, 4.0)}
    assert found[14] == {(False, 3, 3.0)}
    same = by_block(LoRA(dim=3, alpha=3, conv_dim=5, conv_alpha=1, block_dims=(7,) * 25))
    assert same[16] == {(False, 7, 3.0), (True, 5, 1.0)}


def test_convolutions_that_take_dim_take_that_of_their_block() -> None:
    found = by_block(LoCon(dim=3, alpha=3, block_dims=tuple(range(1, 26))))
    assert found[16] == {(False, 17, 3.0), (True, 17, 3.0)}


def test_a_block_without_rate_gets_no_network_and_the_others_their_rate() -> None:
    weights = tuple(0.1 * i for i in range(9))
    algorithm = LoHa(dim=2, down_lr_weight=weights, block_lr_zero_threshold=0.35, train_text_encoder=False)
    targets = find_targets(algorithm, UNETS["sdxl"])
    blocks = {SDXL.index(t.path): t.rate for t in targets if t.path.startswith("down")}
    assert blocks == {5: weights[4], 6: weights[5], 8: weights[7], 9: weights[8]}
    assert all(t.rate == 1.0 for t in targets if not t.path.startswith("down"))
    network = Network.create(algorithm, UNETS["sdxl"], "sdxl")
    groups = network.parameter_groups({"unet": 1e-3})
    assert [group["name"] for group in groups] == ["unet x0.4", "unet x0.5", "unet x0.7", "unet x0.8", "unet"]
    assert groups[0]["lr"] == pytest.approx(4e-4)
    assert sum(len(group["params"]) for group in groups) == len(list(network.parameters()))


def test_all_blocks_left_out() -> None:
    with pytest.raises(ConfigError, match="leave every layer out: nothing would be trained"):
        find_targets(LoRA(block_dims=(0,) * 25, train_text_encoder=False), UNETS["sd1"])


def test_blocks_of_the_text_encoder_are_none() -> None:
    found = find_targets(LoRA(dim=3, block_dims=(0,) * 25, train_unet=True), MODELS["sd1"])
    assert {(t.part, t.algorithm.dim) for t in found} == {("text_encoder", 3)}  # type: ignore[attr-defined]
