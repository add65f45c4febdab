"""One weight at a time is the same as all together, in the backward pass as after it, and is taken up again exactly."""

from __future__ import annotations

import io
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from kohya_like.optim.optimizers import build_optimizer
from kohya_like.optim.stepping import WeightByWeight, load_exactly

pytestmark = pytest.mark.quick

SEPARABLE = ["AdamW", "Adam", "Adafactor", "Lion", "SGDNesterov"]


class Toy:
    """A small net, its optimizer, and batches by number."""

    def __init__(self, kind: str, dtype: torch.dtype, way: str, lr: float = 1e-2) -> None:
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(6, 8), nn.SiLU(), nn.Linear(8, 4)).to(dtype)
        groups = [{"params": list(self.net[i].parameters()), "lr": lr * (i + 1)} for i in (0, 2)]
        self.optimizer = build_optimizer(kind, groups, learning_rate=lr)
        self.single = WeightByWeight(self.optimizer, seed=3) if way != "together" else None
        if self.single is not None and way == "fused":
            self.single.fuse()
        self.dtype = dtype

    def steps(self, first: int, last: int) -> Toy:
        for step in range(first, last):
            generator = torch.Generator().manual_seed(step)
            x = torch.randn(5, 6, generator=generator).to(self.dtype)
            y = torch.randn(5, 4, generator=generator).to(self.dtype)
            if self.single is not None:
                self.single.begin(step)
            (self.net(x) - y).square().mean().backward()
            (self.single or self.optimizer).step()
            self.optimizer.zero_grad()
        return self

    @property
    def weights(self) -> list[Tensor]:
        return [p.detach().clone() for p in self.net.parameters()]


def equal(a: list[Tensor], b: list[Tensor]) -> bool:
    return all(torch.equal(x, y) and x.dtype == y.dtype for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("kind", SEPARABLE)
def test_the_bits_are_those_of_all_together(kind: str) -> None:
    together = Toy(kind, torch.float32, "together").steps(0, 5).weights
    assert equal(Toy(kind, torch.float32, "single").steps(0, 5).weights, together)
    assert equal(Toy(kind, torch.float32, "fused").steps(0, 5).weights, together)
    assert not equal(Toy(kind, torch.float32, "fused").steps(0, 4).weights, together), "control"


@pytest.mark.parametrize("kind", SEPARABLE)
def test_bfloat16_is_rounded_the_same_in_the_backward_pass_and_after_it(kind: str) -> None:
    after = Toy(kind, torch.bfloat16, "single").steps(0, 5).weights
    assert after[0].dtype == torch.bfloat16
    assert equal(Toy(kind, torch.bfloat16, "fused").steps(0, 5).weights, after)


def test_a_small_rate_moves_bfloat16_weights() -> None:
    start = Toy("SGDNesterov", torch.bfloat16, "single").weights
    ours = Toy("SGDNesterov", torch.bfloat16, "single", lr=1e-4).steps(0, 20).weights
    exact = Toy("SGDNesterov", torch.float32, "together", lr=1e-4).steps(0, 20).weights
    lost = Toy("SGDNesterov", torch.bfloat16, "together", lr=1e-4).steps(0, 20).weights

    def moved(weights: list[Tensor]) -> float:
        return sum(float((a.float() != b.float()).sum()) for a, b in zip(weights, start)) / 92

    assert moved(ours) > 2 * moved(lost), "control: rounding to the nearest keeps most weights where they are"
    assert moved(exact) > 0.9


def test_gradients_are_gone_and_their_norm_is_known() -> None:
    fused, together = Toy("AdamW", torch.float32, "fused"), Toy("AdamW", torch.float32, "together")
    assert fused.single is not None and together.single is None
    x = torch.randn(5, 6, generator=torch.Generator().manual_seed(0))
    for toy in (fused, together):
        if toy.single:
            toy.single.begin(0)
        toy.net(x).square().mean().backward()
    assert all(p.grad is None for p in fused.net.parameters())
    norm = torch.nn.utils.get_total_norm([p.grad for p in together.net.parameters() if p.grad is not None])
    assert float(fused.single.norm()) == pytest.approx(float(norm), rel=1e-6)


@pytest.mark.parametrize("way", ["single", "fused"])
@pytest.mark.parametrize("kind", ["AdamW", "Adafactor"])
def test_a_resume_goes_on_with_the_same_bits(kind: str, way: str) -> None:
    whole = Toy(kind, torch.bfloat16, way).steps(0, 6).weights
    first = Toy(kind, torch.bfloat16, way).steps(0, 3)
    buffer = io.BytesIO()
    torch.save({"net": first.net.state_dict(), "optimizer": first.optimizer.state_dict()}, buffer)
    saved: dict[str, Any] = torch.load(io.BytesIO(buffer.getvalue()), weights_only=True)

    def loaded(load: Any) -> Toy:
        toy = Toy(kind, torch.bfloat16, way)
        toy.net.load_state_dict(saved["net"])
        load(toy.optimizer, saved["optimizer"])
        return toy

    def types(toy: Toy) -> set[torch.dtype]:
        return {v.dtype for s in toy.optimizer.state.values() for v in s.values() if isinstance(v, Tensor) and v.ndim}

    exact = loaded(load_exactly)
    assert types(exact) == {torch.float32} and equal(exact.steps(3, 6).weights, whole)
    rough = loaded(lambda optimizer, state: optimizer.load_state_dict(state))
    assert types(rough) == {torch.bfloat16}, "control: torch gives the moments the weights' type"
