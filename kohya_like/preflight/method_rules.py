"""What the options of a training method mean beside the rest of the preset: what it does not read, and cannot do."""

from __future__ import annotations

from collections.abc import Iterator

from kohya_like.config import TrainConfig
from kohya_like.methods.finetune_options import FinetuneMethod
from kohya_like.optim.optimizers import find_optimizer
from kohya_like.schema.errors import Fault, Severity
from kohya_like.schema.toml import Document

FUSED = "method.fused_backward_pass"


def method_faults(config: TrainConfig, document: Document | None = None) -> Iterator[Fault]:
    """Sections that the method does not read, and contradictions of a fine-tune."""
    yield from _unread(config, document)
    method = config.method
    if isinstance(method, FinetuneMethod):
        yield from _singly(config, method)
        yield from _fused(config, method)
        yield from _idle(config, method)


def _unread(config: TrainConfig, document: Document | None) -> Iterator[Fault]:
    given = document.values().get("network") if document is not None else None
    if not config.method.uses_network and isinstance(given, dict) and given.keys() - {"name"}:
        yield _note("is not used: this method trains no network", "network", "take the section out")


def _singly(config: TrainConfig, method: FinetuneMethod) -> Iterator[Fault]:
    """An optimizer that looks at all weights together cannot take one after the other."""
    key = FUSED if method.fused_backward_pass else "method.full_bf16" if method.full_bf16 else ""
    spec = find_optimizer(config.optimizer.optimizer_type)
    if key and (spec is None or spec.own_rate or spec.schedule_free):
        name = spec.name if spec else config.optimizer.optimizer_type
        yield Fault(f"takes one weight at a time, which {name} cannot", key,
                    mend="choose Adafactor, AdamW, AdamW8bit or Lion", code="one-at-a-time")  # fmt: skip
    if method.full_bf16 and config.train.mixed_precision == "fp16":
        yield Fault("weights in bf16 do not go with fp16", "method.full_bf16",
                    mend='set train.mixed_precision = "bf16", or "no"', code="bf16-fp16")  # fmt: skip


def _fused(config: TrainConfig, method: FinetuneMethod) -> Iterator[Fault]:
    if not method.fused_backward_pass:
        return
    if config.train.gradient_accumulation_steps > 1:
        yield Fault("uses each gradient up at once, so that none can be added to it", FUSED,
                    mend="set train.gradient_accumulation_steps = 1", code="fused-accumulation")  # fmt: skip
    if config.optimizer.max_grad_norm:
        yield Fault("moves weights before the norm of all gradients is known, so that they cannot be shortened by it",
                    FUSED, mend="set optimizer.max_grad_norm = 0", code="fused-clip")  # fmt: skip
    if config.train.mixed_precision == "fp16":
        yield Fault("does not go with fp16, whose loss scaler looks at all gradients first", FUSED,
                    mend='set train.mixed_precision = "bf16", or "no"', code="fused-fp16")  # fmt: skip


def _idle(config: TrainConfig, method: FinetuneMethod) -> Iterator[Fault]:
    if config.train.base_precision != "auto":
        yield _note("is not used: the weights are trained, and method.full_bf16 says their type",
                    "train.base_precision", "take it out")  # fmt: skip
    if method.stop_text_encoder_training is not None and not method.train_text_encoder:
        yield _note("is set, but method.train_text_encoder is false", "method.stop_text_encoder_training",
                    severity="hint")  # fmt: skip
    steps = config.train.max_train_steps
    if steps is not None and (method.stop_text_encoder_training or 0) >= steps:
        yield _note(f"is not before the end of the {steps:,} steps: the text encoders are trained to the end",
                    "method.stop_text_encoder_training", severity="hint")  # fmt: skip


def _note(text: str, key: str, mend: str = "", severity: Severity = "warning", code: str = "no-effect") -> Fault:
    return Fault(text, key, mend=mend, severity=severity, code=code)
