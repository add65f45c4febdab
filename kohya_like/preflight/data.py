"""The pictures as a training would see them: concepts, buckets, batches, steps, over-long captions. No torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kohya_like.config import TrainConfig
from kohya_like.data.buckets import BatchPlan, BucketRules, balanced_repeats, fits_of, is_enlarged
from kohya_like.data.class_images import class_image_faults, drawn_size, missing_class_images, with_class_images
from kohya_like.data.fingerprint import default_cache_dir
from kohya_like.data.folders import times
from kohya_like.data.plan import StepCount
from kohya_like.data.records import Dataset, Fit, ImageRecord
from kohya_like.data.remarks import remarks
from kohya_like.data.scan import scan
from kohya_like.data.validation import split_validation
from kohya_like.preflight.concepts import concept_faults
from kohya_like.preflight.readers import FRESH, Readers
from kohya_like.preflight.report import BucketRow, ConceptRow
from kohya_like.schema.errors import Fault, Severity, UserError

FEW_IMAGES = 20
TOKENIZED_AT_MOST = 20_000  # distinct long captions; more would take seconds


@dataclass(frozen=True)
class DataView:
    """The dataset of a run before anything is decoded."""

    resolution: tuple[int, int]
    dataset: Dataset
    train: Sequence[ImageRecord]
    held_out: int
    fits: Sequence[Fit]
    repeats: Sequence[int]
    plan: BatchPlan | None  # None where there is nothing to train on
    steps: StepCount | None
    faults: tuple[Fault, ...]

    @property
    def largest_bucket(self) -> tuple[int, int] | None:
        buckets = self.plan.buckets if self.plan else ()
        return max(buckets, key=lambda size: size[0] * size[1], default=None)

    def buckets(self) -> tuple[BucketRow, ...]:
        if self.plan is None:
            return ()
        batches = self.plan.batch_counts()
        return tuple(BucketRow(*size, count, batches[size]) for size, count in self.plan.bucket_counts().items())

    def concepts(self) -> tuple[ConceptRow, ...]:
        samples = samples_of(self.train, self.repeats)
        return tuple(
            ConceptRow(
                concept.name, str(concept.folder), concept.repeats, concept.class_tokens, concept.is_reg,
                concept.loss_weight, report.images, samples[number], report.captions, report.missing_captions,
                report.empty_captions, report.unreadable, report.too_small, report.too_large,
            )
            for number, (concept, report) in enumerate(zip(self.dataset.concepts, self.dataset.reports))
        )  # fmt: skip

    def orientations(self) -> dict[tuple[int, int], int]:
        """Latents to be cached per bucket: a mirrored picture has its own."""
        counts: Counter[tuple[int, int]] = Counter()
        for image, fit in zip(self.train, self.fits):
            counts[fit.bucket] += 2 if self.dataset.concept_of(image).settings.flip_aug else 1
        return dict(counts)


def samples_of(images: Sequence[ImageRecord], repeats: Sequence[int]) -> Counter[int]:
    """How often an epoch sees the pictures of each concept."""
    samples: Counter[int] = Counter()
    for image, count in zip(images, repeats):
        samples[image.subset] += count
    return samples


def read_data(config: TrainConfig, rules: BucketRules, readers: Readers = FRESH) -> DataView:
    """Scan, split, buckets, batches and steps, as the recipe will make them."""
    dataset = scan(config.data, rules.step, readers.progress, readers.concept)
    faults = list(dataset.faults)
    train: Sequence[ImageRecord] = dataset.images
    held_out: Sequence[ImageRecord] = ()
    if config.data.validation_split:
        cache = Path(config.data.cache_dir) if config.data.cache_dir else default_cache_dir()
        try:
            train, held_out = split_validation(
                dataset.images, config.data.validation_split, config.data.validation_seed, readers.hashes(cache),
                dataset.concepts,
            )  # fmt: skip
        except UserError as error:
            faults.append(Fault(error.text, "data.validation_split", mend=error.hint, code="unreadable"))
    size = drawn_size(rules.resolution)
    drawn = missing_class_images(config.data, dataset)
    faults += class_image_faults(config.data, dataset, drawn, size)
    if drawn:
        there = len(dataset.images)
        dataset = with_class_images(dataset, drawn, size, config.data)
        train = [*train, *dataset.images[there:]]
    fits = fits_of(train, rules)
    repeats = balanced_repeats(train, dataset.concepts, config.data.balance_concepts == "samples")
    plan = steps = None
    if sum(repeats):
        plan = BatchPlan(fits, repeats, config.train.train_batch_size, config.train.seed or 0)
        steps = plan.count_steps(config.train.gradient_accumulation_steps, *config.train.wanted_length)
        faults += remarks(train, fits, repeats, dataset.concepts, rules)
        faults += _picture_faults(config, dataset, train, rules)
        faults += _batch_faults(config, plan)
        faults += concept_faults(dataset, samples_of(train, repeats))
        faults += _long_captions(config, dataset, train, readers.count_tokens)
    return DataView(rules.resolution, dataset, train, len(held_out), fits, repeats, plan, steps, tuple(faults))


def _picture_faults(
    config: TrainConfig, dataset: Dataset, train: Sequence[ImageRecord], rules: BucketRules
) -> Iterator[Fault]:
    trained = [image for image in train if not dataset.concept_of(image).is_reg]
    if 0 < len(trained) < FEW_IMAGES:
        yield _note(f"only {times(len(trained), 'picture')}; 20 and more, of different views, work better",
                    "data.train_data_dir", "", "hint", "few-images")  # fmt: skip
    width, height = rules.resolution
    if rules.enabled and (width % rules.step or height % rules.step):
        yield _note(f"{width}x{height} is no multiple of the bucket step {rules.step}: sides are rounded down to it",
                    "data.resolution", "", "hint", "rounded-resolution")  # fmt: skip
    area = width * height
    small = [image for image in trained if image.size[0] * image.size[1] < 0.9 * area]
    if small:
        enlarged = sum(is_enlarged(image.size, rules) for image in small)
        how = f"{enlarged} of them enlarged, which blurs" if enlarged else "they train at their own size"
        text = f"{len(small)} of {times(len(trained), 'picture')} with fewer pixels than {width}x{height}; {how}"
        yield _note(f"{text}; the smallest is {min(small, key=_area).identity}", "data.resolution", "", "hint",
                    "small-images")  # fmt: skip


def _batch_faults(config: TrainConfig, plan: BatchPlan) -> Iterator[Fault]:
    size = config.train.train_batch_size
    short = [count for count in plan.bucket_counts().values() if count < size]
    if short:
        text = f"is {size}, but {len(short)} of {len(plan.buckets)} buckets hold fewer pictures"
        mend = "their batches are smaller; more repeats or a larger data.bucket_reso_steps fill them"
        yield _note(text, "train.train_batch_size", mend, "hint", "batch-over-bucket")


def _long_captions(
    config: TrainConfig, dataset: Dataset, train: Sequence[ImageRecord], count_tokens: Callable[[str], int]
) -> Iterator[Fault]:
    """Captions whose end is cut off. A token is at least one byte, so short ones need not be counted."""
    limit = config.model.max_token_length
    longest, count, first = 0, 0, ""
    known: dict[str, int] = {}
    for image in train:
        settings = dataset.concept_of(image).settings
        around = " ".join(part for part in (settings.caption_prefix, settings.caption_suffix) if part)
        for caption in image.captions:
            # no token spans a blank, so prefix and suffix are counted once for all captions
            if len(caption) + len(around) < limit and len(caption.encode()) + len(around.encode()) < limit:
                continue
            for text in (around, caption):
                if text not in known and len(known) <= TOKENIZED_AT_MOST:
                    known[text] = count_tokens(text) if text else 0
            tokens = known.get(around, 0) + known.get(caption, 0)
            if tokens > limit:
                count += 1
                first = first or image.identity
                longest = max(longest, tokens)
    if count:
        roomy = next((size for size in (150, 225) if size >= longest), 225)
        mend = f"set model.max_token_length = {roomy}" if roomy > limit else "shorten them"
        text = f"{times(count, 'caption')} longer than {limit} tokens (up to {longest}), cut off there"
        yield _note(f"{text}; the first is that of {first}", "model.max_token_length", mend, code="long-captions")


def _area(image: ImageRecord) -> int:
    return image.size[0] * image.size[1]


def _note(text: str, key: str, mend: str = "", severity: Severity = "warning", code: str = "") -> Fault:
    return Fault(text, key, mend=mend, severity=severity, code=code)
