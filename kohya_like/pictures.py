"""The data of a run, joined: scan, buckets, plan of batches, caches, training set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from kohya_like.data.buckets import BatchPlan, BucketRules, balanced_repeats, fits_of
from kohya_like.data.cache import LatentCache, LatentEncoder, Watch, latent_requests
from kohya_like.data.dataset import Loading, Sources, TrainingSet, ValidationSet
from kohya_like.data.fingerprint import Fingerprints
from kohya_like.data.options import DataOptions
from kohya_like.data.records import Dataset, Fit, ImageRecord
from kohya_like.data.scan import scan
from kohya_like.data.templates import Wording
from kohya_like.data.validation import split_validation
from kohya_like.runs import fingerprint
from kohya_like.schema.errors import ConfigError


@dataclass(frozen=True)
class Pictures:
    """What is trained on, what is kept out for validation, and the order of the batches."""

    dataset: Dataset
    train: Sequence[ImageRecord]
    held_out: Sequence[ImageRecord]
    fits: Sequence[Fit]
    plan: BatchPlan
    rules: BucketRules
    fingerprints: Fingerprints

    @classmethod
    def read(cls, options: DataOptions, rules: BucketRules, batch_size: int, seed: int, cache: Path) -> Pictures:
        """Raises ConfigError where the folders forbid a training, with their warnings: these are often the reason."""
        dataset = scan(options, rules.step)
        if dataset.errors:
            raise ConfigError([fault for fault in dataset.faults if fault.severity != "hint"])
        prints = Fingerprints(cache)
        train, held_out = split_validation(
            dataset.images, options.validation_split, options.validation_seed, prints.of, dataset.concepts
        )
        fits = fits_of(train, rules)
        repeats = balanced_repeats(train, dataset.concepts, options.balance_concepts == "samples")
        plan = BatchPlan(fits, repeats, batch_size, seed)
        return cls(dataset, train, held_out, fits, plan, rules, prints)

    def sources(self, images: Sequence[ImageRecord], options: DataOptions) -> Sources:
        return Sources(images, self.dataset.concepts, fits_of(images, self.rules), options.masked_loss)

    def cached(
        self,
        images: Sequence[ImageRecord],
        options: DataOptions,
        cache: LatentCache,
        encoder: LatentEncoder,
        encode: Callable[[Tensor], Tensor],
        watch: Watch,
    ) -> Sources:
        """Sources whose latents are in the cache; what is missing there is encoded now."""
        fits = fits_of(images, self.rules)
        requests = latent_requests(images, fits, self.dataset.concepts, encoder, self.fingerprints.of)
        cache.fill(requests.values(), encode, batch_size=options.vae_batch_size, watch=watch)
        keys = {place: request.key for place, request in requests.items()}
        return Sources(images, self.dataset.concepts, fits, options.masked_loss, cache, keys)

    def training_set(
        self,
        sources: Sources,
        seed: int,
        accumulation: int,
        total_steps: int,
        loading: Loading,
        wording: Wording | None = None,
    ) -> TrainingSet:
        return TrainingSet(
            sources, self.plan, seed, accumulation=accumulation, total_steps=total_steps, loading=loading,
            wording=wording,
        )  # fmt: skip

    def validation_set(self, sources: Sources, wording: Wording | None = None) -> ValidationSet:
        return ValidationSet(sources, self.plan.batch_size, wording)

    def identity(self, accumulation: int) -> str:
        """Changes when pictures, captions, repeats, buckets or batches do: then no exact resume is possible."""
        rows = [
            (image.identity, image.captions, self.fingerprints.of(image.path), fit.bucket)
            for image, fit in zip(self.train, self.fits)
        ]
        folders = [(c.name, c.repeats, c.is_reg, c.loss_weight, c.settings) for c in self.dataset.concepts]
        return fingerprint(rows, folders, self.plan.batch_size, accumulation, self.plan.bucket_counts())
