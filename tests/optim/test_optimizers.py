"""Each optimizer lowers a quadratic, resumes bit for bit and keeps groups apart; names and arguments are checked."""

import copy
import importlib.machinery
import inspect
import io
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from kohya_like.optim.optimizers import (
    OptimizerSpec,
    argument_faults,
    averaged_weights,
    build_optimizer,
    effective_rates,
    find_optimizer,
    name_fault,
    set_mode,
    switches_mode,
)  # fmt: skip
from kohya_like.optim.schedules import build_schedule
from kohya_like.schema.errors import ConfigError, UserError
from kohya_like.schema.registry import plugins

pytestmark = pytest.mark.quick

SPECS: dict[str, OptimizerSpec] = plugins("optimizer")  # type: ignore[assignment]
HERE = [name for name, spec in SPECS.items() if not spec.missing_package]
RATES = {"Prodigy": 1.0, "SGDNesterov": 0.02, "SGDScheduleFree": 0.2, "RAdamScheduleFree": 0.3, "Lion": 0.02}
ARGS: dict[str, dict[str, Any]] = {
    "Prodigy": {"d_coef": 2.0, "weight_decay": 0.01, "use_bias_correction": True, "safeguard_warmup": True},
    "AdamW": {"weight_decay": 0.01, "betas": [0.9, 0.99]},
    "Adafactor": {"beta1": 0.9, "weight_decay": 0.01},
    "AdamWScheduleFree": {"weight_decay": 0.01},
}
TARGETS = [torch.linspace(-1, 1, 24).view(4, 6), torch.linspace(1, 2, 5), torch.linspace(-2, 0, 54).view(2, 3, 3, 3)]


def weights() -> list[Tensor]:
    """A matrix, a vector, and a kernel that starts at zero as a LoRA's up-projection does."""
    generator = torch.Generator().manual_seed(0)
    start = [torch.randn(4, 6, generator=generator), torch.randn(5, generator=generator), torch.zeros(2, 3, 3, 3)]
    return [torch.nn.Parameter(tensor) for tensor in start]


def groups_of(parameters: list[Tensor], rate: float) -> list[dict[str, Any]]:
    return [
        {"params": parameters[:2], "lr": rate, "name": "unet"},
        {"params": parameters[2:], "lr": rate, "name": "text_encoder"},
    ]


def built(name: str, parameters: list[Tensor], **more: Any) -> torch.optim.Optimizer:
    rate = RATES.get(name, 0.05)
    args = ARGS.get(name, {}) | more
    return build_optimizer(name, groups_of(parameters, rate), learning_rate=rate, args=args)


def error(parameters: list[Tensor]) -> Tensor:
    return sum(((p - target) ** 2).sum() for p, target in zip(parameters, TARGETS))  # type: ignore[return-value]


def step(optimizer: torch.optim.Optimizer, parameters: list[Tensor]) -> None:
    optimizer.zero_grad()
    error(parameters).backward()
    optimizer.step()


def test_the_promised_optimizers_are_there() -> None:
    promised = {
        "AdamW", "Adam", "SGDNesterov", "Lion", "Adafactor", "Prodigy", "AdamWScheduleFree", "RAdamScheduleFree",
        "SGDScheduleFree",
    }  # fmt: skip
    assert promised <= set(HERE)
    assert {"AdamW8bit", "PagedAdamW8bit"} <= set(SPECS)


@pytest.mark.parametrize("name", HERE)
def test_lowers_a_quadratic(name: str) -> None:
    parameters = weights()
    optimizer = built(name, parameters)
    before = error(parameters).item()
    for _ in range(250):
        step(optimizer, parameters)
    with averaged_weights(optimizer):
        assert error(parameters).item() < 0.05 * before


@pytest.mark.parametrize("name", HERE)
def test_resumes_bit_for_bit(name: str) -> None:
    """10 steps = 4 steps, saved, loaded into fresh objects, 6 steps; with warm-up, and a preview at steps 3 and 8."""

    def run(optimizer: Any, schedule: Any, parameters: list[Tensor], steps: range) -> None:
        for i in steps:
            step(optimizer, parameters)
            schedule.step()
            if i in (3, 8):
                with averaged_weights(optimizer):
                    assert torch.isfinite(error(parameters))

    def fresh() -> tuple[Any, Any, list[Tensor]]:
        parameters = weights()
        optimizer = built(name, parameters)
        return optimizer, build_schedule(optimizer, "cosine", 12, 3), parameters

    optimizer, schedule, straight = fresh()
    run(optimizer, schedule, straight, range(10))

    optimizer, schedule, first = fresh()
    run(optimizer, schedule, first, range(4))
    file = io.BytesIO()
    torch.save({"w": first, "o": optimizer.state_dict(), "s": schedule.state_dict()}, file)
    saved = torch.load(io.BytesIO(file.getvalue()), weights_only=True)

    optimizer, schedule, resumed = fresh()
    with torch.no_grad():
        for parameter, value in zip(resumed, saved["w"]):
            parameter.copy_(value)
    optimizer.load_state_dict(saved["o"])
    schedule.load_state_dict(saved["s"])
    run(optimizer, schedule, resumed, range(4, 10))

    assert all(torch.equal(a, b) for a, b in zip(straight, resumed))
    assert not any(torch.equal(a, b) for a, b in zip(straight, first))


@pytest.mark.parametrize("name", [name for name in HERE if name not in ("Prodigy", "SGDNesterov", "SGDScheduleFree")])
def test_groups_move_at_their_own_rates(name: str) -> None:
    """Two equal weights; the group with a tenth of the rate moves a tenth as far (these methods normalise)."""
    fast, slow = torch.nn.Parameter(torch.ones(4, 4)), torch.nn.Parameter(torch.ones(4, 4))
    groups = [{"params": [fast], "lr": 1e-2}, {"params": [slow], "lr": 1e-3}]
    optimizer = build_optimizer(name, groups, learning_rate=1e-2)
    for _ in range(60 if name == "RAdamScheduleFree" else 12):  # whose first steps are tiny
        optimizer.zero_grad()
        (fast.sum() + slow.sum()).backward()
        optimizer.step()
    moved = (1 - fast).mean().item(), (1 - slow).mean().item()
    assert moved[0] > 1e-2 and moved[0] == pytest.approx(10 * moved[1], rel=0.15)


def test_a_group_without_a_rate_gets_the_common_one_and_empty_groups_go() -> None:
    groups: list[dict[str, Any]] = [{"params": weights(), "name": "unet"}, {"params": [], "lr": 1.0}]
    optimizer = build_optimizer("AdamW", groups, learning_rate=3e-4)
    assert [(group["lr"], group["name"]) for group in optimizer.param_groups] == [(3e-4, "unet")]
    assert "lr" not in groups[0]  # the caller's own


def test_names_in_any_case_and_arguments_reach_the_class() -> None:
    optimizer = build_optimizer("aDaMw", groups_of(weights(), 1e-3), learning_rate=1e-3, args={"betas": (0.8, 0.9)})
    assert type(optimizer) is torch.optim.AdamW
    assert optimizer.defaults["betas"] == (0.8, 0.9) and optimizer.defaults["weight_decay"] == 0.01


def test_adamw_is_fused_unless_told_otherwise_or_impossible() -> None:
    assert built("AdamW", weights()).defaults["fused"] is True
    assert not built("AdamW", weights(), fused=False).defaults["fused"]
    assert not built("AdamW", weights(), foreach=True).defaults["fused"]
    elsewhere: list[Tensor] = [torch.nn.Parameter(torch.ones(2, dtype=torch.complex64))]
    fallen_back = build_optimizer("AdamW", [{"params": elsewhere}], learning_rate=1e-3)
    assert not fallen_back.param_groups[0]["fused"]


def test_nesterov_with_momentum() -> None:
    group = built("SGDNesterov", weights()).param_groups[0]
    assert group["nesterov"] and group["momentum"] == 0.9


@pytest.mark.parametrize("name", HERE)
def test_declared_arguments_are_those_of_the_class(name: str) -> None:
    """The tables say what each class accepts, so that a config can be checked without importing it."""
    import importlib

    module, _, attribute = SPECS[name].target.partition(":")
    accepted = set(inspect.signature(getattr(importlib.import_module(module), attribute)).parameters)
    assert set(SPECS[name].args) | set(SPECS[name].defaults) <= accepted


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ({"beta": 0.9}, r"Adafactor has no argument 'beta' \(did you mean beta1\? Adafactor takes beta1, clip_thres"),
        ({"weight_decay": "0.01"}, "'0.01' is not a number"),
        ({"weight_decay": True}, "True is not a number"),
        ({"eps": 1e-8}, "1e-08 is not two numbers"),
        ({"relative_step": 1}, "1 is not true or false"),
        ({"warmup_init": True}, "Adafactor does not accept its settings: warmup_init needs relative_step"),
        ({"clip_threshold": 0.0}, "Adafactor does not accept its settings: wanted are clip_threshold > 0"),
    ],
)
def test_bad_arguments_are_sentences(args: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        build_optimizer("adafactor", groups_of(weights(), 1e-3), learning_rate=1e-3, args=args)


def test_all_bad_arguments_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        build_optimizer("AdamW", groups_of(weights(), 1e-3), learning_rate=1e-3, args={"lr": 1.0, "eps": "x"})
    assert [fault.key for fault in caught.value.faults] == [
        "optimizer.optimizer_args.lr", "optimizer.optimizer_args.eps",
    ]  # fmt: skip


def test_whole_numbers_where_they_are_wanted() -> None:
    spec = SPECS["Prodigy"]
    assert [f.code for f in argument_faults("Prodigy", {"slice_p": 1.5}, spec.args)] == ["wrong-argument"]
    assert list(argument_faults("Prodigy", {"slice_p": 11, "d_coef": 1}, spec.args)) == []


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("AdamWW", r"there is no optimizer 'AdamWW' \(did you mean AdamW\?\)"),
        ("Zzz", "there is no optimizer 'Zzz' .*AdamW, .*Lion"),
        ("DAdaptAdam", "Prodigy is its successor"),
        ("torch.optim.RMSprop", "runs that package's code .*allow_import = true"),
    ],
)
def test_unknown_names(name: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        build_optimizer(name, groups_of(weights(), 1e-3), learning_rate=1e-3)


def test_any_installed_class_with_consent() -> None:
    groups = groups_of(weights(), 1e-3)
    optimizer = build_optimizer(
        "torch.optim.RMSprop", groups, learning_rate=1e-3, args={"momentum": 0.5}, allow_import=True
    )
    assert type(optimizer) is torch.optim.RMSprop and optimizer.defaults["momentum"] == 0.5
    for bad, sentence in {
        "torch.nn.Linear": "torch.nn.Linear is not an optimizer class",
        "torch.optim.Nothing": "cannot be loaded: module 'torch.optim' has no attribute 'Nothing'",
        "no_such_package.Optimizer": "no installed package provides",
    }.items():
        with pytest.raises(UserError, match=sentence):
            build_optimizer(bad, groups, learning_rate=1e-3, allow_import=True)
    with pytest.raises(ConfigError, match=r"no argument 'momentun' \(did you mean momentum"):
        build_optimizer(
            "torch.optim.RMSprop", groups, learning_rate=1e-3, args={"momentun": 0.5}, allow_import=True
        )  # fmt: skip


def test_a_file_in_the_current_folder_is_no_installed_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "downloaded.py").write_text("raise SystemExit('code of a stranger ran')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="no installed package provides"):
        build_optimizer("downloaded.Optimizer", groups_of(weights(), 1e-3), learning_rate=1e-3, allow_import=True)


def test_without_consent_nothing_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "wave", raising=False)
    assert name_fault("wave.open", allow_import=False) is not None
    assert "wave" not in sys.modules


def test_missing_bitsandbytes_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"AdamW8bit needs the bitsandbytes package.*pip install bitsandbytes"):
        build_optimizer("adamw8bit", groups_of(weights(), 1e-3), learning_rate=1e-3)


def test_eight_bit_optimizers_come_from_bitsandbytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for the package, with the constructor of version 0.50."""

    class AdamW8bit(torch.optim.AdamW):
        def __init__(self, params: Any, lr: float, betas: Any = (0.9, 0.999), min_8bit_size: int = 4096) -> None:
            super().__init__(params, lr=lr, betas=betas)
            self.min_8bit_size = min_8bit_size

    package, optim = types.ModuleType("bitsandbytes"), types.ModuleType("bitsandbytes.optim")
    package.__spec__ = importlib.machinery.ModuleSpec("bitsandbytes", None)
    optim.AdamW8bit = AdamW8bit  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "bitsandbytes", package)
    monkeypatch.setitem(sys.modules, "bitsandbytes.optim", optim)
    optimizer = build_optimizer(
        "AdamW8bit", groups_of(weights(), 1e-3), learning_rate=1e-3, args={"min_8bit_size": 16}
    )  # fmt: skip
    assert type(optimizer) is AdamW8bit and optimizer.min_8bit_size == 16


def test_nothing_to_train_is_a_sentence() -> None:
    with pytest.raises(UserError, match="Nothing would be trained"):
        build_optimizer("AdamW", [{"params": []}], learning_rate=1e-3)
    with pytest.raises(UserError, match="Nothing would be trained"):
        build_optimizer("AdamW", groups_of(weights(), 0.0), learning_rate=1e-3)


def test_prodigy_takes_one_rate_and_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    a, b, _ = weights()
    with pytest.raises(UserError, match="finds one rate for all parts"):
        build_optimizer("prodigy", [{"params": [a], "lr": 1.0}, {"params": [b], "lr": 0.5}], learning_rate=1.0)
    build_optimizer("prodigy", [{"params": [a]}], learning_rate=1.0, args={"weight_decay": 0.1})
    assert capsys.readouterr().out == ""  # the library greets, and stdout may be carrying JSON


@pytest.mark.parametrize("name", ["AdamWScheduleFree", "RAdamScheduleFree", "SGDScheduleFree"])
def test_schedule_free_has_two_sets_of_weights(name: str) -> None:
    parameters = weights()
    optimizer = built(name, parameters)
    assert switches_mode(optimizer)
    for _ in range(20):
        step(optimizer, parameters)
    training = copy.deepcopy(parameters)
    with averaged_weights(optimizer):
        assert not torch.allclose(parameters[0], training[0])
        with pytest.raises(Exception, match="not in train mode"):
            optimizer.step()
    assert all(torch.equal(a, b) for a, b in zip(parameters, training))
    set_mode(optimizer, training=False)
    set_mode(optimizer, training=True)
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(parameters, training))


def test_a_failing_preview_still_gives_the_training_weights_back() -> None:
    parameters = weights()
    optimizer = built("AdamWScheduleFree", parameters)
    for _ in range(5):
        step(optimizer, parameters)
    training = copy.deepcopy(parameters)
    with pytest.raises(RuntimeError, match="sampler"), averaged_weights(optimizer):
        raise RuntimeError("sampler")
    assert all(torch.equal(a, b) for a, b in zip(parameters, training))
    step(optimizer, parameters)  # and it is in training mode


def test_ordinary_optimizers_have_one_mode() -> None:
    parameters = weights()
    optimizer = built("AdamW", parameters)
    assert not switches_mode(optimizer)
    set_mode(optimizer, training=False)
    step(optimizer, parameters)
    with averaged_weights(optimizer):
        assert torch.isfinite(error(parameters))


def test_modes_and_rates_pass_through_accelerate() -> None:
    from accelerate import Accelerator

    parameters = weights()
    wrapped = Accelerator(cpu=True).prepare_optimizer(built("AdamWScheduleFree", parameters))
    plain = Accelerator(cpu=True).prepare_optimizer(built("AdamW", weights()))
    assert switches_mode(wrapped) and not switches_mode(plain)
    step(wrapped, parameters)
    with averaged_weights(wrapped):
        assert not wrapped.param_groups[0]["train_mode"]
    assert wrapped.param_groups[0]["train_mode"] and effective_rates(plain) == [0.05, 0.05]


def test_effective_rates_are_what_the_weights_move_with() -> None:
    parameters = weights()
    prodigy = built("Prodigy", parameters)
    for _ in range(30):
        step(prodigy, parameters)
    assert effective_rates(prodigy)[0] == prodigy.param_groups[0]["d"] > 1e-6
    adafactor = built("Adafactor", weights(), relative_step=True)
    parameters = [p for group in adafactor.param_groups for p in group["params"]]
    for _ in range(3):
        step(adafactor, parameters)
    assert effective_rates(adafactor) == [0.01, 0.01]


def test_lookup_by_name() -> None:
    assert find_optimizer("PRODIGY") is SPECS["Prodigy"] and find_optimizer("nothing") is None
