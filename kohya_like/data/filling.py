"""Filling a store: what is missing is loaded by threads ahead of the encoder, encoded, and written behind it.

Batches are given, not made here: what is encoded together must not depend on what is missing (see `cache`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from kohya_like.data.store import EntryStore, Tensors
from kohya_like.schema.errors import UserError

BATCHES_AHEAD = 3
WRITES_BEHIND = 16
WRITERS = 2


class Request(Protocol):
    """Something to be encoded and kept under its key. `source` names it for people."""

    @property
    def key(self) -> str: ...

    @property
    def source(self) -> str: ...

    def fits(self, tensors: Tensors) -> bool:
        """Whether these can be its encoding; an entry of another shape is as good as damaged."""


R = TypeVar("R", bound=Request)
Loaded = TypeVar("Loaded")
Encode = Callable[[Sequence[R], Sequence[Loaded]], Sequence[Mapping[str, Tensor]]]


@dataclass(frozen=True)
class Watch:
    """What the caller sees of a fill, and how it ends one."""

    progress: Callable[[int, int], None] = lambda done, total: None
    stop: Callable[[], bool] = lambda: False


@dataclass(frozen=True)
class Filled:
    """How a fill ended. `stopped`: the caller asked for it; what is made is kept."""

    found: int  # entries that were there and whole
    made: int
    stopped: bool = False


def fill(
    store: EntryStore,
    batches: Sequence[Sequence[R]],
    load: Callable[[R], Loaded],
    encode: Encode[R, Loaded],
    threads: int,
    watch: Watch,
) -> Filled:
    """Make every entry that is not there or not whole. An error or a kill loses only what is in hand.

    Raises: what `load` and `encode` raise; UserError if the cache cannot be written or an encoding is not finite.
    """
    store.sweep()
    requests = [request for batch in batches for request in batch]
    readers = ThreadPoolExecutor(threads, thread_name_prefix="cache-read")
    writers = ThreadPoolExecutor(WRITERS, thread_name_prefix="cache-write")
    try:
        whole = readers.map(lambda request: _is_whole(store, request), requests)
        missing = {request.key for request, found in zip(requests, whole) if not found}
        found, made = len(requests) - len(missing), 0
        watch.progress(found, len(requests))
        todo = [batch for batch in batches if any(request.key in missing for request in batch)]
        writes: deque[Future[None]] = deque()
        stopped = False
        for batch, loaded in _loaded_ahead(readers, todo, load):
            if stopped := watch.stop():
                break
            for request, tensors in zip(batch, _encoded(encode, batch, loaded)):
                if request.key in missing:
                    writes.append(writers.submit(store.put, request.key, tensors, request.source))
                    made += 1
            _settle(store, writes, WRITES_BEHIND)
            watch.progress(found + made, len(requests))
        _settle(store, writes, 0)
        return Filled(found, made, stopped)
    finally:
        readers.shutdown(cancel_futures=True)
        writers.shutdown()  # what is encoded is worth keeping, whatever ended the fill


def _is_whole(store: EntryStore, request: Request) -> bool:
    tensors = store.get(request.key)
    if tensors is None or not request.fits(tensors):
        return False
    store.touch(request.key)
    return True


def _loaded_ahead(
    pool: ThreadPoolExecutor, batches: Sequence[Sequence[R]], load: Callable[[R], Loaded]
) -> Iterator[tuple[Sequence[R], list[Loaded]]]:
    """Each batch with what was loaded for it, while the next ones are being loaded."""
    rest = iter(batches)
    queue: deque[tuple[Sequence[R], list[Future[Loaded]]]] = deque()

    def submit(count: int) -> None:
        queue.extend((batch, [pool.submit(load, request) for request in batch]) for batch in islice(rest, count))

    submit(BATCHES_AHEAD)
    while queue:
        batch, futures = queue.popleft()
        submit(1)
        yield batch, [future.result() for future in futures]


def _encoded(encode: Encode[R, Loaded], batch: Sequence[R], loaded: Sequence[Loaded]) -> Sequence[Mapping[str, Tensor]]:
    try:
        with torch.no_grad():
            encodings = encode(batch, loaded)
    except UserError as error:  # the encoder does not know whose picture it was given
        raise UserError(f"{', '.join(request.source for request in batch)}: {error.text}", error.hint) from error
    bad = [
        request.source
        for request, tensors in zip(batch, encodings, strict=True)
        if not all(torch.isfinite(tensor).all() for tensor in tensors.values())
    ]
    if bad:
        raise UserError(
            f"{', '.join(bad)}: the encoding is not a number (NaN or infinite); nothing was kept of it",
            "run the encoder in fp32 (hardware.vae_precision = 'fp32'), or leave it out of the training",
        )
    return encodings


def _settle(store: EntryStore, writes: deque[Future[None]], allowed: int) -> None:
    """Wait until no more than `allowed` writes are on their way."""
    while len(writes) > allowed:
        try:
            writes.popleft().result()
        except OSError as error:
            raise UserError(
                f"{store.folder}: the cache cannot be written: {error.strerror}",
                "free some space, or name another folder with data.cache_dir",
            ) from error
