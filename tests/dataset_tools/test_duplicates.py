"""Near-duplicates: copies in other forms are found, other pictures are not, and the search equals the slow one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dataset_tools.duplicates import MAX_DISTANCE, find_duplicates
from dataset_tools.picture_facts import PictureFacts, facts_of
from tests.dataset_tools.made_pictures import put, scene

pytestmark = pytest.mark.quick


def apart(one: PictureFacts, other: PictureFacts) -> int:
    return (one.rows ^ other.rows).bit_count() + (one.columns ^ other.columns).bit_count()


def test_copies_in_other_sizes_and_formats_are_one_group(tmp_path: Path) -> None:
    original = scene(1, (384, 256))
    best = put(tmp_path, "best.png", original)
    original.save(tmp_path / "rough.jpg", quality=40)
    original.resize((192, 128)).save(tmp_path / "small.webp")
    put(tmp_path, "other.png", scene(2, (384, 256)))
    facts = {path: facts_of(path) for path in sorted(tmp_path.iterdir())}
    (group,) = find_duplicates(facts)
    assert {path.name for path in group.pictures[:2]} == {"best.png", "rough.jpg"}  # before the one of fewer pixels
    assert group.pictures[2].name == "small.webp"
    assert apart(facts[best], facts[tmp_path / "other.png"]) > MAX_DISTANCE


def test_a_rotated_photo_equals_its_upright_copy(tmp_path: Path) -> None:
    upright = scene(3, (200, 300))
    put(tmp_path, "upright.png", upright)
    exif = Image.Exif()
    exif[0x0112] = 6
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    facts = {path: facts_of(path) for path in sorted(tmp_path.iterdir())}
    assert [len(group.pictures) for group in find_duplicates(facts)] == [2]


@pytest.mark.parametrize("distance", [0, 3, 10, MAX_DISTANCE])
@pytest.mark.parametrize("crowded", [False, True])
def test_the_search_finds_what_comparing_all_pairs_finds(distance: int, crowded: bool) -> None:
    rng = np.random.default_rng(distance)
    values = rng.integers(0, 1 << 63, (300, 2), dtype=np.uint64)
    if crowded:  # bands with more members than are compared as neighbours
        values[:200] &= np.uint64(0x0F0F)
    for i in range(150, 300):  # near copies, 0 to 40 bits away
        values[i] = values[rng.integers(0, 150)]
        for bit in rng.integers(0, 64, rng.integers(0, 40)).tolist():
            values[i, int(rng.integers(0, 2))] ^= np.uint64(1 << bit)
    facts = {Path(f"{i}.png"): PictureFacts((8, 8), int(r), int(c), 1.0) for i, (r, c) in enumerate(values.tolist())}
    assert {frozenset(group.pictures) for group in find_duplicates(facts, distance)} == by_all_pairs(facts, distance)


def by_all_pairs(facts: dict[Path, PictureFacts], distance: int) -> set[frozenset[Path]]:
    groups = {path: {path} for path in facts}
    for one, first in facts.items():
        for other, second in facts.items():
            if apart(first, second) <= distance and groups[one] is not groups[other]:
                groups[one] |= groups[other]
                for path in groups[other]:
                    groups[path] = groups[one]
    return {frozenset(group) for group in groups.values() if len(group) > 1}


def test_damaged_pictures_are_in_no_group_and_no_pictures_are_no_fault() -> None:
    damaged = PictureFacts(fault="the file is cut off")
    assert find_duplicates({Path("a"): damaged, Path("b"): damaged}) == []
    assert find_duplicates({}) == []


@pytest.mark.parametrize("distance", [-1, MAX_DISTANCE + 1])
def test_a_distance_out_of_range_is_refused(distance: int) -> None:
    with pytest.raises(ValueError, match="0 to 30"):
        find_duplicates({}, distance)
