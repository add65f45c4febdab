"""Which edits of the preset mend a fault. Values only: no file is ever moved, renamed, made or deleted.

A fix is offered where one answer is plainly meant or does no harm; what only the person can know has none. The label
is made of the edits, by these templates: `Set KEY to VALUE`, `Reset KEY to its default`, `Take out KEY`,
`Rename KEY to KEY`, joined by "; ".
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from kohya_like.config import TrainConfig
from kohya_like.preflight import data_fixes, schema_fixes
from kohya_like.preflight.data_fixes import Rule, assignment
from kohya_like.preflight.schema_fixes import Edits, described
from kohya_like.schema.errors import Fault
from kohya_like.schema.toml import Document, lookup

PRECISION, BASE = "train.mixed_precision", "train.base_precision"
RATES = ("optimizer.learning_rate", "optimizer.unet_lr", "optimizer.text_encoder_lr")

# Codes whose cure is always the same.
ALWAYS: dict[str, Edits] = {
    "both-lengths": {"train.max_train_steps": None},
    "bucket-min": {"data.min_bucket_reso": None},
    "bucket-range": {"data.min_bucket_reso": None},
    "cache-augmentation": {"data.cache_latents": False},
    "cache-captions": {"data.cache_text_encoder_outputs": "auto"},
    "cache-text": {"data.cache_text_encoder_outputs": "auto"},
    "constant-warmup": {"schedule.lr_scheduler": "constant_with_warmup"},
    "no-device": {"hardware.device": "auto"},
    "own-rate": {"optimizer.learning_rate": 1.0, "optimizer.unet_lr": None, "optimizer.text_encoder_lr": None},
    "prediction-mismatch": {"model.prediction_type": "auto"},
    "same-folder": {"data.reg_data_dir": None},
    "sample-rhythm": {"sample.sample_every_n_epochs": 1},
    "several-rates": {"optimizer.unet_lr": None, "optimizer.text_encoder_lr": None},
    "slow-precision": {PRECISION: "bf16"},
    "unused-masks": {"data.masked_loss": True},
    "vae-fp16": {"hardware.vae_precision": "fp32"},
    "warmup-too-long": {"schedule.lr_warmup_steps": "5%"},
    "bf16-fp16": {PRECISION: "bf16"},
    "bf16-old-card": {PRECISION: "fp16"},
    "fused-accumulation": {"train.gradient_accumulation_steps": 1},
    "fused-clip": {"optimizer.max_grad_norm": 0.0},
    "fused-fp16": {PRECISION: "bf16"},
    "one-at-a-time": {"optimizer.optimizer_type": "Adafactor", "optimizer.optimizer_args": None},
    "fp16-gtx16": {PRECISION: "no"},
    "fp16-cpu": {PRECISION: "no"},
    "no-masks": {"data.masked_loss": False},
}
# Codes whose cure is a value of the option that the fault belongs to; None: its default.
OWN_OPTION: dict[str, Any] = {
    "no-separator": ",",
    "needs-v-prediction": False,
    "decay-too-long": None,
    "idle-option": None,
    "min-snr-zero-snr": None,
    "needs-epsilon": None,
    "needs-epsilon-or-v": None,
    "only-last": None,
    "same-separator": None,
    "warmup-init": None,
    "wrong-argument": None,
    "zero-snr-epsilon": None,
}


@dataclass(frozen=True)
class Fix:
    """`edits`: new values by dotted key, None takes the key out. `renames`: old key to new one, the value stays."""

    label: str
    edits: Edits = field(default_factory=dict)
    renames: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def fix_of(fault: Fault, config: TrainConfig | None, document: Document) -> Fix | None:
    """The fix of a fault, or None. `config` has absolute paths; it may lack what is faulty in the document."""
    if fault.code in schema_fixes.RULES:
        edits, renames = schema_fixes.RULES[fault.code](fault, document)
    elif config is None:
        return None
    else:
        edits, renames = _edits(fault, config, document)
    values = document.values()
    edits = {key: value for key, value in edits.items() if repr(lookup(values, key)) != repr(value)}
    labels = [f"Rename {old} to {new}" for old, new in renames.items()] + [_label(*edit) for edit in edits.items()]
    return Fix("; ".join(labels), edits, renames) if labels else None


def _label(key: str, value: Any) -> str:
    if value is not None:
        return f"Set {key} to {_shown(value)}"
    return f"Reset {key} to its default" if described(key) else f"Take out {key}"


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def _edits(fault: Fault, config: TrainConfig, document: Document) -> tuple[Edits, dict[str, str]]:
    code = fault.code
    if code == "unknown-argument":
        return _argument(fault, document)
    if code in OWN_OPTION:
        return {fault.key: OWN_OPTION[code]}, {}
    edits = dict(ALWAYS[code]) if code in ALWAYS else RULES[code](fault, config, document) if code in RULES else {}
    if edits.get(PRECISION) and config.train.base_precision in ("fp16", "bf16"):
        edits[BASE] = "auto"  # the base's number type may not go with the new one
    return edits, {}


def _no_effect(fault: Fault, config: TrainConfig, document: Document) -> Edits:
    """An option that does nothing goes, unless the sentence asks for its counterpart."""
    key, save = fault.key, config.save
    if fault.text.startswith("is 0: the "):
        return {config.method.switch(key.removeprefix("optimizer.").removesuffix("_lr")): False}
    if key == "sample.prompts":
        return {"sample.sample_every_n_epochs": None, "sample.sample_every_n_steps": None}
    if key == "data.validation_split":
        return {key: 0.05}
    if key == "data.max_data_loader_n_workers":
        return {key: os.cpu_count() or 1}
    if key == "train.gradient_accumulation_steps":
        return {key: int(found[1])} if (found := re.search(r"an epoch has (\d+)", fault.text)) else {}
    if key == "save.save_last_n_steps" and save.save_every_n_steps and save.save_last_n_steps:
        return {key: save.save_last_n_steps * save.save_every_n_steps}  # files were meant; kohya counts steps
    rates = config.optimizer.text_encoder_lr
    if key == "optimizer.text_encoder_lr" and isinstance(rates, tuple) and "second" in fault.text:
        return {key: rates[0]}
    if key == "schedule.lr_scheduler":
        return {key: "adafactor" if fault.text.startswith("relative_step") else "constant"}
    return {key: None}


def _usual_rate(fault: Fault, config: TrainConfig, document: Document) -> Edits:
    return {fault.key: config.method.usual_rates[2]}


def _nothing_trained(fault: Fault, config: TrainConfig, document: Document) -> Edits:
    return {key: None for key in RATES if document.get(key) == 0}


def _long_captions(fault: Fault, config: TrainConfig, document: Document) -> Edits:
    return assignment(fault.mend)


def _memory(fault: Fault, config: TrainConfig, document: Document) -> Edits:
    return assignment(fault.mend.partition(": ")[2].partition(";")[0])


def _memory_in_all(fault: Fault, config: TrainConfig, document: Document) -> Edits:
    return {key: value for part in fault.mend.split("; ") for key, value in assignment(part).items()}


def _base_model(fault: Fault, config: TrainConfig, document: Document) -> Edits:
    return {"model.family": "auto"} if "model.family says" in fault.text else {}


def _companion(fault: Fault, config: TrainConfig, document: Document) -> Edits:
    return {fault.key: None} if fault.key == "model.vae" and fault.text.endswith("not a VAE") else {}


def _missing_package(fault: Fault, config: TrainConfig, document: Document) -> Edits:
    instead = {"hardware.attention": "sdpa", "save.log_with": "none"}
    if fault.mend.endswith("or choose AdamW"):
        return {fault.key: "AdamW"}
    return {fault.key: instead[fault.key]} if fault.key in instead else {}


def _unknown_optimizer(fault: Fault, config: TrainConfig, document: Document) -> Edits:
    found = re.match(r"did you mean (\w+)\?", fault.mend)
    return {fault.key: found[1]} if found else {}


def _argument(fault: Fault, document: Document) -> tuple[Edits, dict[str, str]]:
    """An argument the optimizer does not take: its likely name, or out with it."""
    found = re.match(r"did you mean (\w+)\?", fault.mend)
    meant = f"{fault.key.rpartition('.')[0]}.{found[1]}" if found else ""
    if meant and document.get(meant) is None:
        return {}, {fault.key: meant}
    return {fault.key: None}, {}


def _long_average(fault: Fault, config: TrainConfig, document: Document) -> Edits:
    steps = int(fault.text.rpartition("(")[2].rstrip(")"))
    return {fault.key: 0.99 if steps >= 100 else None}


def _sample_size(fault: Fault, config: TrainConfig, document: Document) -> Edits:
    value = document.get(fault.key)
    if isinstance(value, str):
        pattern = re.compile(r"(\s--[wh]\s+)(\d+)", re.IGNORECASE)
        return {fault.key: pattern.sub(lambda found: f"{found[1]}{max(8, int(found[2]) // 8 * 8)}", value)}
    return {fault.key: max(8, value // 8 * 8)} if isinstance(value, int) else {}


def _bad_name(fault: Fault, config: TrainConfig, document: Document) -> Edits:
    name = re.sub(r'[/\\:*?"<>|\x00-\x1f]+', "-", config.save.output_name).strip(" .-")
    name = name.encode()[:120].decode(errors="ignore").strip(" .-")
    reserved = re.fullmatch(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", name, re.IGNORECASE)
    return {fault.key: f"{name}-network" if reserved else name or None}


def _output_exists(fault: Fault, config: TrainConfig, document: Document) -> Edits:
    plan = config.save_plan()
    stem = re.sub(r"-\d{1,3}$", "", plan.name)
    free = (name for n in range(2, 1000) if not replace(plan, name=(name := f"{stem}-{n}")).existing())
    return {fault.key: next(free, None)}


def _timesteps(fault: Fault, config: TrainConfig, document: Document) -> Edits:
    low, high = config.objective.max_timestep, config.objective.min_timestep
    return {"objective.min_timestep": low, "objective.max_timestep": high}


def _absent_size(fault: Fault, config: TrainConfig, document: Document) -> Edits:
    absent = {int(width) for width in re.findall(r"\d+", fault.text.partition(", but")[0])}
    kept = [width for width in getattr(config.network, "sizes", ()) if width not in absent]
    return {fault.key: kept or None}


def _large_rank(fault: Fault, config: TrainConfig, document: Document) -> Edits:
    found = re.search(r"the narrowest: (\d+)", fault.text)
    return {fault.key: int(found[1])} if found else {}


RULES: dict[str, Rule] = {
    **data_fixes.RULES,
    "absent-size": _absent_size,
    "bad-name": _bad_name,
    "base-model": _base_model,
    "companion": _companion,
    "empty-timestep-range": _timesteps,
    "large-rank": _large_rank,
    "high-rate": _usual_rate,
    "long-average": _long_average,
    "long-captions": _long_captions,
    "low-rate": _usual_rate,
    "memory": _memory,
    "memory-in-all": _memory_in_all,
    "missing-package": _missing_package,
    "no-effect": _no_effect,
    "nothing-trained": _nothing_trained,
    "output-exists": _output_exists,
    "sample-size": _sample_size,
    "unknown-optimizer": _unknown_optimizer,
}
