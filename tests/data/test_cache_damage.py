"""What is damaged on disk is noticed and made again; what cannot be cached is refused by name."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from kohya_like.data import store as store_module
from kohya_like.data.cache import Filled, LatentCache
from kohya_like.data.records import ImageRecord
from kohya_like.data.store import pack
from kohya_like.schema.errors import FormatError, UserError
from tests.data.cache_made import Encoder, files_of, filled, make_pictures, requests_for

pytestmark = pytest.mark.quick


@pytest.fixture
def records(tmp_path: Path) -> list[ImageRecord]:
    return make_pictures(tmp_path)


@pytest.fixture
def cache(tmp_path: Path) -> LatentCache:
    return LatentCache(tmp_path / "cache")


def damage_flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


def damage_cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def damage_empty(path: Path) -> None:
    path.write_bytes(b"")


def damage_header(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data.replace(b'"latents"', b'"latentS"'))


def damage_other_shape(path: Path) -> None:
    path.write_bytes(pack({"latents": torch.zeros(4, 2, 2)}, "elsewhere"))


@pytest.mark.parametrize("damage", [damage_flip, damage_cut, damage_empty, damage_header, damage_other_shape])
def test_a_damaged_entry_is_noticed_and_made_again(
    cache: LatentCache, records: list[ImageRecord], damage: Callable[[Path], None]
) -> None:
    requests = requests_for(records)
    filled(cache, requests)
    before = files_of(cache.folder)
    damage(cache.path(requests[4, False].key))
    assert files_of(cache.folder) != before
    result, encoder = filled(cache, requests)
    assert result == Filled(found=5, made=1) and encoder.pictures == 1
    assert files_of(cache.folder) == before


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_latents_that_are_no_numbers_are_refused_by_name(
    cache: LatentCache, records: list[ImageRecord], bad: float
) -> None:
    def broken(pixels: Tensor) -> Tensor:
        latents = Encoder()(pixels)
        latents[-1, 0, 0, 0] = bad
        return latents

    with pytest.raises(UserError, match="not a number") as caught:
        cache.fill(requests_for(records).values(), broken, batch_size=3)
    assert "1.png" not in caught.value.text and str(records[2].path) in caught.value.text
    assert "fp32" in caught.value.hint
    assert not files_of(cache.folder)


def test_an_encoder_that_complains_itself_gets_the_name_added(cache: LatentCache, records: list[ImageRecord]) -> None:
    def refusing(pixels: Tensor) -> Tensor:
        raise UserError("The VAE returned numbers that are not finite.", "use fp32")

    with pytest.raises(UserError, match=r"0\.png: The VAE returned numbers that are not finite") as caught:
        cache.fill(requests_for(records).values(), refusing)
    assert caught.value.hint == "use fp32"


def test_a_vae_of_another_scale_is_refused(cache: LatentCache, records: list[ImageRecord]) -> None:
    with pytest.raises(UserError, match=r"\(4, 16, 16\) from a picture of 64x64"):
        cache.fill(requests_for(records[:1]).values(), lambda pixels: torch.zeros(len(pixels), 4, 16, 16))


def test_a_broken_picture_stops_the_fill_by_name_and_what_was_made_stays(
    cache: LatentCache, records: list[ImageRecord]
) -> None:
    requests = requests_for(records)
    whole = records[4].path.read_bytes()
    records[4].path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FormatError, match=r"4\.png: the file is (cut off|damaged)"):
        filled(cache, requests)
    records[4].path.write_bytes(whole)
    result, _ = filled(cache, requests)
    assert result.found >= 3 and result.found + result.made == 6


def test_a_full_disk_is_a_sentence(
    cache: LatentCache, records: list[ImageRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes, durable: bool) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(store_module, "atomic_bytes", full)
    with pytest.raises(UserError, match="cannot be written: No space left") as caught:
        filled(cache, requests_for(records))
    assert str(cache.folder) in caught.value.text and "data.cache_dir" in caught.value.hint
    assert isinstance(caught.value.__cause__, OSError) and caught.value.__cause__.errno == errno.ENOSPC
