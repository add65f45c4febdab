"""The products (LoCon, LoHa, LoKr, GLoRA, (IA)^3, full, norms) beside LyCORIS and peft: values, files, sizes."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoHaConfig, LoKrConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from torch import Tensor, nn

from kohya_like.formats.tensors import save_safetensors
from kohya_like.networks.algorithms.glora import GLoRA
from kohya_like.networks.algorithms.locon import LoCon
from kohya_like.networks.algorithms.loha import LoHa
from kohya_like.networks.algorithms.lokr import LoKr
from kohya_like.networks.base import BASE, LayerShape, ParamSpec, WeightDelta
from kohya_like.networks.factorization import factorization
from kohya_like.networks.network import Network
from tests.networks.tiny import one_layer, randomise, relative_error

pytestmark = pytest.mark.quick

LIMIT = 1e-5
LINEAR = LayerShape("linear", 24, 20)
CONV = LayerShape("conv2d", 24, 20, (3, 3), (1, 1), (1, 1))
SHAPES = pytest.mark.parametrize("shape", [LINEAR, CONV], ids=["linear", "conv"])


def drawn(algorithm: WeightDelta, shape: LayerShape) -> dict[str, Tensor]:
    torch.manual_seed(2)
    return {key: torch.randn(spec.shape) * 0.3 for key, spec in algorithm.parameters(shape).items()}


def test_locon_with_a_core() -> None:
    locon = pytest.importorskip("lycoris.functional.locon")
    algorithm = LoCon(dim=4, alpha=3.0, use_tucker=True)
    w = drawn(algorithm, CONV)
    wanted = locon.diff_weight(*(w[f"lora_{key}.weight"] for key in ("down", "up", "mid")), gamma=0.75)
    assert relative_error(algorithm.delta(w, CONV), wanted) < LIMIT


@pytest.mark.parametrize("tucker", [False, True], ids=["plain", "tucker"])
@SHAPES
def test_loha(shape: LayerShape, tucker: bool) -> None:
    loha = pytest.importorskip("lycoris.functional.loha")
    algorithm = LoHa(dim=4, alpha=3.0, use_tucker=tucker)
    w = drawn(algorithm, shape)
    order = ("hada_w1_b", "hada_w1_a", "hada_w2_b", "hada_w2_a")
    cores = (w.get("hada_t1"), w.get("hada_t2"))
    wanted = loha.diff_weight(*(w[key] for key in order), *cores, gamma=torch.tensor(0.75))
    assert relative_error(algorithm.delta(w, shape), wanted.reshape(shape.weight_shape)) < LIMIT


LOKR = [
    {"dim": 2}, {"dim": 2, "factor": 2}, {"dim": 1, "decompose_both": True}, {"full_matrix": True},
    {"dim": 2, "use_tucker": True}, {"dim": 100}, {"dim": 2, "unbalanced_factorization": True},
]  # fmt: skip


@pytest.mark.parametrize("options", LOKR, ids=str)
@SHAPES
def test_lokr(shape: LayerShape, options: dict[str, Any]) -> None:
    lokr = pytest.importorskip("lycoris.functional.lokr")
    algorithm = LoKr(alpha=3.0, **options)
    w = drawn(algorithm, shape)
    second = w.get("lokr_w2_b")
    if second is not None and shape.kernel and "lokr_t2" not in w:
        second = second.reshape(second.shape[0], -1, *shape.kernel)
    parts = [w.get(f"lokr_{key}") for key in ("w1", "w1_a", "w1_b", "w2", "w2_a")]
    scale = 1.0 if "lokr_w1" in w and "lokr_w2" in w else algorithm.scale
    # its kron_weight takes the scale as it is; diff_weight divides by a rank once more
    wanted = lokr.kron_weight(*parts, second, w.get("lokr_t2"), scale=scale)
    assert relative_error(algorithm.delta(w, shape), wanted.reshape(shape.weight_shape)) < LIMIT


@SHAPES
def test_glora_by_hand(shape: LayerShape) -> None:
    algorithm = GLoRA(dim=4, alpha=3.0)
    w = {**drawn(algorithm, shape), BASE: torch.randn(shape.weight_shape)}
    a1, a2, b1, b2 = (w[f"{key}.weight"].double().flatten(1) for key in ("a1", "a2", "b1", "b2"))
    own = torch.einsum("oi...,ij,jk->ok...", w[BASE].double(), a1, a2)
    wanted = 0.75 * (own + (b1 @ b2).reshape(shape.weight_shape))
    assert relative_error(algorithm.delta(w, shape), wanted) < LIMIT


@pytest.mark.parametrize("factor", [-1, 1, 2, 6, 7, 8, 64, 100])
def test_the_factor_of_lokr_is_found_in_every_layer_of_a_real_model(factor: int) -> None:
    """Also where the kernel hides in the width of the decomposed half; whatever the options, the sizes come back."""
    widths = [(320, 4), (320, 320), (1280, 640), (10240, 1280), (1280, 5120), (320, 768), (640, 2048)]
    for out, in_ in widths:
        for kernel in ((), (3, 3)):
            shape = LayerShape("conv2d" if kernel else "linear", out, in_, kernel)
            for more in ({}, {"decompose_both": True}, {"unbalanced_factorization": True}, {"use_tucker": True}):
                algorithm = LoKr(dim=2, factor=factor, **more).for_layer(shape, "") or LoKr(dim=2, factor=factor)
                shapes = {key: spec.shape for key, spec in algorithm.parameters(shape).items()}
                found = LoKr.infer(shapes, algorithm.constants())
                assert {k: s.shape for k, s in found.parameters(shape).items()} == shapes, (out, in_, kernel, more)


@pytest.mark.parametrize(
    ("algorithm", "shape", "wanted"),
    [
        (LoCon(dim=4, use_tucker=True), CONV, {"lora_down.weight": 20**-0.5, "lora_mid.weight": 36**-0.5,
                                                "lora_up.weight": 0.0}),
        (LoHa(dim=4, use_tucker=True), CONV, {"hada_w1_a": 0.1, "hada_w1_b": 1.0, "hada_w2_a": 0.0, "hada_w2_b": 1.0,
                                               "hada_t1": 0.1, "hada_t2": 0.1}),
        (LoKr(dim=2), LINEAR, {"lokr_w1": 4**-0.5, "lokr_w2_a": 2**-0.5, "lokr_w2_b": 0.0}),
        (LoKr(dim=1, decompose_both=True, use_tucker=True), CONV,
         {"lokr_w1_a": 1.0, "lokr_w1_b": 4**-0.5, "lokr_t2": 9**-0.5, "lokr_w2_a": 6**-0.5, "lokr_w2_b": 0.0}),
        (GLoRA(dim=4), LINEAR, {"a1.weight": 0.5, "a2.weight": 0.0, "b1.weight": 0.5, "b2.weight": 0.0}),
    ],
    ids=["locon", "loha", "lokr", "lokr-tucker", "glora"],
)  # fmt: skip
def test_initial_values(algorithm: WeightDelta, shape: LayerShape, wanted: dict[str, float]) -> None:
    """formats.md 2.2: kaiming uniform with a = √5 is a bound of 1 / √fan-in."""

    def size(spec: ParamSpec) -> float:
        return {"zeros": 0.0, "normal": spec.std, "uniform": spec.bound}[spec.init]

    assert {key: size(spec) for key, spec in algorithm.parameters(shape).items()} == pytest.approx(wanted)


def test_ranks_of_convolutions_are_lycoris() -> None:
    """LoCon's convolutions take dim and alpha where nothing else is said; kohya's LoRA leaves them alone."""
    own = LoCon(dim=6, alpha=3.0).for_layer(CONV, "")
    assert own is not None and (own.dim, own.alpha) == (6, 3.0)
    own = LoCon(dim=6, alpha=3.0, conv_dim=2, conv_alpha=1.5).for_layer(CONV, "")
    assert own is not None and (own.dim, own.alpha) == (2, 1.5)
    assert LoHa(dim=6).for_layer(CONV, "") is None


PEFT = [
    ("linear", LoHa(dim=2, alpha=3.0), LoHaConfig(r=2, alpha=3)),
    ("conv1x1", LoHa(dim=2, alpha=3.0), LoHaConfig(r=2, alpha=3)),
    ("conv3x3", LoHa(dim=2, alpha=3.0, conv_dim=2, conv_alpha=3.0), LoHaConfig(r=2, alpha=3)),
    ("conv3x3", LoHa(dim=2, alpha=3.0, conv_dim=2, conv_alpha=3.0, use_tucker=True),
     LoHaConfig(r=2, alpha=3, use_effective_conv2d=True)),
    ("linear", LoKr(dim=1, alpha=3.0), LoKrConfig(r=1, alpha=3)),
    ("linear", LoKr(dim=1, alpha=3.0, decompose_both=True), LoKrConfig(r=1, alpha=3, decompose_both=True)),
    ("linear", LoKr(dim=4, full_matrix=True), LoKrConfig(r=4, alpha=4)),
]  # fmt: skip


@pytest.mark.parametrize(("cell", "algorithm", "config"), PEFT, ids=lambda value: type(value).__name__)
def test_peft_computes_the_same(cell: str, algorithm: WeightDelta, config: Any) -> None:
    model, x = one_layer(cell)
    network = Network.create(algorithm, {"unet": model}, "sd1", seed=1)
    randomise(network, 0.3)
    tensors = {k.split(".", 1)[1]: v.clone() for k, v in network.tensors().items() if not k.endswith("alpha")}
    network.attach()
    wanted = model(x).detach()
    network.detach()
    config.target_modules, config.module_dropout = ["layer"], 0.0
    theirs = get_peft_model(nn.Sequential(model), config)  # type: ignore[arg-type]
    there = {f"base_model.model.0.block.layer.{key}": value for key, value in tensors.items()}
    found: Any = set_peft_model_state_dict(theirs, there)
    assert not found.unexpected_keys
    theirs.eval()
    assert relative_error(theirs(x), wanted) < LIMIT


@pytest.mark.parametrize(("cell", "algorithm", "config"), PEFT, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("alphas", ["metadata", "none"])
def test_a_file_of_peft_has_its_effect_here(
    cell: str, algorithm: WeightDelta, config: Any, alphas: str, tmp_path: Path
) -> None:
    """Keys as peft names them; its alpha stands in no tensor: where the metadata lacks it too, it is the rank."""
    model, x = one_layer(cell)
    config = deepcopy(config)
    whole = alphas == "none" or (isinstance(algorithm, LoKr) and algorithm.full_matrix)
    config.target_modules, config.module_dropout, config.alpha = ["layer"], 0.0, config.r if whole else 3
    before = model(x)
    theirs: Any = get_peft_model(nn.Sequential(model), config)  # type: ignore[arg-type]
    randomise(theirs, 0.3)
    restored, _ = one_layer(cell)
    base = next(m for m in theirs.modules() if hasattr(m, "base_layer")).base_layer
    base.load_state_dict(restored.block.layer.state_dict())
    state = {key.replace(".model.0.", ".model."): value.clone() for key, value in
             get_peft_model_state_dict(theirs).items()}  # fmt: skip
    told = {"lora_adapter_metadata": json.dumps({"unet.lora_alpha": config.alpha})} if alphas == "metadata" else {}
    save_safetensors(tmp_path / "peft.safetensors", state, told)
    wanted = theirs.eval()(x).detach()
    network = Network.from_file(tmp_path / "peft.safetensors", {"unet": restored}, "sd1")
    assert isinstance(network.algorithm, type(algorithm))
    network.attach()
    assert relative_error(restored(x), wanted) < LIMIT
    assert relative_error(wanted, before) > 1e-2


@pytest.mark.parametrize(("width", "factor"), [(w, f) for w in (320, 640, 768, 1280, 5120, 10240) for f in (-1, 4, 8)])
def test_factorization_is_pefts_at_real_widths(width: int, factor: int) -> None:
    layer = pytest.importorskip("peft.tuners.lokr.layer")
    assert tuple(layer.factorization(width, factor)) == factorization(width, factor)
