"""Our Adafactor against transformers', which is the one kohya's trainer uses, and its two differing defaults."""

from typing import Any

import pytest
import torch

from kohya_like.optim.adafactor import Adafactor

pytestmark = pytest.mark.quick

SETTINGS: list[dict[str, Any]] = [
    {"relative_step": True},
    {"relative_step": True, "warmup_init": True},
    {"relative_step": True, "scale_parameter": False},
    {"relative_step": False, "scale_parameter": False, "lr": 1e-3},
    {"relative_step": False, "scale_parameter": True, "lr": 1e-2, "weight_decay": 0.1},
    {"relative_step": False, "scale_parameter": False, "lr": 1e-3, "beta1": 0.9, "clip_threshold": 0.5},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("shape", [(6, 4), (7,), (3, 2, 3, 3)], ids=str)
def test_same_as_transformers(settings: dict[str, Any], shape: tuple[int, ...]) -> None:
    from transformers.optimization import Adafactor as Reference

    generator = torch.Generator().manual_seed(0)
    start = torch.randn(shape, generator=generator)
    flat = (shape[0], -1) if len(shape) > 2 else shape  # a convolution is a matrix to us, a pile of kernels to them
    ours, theirs = torch.nn.Parameter(start.clone()), torch.nn.Parameter(start.clone().reshape(flat))
    mine, reference = Adafactor([ours], **settings), Reference([theirs], **settings)
    for _ in range(20):
        gradient = torch.randn(shape, generator=generator)
        ours.grad, theirs.grad = gradient.clone(), gradient.clone().reshape(flat)
        mine.step()
        reference.step()
    torch.testing.assert_close(ours, theirs.reshape(shape), rtol=1e-4, atol=1e-6)
    assert not torch.allclose(ours, start, rtol=0, atol=1e-6)


def test_the_learning_rate_counts_by_default() -> None:
    def moved(**settings: Any) -> float:
        weight = torch.nn.Parameter(torch.zeros(4, 4))  # as a LoRA's up-projection starts
        optimizer = Adafactor([weight], **settings)
        weight.grad = torch.ones(4, 4)
        optimizer.step()
        return weight.abs().max().item()

    assert moved(lr=0.02) == pytest.approx(0.02) and moved(lr=0.01) == pytest.approx(0.01)
    assert moved(lr=0.02, relative_step=True) == moved(lr=0.01, relative_step=True) == pytest.approx(1e-5)


def test_sixteen_bit_weights_are_computed_in_float32() -> None:
    weight = torch.nn.Parameter(torch.ones(4, 4, dtype=torch.bfloat16))
    optimizer = Adafactor([weight], lr=0.1)
    weight.grad = torch.full((4, 4), 1e-3, dtype=torch.bfloat16)
    optimizer.step()
    assert weight.dtype == torch.bfloat16 and weight[0, 0].item() == pytest.approx(0.9, rel=1e-2)
    assert optimizer.state[weight]["row"].dtype == torch.float32


def test_memory_is_a_row_and_a_column() -> None:
    weight = torch.nn.Parameter(torch.ones(30, 20))
    optimizer = Adafactor([weight])
    weight.grad = torch.ones(30, 20)
    optimizer.step()
    assert sum(v.numel() for v in optimizer.state[weight].values() if isinstance(v, torch.Tensor)) == 50


def test_a_closure_is_evaluated_with_gradients() -> None:
    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = Adafactor([weight], lr=0.1)

    def closure() -> float:
        loss = weight.square().sum()
        loss.backward()
        return loss.item()

    assert optimizer.step(closure) == pytest.approx(3.0)
    assert weight[0].item() == pytest.approx(0.9)
