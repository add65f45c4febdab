"""The optimizer and the learning rate over time as options. Imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import field_validator

from kohya_like.optim.optimizers import ArgValue
from kohya_like.optim.schedules import SHAPES, Amount, warmup_steps
from kohya_like.schema.errors import UserError
from kohya_like.schema.option import Section, option

if TYPE_CHECKING:
    ScheduleName = str
else:
    ScheduleName = Literal[tuple(SHAPES)]


class OptimizerOptions(Section):
    """Which optimizer, and the learning rate of each part that is trained."""

    title: ClassVar[str] = "Optimizer"

    optimizer_type: str = option(
        "AdamW", "AdamW is the usual one; AdamW8bit saves memory on NVIDIA cards; Prodigy finds its own learning rate. "
        "Any case.", group="Optimizer",
    )  # fmt: skip
    optimizer_args: dict[str, ArgValue] = option(
        dict, "The optimizer's own settings as a table, such as { weight_decay = 0.01, betas = [0.9, 0.99] }. Usually "
        "none.", group="Optimizer", level="advanced", differs="A table with types; kohya takes a list of texts.",
    )  # fmt: skip
    allow_import: bool = option(
        False, 'Allow optimizer_type to name a class of any installed package, as "package.Class". Its code is run. '
        'Usually off.', group="Optimizer", level="expert", differs="kohya imports whatever a config names.",
    )  # fmt: skip
    learning_rate: float = option(
        1e-4, "Learning rate of every part that has none of its own. 1e-4 is usual for LoRA; Prodigy wants 1. Too high "
        "spoils, too low does nothing.", ge=0.0, le=100.0, group="Rates",
        differs="kohya's 2e-6 is far too low for networks, and applies silently where a rate was forgotten.",
    )  # fmt: skip
    unet_lr: float | None = option(
        None, "Learning rate of the UNet. 1e-4 is usual for LoRA; Prodigy wants 1. Empty: learning_rate; 0: not "
        "trained.", ge=0.0, le=100.0, group="Rates",
    )  # fmt: skip
    text_encoder_lr: float | tuple[float, ...] | None = option(
        None, "Learning rate of the text encoder: 5e-5 is usual for LoRA. Both of SDXL: [1e-5, 2e-5]. Empty: "
        "learning_rate; 0: not trained.", group="Rates",
    )  # fmt: skip
    max_grad_norm: float = option(
        1.0, "Gradients longer than this are shortened to it, against sudden jumps. 1 is usual; 0: never.", ge=0.0,
        le=1e6, group="Rates", level="advanced",
    )  # fmt: skip

    @field_validator("text_encoder_lr")
    @classmethod
    def _is_one_or_two_rates(cls, value: float | tuple[float, ...] | None) -> float | tuple[float, ...] | None:
        rates = value if isinstance(value, tuple) else () if value is None else (value,)
        if isinstance(value, tuple) and len(rates) not in (1, 2):
            raise ValueError("is one rate, or two for SDXL's two text encoders")
        if any(not 0 <= rate <= 100 for rate in rates):
            raise ValueError("a rate lies between 0 and 100")
        return value

    def rate(self, part: str) -> float:
        """The rate of a part of the model: "unet", "text_encoder", "text_encoder_2"; of others: the common one."""
        given: float | None = None
        if part == "unet":
            given = self.unet_lr
        elif part in ("text_encoder", "text_encoder_2"):
            rates = self.text_encoder_lr
            given = rates[0 if part == "text_encoder" else -1] if isinstance(rates, tuple) else rates
        return self.learning_rate if given is None else given


class ScheduleOptions(Section):
    """The learning rate over time."""

    title: ClassVar[str] = "Schedule"

    lr_scheduler: ScheduleName = option(
        "constant", "How the learning rates change over the training: constant keeps them, cosine lowers them smoothly "
        "to 0. Both are usual.", group="Schedule",
    )  # fmt: skip
    lr_warmup_steps: Amount = option(
        0, 'Steps in which the learning rates rise from 0: a number (100), or a part of the training (0.05 or "5%"). '
        'Usually 0 or "5%".', group="Schedule", unit="steps",
        differs='Works with every schedule, "constant" included, where kohya stops; 100.0 is 100 steps, not 100 times '
        "the training.",
    )  # fmt: skip
    lr_decay_steps: Amount | None = option(
        None, 'warmup_stable_decay: length of the fall at the end, as a number of steps (100) or a part of the '
        'training ("20%"). Empty: 20 %.', group="Schedule", level="advanced", unit="steps",
        shown_if="lr_scheduler=warmup_stable_decay", differs="kohya's default 0 never falls.",
    )  # fmt: skip
    lr_scheduler_num_cycles: int = option(
        1, "cosine_with_restarts: how many times the learning rate falls; 1 to 4 is usual. cosine_with_min_lr and "
        "warmup_stable_decay use it too.", ge=1, le=1000, group="Schedule", level="advanced",
    )  # fmt: skip
    lr_scheduler_power: float = option(
        1.0, "polynomial: shape of the fall. 1 is a straight line, and usual; 2 falls fast at first.", gt=0.0, le=100.0,
        group="Schedule", level="advanced", shown_if="lr_scheduler=polynomial",
    )  # fmt: skip
    lr_scheduler_min_lr_ratio: float | None = option(
        None, "Lowest learning rate as a part of the full one: cosine_with_min_lr (empty: 0.1), polynomial and "
        "warmup_stable_decay (empty: 0).", ge=0.0, le=1.0, group="Schedule", level="advanced",
        differs="kohya stops where cosine_with_min_lr is chosen without it, and ends polynomial at 1e-7.",
    )  # fmt: skip
    lr_scheduler_timescale: int | None = option(
        None, "inverse_sqrt: steps until the learning rate starts to fall in earnest. Empty: the warm-up, or 10 000.",
        ge=1, group="Schedule", level="advanced", unit="steps", shown_if="lr_scheduler=inverse_sqrt",
    )  # fmt: skip

    @field_validator("lr_warmup_steps", "lr_decay_steps")
    @classmethod
    def _is_an_amount(cls, value: Amount | None) -> Amount | None:
        if value is not None:
            try:
                warmup_steps(value, 1)
            except UserError as error:
                raise ValueError(error.text.rstrip(".")) from None
        return value
