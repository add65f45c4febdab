"""float32 to bfloat16 by chance: up with the probability of what is cut off, so that the mean is the number itself.

    round(x) = down(x) + ulp · [u < (x − down(x)) / ulp],    u uniform in 0..1

A change smaller than half the distance of two bfloat16 numbers is always lost when rounding to the nearest; by chance
it is kept in that share of the cases. In bits: 16 random ones are added to the 16 that are cut off.  Gupta et al.,
arXiv:1502.02551; Zamirai et al., arXiv:2010.06192.
"""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

CUT = 16  # bits of a float32 that a bfloat16 lacks


def stochastic_round(values: Tensor, generator: torch.Generator) -> Tensor:
    """float32 `values` in bfloat16; what is exact stays, infinities and NaN as well. `generator` is of their device."""
    bits = values.contiguous().view(torch.int32)
    chance = torch.randint(0, 1 << CUT, values.shape, dtype=torch.int32, device=values.device, generator=generator)
    rounded = ((bits + chance) & -(1 << CUT)).view(torch.float32)
    return torch.where(values.isfinite(), rounded, values).to(torch.bfloat16)


def seed_of(seed: int, step: int, number: int) -> int:
    """A seed for the `number`-th weight in a step; it depends on nothing else, whatever the order of the weights."""
    digest = hashlib.blake2b(f"{seed}/{step}/{number}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") % 2**63
