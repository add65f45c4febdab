"""From a change of a weight to LoRA's two factors: singular values, and the rules for how many of them are kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Rule = Callable[[Tensor], int]  # singular values, largest first -> how many are kept
NOTHING = 1e-6  # a change whose largest singular value is below that is none (kohya's resize_lora)


def fixed(rank: float) -> Rule:
    return lambda values: int(rank)


def threshold(least: float) -> Rule:
    """LyCORIS: those above a number."""
    return lambda values: int((values > least).sum())


def ratio(share: float) -> Rule:
    """LyCORIS: those above a share of the largest."""
    return lambda values: int((values > values[0] * share).sum())


def quantile(share: float) -> Rule:
    """As many as make up at least this share of the sum. LyCORIS leaves out the one that reaches it."""
    return lambda values: _reaching(values, share)


def sv_ratio(most: float) -> Rule:
    """kohya: those above the largest divided by this number."""
    return ratio(1.0 / most)


def sv_cumulative(share: float) -> Rule:
    """kohya: until their sum is this share of the whole."""
    return lambda values: _reaching(values, share)


def sv_fro(share: float) -> Rule:
    """kohya: until their Frobenius norm is this share of the whole."""
    return lambda values: _reaching(values**2, share**2)


def _reaching(values: Tensor, share: float) -> int:
    return 1 + int(torch.searchsorted(values.cumsum(0) / values.sum(), share))


EXTRACTION = {"fixed": fixed, "threshold": threshold, "ratio": ratio, "quantile": quantile}
RESIZING = {"sv_ratio": sv_ratio, "sv_cumulative": sv_cumulative, "sv_fro": sv_fro}


@dataclass(frozen=True)
class Factors:
    """up [O, R] @ down [R, I·k·k], each with the root of the singular values; what of the change they keep."""

    up: Tensor
    down: Tensor
    sum_kept: float  # share of the sum of the singular values
    norm_kept: float  # share of the Frobenius norm
    ratio: float  # largest to smallest singular value kept

    @property
    def rank(self) -> int:
        return self.down.shape[0]


def factors_of(u: Tensor, values: Tensor, v: Tensor, rule: Rule, most: int) -> Factors:
    """The factors of u [O, K] · values [K] · v [K, I], of at least rank 1 and at most `most`."""
    silent = float(values[0]) <= NOTHING
    rank = 1 if silent else max(1, min(rule(values), most, len(values)))
    root = values[:rank].sqrt()
    kept, whole = values[:rank], values
    share = (1.0, 1.0, 1.0) if silent else (
        float(kept.sum() / whole.sum()), float(kept.norm() / whole.norm()), float(values[0] / values[rank - 1])
    )  # fmt: skip
    return Factors(u[:, :rank] * root, root[:, None] * v[:rank], *share)


def factors_of_matrix(change: Tensor, rule: Rule, most: int) -> Factors:
    """The factors of a change [O, I] at hand, in float32."""
    u, values, v = torch.linalg.svd(change.float(), full_matrices=False)
    return factors_of(u, values, v, rule, most)


def factors_of_product(up: Tensor, down: Tensor, rule: Rule, most: int) -> Factors:
    """The factors of up [O, R] @ down [R, I], which is never made: an R x R matrix has its singular values."""
    q_up, r_up = torch.linalg.qr(up.double())
    q_down, r_down = torch.linalg.qr(down.double().T)
    u, values, v = torch.linalg.svd(r_up @ r_down.T)
    made = factors_of(q_up @ u, values, v @ q_down.T, rule, most)
    return Factors(made.up.float(), made.down.float(), made.sum_kept, made.norm_kept, made.ratio)
