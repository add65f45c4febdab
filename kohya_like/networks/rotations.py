"""What the algorithms that rotate have in common: block sizes, and R - I of each block."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def turns(blocks: Tensor, limit: float = 0.0) -> Tensor:
    """R - I of R = (I + Q)(I - Q)⁻¹ with Q = B - Bᵀ for blocks B [*, n, n]; ‖Q‖ is held at `limit` if that is not 0.

    The norm is that of all blocks together.
    """
    from kohya_like.networks.algebra import cayley_minus_identity

    skew = blocks - blocks.transpose(-2, -1)
    if limit > 0.0:
        skew = skew * (limit / (skew.norm() + 1e-8)).clamp(max=1.0)
    return cayley_minus_identity(skew)


def butterfly_blocks(width: int, largest: int) -> tuple[int, int]:
    """(b, n) with b · n = width, b even and n a power of two, as LyCORIS: the largest b that is not above `largest`.

    Where there is none the smallest b is taken (LyCORIS refuses): 320 = 10 · 32 has no smaller one than 10. An odd
    width has none at all: (0, 0).
    """
    odd = width // (width & -width) if width else 0
    sizes = [odd * 2**power for power in range(1, width.bit_length()) if width % (odd * 2**power) == 0]
    if not sizes:
        return 0, 0
    size = max((size for size in sizes if size <= largest), default=sizes[0])
    return size, width // size
