"""TrainConfig: the tree of sections, and the few that belong to the run as a whole.

Every section is declared where its options are used; this file joins them. Components never see the config: `recipe`
hands them values. The registry fills the plug-in unions (`network`, `method`): a new algorithm needs no line here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import tomlkit
from pydantic import Field, model_validator

from kohya_like.data.options import DataOptions
from kohya_like.families.options import ModelOptions
from kohya_like.objective.options import ObjectiveOptions
from kohya_like.optim.options import OptimizerOptions, ScheduleOptions
from kohya_like.output import SaveOptions, SavePlan
from kohya_like.prompt_file import SamplePrompt, parse_prompts, read_prompt_file
from kohya_like.schema.errors import Fault
from kohya_like.schema.option import Section, describe, option
from kohya_like.schema.registry import Kind, plugins
from kohya_like.schema.toml import Document
from kohya_like.schema.validate import build

DEFAULT_EPOCHS = 10
Precision = Literal["no", "fp16", "bf16"]
Dtype = Literal["fp32", "fp16", "bf16"]


def chosen_by_name(kind: Kind) -> Any:
    """The type of a field whose `name` key picks one of the plug-ins of a kind."""
    choices = tuple(plugins(kind).values())
    if len(choices) == 1:
        return choices[0]
    return Annotated[reduce(or_, choices), Field(discriminator="name")]


if TYPE_CHECKING:
    from kohya_like.methods.options import MethodOptions
    from kohya_like.networks.base import NetworkAlgorithm

    AnyMethod = MethodOptions
    AnyAlgorithm = NetworkAlgorithm
else:
    AnyMethod = chosen_by_name("method")
    AnyAlgorithm = chosen_by_name("algorithm")


class TrainOptions(Section):
    """How long, how much at once, and in what precision."""

    title: ClassVar[str] = "Training"

    train_batch_size: int = option(
        1, "Pictures trained at once: more is faster per picture, but needs memory. 1 to 4 is usual on cards with 8 or "
        "12 GB.", ge=1, le=1024, group="Length",
    )  # fmt: skip
    max_train_epochs: int | None = option(
        None, "Passes over all pictures with their repeats. 10 is usual, and holds where neither this nor "
        "max_train_steps is set.", ge=1, unit="epochs", group="Length",
        differs="kohya falls back to 1600 steps when neither is set; epochs are what a folder of pictures means.",
    )  # fmt: skip
    max_train_steps: int | None = option(
        None, "Length of the training in optimizer steps; set this or max_train_epochs. 1500 to 4000 is usual for "
        "LoRA.", ge=1, unit="steps", group="Length",
        differs="Both set is an error; kohya lets the epochs win silently.",
    )  # fmt: skip
    gradient_accumulation_steps: int = option(
        1, "Batches per optimizer step: a larger effective batch at the same memory, in more time. 1 is usual.", ge=1,
        group="Length", level="advanced",
    )  # fmt: skip
    seed: int | None = option(
        None, "Same seed, same order of pictures, captions and noise. Any number will do. Empty: drawn at the start "
        "and written to the run folder.", ge=0, le=2**32 - 1, group="Length",
    )  # fmt: skip
    mixed_precision: Precision = option(
        "no", "Arithmetic of the forward pass: bf16 on RTX 30 and newer, fp16 on older cards, no on a CPU. bf16 and "
        "fp16 save time and memory.", group="Precision",
    )  # fmt: skip
    base_precision: Literal["auto", "fp32", "fp16", "bf16"] = option(
        "auto", "Number type the frozen base weights are kept in; auto follows mixed_precision and is usual, fp32 "
        "needs most memory.", group="Precision", level="advanced", kohya="full_bf16 / full_fp16",
        differs="kohya's full_* also rounds the trained weights; ours stay fp32.",
    )  # fmt: skip
    gradient_checkpointing: bool = option(
        False, "Recompute activations in the backward pass: about a third slower, far less memory. Usually on with 8 "
        "GB, and for SDXL.", group="Precision",
    )  # fmt: skip
    ema_decay: float | None = option(
        None, "Keep an exponential moving average of the trained weights and save that, which is smoother. 0.999 is "
        "usual. Empty: off.", gt=0.0, lt=1.0, group="Averaging", level="advanced",
    )  # fmt: skip
    validate_every_n_steps: int | None = option(
        None, "Measure the loss on the validation pictures every N steps, always on the same noise. Needs "
        "data.validation_split.", ge=1, unit="steps", group="Validation", level="advanced",
    )  # fmt: skip
    validate_every_n_epochs: int | None = option(
        None, "Measure the loss on the validation pictures every N epochs. With data.validation_split and no interval "
        "set: every epoch.", ge=1, unit="epochs", group="Validation", level="advanced",
    )  # fmt: skip

    @model_validator(mode="after")
    def _precisions_fit(self) -> Self:
        base, mixed = self.base_precision, self.mixed_precision
        if base == "fp16" and mixed != "fp16":
            raise ValueError('base_precision = "fp16" needs mixed_precision = "fp16": without its loss scaler small '
                             "gradients vanish")  # fmt: skip
        if base == "bf16" and mixed == "fp16":
            raise ValueError('base_precision = "bf16" goes with mixed_precision = "bf16" or "no", not with "fp16"')
        return self

    @property
    def wanted_length(self) -> tuple[int | None, int | None]:
        """(epochs, steps); 10 epochs where neither is given."""
        if self.max_train_epochs is None and self.max_train_steps is None:
            return DEFAULT_EPOCHS, None
        return self.max_train_epochs, self.max_train_steps

    def validation_rule(self, step: int, epoch_ended: int | None) -> bool:
        """Whether the loss on the validation pictures is due after a step."""
        by_steps, by_epochs = self.validate_every_n_steps, self.validate_every_n_epochs
        if by_steps is None and by_epochs is None:
            by_epochs = 1
        if by_steps and step % by_steps == 0:
            return True
        return bool(by_epochs and epoch_ended is not None and epoch_ended % by_epochs == 0)


class SampleOptions(Section):
    """Preview pictures while training."""

    title: ClassVar[str] = "Samples"

    prompts: tuple[str, ...] = option(
        (), "Prompts of the sample pictures, one a line: --n negative --w width --h height --d seed --l scale --s "
        "steps, as in kohya's.", group="Prompts",
    )  # fmt: skip
    sample_prompts: str | None = option(
        None, "A text file (.txt) with prompts of sample pictures, one a line as in kohya's; used besides "
        "sample.prompts.", group="Prompts", path="file",
    )  # fmt: skip
    sample_every_n_epochs: int | None = option(
        None, "Draw sample pictures every N epochs, to see how the training goes. 1 or 2 is usual.", ge=1, group="When",
    )  # fmt: skip
    sample_every_n_steps: int | None = option(
        None, "Draw sample pictures every N steps, to see how the training goes. 100 to 500 is usual; each round takes "
        "time.", ge=1, group="When",
    )  # fmt: skip
    sample_at_first: bool = option(
        True, "Draw sample pictures before the first step too, to compare the later ones with. Usually on.",
        group="When", differs="off in kohya; without a before there is no after.",
    )  # fmt: skip
    sample_sampler: Literal["ddim", "euler", "euler_a", "dpmpp_2m", "dpmpp_2m_karras", "unipc"] = option(
        "euler", "Sampler that draws the sample pictures, where a prompt does not say (--ss). euler is usual.",
        group="How",
    )  # fmt: skip
    steps: int = option(
        20, "Sampling steps of a sample picture, where its prompt does not say (--s). 20 to 30 is usual; more is "
        "slower.", ge=1, le=1000, group="How",
    )  # fmt: skip
    scale: float = option(
        7.0, "Guidance scale (CFG) of sample pictures: how closely they follow the prompt, where it does not say "
        "(--l). 7 is usual.", ge=0.0, le=100.0, group="How",
    )  # fmt: skip
    width: int | None = option(
        None, "Width of the sample pictures, where a prompt does not say (--w). Empty: as in training.", ge=8, le=8192,
        unit="px", group="How",
    )  # fmt: skip
    height: int | None = option(
        None, "Height of the sample pictures, where a prompt does not say (--h). Empty: as in training.", ge=8, le=8192,
        unit="px", group="How",
    )  # fmt: skip
    seed: int = option(
        1, "Seed of the first prompt's sample picture; the n-th has seed + n - 1. It stays the same, so that pictures "
        "can be compared.", ge=0, le=2**32 - 1, group="How",
    )  # fmt: skip

    def parsed(self, resolution: tuple[int, int]) -> tuple[list[SamplePrompt], list[Fault]]:
        """All prompts, of the preset and of the file, and what is wrong with them."""
        width, height = self.width or resolution[0], self.height or resolution[1]
        defaults = SamplePrompt(
            "", "", width - width % 8, height - height % 8, self.seed, self.scale, self.steps, self.sample_sampler
        )
        prompts, faults = parse_prompts(self.prompts, defaults, "sample.prompts")
        if self.sample_prompts:
            own = replace(defaults, seed=(defaults.seed + len(prompts)) % 2**32)
            more, also = read_prompt_file(Path(self.sample_prompts), own)
            prompts, faults = prompts + more, faults + also
        return prompts, faults


class HardwareOptions(Section):
    """Where it runs."""

    title: ClassVar[str] = "Hardware"

    device: Literal["auto", "cuda", "cpu", "mps"] = option(
        "auto", "Where the training runs: auto takes the GPU when there is one, else the CPU. Usually auto.",
    )  # fmt: skip
    attention: Literal["sdpa", "xformers"] = option(
        "sdpa", "How attention is computed. sdpa is built in, and usual; xformers must be installed.", level="advanced",
        kohya="sdpa / xformers",
    )  # fmt: skip
    torch_compile: bool = option(
        False, "Compile the UNet: minutes at the start, faster steps on recent cards. For long trainings; usually off.",
        level="expert",
    )  # fmt: skip
    threads: int | None = option(
        None, "CPU threads the training may use; fewer leave room for other programs. Empty: all cores.", ge=1, le=1024,
        level="expert",
    )  # fmt: skip
    deterministic: bool = option(
        True, "On a GPU, choose kernels that give the same bits each time, so that a run can be repeated (a little "
        "slower). Usually on.", level="expert",
    )  # fmt: skip
    vae_precision: Dtype = option(
        "fp32", "Number type of the VAE, which encodes pictures. fp32 is safe; fp16 gives black pictures with some "
        "VAEs, SDXL's for one.", level="advanced", kohya="no_half_vae",
    )  # fmt: skip


class TrainConfig(Section):
    """All that a training run is told."""

    model: ModelOptions = option(ModelOptions, "The base model.")
    data: DataOptions = option(DataOptions, "Pictures and captions.")
    method: AnyMethod = option(plugins("method")["network"], "What is trained.")
    network: AnyAlgorithm = option(plugins("algorithm")["lora"], "The network's algorithm.")
    objective: ObjectiveOptions = option(ObjectiveOptions, "The loss.")
    optimizer: OptimizerOptions = option(OptimizerOptions, "The optimizer and its rates.")
    schedule: ScheduleOptions = option(ScheduleOptions, "The learning rate over time.")
    train: TrainOptions = option(TrainOptions, "Length and precision.")
    save: SaveOptions = option(SaveOptions, "Files.")
    sample: SampleOptions = option(SampleOptions, "Previews.")
    hardware: HardwareOptions = option(HardwareOptions, "Machine.")

    def trains(self, part: str) -> bool:
        """Whether a part of the model is switched on, whatever its learning rate."""
        return self.method.trains(part, self.network)

    @property
    def base_precision(self) -> Dtype:
        """The number type of the base model's weights."""
        if self.method.own_precision is not None:
            return self.method.own_precision
        chosen, mixed = self.train.base_precision, self.train.mixed_precision
        if chosen != "auto":
            return chosen
        return "fp32" if mixed == "no" else mixed

    def save_plan(self) -> SavePlan:
        """When which files are written."""
        return self.save.plan(self.method.suffixes(self.network))


def dumped(config: TrainConfig) -> dict[str, Any]:
    """The config as plain values for TOML: unset options (None) are left out."""
    return config.model_dump(mode="json", exclude_none=True)


def load(path: Path, overrides: Sequence[str] = ()) -> tuple[TrainConfig, Document]:
    """A preset with `--set` overrides on top. Raises UserError or ConfigError with every fault at once.

    Relative paths in the file are relative to the file, those of an override to the current folder.
    """
    document = Document.read(path)
    for override in overrides:
        document.override(override)
    config = build(TrainConfig, document)
    given = {override.partition("=")[0].strip() for override in overrides}
    here, beside = Path.cwd(), path.resolve().parent
    return with_absolute_paths(config, lambda key: here if key in given else beside), document


def with_absolute_paths(config: TrainConfig, base: Callable[[str], Path]) -> TrainConfig:
    """The same with every path option absolute; `base` says for a dotted key what it is relative to."""
    values = dumped(config)
    for option_ in describe(TrainConfig):
        if option_.info.path:
            _make_absolute(values, option_.key, option_.key.split("."), base)
    return TrainConfig.model_validate(values)


def _make_absolute(node: Any, key: str, parts: list[str], base: Callable[[str], Path]) -> None:
    name, *rest = parts
    if name.endswith("[]"):
        for item in node.get(name[:-2], ()):
            _make_absolute(item, key, rest, base)
    elif rest:
        if name in node:
            _make_absolute(node[name], key, rest, base)
    elif node.get(name):
        node[name] = os.path.normpath(base(key) / Path(node[name]).expanduser())


def to_toml(config: TrainConfig) -> str:
    """The resolved config as TOML, for the run folder: every option that is set."""
    return tomlkit.dumps(dumped(config))
