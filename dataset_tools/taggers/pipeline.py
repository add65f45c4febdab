"""Pictures through a tagger: threads decode and prepare ahead while the model looks at the batch before."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from dataset_tools.proposals import Proposal
from dataset_tools.taggers.base import P, Tagger, TaggerStopped
from kohya_like.schema.errors import UserError

PATIENCE = 0.1  # s between two looks at whether the person has cancelled


@dataclass(frozen=True, slots=True)
class Skipped:
    """A picture that was not tagged, and why."""

    picture: str
    reason: str


def outcomes(
    tagger: Tagger[P], pictures: Sequence[str], cancelled: Callable[[], bool] = lambda: False
) -> Iterator[Proposal | Skipped]:
    """What becomes of each picture, in their order. After a cancel it ends; what came before stays valid.

    Raises:
        TaggerStopped: the model or the server cannot go on.
    """
    pool = ThreadPoolExecutor(max(1, tagger.workers), thread_name_prefix="prepare")
    rest = iter(pictures)
    ahead = 2 * tagger.batch + tagger.workers
    waiting: deque[tuple[str, Future[P]]] = deque()
    batch: list[tuple[str, P]] = []
    try:
        while True:
            while len(waiting) < ahead and (picture := next(rest, None)) is not None:
                waiting.append((picture, pool.submit(tagger.prepare, Path(picture))))
            if not waiting:
                break
            picture, future = waiting[0]
            while not future.done() and not cancelled():
                wait([future], PATIENCE)
            if cancelled():
                batch = batch if tagger.seen_when_prepared else []
                break
            waiting.popleft()
            prepared = _prepared(picture, future)
            if isinstance(prepared, Skipped):
                yield prepared
                continue
            batch.append((picture, prepared[0]))
            if len(batch) == tagger.batch:
                yield from _seen(tagger, batch)
                batch = []
        if batch:
            yield from _seen(tagger, batch)
        if tagger.seen_when_prepared:
            yield from _answered(tagger, waiting)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _prepared(picture: str, future: Future[P]) -> tuple[P] | Skipped:
    try:
        return (future.result(),)
    except TaggerStopped:
        raise
    except UserError as error:
        return Skipped(picture, str(error).replace("\n", "; "))
    except Exception as error:  # foreign decoders raise anything; one picture must not end the rest
        return Skipped(picture, f"{picture}: cannot be prepared ({type(error).__name__}: {str(error)[:200]})")


def _seen(tagger: Tagger[P], batch: Sequence[tuple[str, P]]) -> Iterator[Proposal]:
    found = tagger.look([prepared for _, prepared in batch])
    for (picture, _), seen in zip(batch, found, strict=True):
        yield Proposal(picture, seen.scores, seen.sentence)


def _answered(tagger: Tagger[P], waiting: Sequence[tuple[str, Future[P]]]) -> Iterator[Proposal]:
    """After a cancel: what the server has said already, and perhaps been paid for."""
    for picture, future in waiting:
        if future.done() and not future.cancelled() and future.exception() is None:
            yield from _seen(tagger, [(picture, future.result())])
