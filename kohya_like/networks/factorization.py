"""Splitting a width into two factors, as LyCORIS does, so that files of both have the same shapes. Torch-free."""

from __future__ import annotations


def factorization(width: int, factor: int = -1) -> tuple[int, int]:
    """(m, n) with m · n = width and m <= n.

    A positive factor that divides the width is taken; else m is the largest divisor up to the factor (-1: no limit)
    on the way on which m + n does not grow.  320: -1 -> (16, 20), 8 -> (8, 40); 127 -> (1, 127).
    """
    if factor > 0 and width % factor == 0:
        small, large = sorted((factor, width // factor))
        return small, large
    limit = width if factor < 0 else factor
    small, large = 1, width
    while small < large:
        following = next(m for m in range(small + 1, width + 1) if width % m == 0)
        if following > limit or following + width // following > small + large:
            break
        small, large = following, width // following
    return (small, large) if small <= large else (large, small)
