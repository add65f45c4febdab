"""The files of a cache: every bit guarded, types and shapes kept, listed and purged."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from kohya_like.data.cache import LatentCache
from kohya_like.data.records import ImageRecord
from kohya_like.data.store import EntryStore, pack, unpack
from kohya_like.schema.errors import FormatError
from tests.data.cache_made import files_of, filled, make_pictures, requests_for

pytestmark = pytest.mark.quick


@pytest.fixture
def records(tmp_path: Path) -> list[ImageRecord]:
    return make_pictures(tmp_path)


@pytest.fixture
def cache(tmp_path: Path) -> LatentCache:
    return LatentCache(tmp_path / "cache")


def test_every_flipped_bit_of_an_entry_is_noticed() -> None:
    data = pack({"latents": torch.arange(8.0).reshape(2, 2, 2)}, "a.png")
    assert unpack(bytearray(data))[0]["latents"].tolist() == [[[0, 1], [2, 3]], [[4, 5], [6, 7]]]
    for position in range(len(data)):
        torn = bytearray(data)
        torn[position] ^= 1
        with pytest.raises(FormatError, match="damaged"):
            unpack(torn)


def test_entries_keep_types_shapes_and_odd_sizes(tmp_path: Path) -> None:
    store = EntryStore(tmp_path / "s")
    tensors = {
        "half": torch.tensor([1.5, -2.0, 3.25], dtype=torch.float16),
        "brain": torch.full((3, 5), 0.1, dtype=torch.bfloat16),
        "single": torch.full((7,), 1 / 3),
    }
    store.put("ab12", tensors, "猫.png")
    back = store.get("ab12")
    assert back is not None and list(back) == list(tensors)
    for name, tensor in tensors.items():
        assert torch.equal(back[name], tensor) and back[name].dtype == tensor.dtype
    assert [entry.source for entry in store.list()] == ["猫.png"]


def test_the_list_says_what_an_entry_is_and_how_large(cache: LatentCache, records: list[ImageRecord]) -> None:
    requests = requests_for(records)
    filled(cache, requests)
    entries = {entry.key: entry for entry in cache.list()}
    assert entries.keys() == {request.key for request in requests.values()}
    assert entries[requests[3, False].key].source == str(records[3].path)
    assert (
        sum(entry.bytes for entry in entries.values()) == cache.size() == sum(map(len, files_of(cache.folder).values()))
    )


def test_purge_by_age_by_use_and_of_all(cache: LatentCache, records: list[ImageRecord]) -> None:
    requests = requests_for(records)
    filled(cache, requests)
    for number in (0, 1):
        os.utime(cache.path(requests[number, False].key), (0, 0))
    filled(cache, {(0, False): requests[0, False]})  # a run that uses an old entry makes it young again
    removed = cache.purge(older_than=3600)
    assert removed.entries == 1 and removed.bytes > 0 and cache.get(requests[1, False].key) is None
    assert cache.purge(keep={requests[0, False].key, requests[5, False].key}).entries == 3
    assert cache.purge().entries == 2 and cache.size() == 0 and list(cache.list()) == []


def test_an_empty_cache_lists_and_purges_nothing(tmp_path: Path) -> None:
    cache = LatentCache(tmp_path / "never made")
    assert (list(cache.list()), cache.size(), cache.purge().entries, cache.sweep()) == ([], 0, 0, [])
    assert not (tmp_path / "never made").exists()
