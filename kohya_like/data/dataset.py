"""Batches of a training: item i is the whole i-th batch of the run, a pure function of (seed, i).

Nothing is carried from one batch to the next, so any worker can make any batch, a resumed run starts at batch k
without making the k before it, and the number of workers changes nothing but the speed.

torch's DataLoader runs the workers: decoding pictures in threads of the training process would take the interpreter
from a GPU loop that is bound by launching kernels. One endless iteration crosses the epochs, so workers start once
per run (kohya's start anew every epoch). With cached latents a batch takes about a millisecond, and 0 workers are as
good as any.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TypeVar, overload

import torch
from torch.utils.data import DataLoader, Sampler
from torch.utils.data import Dataset as TorchDataset

from kohya_like.data.captions import VARYING_KEYS, CaptionPipeline, pixel_rng, sample_rng, varying_keys
from kohya_like.data.options import SubsetSettings
from kohya_like.data.plan import BatchPlan, SampleRef
from kohya_like.data.samples import Batch, Sample, Sources, collate, read_sample
from kohya_like.data.templates import Wording
from kohya_like.schema.errors import UserError

__all__ = ["Batch", "Loading", "Sources", "TrainingSet", "ValidationSet"]

T = TypeVar("T")
DROPOUT_KEYS = {"caption_dropout_rate", "caption_dropout_every_n_epochs"}


@dataclass(frozen=True)
class Loading:
    """How batches are fetched; the batches are the same in any case. `start_method`: of processes; None: torch's."""

    workers: int = 0
    pin_memory: bool = False
    start_method: str | None = None


@dataclass(frozen=True)
class Failure:
    """An error of a worker on its way to the training process, as the sentence it is."""

    text: str
    hint: str


class TrainingSet(TorchDataset[Batch]):
    """The batches of a run, numbered over all epochs from 0."""

    def __init__(
        self,
        sources: Sources,
        plan: BatchPlan,
        seed: int,
        *,
        accumulation: int = 1,
        total_steps: int = 0,
        loading: Loading | None = None,
        wording: Wording | None = None,
    ) -> None:
        """
        Args:
            plan: made of the same pictures, in the same order.
            accumulation: batches per step, for options that count steps (tag warm-up).
            total_steps: of the run, for a tag warm-up given as a share of it.
            wording: puts a new word into the captions of what is no regularisation picture.
        """
        if plan.batches_per_epoch == 0:
            raise UserError("there is no picture to train on", "see what `check` says about the folders")
        self._sources, self._plan, self._seed = sources, plan, seed
        self._accumulation = accumulation
        self._loading = loading or Loading()
        self._wording = wording
        self._captions = [
            CaptionPipeline(concept.settings, total_steps, None if concept.is_reg else wording)
            for concept in sources.concepts
        ]

    def __len__(self) -> int:
        """Batches per epoch."""
        return self._plan.batches_per_epoch

    def __getitem__(self, number: int) -> Batch:
        """Batch `number` of the run, of any epoch. Raises UserError with the name of a picture that fails."""
        epoch, batch = self._plan.batch(number)
        step = self._plan.steps_before(number, self._accumulation)
        return collate([self._sample(ref, epoch + 1, step) for ref in batch.samples], epoch + 1, number)

    def loader(self, start_batch: int = 0) -> Iterator[Batch]:
        """Batches from number `start_batch` on, through the epochs, without end.

        Raises UserError: a picture fails, at the batch it belongs to; a worker process died.
        """
        workers = self._loading.workers
        loader: DataLoader[Batch | Failure] = DataLoader(
            _Guarded(self),
            batch_size=None,
            sampler=_From(start_batch),
            num_workers=workers,
            collate_fn=_as_is,
            pin_memory=self._loading.pin_memory and torch.cuda.is_available(),
            worker_init_fn=_ignore_interrupts,
            multiprocessing_context=self._loading.start_method if workers else None,
            generator=torch.Generator(),  # its own: the training's global generator is not touched
        )
        with contextlib.closing(_fetched(loader)) as items:
            for item in items:
                if isinstance(item, Failure):
                    raise UserError(item.text, item.hint)
                yield item

    def possible_captions(self) -> tuple[str, ...] | None:
        """Every caption a run can ask for, if that is one per picture (or none at all): they can be encoded once."""
        if self._wording is not None:
            return None
        captions: dict[str, None] = {}
        for record in self._sources.images:
            concept = self._sources.concepts[record.subset]
            varying = set(varying_keys(concept.settings))
            if varying - DROPOUT_KEYS:
                return None
            if varying:
                captions[""] = None
            captions[_steady_caption(self._sources, record.subset, record.captions, record.identity)] = None
        return tuple(captions)

    def _sample(self, ref: SampleRef, epoch: int, step: int) -> Sample:
        record = self._sources.images[ref.image]
        words = self._sources.concepts[record.subset].class_tokens
        dice = sample_rng(self._seed, epoch, record.identity, ref.repeat)
        caption = self._captions[record.subset].render(record.captions, words, dice, epoch, step)
        dice = pixel_rng(self._seed, epoch, record.identity, ref.repeat)
        return read_sample(self._sources, ref.image, caption, dice)


class ValidationSet(Sequence[Batch]):
    """Pictures kept out of training, always in the same batches, with nothing left to chance. Read when asked for."""

    def __init__(self, sources: Sources, batch_size: int, wording: Wording | None = None) -> None:
        self._sources, self._wording = sources, wording
        by_bucket: dict[tuple[int, int], list[int]] = {}
        for number, fit in enumerate(sources.fits):
            by_bucket.setdefault(fit.bucket, []).append(number)
        self._batches = [
            numbers[start : start + batch_size]
            for _, numbers in sorted(by_bucket.items())
            for start in range(0, len(numbers), batch_size)
        ]

    def __len__(self) -> int:
        return len(self._batches)

    @overload
    def __getitem__(self, number: int) -> Batch: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[Batch]: ...
    def __getitem__(self, number: int | slice) -> Batch | Sequence[Batch]:
        if isinstance(number, slice):
            return [self[i] for i in range(*number.indices(len(self)))]
        samples = [self._sample(image) for image in self._batches[number]]
        return collate(samples, 0, number)

    def captions(self) -> tuple[str, ...]:
        """Every caption the set asks for, so that they can be encoded once."""
        return tuple(dict.fromkeys(map(self._caption, range(len(self._sources.images)))))

    def _sample(self, image: int) -> Sample:
        return read_sample(self._sources, image, self._caption(image), None)

    def _caption(self, image: int) -> str:
        record = self._sources.images[image]
        return _steady_caption(self._sources, record.subset, record.captions, record.identity, self._wording)


def _steady_caption(
    sources: Sources, concept: int, captions: Sequence[str], identity: str, wording: Wording | None = None
) -> str:
    """The caption without chance; of wildcards and sentences always the same choice."""
    settings, words = sources.concepts[concept].settings, sources.concepts[concept].class_tokens
    pipeline = CaptionPipeline(_steady(settings), wording=None if sources.concepts[concept].is_reg else wording)
    return pipeline.render(captions, words, sample_rng(0, 0, identity, 0))


def _steady(settings: SubsetSettings) -> SubsetSettings:
    fields = SubsetSettings.model_fields
    steady = {key: fields[key].default for key in VARYING_KEYS if key != "enable_wildcard"}
    return settings.model_copy(update=steady)


class _Guarded(TorchDataset["Batch | Failure"]):
    """A training set that hands errors out as values: pickled by torch, one would arrive as a traceback in a text."""

    def __init__(self, batches: TrainingSet) -> None:
        self._batches = batches

    def __getitem__(self, number: int) -> Batch | Failure:
        try:
            return self._batches[number]
        except UserError as error:
            return Failure(error.text, error.hint)


class _From(Sampler[int]):
    """start, start + 1, ... without end."""

    def __init__(self, start: int) -> None:
        self._start = start

    def __iter__(self) -> Iterator[int]:
        return count(self._start)


def _fetched(loader: DataLoader[Batch | Failure]) -> Generator[Batch | Failure, None, None]:
    try:
        yield from loader
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise UserError(
            "a process that prepares pictures ended without a word, most likely for lack of memory",
            "set data.max_data_loader_n_workers = 0, close other programs; in a container give it more /dev/shm",
        ) from error


def _as_is(item: T) -> T:
    return item


def _ignore_interrupts(worker: int) -> None:
    """Ctrl-C in a terminal reaches every process of the group; only the training process decides what it means."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
