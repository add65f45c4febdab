"""Numbers as people read them: sizes in bytes, counts with their thousands, learning rates."""

from __future__ import annotations

KIB, MIB, GIB = 1024, 1024**2, 1024**3


def size(count: float) -> str:
    """'1.4 GB', '713.0 MB', '12 kB': as `check` writes them."""
    if count >= GIB:
        return f"{count / GIB:.1f} GB"
    return f"{count / MIB:.1f} MB" if count >= MIB / 10 else f"{count / KIB:.0f} kB"


def whole(count: float) -> str:
    """'12,345'."""
    return f"{count:,.0f}"


def rate(value: float) -> str:
    """'0.0001', '3e-06'."""
    return f"{value:g}"
