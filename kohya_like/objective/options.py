"""The loss as options, and which of them contradict each other. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from kohya_like.schema.errors import Fault
from kohya_like.schema.option import Section, option

PredictionType = Literal["epsilon", "v_prediction", "sample"]
LossType = Literal["l2", "l1", "huber", "smooth_l1"]
HuberSchedule = Literal["snr", "exponential", "constant"]

TRAIN_STEPS = 1000  # steps of the noise schedule all SD models were trained with


class ObjectiveOptions(Section):
    """What the model is asked to predict, on which noise, and how much each error counts."""

    title: ClassVar[str] = "Loss"

    loss_type: LossType = option(
        "l2", "How an error is measured. l2 is the usual one; huber and smooth_l1 are milder on outliers, such as odd "
        "pictures.", group="Loss",
    )  # fmt: skip
    huber_schedule: HuberSchedule = option(
        "snr", "How the threshold of huber and smooth_l1 moves with the noise: snr and exponential fall as noise "
        "grows. snr is usual.", group="Loss", level="advanced",
    )  # fmt: skip
    huber_c: float = option(
        0.1, "Threshold of huber and smooth_l1 (at the noisiest step, with snr and exponential): larger errors count "
        "less. 0.1 is usual.", gt=0.0, le=1.0, group="Loss", level="advanced",
    )  # fmt: skip
    huber_scale: float = option(
        1.0, "Multiplies the threshold of huber and smooth_l1; the snr schedule does not use it, as in kohya's. 1 is "
        "usual.", gt=0.0, le=1000.0, group="Loss", level="expert",
    )  # fmt: skip

    min_snr_gamma: float | None = option(
        None, "Limit the weight of nearly noise-free steps (min-SNR, arXiv:2303.09556): steadier learning. 5 is usual; "
        "empty or 0: off.", ge=0.0, le=1000.0, group="Weighting",
    )  # fmt: skip
    debiased_estimation_loss: bool = option(
        False, "Weight each step by 1/sqrt(SNR) (arXiv:2310.08442), with v-prediction by 1/(SNR + 1): noisy steps "
        "count more. Usually off.", group="Weighting", level="advanced",
    )  # fmt: skip
    scale_v_pred_loss_like_noise_pred: bool = option(
        False, "v-prediction only: weight the steps as a noise-predicting model would. Usually off.", group="Weighting",
        level="advanced",
    )  # fmt: skip
    v_pred_like_loss: float | None = option(
        None, "Noise prediction only, seldom used: add this much of a v-prediction-like loss. Empty or 0: off.", ge=0.0,
        le=100.0, group="Weighting", level="expert",
    )  # fmt: skip
    zero_terminal_snr: bool = option(
        False, "Let the last step be pure noise (arXiv:2305.08891), for v-prediction models trained that way. Off for "
        "all other models.", group="Weighting", level="advanced",
        differs="Weights follow the rescaled schedule; kohya's SNR table stays that of the old one.",
    )  # fmt: skip

    noise_offset: float = option(
        0.0, "Shift the noise of each channel as a whole, which teaches darker and brighter pictures. 0.03 to 0.1 is "
        "usual; 0: off.", ge=0.0, le=1.0, group="Noise",
    )  # fmt: skip
    noise_offset_random_strength: bool = option(
        False, "Draw the strength of the noise offset between 0 and noise_offset for each batch. Usually off.",
        group="Noise", level="advanced", shown_if="noise_offset",
    )  # fmt: skip
    adaptive_noise_scale: float = option(
        0.0, "Add this times each channel's mean to the noise offset (below 0 it takes away; the sum stays >= 0). "
        "Usually 0: off.", ge=-10.0, le=10.0, group="Noise", level="expert", shown_if="noise_offset",
    )  # fmt: skip
    multires_noise_iterations: int = option(
        0, "Levels of coarser noise over the fine one (pyramid noise), for more contrast of light and dark. 6 to 10 "
        "are usual; 0: off.", ge=0, le=100, group="Noise", level="advanced",
    )  # fmt: skip
    multires_noise_discount: float = option(
        0.3, "Each coarser level of the pyramid noise is weaker by this factor. 0.1 to 0.3 is usual; 0.8 with very "
        "many pictures.", ge=0.0, le=1.0, group="Noise", level="advanced", shown_if="multires_noise_iterations",
    )  # fmt: skip
    ip_noise_gamma: float = option(
        0.0, "Input perturbation: extra noise in the input that the target does not know. 0.1 is usual; 0: off.",
        ge=0.0, le=1.0, group="Noise", level="advanced",
    )  # fmt: skip
    ip_noise_gamma_random_strength: bool = option(
        False, "Draw the strength of the input perturbation between 0 and ip_noise_gamma for each batch. Usually off.",
        group="Noise", level="advanced", shown_if="ip_noise_gamma",
    )  # fmt: skip

    min_timestep: int = option(
        0, "Train from this noise step on; 0 is the cleanest, and usual. A higher one leaves out fine detail.", ge=0,
        le=TRAIN_STEPS - 1, group="Steps", level="advanced", unit="noise step",
    )  # fmt: skip
    max_timestep: int = option(
        TRAIN_STEPS, "Train up to this noise step, itself not included; 1000 means all, and is usual. A lower one "
        "leaves out the composition.", ge=1, le=TRAIN_STEPS, group="Steps", level="advanced", unit="noise step",
    )  # fmt: skip


def conflicts(options: ObjectiveOptions, prediction_type: PredictionType) -> list[Fault]:
    """What contradicts or has no effect, given what the model predicts. Only `error` faults prevent training."""
    return [*_prediction_faults(options, prediction_type), *_idle_faults(options)]


def _prediction_faults(options: ObjectiveOptions, prediction_type: PredictionType) -> Iterator[Fault]:
    if options.min_timestep > options.max_timestep:
        yield Fault(
            f"min_timestep = {options.min_timestep} lies above max_timestep = {options.max_timestep}",
            "objective.min_timestep", mend="exchange the two", code="empty-timestep-range",
        )  # fmt: skip
    if options.scale_v_pred_loss_like_noise_pred and prediction_type != "v_prediction":
        yield Fault(
            f"is for v-prediction models; this one predicts {prediction_type}",
            "objective.scale_v_pred_loss_like_noise_pred",
            mend='set it to false, or model.prediction_type = "v_prediction" if the model is one',
            code="needs-v-prediction",
        )  # fmt: skip
    if options.v_pred_like_loss and prediction_type != "epsilon":
        yield Fault(
            f"is for models that predict the noise; this one predicts {prediction_type}", "objective.v_pred_like_loss",
            mend="set it to 0", code="needs-epsilon",
        )  # fmt: skip
    if options.debiased_estimation_loss and prediction_type == "sample":
        yield Fault(
            "is not defined for models that predict the picture itself", "objective.debiased_estimation_loss",
            mend="set it to false", code="needs-epsilon-or-v",
        )  # fmt: skip
    if options.zero_terminal_snr and prediction_type == "epsilon":
        yield Fault(
            "with a model that predicts the noise, the last step teaches nothing: its input already is the noise",
            "objective.zero_terminal_snr", mend="use it with v-prediction models", severity="warning",
            code="zero-snr-epsilon",
        )  # fmt: skip
    if options.zero_terminal_snr and options.min_snr_gamma and prediction_type == "v_prediction":
        yield Fault(
            "min-SNR gives the noisiest steps of a v-prediction model a weight near 0, and zero_terminal_snr is there "
            "to train just these", "objective.min_snr_gamma", mend="leave one of the two out", severity="hint",
            code="min-snr-zero-snr",
        )  # fmt: skip


def _idle_faults(options: ObjectiveOptions) -> Iterator[Fault]:
    needs = (
        ("adaptive_noise_scale", "noise_offset"),
        ("noise_offset_random_strength", "noise_offset"),
        ("ip_noise_gamma_random_strength", "ip_noise_gamma"),
    )
    for name, needed in needs:
        if getattr(options, name) and not getattr(options, needed):
            yield Fault(
                f"has no effect while {needed} is 0", f"objective.{name}", mend=f"set objective.{needed} as well",
                severity="warning", code="no-effect",
            )  # fmt: skip
    huber = options.loss_type in ("huber", "smooth_l1")
    if huber and options.huber_schedule == "snr" and options.huber_scale != 1.0:
        yield Fault(
            'the snr schedule does not use it', "objective.huber_scale",
            mend='set huber_schedule to "constant" or "exponential"', severity="hint", code="no-effect",
        )  # fmt: skip
