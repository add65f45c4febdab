"""One sample as a training will see it, before there is one: its pixels, its mask and its final caption.

The same functions as in the training, with the same dice: what is shown is what is trained, pixel by pixel and letter
by letter (tests/test_sample_preview.py holds the two against each other). Torch-free: the window's service asks for it.
"""

from __future__ import annotations

import base64
from dataclasses import asdict, dataclass
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from kohya_like.config import TrainConfig
from kohya_like.data.augment import draw, place
from kohya_like.data.buckets import rules_of
from kohya_like.data.captions import CaptionPipeline, pixel_rng, sample_rng
from kohya_like.data.images import Mask, prepare
from kohya_like.data.plan import BatchPlan, SampleRef
from kohya_like.preflight.data import read_data
from kohya_like.preflight.model import read_model
from kohya_like.preflight.readers import Readers
from kohya_like.schema.errors import UserError

QUICK_PNG = 1  # zlib's level: a preview is made to be looked at once


@dataclass(frozen=True)
class SamplePreview:
    """A sample of one epoch.

    `pixels` and `mask` are PNG files: the bucket in RGB; the mask in grey, one pixel per latent, empty where everything
    counts. `box` is (left, top, right, bottom) of what is shown in the upright picture's own pixels. `seed_is_drawn`:
    the preset has none, so that a training draws its own; this sample is one of seed 0. `batch`, `step`: numbers from 1
    of the batch in the run and of the step it belongs to.
    """

    path: str
    identity: str
    pictures: int  # of the concept, that are trained
    repeats: int  # of this picture in an epoch
    caption: str
    tokens: int  # of the caption, without start and end
    pixels: bytes
    mask: bytes
    size: tuple[int, int]  # (width, height), upright
    bucket: tuple[int, int]
    scaled: tuple[int, int]
    box: tuple[float, float, float, float]
    flipped: bool
    batch: int
    step: int
    epochs: int
    seed_is_drawn: bool

    def as_dict(self) -> dict[str, Any]:
        """For JSON; the PNG files in base64."""
        values = asdict(self)
        return {k: base64.b64encode(v).decode("ascii") if isinstance(v, bytes) else v for k, v in values.items()}


def sample_preview(
    config: TrainConfig, readers: Readers, concept: int, picture: int, epoch: int = 1, repeat: int = 0
) -> SamplePreview:
    """The sample of a picture in an epoch.

    Args:
        config: with absolute paths.
        concept: its number in the report of `check`; `picture`: its number among the concept's trained ones, sorted.
        epoch: from 1; `repeat`: from 0. Numbers beyond the last are taken as the last.

    Raises:
        UserError: the concept has no picture that is trained; the picture cannot be decoded.
    """
    model = read_model(config, readers)
    rules = rules_of(config.data, model.family.resolution(model.prediction_type), model.family.bucket_step)
    data = read_data(config, rules, readers)
    own = [i for i, image in enumerate(data.train) if image.subset == concept and data.repeats[i]]
    if not own or data.plan is None or data.steps is None:
        raise UserError("this concept has no picture that is trained", "see what the check says of its folder")
    index = own[max(0, min(picture, len(own) - 1))]
    record, fit = data.train[index], data.fits[index]
    epoch = max(1, min(epoch, data.steps.epochs))
    repeat = max(0, min(repeat, data.repeats[index] - 1))
    seed = config.train.seed or 0
    settings = data.dataset.concept_of(record).settings
    number = _batch_of(data.plan, epoch, SampleRef(index, repeat))
    step = data.plan.steps_before(number, config.train.gradient_accumulation_steps)
    dice = pixel_rng(seed, epoch, record.identity, repeat)
    made = prepare(record, fit, settings, dice, masked=config.data.masked_loss)
    placement = place(fit, draw(settings, pixel_rng(seed, epoch, record.identity, repeat)))
    wording = None if data.dataset.concept_of(record).is_reg else config.method.wording(config.save.output_name)
    pipeline = CaptionPipeline(settings, data.steps.total, wording)
    caption_dice = sample_rng(seed, epoch, record.identity, repeat)
    words = data.dataset.concept_of(record).class_tokens
    caption = pipeline.render(record.captions, words, caption_dice, epoch, step)
    return SamplePreview(
        path=str(record.path),
        identity=record.identity,
        pictures=len(own),
        repeats=data.repeats[index],
        caption=caption,
        tokens=readers.count_tokens(caption),
        pixels=_png(Image.fromarray(made.pixels)),
        mask=_mask_png(made.mask),
        size=record.size,
        bucket=fit.bucket,
        scaled=fit.scaled,
        box=placement.box(record.size),
        flipped=made.flipped,
        batch=number + 1,
        step=step + 1,
        epochs=data.steps.epochs,
        seed_is_drawn=config.train.seed is None,
    )


def _batch_of(plan: BatchPlan, epoch: int, wanted: SampleRef) -> int:
    """The number in the run, from 0, of the batch that holds a sample."""
    first = (epoch - 1) * plan.batches_per_epoch
    return first + next(i for i, batch in enumerate(plan.epoch(epoch - 1)) if wanted in batch.samples)


def _mask_png(mask: Mask | None) -> bytes:
    if mask is None:
        return b""
    return _png(Image.fromarray((mask * 255).round().astype(np.uint8)))


def _png(image: Image.Image) -> bytes:
    file = BytesIO()
    image.save(file, "PNG", compress_level=QUICK_PNG)
    return file.getvalue()
