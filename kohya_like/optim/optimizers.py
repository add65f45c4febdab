"""The optimizers by name, what they accept, and how one is built. Importing this file does not import torch.

An optimizer is one `_add(...)` below: its name as kohya spells it, the class that is imported when it is built, and
the arguments it takes, so that a typo is found before anything is loaded.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal

from kohya_like.schema.errors import ConfigError, Fault, UserError
from kohya_like.schema.registry import register

if TYPE_CHECKING:
    from torch.optim import Optimizer

ArgValue = bool | int | float | str | tuple[float, ...]
ArgKind = Literal["number", "integer", "flag", "pair"]
WANTED: dict[ArgKind, str] = {
    "number": "a number",
    "integer": "a whole number",
    "flag": "true or false",
    "pair": "two numbers, as in [0.9, 0.999]",
}


@dataclass(frozen=True)
class OptimizerSpec:
    """One optimizer as data.

    `target` is "module:Class"; `package` the one to install, where it may be missing. `own_rate`: it estimates the
    rate itself, wants learning rate 1 and one rate for all groups. `schedule_free`: it needs no schedule and has two
    sets of weights (see `set_mode`).
    """

    name: str
    label: str
    target: str
    args: Mapping[str, ArgKind]
    defaults: Mapping[str, ArgValue] = field(default_factory=dict)
    package: str = ""
    own_rate: bool = False
    schedule_free: bool = False

    @property
    def missing_package(self) -> bool:
        return bool(self.package) and importlib.util.find_spec(self.target.split(":")[0].split(".")[0]) is None


ADAM: dict[str, ArgKind] = {"betas": "pair", "eps": "number", "weight_decay": "number"}
TORCH: dict[str, ArgKind] = {"foreach": "flag", "fused": "flag"}
AVERAGING: dict[str, ArgKind] = {"r": "number", "weight_lr_power": "number", "foreach": "flag"}
BITS: dict[str, ArgKind] = {"min_8bit_size": "integer"}
FUSED = ("torch.optim.adamw", "torch.optim.adam")  # one kernel for all weights, far faster with many small ones
FUSED_DEVICES = ("cuda", "cpu", "mps", "xpu")
ANY: ArgKind = "number"  # where only the name is looked at
_specs: dict[str, OptimizerSpec] = {}  # by lower-case name


def _add(name: str, label: str, target: str, args: Mapping[str, ArgKind], **more: Any) -> None:
    _specs[name.lower()] = register("optimizer", name, OptimizerSpec(name, label, target, args, **more))


_add("AdamW", "The usual one.", "torch.optim:AdamW", {**ADAM, **TORCH, "amsgrad": "flag"})
_add("Adam", "Adam with coupled weight decay.", "torch.optim:Adam", {**ADAM, **TORCH, "amsgrad": "flag"})
_add(
    "SGDNesterov", "Plain gradient descent with Nesterov momentum.", "torch.optim:SGD",
    {"momentum": "number", "weight_decay": "number", **TORCH}, defaults={"momentum": 0.9, "nesterov": True},
)  # fmt: skip
_add(
    "Lion", "Sign updates, half of AdamW's memory; wants a 3 to 10 times lower rate. arXiv:2302.06675.",
    "lion_pytorch:Lion", {"betas": "pair", "weight_decay": "number", "decoupled_weight_decay": "flag"},
)  # fmt: skip
_add(
    "Adafactor", "Second moments by row and column: very little memory. arXiv:1804.04235.",
    "kohya_like.optim.adafactor:Adafactor",
    {
        "eps": "pair", "clip_threshold": "number", "decay_rate": "number", "beta1": "number", "weight_decay": "number",
        "scale_parameter": "flag", "relative_step": "flag", "warmup_init": "flag",
    },
)  # fmt: skip
_add(
    "Prodigy", "Finds its own rate; leave the learning rate at 1. arXiv:2306.06101.", "prodigyopt:Prodigy",
    {
        **ADAM, "beta3": "number", "decouple": "flag", "use_bias_correction": "flag", "safeguard_warmup": "flag",
        "d0": "number", "d_coef": "number", "growth_rate": "number", "slice_p": "integer",
    },
    own_rate=True,
)  # fmt: skip
_add(
    "AdamWScheduleFree", "AdamW that averages in place of a schedule. arXiv:2405.15682.",
    "schedulefree:AdamWScheduleFree", {**ADAM, **AVERAGING, "warmup_steps": "integer"}, schedule_free=True,
)  # fmt: skip
_add(
    "RAdamScheduleFree", "The same with RAdam, which needs no warm-up.", "schedulefree:RAdamScheduleFree",
    {**ADAM, **AVERAGING, "silent_sgd_phase": "flag"}, schedule_free=True,
)  # fmt: skip
_add(
    "SGDScheduleFree", "The same with SGD.", "schedulefree:SGDScheduleFree",
    {"momentum": "number", "weight_decay": "number", **AVERAGING, "warmup_steps": "integer"}, schedule_free=True,
)  # fmt: skip
for _name, _args in {
    "AdamW8bit": ADAM,
    "PagedAdamW8bit": ADAM,
    "PagedAdamW": ADAM,
    "PagedAdamW32bit": ADAM,
    "Lion8bit": {"betas": "pair", "weight_decay": "number"},
    "PagedLion8bit": {"betas": "pair", "weight_decay": "number"},
}.items():
    _text = f"{_name} of bitsandbytes (NVIDIA): moments in few bits or paged to main memory."
    _add(_name, _text, f"bitsandbytes.optim:{_name}", {**_args, **BITS}, package="bitsandbytes")  # type: ignore[dict-item]


def find_optimizer(name: str) -> OptimizerSpec | None:
    """The built-in optimizer of that name, in any case."""
    return _specs.get(name.lower())


def name_fault(name: str, allow_import: bool) -> Fault | None:
    """What is wrong with an optimizer's name: unknown, not installed, or a class without consent to import it."""
    key = "optimizer.optimizer_type"
    spec = find_optimizer(name)
    if spec is not None:
        if not spec.missing_package:
            return None
        return Fault(
            f"{spec.name} needs the {spec.package} package, which is not installed", key,
            mend=f"pip install {spec.package}, or choose AdamW", code="missing-package",
        )  # fmt: skip
    if "." not in name:
        names = [spec.name for spec in _specs.values()]
        near = get_close_matches(name.lower(), _specs, n=1)
        hint = f"did you mean {_specs[near[0]].name}?" if near else f"there are {', '.join(names)}"
        if name.lower().startswith("dadapt"):
            hint = f'Prodigy is its successor; or "dadaptation.{name}" with optimizer.allow_import = true'
        return Fault(f"there is no optimizer {name!r}", key, mend=hint, code="unknown-optimizer")
    if not allow_import:
        return Fault(
            f"{name!r} is a class of another package, and loading it runs that package's code", key,
            mend="set optimizer.allow_import = true if you trust it", code="import-without-consent",
        )  # fmt: skip
    if not _installed(name.split(".")[0]):
        return Fault(f"no installed package provides {name!r}", key, mend="install it first", code="missing-package")
    return None


def _installed(top: str) -> bool:
    """Whether a module belongs to an installed package: one lying in the current folder does not."""
    from importlib.metadata import packages_distributions

    return top in packages_distributions()


def argument_faults(name: str, args: Mapping[str, ArgValue], accepted: Mapping[str, ArgKind]) -> Iterator[Fault]:
    """Unknown and mistyped arguments of an optimizer."""
    for arg, value in args.items():
        key = f"optimizer.optimizer_args.{arg}"
        if arg not in accepted:
            near = get_close_matches(arg, accepted, n=1)
            first = f"did you mean {near[0]}? " if near else ""
            mend = f"{first}{name} takes {', '.join(sorted(accepted))}"
            yield Fault(f"{name} has no argument {arg!r}", key, mend=mend, code="unknown-argument")
        elif not _fits(value, accepted[arg]):
            yield Fault(f"{value!r} is not {WANTED[accepted[arg]]}", key, mend="see the documentation of " + name,
                        code="wrong-argument")  # fmt: skip


def _fits(value: ArgValue, kind: ArgKind) -> bool:
    if kind == "flag":
        return isinstance(value, bool)
    if kind == "pair":
        return isinstance(value, list | tuple) and len(value) == 2
    allowed = int if kind == "integer" else (int, float)
    return isinstance(value, allowed) and not isinstance(value, bool)


def build_optimizer(
    name: str, param_groups: Sequence[dict[str, Any]], *, learning_rate: float,
    args: Mapping[str, ArgValue] | None = None, allow_import: bool = False,
) -> Optimizer:  # fmt: skip
    """An optimizer over groups of {"params": [...], "lr": rate}; a group without a rate gets `learning_rate`.

    Other keys of a group ("name") stay in it. Schedule-free optimizers come back in training mode. Raises UserError
    or ConfigError for an unknown or missing optimizer, for arguments it does not take, and where nothing is trained.
    """
    fault = name_fault(name, allow_import)
    if fault is not None:
        raise ConfigError([fault])
    spec = find_optimizer(name)
    kind = _load(spec.target if spec else ":".join(name.rsplit(".", 1)))
    title = spec.name if spec else name
    given = dict(args or {})
    faults = list(argument_faults(title, given, spec.args)) if spec else list(_unknown_of_class(title, given, kind))
    if faults:
        raise ConfigError(faults)
    groups = [{"lr": learning_rate, **group, "params": list(group["params"])} for group in param_groups]
    groups = [group for group in groups if group["params"]]
    _check_rates(groups, spec)
    chosen = {**(spec.defaults if spec else {}), **given}
    optimizer = _construct(title, kind, groups, {k: tuple(v) if isinstance(v, list) else v for k, v in chosen.items()})
    set_mode(optimizer, training=True)
    return optimizer


def _load(target: str) -> type[Optimizer]:
    import torch

    module, _, attribute = target.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise UserError(f"The optimizer {target.replace(':', '.')} cannot be loaded: {error}.") from error
    if not (isinstance(found, type) and issubclass(found, torch.optim.Optimizer)):
        raise UserError(f"{target.replace(':', '.')} is not an optimizer class.")
    return found


def _unknown_of_class(name: str, args: Mapping[str, ArgValue], kind: type[Optimizer]) -> Iterator[Fault]:
    """Arguments that the constructor of a foreign class does not have; their types are its own affair."""
    parameters = inspect.signature(kind).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return
    accepted = dict.fromkeys((p for p in parameters if p not in ("params", "lr")), ANY)
    yield from (fault for fault in argument_faults(name, args, accepted) if fault.code == "unknown-argument")


def _check_rates(groups: list[dict[str, Any]], spec: OptimizerSpec | None) -> None:
    rates = {float(group["lr"]) for group in groups}
    if not groups or max(rates) <= 0:
        raise UserError(
            "Nothing would be trained: no part has weights and a learning rate above 0.",
            "Set optimizer.learning_rate, unet_lr or text_encoder_lr, or choose other targets for the network.",
        )
    if spec is not None and spec.own_rate and len(rates - {0.0}) > 1:
        raise UserError(
            f"{spec.name} finds one rate for all parts, and cannot take different ones.",
            "Leave optimizer.unet_lr and text_encoder_lr empty and set optimizer.learning_rate = 1.",
        )


def _construct(name: str, kind: type[Optimizer], groups: list[dict[str, Any]], args: dict[str, Any]) -> Optimizer:
    # The highest rate of the groups: Lion and Prodigy refuse a default of 0, and every group has its own anyway.
    args["lr"] = max(group["lr"] for group in groups)
    if kind.__module__ in FUSED and not {"fused", "foreach"} & args.keys():
        parameters = [p for group in groups for p in group["params"]]
        args["fused"] = all(p.device.type in FUSED_DEVICES and p.is_floating_point() for p in parameters)
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # Prodigy greets on stdout, where --json output goes
            return kind(groups, **args)
    except (TypeError, ValueError, AssertionError, RuntimeError) as error:
        raise UserError(f"{name} does not accept its settings: {error or 'a value is out of range'}.") from error


def switches_mode(optimizer: Optimizer) -> bool:
    """Whether the optimizer holds training weights and averaged ones, as the schedule-free family does."""
    return "train_mode" in optimizer.param_groups[0]


def set_mode(optimizer: Optimizer, training: bool) -> None:
    """Put the training weights or the averaged ones into the model; nothing happens for ordinary optimizers.

    There and back rounds: use `averaged_weights` where training goes on afterwards.
    """
    if switches_mode(optimizer):
        switch = optimizer.train if training else optimizer.eval  # type: ignore[attr-defined]
        switch()


@contextlib.contextmanager
def averaged_weights(optimizer: Optimizer) -> Iterator[None]:
    """The weights to save and to sample from; afterwards the training weights are back bit for bit."""
    if not switches_mode(optimizer):
        yield
        return
    import torch

    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    kept = [p.detach().clone() for p in parameters]
    set_mode(optimizer, training=False)
    try:
        yield
    finally:
        set_mode(optimizer, training=True)
        with torch.no_grad():
            torch._foreach_copy_(parameters, kept)


def effective_rates(optimizer: Optimizer) -> list[float]:
    """The rate each group really moves with: Prodigy's d x lr, and what schedule-free and Adafactor made of it."""
    return [float(group.get("d", 1.0) * group.get("scheduled_lr", group["lr"])) for group in optimizer.param_groups]
