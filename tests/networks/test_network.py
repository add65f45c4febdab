"""A network over a whole tiny model: made, trained parts, saved, read, continued, refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from kohya_like.formats.tensors import save_safetensors
from kohya_like.networks.algorithms.hypernetwork import Hypernetwork
from kohya_like.networks.algorithms.loha import LoHa
from kohya_like.networks.algorithms.lora import LoRA
from kohya_like.networks.layer import AdaptedLayer
from kohya_like.networks.network import Network
from kohya_like.schema.errors import FormatError, UserError
from tests.networks.tiny import outputs, parts, randomise, relative_error

pytestmark = pytest.mark.quick

MODELS = {family: parts(family) for family in ("sd1", "sdxl")}


def made(algorithm: LoRA | LoHa | Hypernetwork, family: str = "sd1", seed: int = 1) -> Network:
    network = Network.create(algorithm, MODELS[family], family, seed)
    randomise(network)
    return network


def attached_outputs(network: Network, family: str = "sd1") -> dict[str, Tensor]:
    network.attach()
    try:
        return outputs(MODELS[family])
    finally:
        network.detach()


def same(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> bool:
    return found.keys() == wanted.keys() and all(torch.equal(found[key], wanted[key]) for key in wanted)


def test_initial_values_hang_on_seed_and_name_alone() -> None:
    torch.manual_seed(1)
    first = Network.create(LoRA(dim=4, conv_dim=2), MODELS["sd1"], "sd1", seed=5).tensors()
    torch.manual_seed(2)
    state = torch.get_rng_state()
    turned = dict(reversed(MODELS["sd1"].items()))
    second = Network.create(LoRA(dim=4, conv_dim=2), turned, "sd1", seed=5).tensors()
    assert torch.equal(state, torch.get_rng_state())
    assert same(second, first)
    part = Network.create(LoRA(dim=4, targets=("unet.mid_block.*",)), MODELS["sd1"], "sd1", seed=5).tensors()
    assert part and all(torch.equal(first[key], value) for key, value in part.items() if key in first)
    other = Network.create(LoRA(dim=4, conv_dim=2), MODELS["sd1"], "sd1", seed=6).tensors()
    downs = [key for key in first if key.endswith("lora_down.weight")]
    assert all(not torch.equal(first[key], other[key]) for key in downs)
    bound = torch.stack([first[key].abs().max() * first[key][0].numel() ** 0.5 for key in downs])
    assert 0.9 < bound.max() <= 1.0


def test_parameter_groups_are_the_trained_parts() -> None:
    network = made(LoRA(dim=2), "sdxl")
    groups = network.parameter_groups({"unet": 1e-3, "text_encoder": 2e-4, "text_encoder_2": 3e-4})
    assert [(group["name"], group["lr"]) for group in groups] == [
        ("unet", 1e-3),
        ("text_encoder", 2e-4),
        ("text_encoder_2", 3e-4),
    ]
    grouped = [id(p) for group in groups for p in group["params"]]
    assert sorted(grouped) == sorted(id(p) for p in network.parameters())
    with pytest.raises(UserError, match="no learning rate was given for text_encoder_2"):
        network.parameter_groups({"unet": 1e-3, "text_encoder": 2e-4})
    only = Network.create(LoRA(train_text_encoder=False), MODELS["sdxl"], "sdxl")
    assert [group["name"] for group in only.parameter_groups({"unet": 1e-3, "text_encoder": 1e-3})] == ["unet"]


def test_the_models_own_weights_are_no_parameters_of_the_network() -> None:
    network = made(LoRA(dim=2))
    network.attach()
    own = {id(p) for model in MODELS["sd1"].values() for p in model.parameters()}
    assert not own & {id(p) for p in network.parameters()}
    assert len(list(MODELS["sd1"]["unet"].parameters())) == len({*MODELS["sd1"]["unet"].state_dict()})
    network.detach()


def test_multiplier_of_one_part() -> None:
    before = outputs(MODELS["sd1"])
    network = made(LoRA(dim=2))
    network.set_multiplier(0.0, "text_encoder")
    found = attached_outputs(network)
    assert torch.equal(found["text_encoder"], before["text_encoder"])
    assert not torch.equal(found["unet"], before["unet"])


def test_file_in_half_precision_is_near() -> None:
    network = made(LoRA(dim=2, alpha=3))
    tensors = network.tensors(torch.float16)
    assert {value.dtype for value in tensors.values()} == {torch.float16}
    read = Network.from_tensors(tensors, MODELS["sd1"], "sd1")
    found, wanted = attached_outputs(read), attached_outputs(network)
    assert all(relative_error(found[key], wanted[key]) < 5e-3 for key in wanted)


def test_alpha_is_never_rounded() -> None:
    tensors = made(LoRA(dim=2, alpha=0.1)).tensors(torch.float16)
    alphas = {value.dtype: value.item() for key, value in tensors.items() if key.endswith("alpha")}
    assert alphas == {torch.float32: pytest.approx(0.1, rel=1e-7)}


def test_ranks_and_alphas_are_read_layer_by_layer() -> None:
    small, large = made(LoRA(dim=2, alpha=1)), made(LoRA(dim=5, alpha=4, conv_dim=3, conv_alpha=6), seed=2)
    mixed = large.tensors()
    for name in list(small.layers)[::2]:
        for key in ("lora_down.weight", "lora_up.weight", "alpha"):
            mixed[f"{name}.{key}"] = small.tensors()[f"{name}.{key}"]
    read = Network.from_tensors(mixed, MODELS["sd1"], "sd1")
    assert same(read.tensors(), mixed)
    sizes = {(a.algorithm.constants()["alpha"], a.weights["lora_down.weight"].shape[0]) for a in read.adapters}
    assert sizes == {(1.0, 2), (4.0, 5), (6.0, 3)}


def test_a_missing_alpha_means_the_rank() -> None:
    network = made(LoRA(dim=3, alpha=3))
    bare = {key: value for key, value in network.tensors().items() if not key.endswith("alpha")}
    assert same(attached_outputs(Network.from_tensors(bare, MODELS["sd1"], "sd1")), attached_outputs(network))
    with pytest.raises(FormatError, match="alpha is 3 in the file, 1 here"):
        made(LoRA(dim=3, alpha=1)).load_tensors(bare)
    made(LoRA(dim=3, alpha=3)).load_tensors(bare)


def test_old_shapes_of_linear_layers_are_squeezed() -> None:
    network = made(LoRA(dim=3))
    tensors = network.tensors()
    old = {key: value[..., None, None] if value.ndim == 2 else value for key, value in tensors.items()}
    assert same(Network.from_tensors(old, MODELS["sd1"], "sd1").tensors(), tensors)


@pytest.mark.parametrize("algorithm", [LoRA(dim=2), LoHa(dim=2)])
def test_sdxl_in_diffusers_names(algorithm: LoRA | LoHa) -> None:
    """LyCORIS on a diffusers pipeline writes down_blocks for input_blocks, and te1 without text_model."""
    network = made(algorithm, "sdxl")
    tensors = network.tensors()
    foreign: dict[str, Tensor] = {}
    for adapter in network.adapters:
        assert isinstance(adapter, AdaptedLayer)
        path = adapter.path.removeprefix("text_model.").replace(".", "_")
        prefix = {"unet": "lora_unet", "text_encoder": "lora_te1", "text_encoder_2": "lora_te2"}[adapter.part]
        foreign |= {
            f"{prefix}_{path}.{key[len(adapter.name) + 1 :]}": value for key, value in adapter.tensors().items()
        }
    assert foreign.keys() != tensors.keys()
    assert same(Network.from_tensors(foreign, MODELS["sdxl"], "sdxl").tensors(), tensors)


def test_several_networks_at_once_and_off_again() -> None:
    before = outputs(MODELS["sd1"])
    networks = [made(LoRA(dim=2)), made(LoHa(dim=2), seed=3), made(Hypernetwork(), seed=4)]
    for network in networks:
        network.attach()
    assert all(not torch.equal(outputs(MODELS["sd1"])[key], before[key]) for key in before)
    for network in reversed(networks):
        network.detach()
    assert same(outputs(MODELS["sd1"]), before)


def test_hypernetwork() -> None:
    """A new one changes nothing; a trained one changes k and v of all attention; its tensors are read back."""
    before = outputs(MODELS["sd1"])
    network = Network.create(Hypernetwork(), MODELS["sd1"], "sd1", seed=1)
    assert list(network.layers) == [f"hypernetwork_{width}_{side}" for width in (8, 16, 24) for side in "kv"]
    assert same(attached_outputs(network), before)
    randomise(network)
    changed = attached_outputs(network)
    assert torch.equal(changed["text_encoder"], before["text_encoder"])
    assert not torch.equal(changed["unet"], before["unet"])
    network.set_multiplier(0.0)
    assert same(attached_outputs(network), before)
    read = Network.from_tensors(network.tensors(), MODELS["sd1"], "sd1")
    assert same(attached_outputs(read), changed)
    with pytest.raises(UserError, match="cannot be merged: its nets are not linear"):
        network.merge()


def test_hypernetwork_learns_everywhere() -> None:
    network = Network.create(Hypernetwork(activation="relu", layer_norm=True), MODELS["sd1"], "sd1", seed=1)
    network.attach()
    unet = MODELS["sd1"]["unet"]
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3)
    torch.manual_seed(0)
    for _ in range(3):
        optimizer.zero_grad()
        unet(torch.randn(2, 4, 8, 8), 5, torch.randn(2, 16, 24)).sample.square().mean().backward()
        optimizer.step()
    network.detach()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_hypernetwork_on_bf16_weights() -> None:
    models = {"unet": parts("sd1")["unet"].to(torch.bfloat16)}
    network = Network.create(Hypernetwork(), models, "sd1")
    network.attach()
    sample = models["unet"](torch.randn(1, 4, 8, 8).bfloat16(), 5, torch.randn(1, 16, 24).bfloat16()).sample
    assert sample.dtype == torch.bfloat16


def test_continuing_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "first.safetensors"
    first = made(LoRA(dim=3, alpha=2, conv_dim=2))
    save_safetensors(path, first.tensors(), {})
    same_size = Network.create(LoRA(dim=3, alpha=2, conv_dim=2, weights=str(path)), MODELS["sd1"], "sd1", seed=7)
    assert same(same_size.tensors(), first.tensors())
    options = LoRA(dim=16, weights=str(path), dim_from_weights=True, rank_dropout=0.25)
    from_file = Network.create(options, MODELS["sd1"], "sd1")
    assert same(from_file.tensors(), first.tensors())
    assert isinstance(from_file.algorithm, LoRA)
    assert (from_file.algorithm.dim, from_file.algorithm.rank_dropout) == (3, 0.25)
    assert {a.algorithm.rank_dropout for a in from_file.adapters} == {0.25}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            LoRA(dim=4, alpha=2),
            r"first.safetensors: the file does not fit this network as it is set \(408 faults\).*dim_from_weights",
        ),
        (LoRA(dim=3, alpha=1), "alpha is 2 in the file, 1 here"),
        (LoRA(dim=3, alpha=2, conv_dim=2), "is missing in the file"),
        (LoRA(dim=3, alpha=2, targets="attn-only"), "is in the file, but is no layer of this network"),
        (LoHa(dim=3, weights="?", dim_from_weights=True), "is a LoRA, but network.name asks for LoHa"),
        (LoRA(weights="?", dim_from_weights=True, train_text_encoder=False), "which network.train_\\* leaves out"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_whole(tmp_path: Path, options: LoRA | LoHa, sentence: str) -> None:
    path = tmp_path / "first.safetensors"
    save_safetensors(path, made(LoRA(dim=3, alpha=2)).tensors(), {})
    before = outputs(MODELS["sd1"])
    with pytest.raises(FormatError, match="(?s)" + sentence):
        Network.create(options.model_copy(update={"weights": str(path)}), MODELS["sd1"], "sd1")
    assert same(outputs(MODELS["sd1"]), before)


def test_nothing_is_half_loaded() -> None:
    network = made(LoRA(dim=3))
    before = {key: value.clone() for key, value in network.tensors().items()}
    wrong = {key: torch.zeros_like(value) if value.ndim else value for key, value in before.items()}
    last = [key for key in wrong if key.endswith("lora_up.weight")][-1]
    wrong[last] = wrong[last][:-1]
    with pytest.raises(FormatError, match=rf"(?s)\(1 fault\).*{last} has shape"):
        network.load_tensors(wrong)
    assert same(network.tensors(), before)


def extended(tensors: dict[str, Tensor], key: str, value: Tensor) -> dict[str, Tensor]:
    """With one more (or another) tensor in the first module."""
    return tensors | {f"{next(iter(tensors)).split('.')[0]}.{key}": value}


def rename(tensors: dict[str, Tensor], old: str, new: str) -> dict[str, Tensor]:
    return {key.replace(old, new): value for key, value in tensors.items()}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda t: {}, "holds no tensors"),
        (lambda t: rename(t, "down_blocks", "input_blocks"), "is no layer of this sd1 model"),
        (lambda t: rename(t, "lora_up.weight", "lora_mid.weight"), "is a LoCon without lora_down or lora_up"),
        (lambda t: extended(t, "lora_mid.weight", torch.ones(3, 3)), "lora_mid.weight is unknown here"),
        (lambda t: extended(t, "dora_scale", torch.ones(3, 1)), r"dora_scale has shape \(3, 1\)"),
        (lambda t: extended(t, "extra", torch.ones(3)), "extra is unknown here"),
        (lambda t: extended(t, "alpha", torch.tensor(float("nan"))), "numbers no LoRA can have"),
        (lambda t: t | rename(t, "lora_te_text_model", "lora_te"), "stands in the file under two names"),
        (lambda t: extended(t, "lora_up.weight", torch.ones(7, 3)), r"has shape \(7, 3\)"),
        (lambda t: {k: v for k, v in t.items() if not k.endswith("down.weight")}, "does not know"),
    ],
)  # fmt: skip
def test_foreign_files_are_refused_in_a_sentence(change: object, sentence: str) -> None:
    tensors = made(LoRA(dim=3)).tensors()
    with pytest.raises(FormatError, match=sentence):
        Network.from_tensors(change(tensors), MODELS["sd1"], "sd1")  # type: ignore[operator]
    with pytest.raises(FormatError, match=r"and \d+ more|holds no tensors|does not fit"):
        Network.from_tensors(change(tensors), MODELS["sd1"], "sd1")  # type: ignore[operator]


@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        ({"hada_w1_a": torch.zeros(2, 8), "hada_t1": torch.zeros(3, 3, 3, 3)}, "core hada_t1 .* is not of its rank 2"),
        ({"hada_w1_a": torch.zeros(8, 2)}, "hada_w1_b is missing in the file"),
        ({"lokr_w1": torch.zeros(2, 2), "lokr_w2_b": torch.zeros(4, 4)}, "is a LoKr without lokr_w2_a"),
        (
            {"lokr_w1": torch.zeros(3, 7), "lokr_w2": torch.zeros(5, 2)},
            "a LoKr of sizes no factor gives: 3 x 5 outputs",
        ),
        ({"weight": torch.zeros(8)}, "a tensor named weight without on_input"),
        ({"a1.weight": torch.zeros(8, 2), "bm.weight": torch.zeros(2, 2, 3, 3)}, "is a GLoRA with a Tucker core"),
        ({"w_norm": torch.zeros(8)}, "proj_in is no layer of this sd1 model"),
        ({"diff": torch.zeros(8, 3)}, r"diff has shape \(8, 3\) in the file"),
    ],
)
def test_broken_modules_of_every_kind_are_named(module: dict[str, Tensor], sentence: str) -> None:
    tensors = {f"lora_unet_mid_block_attentions_0_proj_in.{key}": value for key, value in module.items()}
    with pytest.raises(FormatError, match=sentence):
        Network.from_tensors(tensors, MODELS["sd1"], "sd1")
    with pytest.raises(FormatError, match=r"is in the file, but is no layer|is unknown here"):
        Network.create(LoRA(train_text_encoder=False), MODELS["sd1"], "sd1").load_tensors(tensors)
