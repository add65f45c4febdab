"""Makes a dataset of real size: 512 px JPEGs of 30 to 100 kB, each with a caption of 6 to 19 tags.

    python -m benchmarks.dataset_made FOLDER [--count 100000] [--folders 4] [--bodies 256] [--tiny]

The pictures are encoded once for each body and written many times with a comment of their own, so that every file has
other bytes: 100,000 take as long as writing 6 GB. `--tiny` makes 64 px pictures of 2 kB, where only names and captions
matter. Tags follow Zipf's law over 6,000 names, as those of picture boards do. The same arguments give the same bytes.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import time
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np
from PIL import Image

CONCEPTS = ("10_sks cat", "4_a house", "2_landscape", "1_everything else", "3_portrait", "5_street", "6_food", "8_sky")
VOCABULARY = 6000
LEAST_TAGS, MOST_TAGS = 6, 19
LEAST_BYTES, MOST_BYTES = 30_000, 100_000
SETTLED_SECONDS = (
    3600  # the files look as old as this: one that has just been written may change within its clock's tick
)
_SYLLABLES = ("ba", "chi", "do", "fu", "gen", "ha", "ki", "lo", "mi", "nor", "pa", "ra", "sol", "ta", "ve", "yu")


def vocabulary(rng: random.Random, count: int = VOCABULARY) -> list[str]:
    """Distinct tags of one to three words, some with brackets and underscores as boards write them."""
    tags: dict[str, None] = {}
    while len(tags) < count:
        words = ["".join(rng.choices(_SYLLABLES, k=rng.randint(1, 3))) for _ in range(rng.randint(1, 3))]
        tag = (" " if rng.random() < 0.9 else "_").join(words)
        tags[rf"{tag} \({rng.choice(words)}\)" if rng.random() < 0.05 else tag] = None
    return list(tags)


def captions(count: int, seed: int = 0) -> Iterator[str]:
    """Captions: the trigger word, then tags without repetition, the common ones most often."""
    rng = random.Random(seed)
    tags = vocabulary(rng)
    weights = list(accumulate(1 / (rank + 3) for rank in range(len(tags))))
    for _ in range(count):
        drawn = dict.fromkeys(rng.choices(tags, cum_weights=weights, k=rng.randint(LEAST_TAGS, MOST_TAGS) + 4))
        yield ", ".join(["sks thing", *list(drawn)[: rng.randint(LEAST_TAGS, MOST_TAGS) - 1]])


def bodies(count: int, side: int = 512, seed: int = 0) -> list[bytes]:
    """JPEGs of smooth shapes under some noise, their sizes spread over the wanted range."""
    made = []
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        coarse = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        smooth = np.asarray(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC), dtype=np.float32)
        fraction = number % 16 / 15
        noisy = smooth + rng.normal(0, 7.5 + 6.5 * fraction, smooth.shape)
        picture = Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=71 + int(17 * fraction))
        made.append(buffer.getvalue())
    return made


def with_comment(body: bytes, text: str) -> bytes:
    """The JPEG with a comment behind its start mark: other bytes, the same picture."""
    comment = text.encode()
    return body[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + body[2:]


def make_dataset(
    folder: Path, count: int, folders: int = 4, made: Sequence[bytes] | None = None, seed: int = 0
) -> list[Path]:
    """Write `count` pictures and captions in `folders` concept folders below `folder`; returns those folders."""
    made = bodies(256, seed=seed) if made is None else made
    concepts = [folder / name for name in CONCEPTS[:folders]]
    for concept in concepts:
        concept.mkdir(parents=True)
    then = time.time() - SETTLED_SECONDS
    for number, caption in enumerate(captions(count, seed)):
        stem = f"{concepts[number % folders]}/picture {number:06d}"
        _write(stem + ".jpg", with_comment(made[number % len(made)], f"picture {number}"))
        _write(stem + ".txt", caption.encode(), then)
    return concepts


def _write(path: str, content: bytes, then: float | None = None) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        os.write(handle, content)
    finally:
        os.close(handle)
    if then is not None:
        os.utime(path, (then, then))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--folders", type=int, default=4, choices=range(1, len(CONCEPTS) + 1))
    parser.add_argument("--bodies", type=int, default=256, help="how many different pictures are drawn")
    parser.add_argument("--tiny", action="store_true", help="64 px: where only names and captions matter")
    a = parser.parse_args()
    started = time.perf_counter()
    made = bodies(min(a.bodies, a.count), 64 if a.tiny else 512)
    sizes = [len(body) for body in made]
    make_dataset(a.folder, a.count, a.folders, made)
    took = time.perf_counter() - started
    print(f"{a.count} pictures of {min(sizes) / 1000:.0f} to {max(sizes) / 1000:.0f} kB in {took:.0f} s: {a.folder}")


if __name__ == "__main__":
    main()
