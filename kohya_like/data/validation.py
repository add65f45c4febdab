"""Which pictures are kept out of training to measure the loss on.

A picture's side is decided by a hash of its bytes: copies under other names are never on both sides, and a picture
stays on its side when others are added, removed or renamed. (kohya shuffles twice with different chance unless a seed
is set, so that its two sets overlap.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path

from kohya_like.data.records import Concept, ImageRecord

Images = tuple[ImageRecord, ...]


def split_validation(
    images: Sequence[ImageRecord],
    fraction: float,
    seed: int,
    content: Callable[[Path], str],
    concepts: Sequence[Concept],
) -> tuple[Images, Images]:
    """(pictures to train on, pictures kept out), each in the given order.

    About `fraction` of the pictures is kept out, at least one and never all. Regularisation pictures are always
    trained, and so is a picture of which there is a copy among them.

    Args:
        content: hash of a file's bytes; only called if there is something to split.
    """
    if fraction <= 0:
        return tuple(images), ()
    contents = [content(image.path) for image in images]
    regularising = {one for image, one in zip(images, contents) if concepts[image.subset].is_reg}
    shares = {one: _share(seed, one) for one in contents if one not in regularising}
    kept_out = {one for one, share in shares.items() if share < fraction}
    if len(shares) > 1 and not kept_out:
        kept_out = {min(shares, key=lambda one: shares[one])}
    if len(kept_out) == len(shares) and kept_out:
        kept_out.discard(max(shares, key=lambda one: shares[one]))
    train = tuple(image for image, one in zip(images, contents) if one not in kept_out)
    return train, tuple(image for image, one in zip(images, contents) if one in kept_out)


def _share(seed: int, content: str) -> float:
    """A number in 0..1 drawn by the content."""
    return int.from_bytes(blake2b(f"{seed}/{content}".encode(), digest_size=8).digest(), "big") / 2**64
