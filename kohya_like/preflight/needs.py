"""What a run needs of the machine: the device, memory, room on the disks; and the files it will write."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from pathlib import Path

from kohya_like.config import TrainConfig
from kohya_like.data.captions import varying_keys
from kohya_like.data.fingerprint import default_cache_dir
from kohya_like.data.options import settings_of
from kohya_like.hardware import disk
from kohya_like.output import SavePlan
from kohya_like.preflight.data import DataView
from kohya_like.preflight.estimate import (
    CUDA_CONTEXT,
    DTYPE_BYTES,
    GIB,
    DiskNeed,
    Load,
    MemoryEstimate,
    Share,
    advice,
    latent_cache_bytes,
    memory_shares,
    save_bytes,
    state_bytes,
    what_makes_it_fit,
)
from kohya_like.preflight.machine import Machine
from kohya_like.preflight.model import ModelView
from kohya_like.preflight.report import FilePlan
from kohya_like.preflight.trainable import TrainedPart
from kohya_like.prompt_file import SamplePrompt
from kohya_like.schema.errors import Fault, UserError

SHOWN_FILES = 200
MANY_FILES = 1000
PREVIEW_BYTES_PER_PIXEL = 1.5  # of a PNG


def needed_memory(
    config: TrainConfig, model: ModelView, data: DataView, trained: list[TrainedPart], machine: Machine
) -> tuple[MemoryEstimate | None, list[Fault]]:
    """The estimate beside what is free now; None where model or pictures are missing."""
    bucket = data.largest_bucket
    if not model.shapes or bucket is None:
        return None, []
    load = _load(config, model, data, trained, bucket)
    shares, phases = memory_shares(load)
    if machine.device == "cuda":
        shares += (Share("driver and kernels", CUDA_CONTEXT),)
    found = MemoryEstimate(shares, phases, machine.device, machine.free_bytes)
    if found.available is None or found.peak <= found.available:
        return found, []
    where = "the card" if machine.device == "cuda" else "this machine"
    if load.unfrozen and machine.total_bytes and found.peak > machine.total_bytes:
        return found, [_cannot_fit(load, found.peak, machine.total_bytes, where, machine.device)]
    text = f"about {found.peak / GIB:.1f} GB are needed and {found.available / GIB:.1f} GB are free on {where}"
    mend = "in this order: " + "; ".join(advice(load))
    return found, [Fault(text, "train.train_batch_size", mend=mend, severity="warning", code="memory")]


def _cannot_fit(load: Load, peak: int, total: int, where: str, device: str) -> Fault:
    """A fine-tune larger than the machine: refused, with what makes it fit."""
    ways = what_makes_it_fit(load, CUDA_CONTEXT if device == "cuda" else 0, total)
    text = f"the fine-tune needs about {peak / GIB:.1f} GB, and {where} has {total / GIB:.1f} GB in all"
    mend = "train a network instead, such as a LoRA; no setting makes the fine-tune fit at this resolution"
    if ways:
        mend = "this makes it fit: " + "; ".join(ways)
    return Fault(text, "method.name", mend=mend, code="memory-in-all")


def _load(
    config: TrainConfig, model: ModelView, data: DataView, trained: list[TrainedPart], bucket: tuple[int, int]
) -> Load:
    train, text_trained = config.train, trains_text(config)
    prompts = _prompts(config, data)
    sizes = [(prompt.width, prompt.height) for prompt in prompts]
    return Load(
        family=model.family.name,
        shapes=model.shapes,
        bucket=bucket,
        batch_size=train.train_batch_size,
        trained=trained_numbers(config, trained),
        text_trained=text_trained,
        text_stays=text_trained or not captions_are_steady(config),
        vae_stays=not config.data.cache_latents or bool(prompts),
        vae_batch_size=config.data.vae_batch_size,
        base_dtype=config.base_precision,
        vae_dtype=config.hardware.vae_precision,
        mixed_precision=train.mixed_precision,
        checkpointing=train.gradient_checkpointing,
        optimizer=config.optimizer.optimizer_type,
        ema=train.ema_decay is not None,
        tokens=config.model.max_token_length // 75 * 77,
        caches=config.data.cache_latents,
        previews=max(sizes, key=lambda size: size[0] * size[1], default=None),
        unfrozen=config.method.own_precision is not None,
        fused=config.method.fuses_backward,
        largest=max((prod(shape) for row in trained for shape in model.shapes[row.part].values()), default=0),
    )


def trains_text(config: TrainConfig) -> bool:
    reached = config.network.trains_text if config.method.uses_network else True
    return reached and config.trains("text_encoder") and config.optimizer.rate("text_encoder") > 0


def captions_are_steady(config: TrainConfig) -> bool:
    """Whether every caption can be encoded once, so that the text encoders need not stay."""
    if config.data.cache_text_encoder_outputs is False:
        return False
    subsets = [settings_of(config.data), *(settings_of(config.data, subset) for subset in config.data.subsets)]
    return not any(varying_keys(settings) for settings in subsets)


def needed_disk(
    config: TrainConfig, data: DataView, trained: list[TrainedPart], files: FilePlan | None
) -> tuple[tuple[DiskNeed, ...], list[Fault]]:
    """Room for files, states and previews where the output goes, and for latents where the cache is."""
    size = trained_numbers(config, trained)
    wanted: list[tuple[Path, str, int]] = []
    if files is not None and files.bytes_each is not None:
        output = Path(config.save.output_dir)
        states = (config.save.keep_states + 1) * state_bytes(
            size, config.optimizer.optimizer_type, config.train.ema_decay is not None,
            DTYPE_BYTES[config.method.own_precision or "fp32"],
        )  # fmt: skip
        previews = _preview_bytes(config, data)
        # one file more than is kept: the new one is whole before the old one goes
        wanted.append((output, "files, states and previews", (files.kept + 1) * files.bytes_each + states + previews))
    if config.data.cache_latents and data.plan is not None:
        cache = Path(config.data.cache_dir) if config.data.cache_dir else default_cache_dir()
        wanted.append((cache, "cached latents, at most", latent_cache_bytes(data.orientations())))
    needs, faults = [], []
    for folder, purpose, bytes_needed in wanted:
        try:
            free = disk(folder).free_bytes
        except OSError:
            continue
        needs.append(DiskNeed(str(folder), purpose, bytes_needed, free))
        key = "data.cache_dir" if purpose.startswith("cached") else "save.output_dir"
        text = f"{bytes_needed / GIB:.2f} GB are needed for {purpose}, {free / GIB:.2f} GB are free"
        if bytes_needed > free:
            mend = "free some room, or choose a folder on another disk"
            faults.append(Fault(text, key, str(folder), mend, code="disk-full"))
        elif bytes_needed > 0.8 * free:
            faults.append(Fault(text, key, str(folder), "free some room", "warning", "disk-nearly-full"))
    return tuple(needs), faults


def _prompts(config: TrainConfig, data: DataView) -> list[SamplePrompt]:
    try:
        return config.sample.parsed(data.resolution)[0]
    except UserError:
        return []  # told by sample_faults


def _preview_bytes(config: TrainConfig, data: DataView) -> int:
    sample = config.sample
    if data.steps is None:
        return 0
    times = int(sample.sample_at_first)
    times += data.steps.epochs // sample.sample_every_n_epochs if sample.sample_every_n_epochs else 0
    times += data.steps.total // sample.sample_every_n_steps if sample.sample_every_n_steps else 0
    pixels = sum(prompt.width * prompt.height for prompt in _prompts(config, data))
    return int(times * pixels * PREVIEW_BYTES_PER_PIXEL)


def trained_numbers(config: TrainConfig, trained: list[TrainedPart]) -> int:
    return sum(row.parameters for row in trained if config.optimizer.rate(row.part) > 0)


def stored_numbers(config: TrainConfig, model: ModelView, trained: list[TrainedPart]) -> int:
    """How many numbers a file holds."""
    own = config.method.stored_numbers(model.shapes)
    return trained_numbers(config, trained) if own is None else own


def planned_files(
    config: TrainConfig, model: ModelView, data: DataView, trained: list[TrainedPart]
) -> tuple[FilePlan | None, list[Fault]]:
    """The files the run would write, and those that are in its way."""
    plan, faults = config.save_plan(), []
    if not config.save.overwrite and (there := plan.existing()):
        faults.append(Fault(
            f"{there[0].name} is there already" + (f", and {len(there) - 1} more" if len(there) > 1 else ""),
            "save.output_name", str(plan.folder),
            "choose another name or folder, or set save.overwrite = true", code="output-exists",
        ))  # fmt: skip
    if data.steps is None:
        return None, faults
    total, per_epoch = data.steps.total, data.steps.per_epoch
    count = 1 + sum(1 for _ in _due_steps(plan, total, per_epoch, MANY_FILES * 100))
    if count > MANY_FILES:
        faults.append(Fault(f"{count:,} files would be written", "save.save_every_n_steps",
                            mend="save less often", severity="warning", code="many-files"))  # fmt: skip
    names, gone = [], 0
    for step, ended in _due_steps(plan, total, per_epoch, MANY_FILES):
        path = plan.due(step, ended, total)
        names += [path.name] if path else []
        gone += plan.outdated(step, ended) is not None
    kept = max(1, count - gone)
    stored = stored_numbers(config, model, trained)
    each = len(plan.written_with(plan.final())) * save_bytes(stored, config.save.save_precision) if stored else None
    shown = (*names[:SHOWN_FILES], plan.final().name)
    return FilePlan(str(plan.folder), str(plan.final()), count, kept, shown, each), faults


def _due_steps(plan: SavePlan, total: int, per_epoch: int, limit: int) -> Iterable[tuple[int, int | None]]:
    """The steps after which a file is written, with the epoch that ends there, without walking all steps."""
    by_epoch = per_epoch * plan.every_epochs if plan.every_epochs else 0
    spacings = [spacing for spacing in (by_epoch, plan.every_steps or 0) if spacing]
    steps = {step for spacing in spacings for step in range(spacing, total, spacing)[:limit]}
    for step in sorted(steps):
        yield step, step // per_epoch if step % per_epoch == 0 else None
