"""LoHa's two ways of computing, against plain autograd: values, gradients, autocast, checkpointing, what is kept."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from kohya_like.networks.algebra import core_times, khatri_rao
from kohya_like.networks.algorithms.loha import LoHa
from kohya_like.networks.base import LayerShape
from kohya_like.networks.network import Network
from tests.networks.tiny import one_layer, randomise, relative_error

pytestmark = pytest.mark.quick

CONV = LayerShape("conv2d", 6, 5, (3, 2), (1, 1), (1, 1))
LINEAR = LayerShape("linear", 6, 5)
WAYS = pytest.mark.parametrize("rank", [1, 6], ids=["pairs", "made"])  # small ranks need no ΔW
TUCKER = pytest.mark.parametrize("tucker", [False, True], ids=["plain", "tucker"])


def weights(algorithm: LoHa, shape: LayerShape, dtype: torch.dtype = torch.float64) -> dict[str, Tensor]:
    torch.manual_seed(4)
    found = {key: torch.randn(spec.shape, dtype=dtype) for key, spec in algorithm.parameters(shape).items()}
    return {key: value.requires_grad_() for key, value in found.items()}


def plain_delta(w: dict[str, Tensor], algorithm: LoHa, shape: LayerShape) -> Tensor:
    """The formula written out: nothing saved, nothing made twice."""
    halves = []
    for side in ("1", "2"):
        a, b = w[f"hada_w{side}_a"], w[f"hada_w{side}_b"]
        if "hada_t1" in w:
            halves.append(torch.einsum("ijkl,ip,jr->prkl", w[f"hada_t{side}"], a, b))
        else:
            halves.append((a @ b).reshape(shape.weight_shape))
    return halves[0] * halves[1] * algorithm.scale


@WAYS
@TUCKER
@pytest.mark.parametrize("shape", [LINEAR, CONV], ids=["linear", "conv"])
def test_gradients_are_autograds(rank: int, tucker: bool, shape: LayerShape) -> None:
    algorithm = LoHa(dim=rank, alpha=2.0, use_tucker=tucker)
    w = weights(algorithm, shape)
    x = torch.randn(2, 5, 4, 4, dtype=torch.float64) if shape.kernel else torch.randn(2, 7, 5, dtype=torch.float64)
    x.requires_grad_()
    inputs = [x, *w.values()]
    found = torch.autograd.grad(algorithm.shortcut(w, x, shape).square().sum(), inputs)
    by_delta = torch.autograd.grad(shape.apply(x, algorithm.delta(w, shape)).square().sum(), inputs)
    wanted = torch.autograd.grad(shape.apply(x, plain_delta(w, algorithm, shape)).square().sum(), inputs)
    for one, other, right in zip(found, by_delta, wanted, strict=True):
        assert relative_error(one, right) < 1e-12
        assert relative_error(other, right) < 1e-12


def test_control_the_other_sides_core_is_seen() -> None:
    """LyCORIS 3.2 took the other side's core for the gradient of the outer factor (formats.md, trap 9)."""
    algorithm = LoHa(dim=6, alpha=2.0, use_tucker=True)
    w = weights(algorithm, CONV)
    right = torch.autograd.grad(plain_delta(w, algorithm, CONV).square().sum(), w["hada_w1_a"])[0]
    swapped = {**w, "hada_t1": w["hada_t2"], "hada_t2": w["hada_t1"]}
    wrong = torch.autograd.grad(plain_delta(swapped, algorithm, CONV).square().sum(), w["hada_w1_a"])[0]
    assert relative_error(wrong, right) > 0.1


@WAYS
@TUCKER
def test_autocast_and_checkpointing(rank: int, tucker: bool) -> None:
    """Under gradient checkpointing the gradients are the same to the bit, under autocast near the float32 ones."""
    model, x = one_layer("conv3x3")
    algorithm = LoHa(dim=rank, alpha=2.0, conv_dim=rank, conv_alpha=float(rank), use_tucker=tucker)
    network = Network.create(algorithm, {"unet": model}, "sd1", seed=1)
    randomise(network, 0.3)
    network.attach()
    x.requires_grad_()

    def gradients(through_checkpoint: bool, autocast: bool) -> list[Tensor]:
        network.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            y = checkpoint(model, x, use_reentrant=False) if through_checkpoint else model(x)
        y.float().square().sum().backward()
        return [p.grad.clone() for p in network.parameters() if p.grad is not None]

    plain = gradients(False, False)
    assert len(plain) == (6 if tucker else 4)
    assert all(torch.equal(a, b) for a, b in zip(plain, gradients(True, False), strict=True))
    half = gradients(False, True)
    assert all(torch.equal(a, b) for a, b in zip(half, gradients(True, True), strict=True))
    assert all(g.dtype == torch.float32 for g in half)
    assert all(relative_error(a, b) < 0.1 for a, b in zip(half, plain, strict=True))


@WAYS
def test_no_matrix_of_the_layers_size_is_kept_but_one(rank: int) -> None:
    """Making ΔW keeps ΔW itself, for the gradient of x, and neither of its factors; the pairs keep none at all."""
    layer = LayerShape("linear", 64, 48)
    algorithm = LoHa(dim=24 if rank > 1 else 2, alpha=2.0)
    w = weights(algorithm, layer, torch.float32)
    kept: list[int] = []

    def pack(value: Tensor) -> Tensor:
        kept.append(value.numel())
        return value

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda value: value):
        algorithm.shortcut(w, torch.randn(3, 48, requires_grad=True), layer)
    assert sum(size >= 64 * 48 for size in kept) == (1 if rank > 1 else 0)


def test_khatri_rao_and_core() -> None:
    torch.manual_seed(0)
    a, b = torch.randn(5, 2), torch.randn(5, 3)
    assert torch.equal(khatri_rao(a, b), torch.einsum("or,os->ors", a, b).reshape(5, 6))
    core, factor = torch.randn(4, 4, 3, 2), torch.randn(4, 5)
    wanted = torch.einsum("mnkl,ni->mikl", core, factor).reshape(4, -1)
    assert relative_error(core_times(core, factor), wanted) < 1e-6


def test_pairs_are_taken_at_real_widths() -> None:
    """At the usual rank no layer of SD1.5's transformers makes ΔW; at rank 32 only the feed-forward layers do not."""
    assert LoHa(dim=8).by_pairs(LayerShape("linear", 320, 320))
    assert not LoHa(dim=32).by_pairs(LayerShape("linear", 1280, 1280))
    assert LoHa(dim=32).by_pairs(LayerShape("linear", 10240, 1280))
    assert LoHa(dim=8).by_pairs(LayerShape("conv2d", 320, 320, (3, 3)))
