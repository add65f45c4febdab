"""What a person should know of how pictures meet their buckets, before hours are spent on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kohya_like.data.buckets import BucketRules, is_enlarged
from kohya_like.data.folders import named, times
from kohya_like.data.records import Concept, Fit, ImageRecord, Size
from kohya_like.schema.errors import Fault

CUT_SHARE = 1 / 3  # of a picture's area; more is worth a word


def remarks(
    images: Sequence[ImageRecord],
    fits: Sequence[Fit],
    repeats: Sequence[int],
    concepts: Sequence[Concept],
    rules: BucketRules,
) -> list[Fault]:
    """Warnings and hints; `fits` and `repeats` run parallel to `images`."""
    return [*_of_rules(rules), *_of_shapes(images, fits, rules), *_of_regularisation(images, repeats, concepts)]


def _of_rules(rules: BucketRules) -> Iterator[Fault]:
    if not rules.enabled:
        width, height = rules.resolution
        if width % rules.step or height % rules.step:
            trained = _by((width // rules.step * rules.step, height // rules.step * rules.step))
            text = f"is {_by(rules.resolution)}, trained as {trained}: sides are multiples of {rules.step}"
            yield Fault(text, "data.resolution", mend=f"set {trained}", severity="warning", code="rounded")
        return
    for key, given, used in (
        ("min_bucket_reso", rules.min_size, rules.shortest),
        ("max_bucket_reso", rules.max_size, rules.max_size // rules.step * rules.step),
    ):
        if given != used:
            text = f"is {given}, taken as {used}: sides are multiples of {rules.step}"
            yield Fault(text, f"data.{key}", mend=f"set {used}", severity="hint", code="rounded")


def _of_shapes(images: Sequence[ImageRecord], fits: Sequence[Fit], rules: BucketRules) -> Iterator[Fault]:
    enlarged, cut = [], []
    for image, fit in zip(images, fits):
        if rules.enabled and rules.no_upscale and is_enlarged(image.size, rules):
            enlarged.append(f"{image.identity} ({_by(image.size)} to {_by(fit.scaled)})")
        kept = fit.bucket[0] * fit.bucket[1] / (fit.scaled[0] * fit.scaled[1])
        if 1 - kept > CUT_SHARE:
            cut.append(f"{image.identity} ({_by(image.size)} cut to {_by(fit.bucket)})")
    if enlarged:
        text = (
            f"{times(len(enlarged), 'picture')} enlarged so that no side is under {rules.shortest}: {named(enlarged)}"
        )
        mend = "use larger pictures, or lower data.min_bucket_reso"
        yield Fault(text, "data.bucket_no_upscale", mend=mend, severity="warning", code="enlarged")
    if cut:
        mend = "crop them yourself, or allow longer shapes with data.max_bucket_reso and data.min_bucket_reso"
        mend = mend if rules.enabled else "set data.enable_bucket = true, or crop them yourself"
        text = f"{times(len(cut), 'picture')} cut by more than a third of the area: {named(cut)}"
        yield Fault(text, mend=mend, severity="warning", code="cut")


def _of_regularisation(
    images: Sequence[ImageRecord], repeats: Sequence[int], concepts: Sequence[Concept]
) -> Iterator[Fault]:
    regularising = [count for image, count in zip(images, repeats) if concepts[image.subset].is_reg]
    unused = regularising.count(0)
    if unused:
        text = (
            f"{unused} of {times(len(regularising), 'regularisation picture')} not used: an epoch has as many of "
            f"them as training samples ({sum(regularising)})"
        )
        mend = "nothing is wrong; more repeats of the training pictures would use them"
        yield Fault(text, "data.reg_data_dir", mend=mend, severity="hint", code="reg-unused")


def _by(size: Size) -> str:
    return f"{size[0]}x{size[1]}"
