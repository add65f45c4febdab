"""Formulas that several algorithms use, written for speed and memory. Torch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class _Hadamard(torch.autograd.Function):
    """(a1 b1) ⊙ (a2 b2) that keeps only the four factors and makes both products again in the backward pass.

    With G the incoming gradient, P1 = a1 b1 and P2 = a2 b2:
        ∂a1 = (G ⊙ P2) b1ᵀ    ∂b1 = a1ᵀ (G ⊙ P2)    ∂a2 = (G ⊙ P1) b2ᵀ    ∂b2 = a2ᵀ (G ⊙ P1)
    """

    @staticmethod
    def forward(ctx: Any, a1: Tensor, b1: Tensor, a2: Tensor, b2: Tensor) -> Tensor:
        ctx.save_for_backward(a1, b1, a2, b2)
        return (a1 @ b1) * (a2 @ b2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        a1, b1, a2, b2 = ctx.saved_tensors
        first = gradient * (a2 @ b2)
        grad_a1, grad_b1 = first @ b1.T, a1.T @ first
        second = gradient * (a1 @ b1)
        return grad_a1, grad_b1, second @ b2.T, a2.T @ second


def hadamard(a1: Tensor, b1: Tensor, a2: Tensor, b2: Tensor) -> Tensor:
    """(a1 b1) ⊙ (a2 b2): a [O, R], b [R, I] -> [O, I]; under autocast in its number type, backward as well."""
    device = a1.device.type
    if torch.is_autocast_enabled(device):
        dtype = torch.get_autocast_dtype(device)
        a1, b1, a2, b2 = (factor.to(dtype) for factor in (a1, b1, a2, b2))
    return _Hadamard.apply(a1, b1, a2, b2)


def khatri_rao(a: Tensor, b: Tensor) -> Tensor:
    """Every column of a times every column of b, value by value: [O, R], [O, S] -> [O, R·S]."""
    return (a.unsqueeze(2) * b.unsqueeze(1)).flatten(1)


def core_times(core: Tensor, factor: Tensor) -> Tensor:
    """Σ core[m, n, ..] factor[n, i]: the right side of a Tucker product; [R, R, k, k], [R, I] -> [R, I·k·k]."""
    rank = core.shape[0]
    kernel_first = core.flatten(2).transpose(1, 2).reshape(-1, core.shape[1])  # [R·k·k, R]
    return (kernel_first @ factor).reshape(rank, -1, factor.shape[1]).transpose(1, 2).reshape(rank, -1)


def cayley_minus_identity(skew: Tensor) -> Tensor:
    """R - I of the rotation R = (I + Q)(I - Q)⁻¹ for skew-symmetric Q [*, n, n], at least in float32.

    R - I = 2 (I - Q)⁻¹ Q, so nothing is lost to subtraction where R is near I. Q and (I - Q)⁻¹ commute.
    """
    q = skew if skew.dtype == torch.float64 else skew.float()  # there is no half precision solver
    identity = torch.eye(q.shape[-1], dtype=q.dtype, device=q.device)
    return torch.linalg.solve(identity - q, 2 * q)
