"""The moving average: its formula, its exchange with the weights, its state."""

import copy

import pytest
import torch
from torch import Tensor

from kohya_like.optim.ema import Ema
from kohya_like.schema.errors import FormatError

pytestmark = pytest.mark.quick


def parameters(dtype: torch.dtype = torch.float32) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.nn.Parameter(torch.randn(shape, generator=generator).to(dtype)) for shape in ((4, 3), (5,))]


def move(weights: list[Tensor], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in weights:
            weight += 0.3 * torch.randn(weight.shape, generator=generator).to(weight.dtype)


@pytest.mark.parametrize("warmup", [True, False])
def test_follows_the_formula(warmup: bool) -> None:
    weights = parameters()
    ema = Ema(weights, 0.9, warmup=warmup)
    expected = [w.detach().double() for w in weights]
    for n in range(120):
        move(weights, n)
        ema.update()
        d = min(0.9, (1 + n) / (10 + n)) if warmup else 0.9
        expected = [d * e + (1 - d) * w.detach().double() for e, w in zip(expected, weights)]
    for shadow, value in zip(ema.shadow, expected):
        torch.testing.assert_close(shadow.double(), value, rtol=1e-5, atol=1e-6)


def test_warmup_leaves_the_start_quickly() -> None:
    weights = parameters()
    slow, quick = Ema(weights, 0.999, warmup=False), Ema(weights, 0.999)
    with torch.no_grad():
        weights[0] += 100
    for _ in range(20):
        slow.update()
        quick.update()
    assert (weights[0] - quick.shadow[0]).abs().max() < 20 < (weights[0] - slow.shadow[0]).abs().max()


def test_starts_as_a_copy_of_the_weights() -> None:
    weights = parameters()
    ema = Ema(iter(weights), 0.9)
    before = copy.deepcopy(weights)
    move(weights, 0)
    assert all(torch.equal(a, b) for a, b in zip(ema.shadow, before))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_swap_and_back_bit_for_bit(dtype: torch.dtype) -> None:
    weights = parameters(dtype)
    ema = Ema(weights, 0.9)
    move(weights, 0)
    ema.update()
    live, shadow = copy.deepcopy(weights), [s.clone() for s in ema.shadow]
    with pytest.raises(RuntimeError, match="sampler"), ema.swap():
        assert all(torch.equal(w, s.to(dtype)) for w, s in zip(weights, shadow))
        assert not torch.equal(weights[0], live[0])
        raise RuntimeError("sampler")
    assert all(torch.equal(a, b) for a, b in zip(weights, live))
    assert all(torch.equal(a, b) and a.dtype == torch.float32 for a, b in zip(ema.shadow, shadow))


def test_small_changes_of_sixteen_bit_weights_add_up() -> None:
    """1 + 2⁻⁹ is 1 in bfloat16: an average of that type would never move."""
    weight = torch.nn.Parameter(torch.ones(1, dtype=torch.bfloat16))
    ema = Ema([weight], 0.999, warmup=False)
    with torch.no_grad():
        weight.fill_(1.5)
    ema.update()
    assert ema.shadow[0].item() == pytest.approx(1.0005)


def test_resumes_bit_for_bit() -> None:
    straight = parameters()
    ema = Ema(straight, 0.95)
    for n in range(6):
        move(straight, n)
        ema.update()
    resumed = parameters()
    first = Ema(resumed, 0.95)
    for n in range(3):
        move(resumed, n)
        first.update()
    state = copy.deepcopy(first.state_dict())
    second = Ema(resumed, 0.95)
    second.load_state_dict(state)
    for n in range(3, 6):
        move(resumed, n)
        second.update()
    assert second.updates == 6
    assert all(torch.equal(a, b) for a, b in zip(ema.shadow, second.shadow))


def test_an_average_of_other_weights_is_refused() -> None:
    ema = Ema(parameters(), 0.9)
    before = [s.clone() for s in ema.shadow]
    with pytest.raises(FormatError, match="belongs to another network"):
        ema.load_state_dict(Ema(parameters()[:1], 0.9).state_dict())
    assert all(torch.equal(a, b) for a, b in zip(ema.shadow, before))


@pytest.mark.parametrize("decay", [-0.1, 1.0, 2.0])
def test_decay_has_bounds(decay: float) -> None:
    with pytest.raises(ValueError, match="wanted is a number from 0"):
        Ema(parameters(), decay)
