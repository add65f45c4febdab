"""Options of the data that cannot go together, all found at once. Types and ranges are checked when they are read."""

from __future__ import annotations

from collections.abc import Iterator

from kohya_like.data.captions import varying_keys
from kohya_like.data.options import DataOptions, SubsetSettings, settings_of
from kohya_like.schema.errors import Fault


def conflicts(options: DataOptions) -> list[Fault]:
    """Every contradiction inside the `data` section, errors and warnings."""
    faults = [*_folders(options), *_buckets(options), *_masks(options)]
    for prefix, settings in _each_settings(options):
        faults += _caches(options, settings, prefix)
        faults += _captions(settings, prefix)
    return list(dict.fromkeys(faults))  # what a folder inherits is said once


def _each_settings(options: DataOptions) -> Iterator[tuple[str, SubsetSettings]]:
    yield "data", settings_of(options)
    for i, subset in enumerate(options.subsets):
        own = settings_of(options, subset)
        if own != settings_of(options):
            yield f"data.subsets[{i}]", own


def _folders(options: DataOptions) -> Iterator[Fault]:
    trained = options.train_data_dir or any(not subset.is_reg for subset in options.subsets)
    if not trained:
        yield Fault(
            "no pictures are named",
            key="data.train_data_dir",
            mend="give the folder that holds folders such as 10_sks cat",
            code="no-folder",
        )
    if options.train_data_dir and options.train_data_dir == options.reg_data_dir:
        yield Fault(
            "is the same folder as train_data_dir",
            key="data.reg_data_dir",
            mend="regularisation pictures show the class in general; put them in a folder of their own",
            code="same-folder",
        )


def _buckets(options: DataOptions) -> Iterator[Fault]:
    step = options.bucket_reso_steps
    if step and step % 8:
        yield Fault(
            f"is {step}, not a multiple of 8",
            key="data.bucket_reso_steps",
            mend="a latent is 8 pixels wide; use 64, or 32 for SDXL",
            code="bucket-step",
        )
    shortest, longest = options.min_bucket_reso or 0, options.max_bucket_reso
    if shortest > longest:
        yield Fault(
            f"is {shortest}, more than max_bucket_reso ({longest})",
            key="data.min_bucket_reso",
            mend="no side could be long enough; swap or widen them",
            code="bucket-range",
        )
    if options.resolution and options.enable_bucket:
        width, height = options.resolution
        if shortest > min(width, height):
            yield Fault(
                f"is {shortest}, more than the resolution's shorter side ({min(width, height)})",
                key="data.min_bucket_reso",
                mend=f"set at most {min(width, height)}, or leave it empty",
                code="bucket-min",
            )
        if longest < max(width, height):
            yield Fault(
                f"is {longest}, less than the resolution's longer side ({max(width, height)})",
                key="data.max_bucket_reso",
                mend=f"set at least {max(width, height)}",
                code="bucket-max",
            )
    if options.resolution and step and step > min(options.resolution):
        yield Fault(
            f"is {step}, more than the resolution's shorter side ({min(options.resolution)})",
            key="data.bucket_reso_steps",
            mend="use a smaller step",
            code="bucket-step",
        )


def _caches(options: DataOptions, settings: SubsetSettings, prefix: str) -> Iterator[Fault]:
    if options.cache_latents:
        for key in ("color_aug", "random_crop"):
            if getattr(settings, key):
                yield Fault(
                    "changes the picture each time, but cache_latents encodes it once",
                    key=f"{prefix}.{key}",
                    mend=f"set data.cache_latents = false, or {key} = false",
                    code="cache-augmentation",
                )
    if options.cache_text_encoder_outputs is True:
        for key in varying_keys(settings):
            yield Fault(
                "changes the caption each time, but cache_text_encoder_outputs encodes it once",
                key=f"{prefix}.{key}",
                mend='set data.cache_text_encoder_outputs = "auto", or switch this off',
                code="cache-captions",
            )


def _captions(settings: SubsetSettings, prefix: str) -> Iterator[Fault]:
    if settings.secondary_separator and settings.secondary_separator == settings.caption_separator:
        yield Fault(
            "is the same as caption_separator",
            key=f"{prefix}.secondary_separator",
            mend="use another mark, such as ;;;",
            code="same-separator",
        )
    if not settings.caption_separator and (settings.shuffle_caption or settings.caption_tag_dropout_rate):
        yield Fault(
            "is empty, so a caption is a single tag and cannot be shuffled or thinned",
            key=f"{prefix}.caption_separator",
            mend='use ","',
            code="no-separator",
        )
    if settings.caption_dropout_rate == 1 or settings.caption_dropout_every_n_epochs == 1:
        key = "caption_dropout_rate" if settings.caption_dropout_rate == 1 else "caption_dropout_every_n_epochs"
        yield Fault(
            "is 1: every caption is dropped and no word is learnt",
            key=f"{prefix}.{key}",
            mend="0.05 is usual" if key == "caption_dropout_rate" else "0 switches it off",
            severity="warning",
            code="all-dropped",
        )


def _masks(options: DataOptions) -> Iterator[Fault]:
    has_masks = any(
        settings.mask_dir or settings.mask_suffix or settings.alpha_mask for _, settings in _each_settings(options)
    )
    if options.masked_loss and not has_masks:
        yield Fault(
            "is on, but there is neither mask_dir nor mask_suffix nor alpha_mask",
            key="data.masked_loss",
            mend="set data.mask_dir, data.mask_suffix or data.alpha_mask, or switch it off",
            code="no-masks",
        )
    if has_masks and not options.masked_loss:
        yield Fault(
            "is off, so mask_dir, mask_suffix and alpha_mask do nothing",
            key="data.masked_loss",
            mend="set data.masked_loss = true",
            severity="warning",
            code="unused-masks",
        )
