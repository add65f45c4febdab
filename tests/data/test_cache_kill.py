"""After a kill at any moment the cache holds whole entries or none."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from torch import Tensor

from kohya_like.data import store as store_module
from kohya_like.data.cache import Filled, LatentCache
from kohya_like.data.records import ImageRecord
from kohya_like.formats import atomic
from tests.data.cache_made import Encoder, files_of, filled, make_pictures, requests_for


@pytest.fixture
def records(tmp_path: Path) -> list[ImageRecord]:
    return make_pictures(tmp_path)


@pytest.fixture
def cache(tmp_path: Path) -> LatentCache:
    return LatentCache(tmp_path / "cache")


def _die_at(counted: Callable[[], None], fill: Callable[[], None]) -> None:
    counted()
    fill()
    os._exit(0)


def _killed_at(patch: Callable[[], None], fill: Callable[[], object]) -> bool:
    """Run `fill` in a forked child after `patch`; whether SIGKILL ended it."""
    child = multiprocessing.get_context("fork").Process(target=_die_at, args=(patch, fill))
    child.start()
    child.join(60)
    assert child.exitcode in (0, -signal.SIGKILL)
    return child.exitcode != 0


def test_kill_9_while_encoding_costs_only_what_is_missing(cache: LatentCache, records: list[ImageRecord]) -> None:
    requests = requests_for(records)
    encoder = Encoder()

    def deadly(pixels: Tensor) -> Tensor:
        if encoder.pictures == 4:
            os.kill(os.getpid(), signal.SIGKILL)
        return encoder(pixels)

    assert _killed_at(lambda: None, lambda: cache.fill(requests.values(), deadly, threads=1))
    there = sum(cache.get(request.key) is not None for request in requests.values())
    assert there <= 4
    result, refill = filled(cache, requests)
    assert result == Filled(there, 6 - there) and refill.pictures == 6 - there


@pytest.mark.parametrize("operation", ["open", "write", "replace"])
def test_kill_9_at_the_nth_file_operation_leaves_whole_entries(
    tmp_path: Path, records: list[ImageRecord], operation: str
) -> None:
    """Before each open, write and rename in turn, until a fill comes through unharmed."""
    reference, expected = LatentCache(tmp_path / "reference"), requests_for(records)
    filled(reference, expected)
    kills = 0
    for n in range(1, 40):
        cache = LatentCache(tmp_path / f"{operation}{n}")
        if not _killed_at(lambda n=n: _die_before(operation, n), lambda c=cache: filled(c, expected, threads=1)):
            break
        kills += 1
        whole = files_of(reference.folder)
        left = files_of(cache.folder)
        entries = {name: data for name, data in left.items() if not name.startswith(atomic.TEMP_PREFIX)}
        assert entries.items() <= whole.items()  # each entry that has its name is whole
        result, encoder = filled(cache, expected)
        assert result == Filled(len(entries), 6 - len(entries)) and encoder.pictures == 6 - len(entries)
        assert files_of(cache.folder) == whole  # and the killed writer's leftovers are gone
    else:
        pytest.fail("no fill came through")
    assert kills >= 6


def _die_before(operation: str, n: int) -> None:
    """Make the n-th such operation of the atomic writer the last thing this process does."""
    left = n

    def counted(real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object) -> object:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args)

        return call

    if operation == "write":

        def torn(file: object, data: bytes) -> None:
            """Half the bytes reach the disk."""
            nonlocal left
            left -= 1
            if left == 0:
                file.write(data[: len(data) // 2])  # type: ignore[attr-defined]
                file.flush()  # type: ignore[attr-defined]
                os.kill(os.getpid(), signal.SIGKILL)
            file.write(data)  # type: ignore[attr-defined]

        atomic._write_all = torn  # type: ignore[assignment]
    else:
        setattr(os, operation, counted(getattr(os, operation)))


def test_a_plain_writer_would_leave_half_an_entry(
    cache: LatentCache, records: list[ImageRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control: written in place, a kill leaves a torn entry under a good name; only the hash finds it."""

    def plain(path: Path, data: bytes, durable: bool) -> None:
        with path.open("wb") as file:
            atomic._write_all(file, data)

    monkeypatch.setattr(store_module, "atomic_bytes", plain)
    requests = requests_for(records)
    assert _killed_at(lambda: _die_before("write", 3), lambda: filled(cache, requests, threads=1))
    torn = [key for key in requests.values() if cache.path(key.key).exists() and cache.get(key.key) is None]
    assert len(torn) == 1
    result, _ = filled(cache, requests)
    assert result.found + result.made == 6 and all(cache.get(request.key) for request in requests.values())
