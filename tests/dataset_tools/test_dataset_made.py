"""The maker of large datasets: real pictures with bytes of their own, captions as picture boards have them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.dataset_made import LEAST_TAGS, MOST_TAGS, bodies, captions, make_dataset, with_comment
from dataset_tools.caption_file import tags_of
from kohya_like.data.picture_header import read_header
from tests.dataset_tools.library_made import opened, same_index

pytestmark = pytest.mark.filterwarnings("error")


def test_a_small_one_is_whole_and_old_enough_to_be_remembered(tmp_path: Path) -> None:
    folders = make_dataset(tmp_path / "set", 30, 3, bodies(4, 64))
    library = opened(tmp_path / "set")
    assert len(library) == 30 and len(folders) == 3 and library.faults == () and same_index(library)
    assert library.counts()["sks thing"] == 30 and library.shelf.young == set()
    raws = {path.read_bytes() for path in (tmp_path / "set").rglob("*.jpg")}
    assert len(raws) == 30
    pixels = {Image.open(io.BytesIO(raw)).convert("RGB").tobytes() for raw in raws}
    assert len(pixels) == 4 and read_header(next((tmp_path / "set").rglob("*.jpg"))).size == (64, 64)


def test_captions_have_the_promised_number_of_tags_and_common_ones_among_them() -> None:
    made = list(captions(2000))
    assert made == list(captions(2000)) != list(captions(2000, seed=1))
    sizes = {len(tags_of(caption)) for caption in made}
    assert sizes == set(range(LEAST_TAGS, MOST_TAGS + 1))
    counts: dict[str, int] = {}
    for caption in made:
        for tag in tags_of(caption):
            counts[tag] = counts.get(tag, 0) + 1
    assert sum(count > 200 for count in counts.values()) > 5 and sum(count < 5 for count in counts.values()) > 1000


@pytest.mark.full
def test_pictures_have_the_promised_size() -> None:
    sizes = [len(with_comment(body, "x")) for body in bodies(32)]
    assert 29_000 < min(sizes) < 40_000 and 85_000 < max(sizes) < 101_000
