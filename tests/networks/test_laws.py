"""The laws every network algorithm keeps, over the registry, the cells it declares, and float32 and bfloat16.

A new algorithm file is tested here without a new line; only the pinned table of cells grows by its row.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from kohya_like.networks.base import SCALAR, InputResidual, WeightDelta
from kohya_like.networks.layer import AdaptedLayer
from kohya_like.networks.network import Network
from kohya_like.schema.errors import UserError
from kohya_like.schema.registry import plugins
from tests.networks.tiny import OneLayer, one_layer, randomise, relative_error

pytestmark = pytest.mark.quick

DTYPES = (torch.float32, torch.bfloat16)
TOLERANCE = {torch.float32: 2e-6, torch.bfloat16: 2e-2}
CELLS_OF_KIND = {
    "linear": ("linear",), "conv2d": ("conv1x1", "conv3x3"), "layernorm": ("layernorm",), "groupnorm": ("groupnorm",),
}  # fmt: skip
MORE_OPTIONS: dict[str, list[dict[str, Any]]] = {
    "boft": [{"constraint": 0.01, "rescaled": True}],
    "dylora": [{"unit": 3, "conv_dim": 7}],
    "glora": [{"dim": 3, "alpha": 4.5, "conv_dim": 2, "conv_alpha": 0.5}],
    "ia3": [{"on_input": "all"}],
    "locon": [{"use_tucker": True}, {"use_tucker": True, "conv_dim": None, "use_scalar": True, "dora_wd": True}],
    "loha": [
        {"use_tucker": True, "dim": 2, "conv_dim": 2, "conv_alpha": 50.0},
        {"dim": 2, "conv_dim": 3, "rs_lora": True, "use_scalar": True, "dora_wd": True},
    ],
    "lokr": [
        {"dim": 1, "conv_dim": 1, "factor": 2},
        {"dim": 1, "conv_dim": 1, "decompose_both": True, "use_tucker": True, "use_scalar": True, "conv_alpha": 50.0},
        {"full_matrix": True, "rs_lora": True},
        {"unbalanced_factorization": True, "dora_wd": True, "dora_axis": "output"},
    ],
    "lora_fa": [{"use_scalar": True, "dora_wd": True}],
    "oft": [{"constraint": 0.01, "rescaled": True}, {"blocks": 4, "constraint": 0.01}],
    "lora": [
        {"dim": 3, "alpha": 4.5, "conv_dim": 2, "conv_alpha": 0.5},
        {"rs_lora": True, "use_scalar": True, "conv_alpha": 12.0},
        {"dora_wd": True, "conv_alpha": 12.0},
        {"dora_wd": True, "dora_axis": "output", "rs_lora": True, "use_scalar": True},
    ],
}
PINNED = {
    "boft": "linear conv1x1 conv3x3, mergeable",
    "dylora": "linear conv1x1 conv3x3, mergeable, invertible",
    "full": "linear conv1x1 conv3x3, mergeable, invertible",
    "glora": "linear conv1x1 conv3x3, mergeable",
    "hypernetwork": "contexts",
    "ia3": "linear conv1x1 conv3x3, mergeable",
    "locon": "linear conv1x1 conv3x3, mergeable, invertible",
    "loha": "linear conv1x1 conv3x3, mergeable, invertible",
    "lokr": "linear conv1x1 conv3x3, mergeable, invertible",
    "lora": "linear conv1x1 conv3x3, mergeable, invertible",
    "lora_fa": "linear conv1x1 conv3x3, mergeable, invertible",
    "norms": "layernorm groupnorm, mergeable, invertible",
    "oft": "linear conv1x1 conv3x3, mergeable",
}


class Attention(nn.Module):
    """A frozen to_k and to_v of each of two widths, as a hypernetwork finds them."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.attn1, self.attn2 = (
            nn.ModuleDict({"to_k": nn.Linear(width, 6), "to_v": nn.Linear(width, 6)}) for width in (8, 12)
        )
        self.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """x [B, T, 12]; the narrower layers read its first 8 numbers."""
        narrow = x[..., :8].contiguous()  # another layout of memory is rounded in another order
        found = [layer(narrow) for layer in self.attn1.values()] + [layer(x) for layer in self.attn2.values()]
        return torch.cat(found, -1)


def residuals() -> dict[str, type[InputResidual]]:
    return {n: c for n, c in plugins("algorithm").items() if isinstance(c, type) and issubclass(c, InputResidual)}


def algorithms() -> dict[str, type[WeightDelta]]:
    return {n: c for n, c in plugins("algorithm").items() if isinstance(c, type) and issubclass(c, WeightDelta)}


def cells(algorithm: type[WeightDelta]) -> list[str]:
    return [cell for kind in algorithm.layer_kinds for cell in CELLS_OF_KIND.get(kind, ())]


def made(name: str, more: dict[str, Any]) -> WeightDelta:
    """The algorithm with convolutions switched on, as it is otherwise or with more options."""
    algorithm = algorithms()[name]
    known = {"conv_dim": 4, "convolutions": True}
    convolutions = {key: value for key, value in known.items() if key in algorithm.model_fields}
    return algorithm(**{**convolutions, **more})


VARIANTS: list[dict[str, Any]] = [
    {"rs_lora": True}, {"use_scalar": True}, {"dora_wd": True}, {"dora_wd": True, "dora_axis": "output"},
    {"use_tucker": True}, {"use_tucker": True, "use_scalar": True}, {"use_tucker": True, "dora_wd": True},
    {"use_tucker": True, "dora_wd": True, "dora_axis": "output", "rs_lora": True, "use_scalar": True},
]  # fmt: skip
STRONG = {"alpha": 12.0, "conv_alpha": 50.0}  # a change that bfloat16 can see
SIZES: dict[str, dict[str, Any]] = {"lokr": {"dim": 1, "conv_dim": 1}}  # so that it does not keep its matrices whole
CASES = [
    pytest.param(name, more, cell, id=f"{name}{'+' * i}-{cell}")
    for name, algorithm in algorithms().items()
    for i, more in enumerate([{}, *MORE_OPTIONS.get(name, [])])
    for cell in cells(algorithm)
] + [
    pytest.param(
        name,
        {"dim": 2, "conv_dim": 2, **SIZES.get(name, {}), **STRONG, **more},
        cell,
        id=f"{name}-{'-'.join(more)}{i}-{cell}",
        marks=pytest.mark.full,
    )
    for name, algorithm in algorithms().items()
    for i, more in enumerate(VARIANTS)
    if more.keys() <= algorithm.model_fields.keys()
    for cell in cells(algorithm)
]
every_case = pytest.mark.parametrize(("name", "more", "cell"), CASES)
every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=["fp32", "bf16"])


def network_on(name: str, more: dict[str, Any], cell: str, dtype: torch.dtype) -> tuple[Network, OneLayer, Tensor]:
    model, x = one_layer(cell)
    model, x = model.to(dtype), x.to(dtype)
    algorithm = made(name, more)
    return Network.create(algorithm, {"unet": model}, "sd1", seed=1), model, x


def test_no_cell_vanishes() -> None:
    found = {}
    everything: dict[str, type[WeightDelta | InputResidual]] = {**algorithms(), **residuals()}
    assert everything.keys() == plugins("algorithm").keys()
    for name, algorithm in everything.items():
        can = [word for word in ("mergeable", "invertible") if getattr(algorithm, word)]
        where = " ".join(cells(algorithm)) if issubclass(algorithm, WeightDelta) else "contexts"
        found[name] = ", ".join([where, *can])
    assert found == PINNED


@every_dtype
@every_case
def test_a_new_network_changes_nothing(name: str, more: dict[str, Any], cell: str, dtype: torch.dtype) -> None:
    network, model, x = network_on(name, more, cell, dtype)
    before = model(x)
    network.attach()
    assert torch.equal(model(x), before)
    randomise(network)
    assert not torch.equal(model(x), before)


@every_dtype
@every_case
def test_attached_is_merged(name: str, more: dict[str, Any], cell: str, dtype: torch.dtype) -> None:
    network, model, x = network_on(name, more, cell, dtype)
    randomise(network)
    before = model(x)
    network.attach()
    network.set_multiplier(0.7)
    network.eval()
    attached = model(x)
    network.merge(0.7)
    assert not network.attached
    assert relative_error(model(x), attached) < TOLERANCE[dtype]
    assert relative_error(attached, before) > 2 * TOLERANCE[dtype]


@every_dtype
@every_case
def test_merging_backwards_takes_it_away(name: str, more: dict[str, Any], cell: str, dtype: torch.dtype) -> None:
    network, model, x = network_on(name, more, cell, dtype)
    randomise(network)
    before = model(x)
    network.merge(0.7)
    merged = model(x)
    reason = made(name, more).hindrances().get("invertible")
    if reason:
        with pytest.raises(UserError, match=re.escape(f"cannot be taken out of a model again: {reason}")):
            network.unmerge(0.7)
        network.merge(-0.7)
    else:
        network.unmerge(0.7)
    # the merged weight was rounded at its own size
    allowed = TOLERANCE[dtype] * max(1.0, (merged.abs().max() / before.abs().max()).item())
    if reason is None or dtype is torch.float32:  # bfloat16 hides the small remainder of those that cannot be undone
        assert (relative_error(model(x), before) < allowed) == (reason is None)


@every_dtype
@every_case
def test_detach_is_exact(name: str, more: dict[str, Any], cell: str, dtype: torch.dtype) -> None:
    network, model, x = network_on(name, more, cell, dtype)
    randomise(network)
    weights = {key: value.clone() for key, value in model.state_dict().items()}
    before, own = model(x), set(vars(model.block.layer))
    network.attach()
    model(x)
    network.set_multiplier(0.0)
    assert torch.equal(model(x), before)
    network.detach()
    assert torch.equal(model(x), before)
    assert set(vars(model.block.layer)) == own
    assert all(torch.equal(weights[key], value) for key, value in model.state_dict().items())


@every_dtype
@every_case
def test_saved_and_loaded_is_the_same(name: str, more: dict[str, Any], cell: str, dtype: torch.dtype) -> None:
    network, model, x = network_on(name, more, cell, dtype)
    randomise(network)
    network.eval()
    network.attach()
    before, saved = model(x), {key: value.clone() for key, value in network.tensors().items()}
    network.detach()
    read = Network.from_tensors(saved, {"unet": model}, "sd1").eval()
    read.attach()
    assert torch.equal(model(x), before)
    again = read.tensors()
    assert again.keys() == saved.keys()
    assert all(torch.equal(saved[key], again[key]) for key in saved)
    fresh = Network.create(made(name, more), {"unet": model}, "sd1", seed=99)
    fresh.load_tensors(saved)
    assert all(torch.equal(saved[key], value) for key, value in fresh.tensors().items())


@every_case
def test_a_state_is_taken_back_to_the_last_bit(name: str, more: dict[str, Any], cell: str) -> None:
    network, model, _ = network_on(name, more, cell, torch.float32)
    randomise(network)
    state = {key: value.clone() for key, value in network.state().items()}
    other = Network.create(made(name, more), {"unet": model}, "sd1", seed=99)
    other.load_tensors(state)
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), other.parameters(), strict=True))
    assert other.state().keys() == state.keys()


@every_case
def test_the_file_tells_the_size(name: str, more: dict[str, Any], cell: str) -> None:
    network, model, _ = network_on(name, more, cell, torch.float32)
    read = Network.from_tensors(network.tensors(), {"unet": model}, "sd1")
    ours, theirs = network.adapters[0], read.adapters[0]
    assert isinstance(ours, AdaptedLayer) and isinstance(theirs, AdaptedLayer)
    assert isinstance(ours.algorithm, type(theirs.algorithm))  # LoRA for the kinds that write its files
    shapes = {key: tuple(value.shape) for key, value in ours.weights_by_key().items() if key != SCALAR}
    assert {key: tuple(value.shape) for key, value in theirs.weights_by_key().items()} == shapes
    assert theirs.algorithm.constants() == pytest.approx(ours.algorithm.constants(), rel=1e-6)


@every_case
def test_shortcut_is_delta(name: str, more: dict[str, Any], cell: str) -> None:
    network, _, x = network_on(name, more, cell, torch.float32)
    randomise(network)
    layer = network.adapters[0]
    assert isinstance(layer, AdaptedLayer)
    weights = layer.weights_as(torch.float32)
    short = layer.algorithm.shortcut(weights, x, layer.shape)
    delta, bias = layer.algorithm.delta(weights, layer.shape), layer.algorithm.bias_delta(weights, layer.shape)
    assert relative_error(short, layer.shape.apply(x, delta, bias)) < 2e-6


@every_dtype
@every_case
def test_every_parameter_learns(name: str, more: dict[str, Any], cell: str, dtype: torch.dtype) -> None:
    network, model, x = network_on(name, more, cell, dtype)
    network.attach()
    torch.manual_seed(0)
    before = {key: parameter.clone() for key, parameter in network.named_parameters()}
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1)
    learned: set[str] = set()
    for _ in range(8):  # in the first step the factor beside a zero has no gradient yet; DyLoRA draws what learns
        optimizer.zero_grad()
        model(x).float().square().mean().backward()
        optimizer.step()
        learned |= {key for key, p in network.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
    for key, parameter in network.named_parameters():
        assert parameter.dtype == torch.float32
        assert (key in learned) == parameter.requires_grad, key
        assert torch.equal(parameter, before[key]) != parameter.requires_grad, key
    assert all(weight.grad is None for weight in model.parameters())


@every_case
def test_autocast(name: str, more: dict[str, Any], cell: str) -> None:
    """Float32 weights and parameters under bf16 autocast: out comes what the layer alone makes (bf16, but for norms),
    near the float32 result, with float32 gradients."""
    network, model, x = network_on(name, more, cell, torch.float32)
    randomise(network)
    network.eval()
    network.attach()
    wanted = model(x)
    with torch.autocast("cpu", torch.bfloat16):
        found = model(x)
        with network.detached():
            assert found.dtype == model(x).dtype
    assert relative_error(found, wanted) < TOLERANCE[torch.bfloat16]
    found.float().square().mean().backward()
    trained = [p for p in network.parameters() if p.requires_grad]
    assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in trained)


@every_dtype
@pytest.mark.parametrize("name", residuals())
def test_laws_of_networks_on_contexts(name: str, dtype: torch.dtype) -> None:
    """Zero change at the start, every parameter learns, saved is loaded, multiplier 0 and detach are exact."""
    model, x = Attention().to(dtype), torch.randn(2, 5, 12).to(dtype)
    before = model(x)
    network = Network.create(residuals()[name](), {"unet": model}, "sd1", seed=1)
    network.attach()
    assert torch.equal(model(x), before)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        model(x).float().square().mean().backward()
        optimizer.step()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())
    after = model(x)
    assert after.dtype == dtype and not torch.equal(after, before)
    with torch.autocast("cpu", torch.bfloat16):
        assert relative_error(model(x), after) < TOLERANCE[torch.bfloat16]
    network.set_multiplier(0.0)
    assert torch.equal(model(x), before)
    network.detach()
    assert torch.equal(model(x), before)
    read = Network.from_tensors(network.tensors(), {"unet": model}, "sd1")
    read.attach()
    assert torch.equal(model(x), after)
    assert not read.algorithm.mergeable and read.algorithm.why_not["mergeable"]
