"""Options that contradict each other across sections, do nothing, or are known to disappoint. One rule, one sentence.

Contradictions inside one section are told by `data.conflicts`, `objective.options` and `optim.checks`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from kohya_like.config import TrainConfig
from kohya_like.data.folders import times
from kohya_like.data.plan import StepCount
from kohya_like.families.base import ModelFamily
from kohya_like.hardware import Gpu
from kohya_like.hardware.facts import version_numbers
from kohya_like.schema.errors import Fault, Severity

PARTS = ("unet", "text_encoder")
FEW_STEPS, MANY_STEPS = 500, 20_000
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_FORBIDDEN = re.compile(r'[/\\:*?"<>|\x00-\x1f]')
_PROMPT_SIZE = re.compile(r"\s--([wh])\s+(\d+)", re.IGNORECASE)
_SURE_RATES = ("prodigy", "dadapt", "sgd", "adafactor")


def config_faults(config: TrainConfig) -> Iterator[Fault]:
    """What the options alone tell."""
    yield from _length(config)
    yield from _trained_parts(config)
    yield from _output(config)
    yield from _saving(config)
    yield from _samples(config)
    yield from _validation(config)
    yield from _packages(config)
    yield from _rates(config)


def _length(config: TrainConfig) -> Iterator[Fault]:
    train = config.train
    if train.max_train_epochs is not None and train.max_train_steps is not None:
        yield Fault(
            "train.max_train_epochs and train.max_train_steps are both set", "train.max_train_steps",
            mend="keep one; --set train.max_train_epochs= takes one out of a preset", code="both-lengths",
        )  # fmt: skip


def _trained_parts(config: TrainConfig) -> Iterator[Fault]:
    optimizer = config.optimizer
    switches = tuple((part, config.trains(part), f"{part}_lr") for part in PARTS)
    if not any(on and optimizer.rate(part) for part, on, _ in switches):
        if any(optimizer.rate(part) for part, _, _ in switches):
            yield Fault("nothing would be trained: the parts that are switched on have rate 0",
                        "optimizer.learning_rate", mend="set it above 0", code="nothing-trained")  # fmt: skip
        return
    for part, on, key in switches:
        if on and not optimizer.rate(part):
            name = part.replace("_", " ")
            said = f"{config.method.switch(part)} = false says so"
            yield _note(f"is 0: the {name} is not trained", f"optimizer.{key}", said)
        elif not on and getattr(optimizer, key) not in (None, 0):
            yield _note(f"is set, but {config.method.switch(part)} is false", f"optimizer.{key}", code="no-effect")
    reached = config.network.trains_text if config.method.uses_network else config.trains("text_encoder")
    text_trained = reached and optimizer.rate("text_encoder")
    if text_trained and config.data.cache_text_encoder_outputs is True:
        yield Fault(
            "keeps captions encoded once, but the text encoder is trained", "data.cache_text_encoder_outputs",
            mend=f'set {config.method.switch("text_encoder")} = false, or cache_text_encoder_outputs = "auto"',
            code="cache-text",
        )  # fmt: skip


def _output(config: TrainConfig) -> Iterator[Fault]:
    name, folder = config.save.output_name, Path(config.save.output_dir)
    if said := _bad_name(name):
        yield Fault(said, "save.output_name", mend="letters, digits, blanks, - and _ are safe", code="bad-name")
    if folder.exists() and not folder.is_dir():
        yield Fault("is a file, not a folder", "save.output_dir", str(folder), "choose another", code="bad-folder")
        return
    nearest = folder
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    if not os.access(nearest, os.W_OK | os.X_OK):
        yield Fault("cannot be written to", "save.output_dir", str(nearest), "choose another", code="not-writable")
    for key in ("train_data_dir", "reg_data_dir"):
        pictures = getattr(config.data, key)
        if pictures and folder.is_relative_to(pictures):
            yield _note(f"lies inside data.{key}: previews would stand among your pictures", "save.output_dir",
                        "choose a folder outside", code="output-inside")  # fmt: skip


def _bad_name(name: str) -> str:
    if not name.strip():
        return "is empty"
    if found := _FORBIDDEN.search(name):
        return f"holds {found.group()!r}, which a file name may not on every system"
    if name != name.strip(" .") or name.startswith("-"):
        return "begins or ends with a blank, a dot or a dash"
    if _RESERVED.fullmatch(name):
        return "is a device's name on Windows"
    if len(name.encode("utf-8", errors="replace")) > 180:
        return "is longer than 180 bytes, too long for a file name with its numbers"
    return ""


def _saving(config: TrainConfig) -> Iterator[Fault]:
    save = config.save
    for unit in ("epochs", "steps"):
        if getattr(save, f"save_last_n_{unit}") and not getattr(save, f"save_every_n_{unit}"):
            yield _note(f"has no effect without save_every_n_{unit}", f"save.save_last_n_{unit}",
                        f"set save.save_every_n_{unit}", code="no-effect")  # fmt: skip
    if save.save_last_n_steps and save.save_every_n_steps and save.save_last_n_steps < save.save_every_n_steps:
        yield _note(f"is {save.save_last_n_steps}, less than save_every_n_steps: each file goes when the next is due",
                    "save.save_last_n_steps", "kohya counts steps here, not files", "hint")  # fmt: skip


def _samples(config: TrainConfig) -> Iterator[Fault]:
    sample = config.sample
    drawn = sample.prompts or sample.sample_prompts
    rhythm = sample.sample_every_n_epochs or sample.sample_every_n_steps
    if rhythm and not drawn:
        yield _note("is set, but there is no prompt", "sample.prompts", "write one, or take the rhythm out")
    if drawn and not rhythm:
        when = "only before the first step" if sample.sample_at_first else "never"
        yield _note(f"are drawn {when}", "sample.prompts", "set sample.sample_every_n_epochs = 1",
                    "hint" if sample.sample_at_first else "warning", "sample-rhythm")  # fmt: skip
    for key in ("width", "height"):
        size = getattr(sample, key)
        if size and size % 8:
            yield _note(f"is {size}, not a multiple of 8; {size - size % 8} is drawn", f"sample.{key}", "", "hint",
                        "sample-size")  # fmt: skip
    for number, prompt in enumerate(sample.prompts):
        for side, digits in _PROMPT_SIZE.findall(prompt):
            if int(digits[:9]) % 8:
                yield _note(f"--{side} {digits} is not a multiple of 8 and is rounded down",
                            f"sample.prompts[{number}]", "", "hint", "sample-size")  # fmt: skip


def _validation(config: TrainConfig) -> Iterator[Fault]:
    train = config.train
    if (train.validate_every_n_steps or train.validate_every_n_epochs) and not config.data.validation_split:
        yield _note("no pictures are kept out to validate on", "data.validation_split", "set it to 0.05, for example")


def _packages(config: TrainConfig) -> Iterator[Fault]:
    wanted = (
        (config.hardware.attention == "xformers", "xformers", "hardware.attention", 'use "sdpa", which is as fast'),
        (config.save.log_with == "tensorboard", "tensorboard", "save.log_with", "pip install tensorboard"),
    )
    for needed, package, key, mend in wanted:
        if needed and find_spec(package) is None:
            yield Fault(f"the {package} package is not installed", key, mend=mend, code="missing-package")
    cores = os.cpu_count() or 1
    if config.data.max_data_loader_n_workers > cores:
        yield _note(f"is more than this machine's {cores} cores", "data.max_data_loader_n_workers", "", "hint")


def _rates(config: TrainConfig) -> Iterator[Fault]:
    optimizer = config.optimizer
    if optimizer.optimizer_type.lower().startswith(_SURE_RATES):
        return
    low, high, usual = config.method.usual_rates
    rates = {rate_key(config, part): optimizer.rate(part) for part in PARTS if config.trains(part)}
    for key, rate in rates.items():
        if rate > high:
            yield _note(f"{rate:g} is far too high: pictures will burn", key, f"{usual:g} is usual", code="high-rate")
        elif 0 < rate < low:
            yield _note(f"{rate:g} is very low: little will be learnt", key, f"{usual:g} is usual", "hint", "low-rate")


def rate_key(config: TrainConfig, part: str) -> str:
    """The option that a part's learning rate comes from."""
    own = "unet_lr" if part == "unet" else "text_encoder_lr"
    return f"optimizer.{own if getattr(config.optimizer, own) is not None else 'learning_rate'}"


def model_faults(config: TrainConfig, family: ModelFamily, prediction: str, told: str) -> Iterator[Fault]:
    """What the options mean for this model. `told` is the prediction type its file tells, "" when it does not."""
    if told and prediction != told:
        yield _note(f"is {prediction!r}, but the file says {told!r}: the wrong one trains noise",
                    "model.prediction_type", 'set "auto" unless you are sure', code="prediction-mismatch")  # fmt: skip
    if config.model.clip_skip and not family.takes_clip_skip:
        yield _note(f"is not used by {family.label}, which has its own layer", "model.clip_skip", code="no-effect")
    rates = config.optimizer.text_encoder_lr
    if isinstance(rates, tuple) and len(rates) == 2 and len(family.text_encoders) == 1 and rates[0] != rates[1]:
        yield _note(f"{family.label} has one text encoder; the second rate is not used",
                    "optimizer.text_encoder_lr", "give one rate", "hint", "no-effect")  # fmt: skip
    if config.hardware.vae_precision == "fp16" and family.name == "sdxl":
        yield _note("SDXL's own VAE overflows in fp16 and gives black pictures", "hardware.vae_precision",
                    'set "fp32"', code="vae-fp16")  # fmt: skip
    usual = family.resolution(prediction)
    if config.data.resolution and config.data.resolution[0] * config.data.resolution[1] < usual * usual / 2:
        yield _note(f"is small for {family.label}, which was made at {usual} px", "data.resolution",
                    "smaller pictures come out blurred or cropped", "hint", "small-resolution")  # fmt: skip


def length_faults(config: TrainConfig, count: StepCount, batches_per_epoch: int) -> Iterator[Fault]:
    """What the number of steps means for the rest."""
    if count.total < FEW_STEPS:
        yield _note(f"only {times(count.total, 'step')}; tutorials train 1,500 to 4,000", "train.max_train_epochs",
                    "more epochs or repeats", "hint", "few-steps")  # fmt: skip
    elif count.total > MANY_STEPS and config.method.uses_network:
        yield _note(f"{count.total:,} steps are many for a network", "train.max_train_epochs",
                    "save often, and take the best file rather than the last", "hint", "many-steps")  # fmt: skip
    accumulation = config.train.gradient_accumulation_steps
    if accumulation > batches_per_epoch:
        batches = f"{batches_per_epoch} batch{'es' * (batches_per_epoch != 1)}"
        yield _note(f"is {accumulation}, but an epoch has {batches}; a step never spans two epochs",
                    "train.gradient_accumulation_steps", "make it smaller, or the repeats larger")  # fmt: skip
    for unit, there, length in (
        ("epochs", count.epochs, times(count.epochs, "epoch")),
        ("steps", count.total, times(count.total, "step")),
    ):
        every = getattr(config.save, f"save_every_n_{unit}")
        if every and every >= there:
            yield _note(f"is {every}, but the training has {length}: only the last file is written",
                        f"save.save_every_n_{unit}", "", "hint", "only-last")  # fmt: skip
    decay = config.train.ema_decay
    if decay and 1 / (1 - decay) > count.total:
        yield _note(f"averages over {1 / (1 - decay):,.0f} steps, more than this training has ({count.total})",
                    "train.ema_decay", "0.99 averages over 100 steps", "hint", "long-average")  # fmt: skip


def machine_faults(config: TrainConfig, device: str, cards: tuple[Gpu, ...]) -> Iterator[Fault]:
    """What the options mean on this machine; `device` is where it would run: "cuda", "mps" or "cpu"."""
    precision = config.train.mixed_precision
    wanted = config.hardware.device
    if wanted != "auto" and wanted != device:
        yield Fault(f"is {wanted!r}, but there is no such device that torch could use", "hardware.device",
                    mend='set "auto"; `doctor` says what is missing', code="no-device")  # fmt: skip
        return
    if device == "cpu" and precision == "fp16":
        yield Fault("fp16 has no effect on a CPU", "train.mixed_precision", mend='use "bf16" or "no"', code="fp16-cpu")
    if device != "cuda" or not cards:
        return
    card = cards[0]
    if precision == "bf16" and card.compute and version_numbers(card.compute) < (8, 0):
        yield _note(f"{card.name} has no bf16 of its own and imitates it slowly", "train.mixed_precision",
                    'use "fp16"', code="bf16-old-card")  # fmt: skip
    if precision == "fp16" and "GTX 16" in card.name:
        yield _note(f"fp16 gives NaN on many {card.name} cards", "train.mixed_precision", 'use "no"', code="fp16-gtx16")
    if precision == "no" and version_numbers(card.compute or "0") >= (8, 0):
        yield _note(f"{card.name} is about twice as fast in bf16, with half the memory", "train.mixed_precision",
                    'set "bf16"', "hint", "slow-precision")  # fmt: skip


def _note(text: str, key: str, mend: str = "", severity: Severity = "warning", code: str = "no-effect") -> Fault:
    return Fault(text, key, mend=mend, severity=severity, code=code)
