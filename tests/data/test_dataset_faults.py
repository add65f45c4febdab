"""What goes wrong while batches are made is said by the name of its picture, with and without workers."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from kohya_like.data import samples as samples_module
from kohya_like.data.cache import LatentCache
from kohya_like.data.dataset import Batch, Loading, TrainingSet
from kohya_like.data.plan import BatchPlan
from kohya_like.data.records import ImageRecord
from kohya_like.schema.errors import UserError
from tests.data.batches_made import cached, pictures_of_two_buckets, same, sources, take, training_set

pytestmark = pytest.mark.quick


@pytest.fixture
def records(tmp_path: Path) -> list[ImageRecord]:
    return pictures_of_two_buckets(tmp_path)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_broken_picture_is_named_at_its_batch(records: list[ImageRecord], workers: int) -> None:
    made = sources(records, {})
    whole = take(training_set(made).loader(), 7)
    broken = whole[3].identities[0]
    first = next(i for i, batch in enumerate(whole) if broken in batch.identities)
    path = next(record.path for record in records if record.identity == broken)
    path.write_bytes(path.read_bytes()[:400])
    arrived: list[Batch] = []
    with pytest.raises(UserError) as caught:
        for batch in training_set(made, loading=Loading(workers=workers)).loader():
            arrived.append(batch)
    assert caught.value.text.startswith(str(path)) and "cut off" in caught.value.text and caught.value.hint
    assert "Traceback" not in str(caught.value) and same(arrived, whole[:first])


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_nobody_thought_of_names_the_picture_too(
    records: list[ImageRecord], workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(samples_module, "prepare", fails)
    with pytest.raises(UserError, match=r"\w\.png: could not be prepared: ZeroDivisionError: by zero"):
        next(training_set(sources(records, {}), loading=Loading(workers=workers)).loader())


def test_a_worker_that_dies_is_a_sentence(records: list[ImageRecord], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples_module, "prepare", lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(UserError, match="ended without a word") as caught:
        next(training_set(sources(records, {}), loading=Loading(workers=1)).loader())
    assert "max_data_loader_n_workers" in caught.value.hint


def test_errors_of_the_caller_are_not_taken_for_a_dead_worker(records: list[ImageRecord]) -> None:
    batches = training_set(sources(records, {})).loader()
    next(batches)
    with pytest.raises(RuntimeError, match="DataLoader worker of my own"):
        batches.throw(RuntimeError("DataLoader worker of my own"))  # type: ignore[attr-defined]


def test_cached_latents_that_are_gone_are_said(records: list[ImageRecord], tmp_path: Path) -> None:
    made = cached(sources(records, {}), tmp_path / "cache")
    assert made.cache is not None
    made.cache.purge()
    with pytest.raises(UserError, match=r"\w\.png: its cached latents are gone or damaged"):
        training_set(made)[0]


@pytest.mark.parametrize("option", ["color_aug", "random_crop"])
def test_what_cannot_be_cached_is_not_silently_left_out(
    records: list[ImageRecord], tmp_path: Path, option: str
) -> None:
    with pytest.raises(UserError, match=f"{option} makes a picture new each time"):
        replace(sources(records, {option: True}), cache=LatentCache(tmp_path))


def test_no_pictures_are_no_training(records: list[ImageRecord]) -> None:
    with pytest.raises(UserError, match="no picture to train on"):
        TrainingSet(sources(records, {}), BatchPlan([], [], 1, 0), 0)
