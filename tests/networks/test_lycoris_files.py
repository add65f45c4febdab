"""What a LyCORIS module saves has the same effect here, and what is saved here has the same effect in LyCORIS."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
import torch
from torch import Tensor

from kohya_like.networks.algorithms.locon import LoCon
from kohya_like.networks.algorithms.lokr import LoKr
from kohya_like.networks.algorithms.lora import LoRA
from kohya_like.networks.algorithms.norms import Norms
from kohya_like.networks.base import WeightDelta
from kohya_like.networks.layer import AdaptedLayer
from kohya_like.networks.network import Network
from kohya_like.schema.errors import FormatError
from kohya_like.schema.registry import plugins
from tests.networks.tiny import OneLayer, one_layer, parts, randomise, relative_error

pytest.importorskip("lycoris")
pytestmark = pytest.mark.quick

LIMIT = 1e-5
NAME = "lora_unet_block_layer"
RANK: dict[str, Any] = {"lora_dim": 4, "alpha": 2.0}
OURS: dict[str, Any] = {"dim": 4, "alpha": 2.0, "conv_dim": 4, "conv_alpha": 2.0}
LAYERS = ("linear", "conv1x1", "conv3x3")

# algorithm here, its options, LyCORIS' module, its options, cells
KINDS: list[tuple[str, dict[str, Any], str, dict[str, Any], tuple[str, ...]]] = [
    ("locon", OURS, "locon.LoConModule", RANK, LAYERS),
    ("locon", {**OURS, "use_tucker": True}, "locon.LoConModule", {**RANK, "use_tucker": True}, LAYERS),
    ("loha", OURS, "loha.LohaModule", RANK, LAYERS),
    ("loha", {**OURS, "use_tucker": True}, "loha.LohaModule", {**RANK, "use_tucker": True}, LAYERS),
    ("lokr", OURS, "lokr.LokrModule", RANK, LAYERS),
    ("lokr", {**OURS, "dim": 1, "conv_dim": 1}, "lokr.LokrModule", {**RANK, "lora_dim": 1}, LAYERS),
    ("lokr", {**OURS, "factor": 2, "dim": 1, "conv_dim": 1, "use_tucker": True}, "lokr.LokrModule",
     {**RANK, "lora_dim": 1, "factor": 2, "use_tucker": True}, LAYERS),
    ("lokr", {**OURS, "dim": 1, "conv_dim": 1, "decompose_both": True}, "lokr.LokrModule",
     {**RANK, "lora_dim": 1, "decompose_both": True}, LAYERS),
    ("lokr", {**OURS, "full_matrix": True}, "lokr.LokrModule", {**RANK, "full_matrix": True}, LAYERS),
    ("glora", OURS, "glora.GLoRAModule", RANK, LAYERS),
    ("ia3", {"convolutions": True}, "ia3.IA3Module", {}, LAYERS),
    ("ia3", {"convolutions": True, "on_input": "all"}, "ia3.IA3Module", {"train_on_input": True}, LAYERS),
    ("full", {"convolutions": True}, "full.FullModule", {}, LAYERS),
    ("norms", {}, "norms.NormModule", {}, ("layernorm", "groupnorm")),
    ("oft", {"dim": 3, "conv_dim": 3}, "diag_oft.DiagOFTModule", {"lora_dim": 3}, LAYERS),
    ("oft", {"dim": 3, "conv_dim": 3, "constraint": 0.02, "rescaled": True}, "diag_oft.DiagOFTModule",
     {"lora_dim": 3, "constraint": 0.02, "rescaled": True}, LAYERS),
    ("boft", {"dim": 6, "conv_dim": 6}, "boft.ButterflyOFTModule", {"lora_dim": 6}, LAYERS),
    ("boft", {"dim": 6, "conv_dim": 6, "constraint": 0.02, "rescaled": True}, "boft.ButterflyOFTModule",
     {"lora_dim": 6, "constraint": 0.02, "rescaled": True}, LAYERS),
    ("locon", {**OURS, "dora_wd": True, "dora_axis": "output"}, "locon.LoConModule",
     {**RANK, "weight_decompose": True}, LAYERS),
    ("loha", {**OURS, "dora_wd": True, "dora_axis": "output"}, "loha.LohaModule",
     {**RANK, "weight_decompose": True}, LAYERS),
    ("lokr", {**OURS, "dora_wd": True, "dora_axis": "output"}, "lokr.LokrModule",
     {**RANK, "weight_decompose": True}, LAYERS),
    ("locon", {**OURS, "rs_lora": True, "use_scalar": True}, "locon.LoConModule",
     {**RANK, "rs_lora": True, "use_scalar": True}, LAYERS),
]  # fmt: skip
CASES = [(kind[:4], cell) for kind in KINDS for cell in kind[4]]
every_case = pytest.mark.parametrize(
    ("kind", "cell"), CASES, ids=[f"{k[0]}{'-'.join(map(str, k[3]))}-{cell}" for k, cell in CASES]
)
Kind = tuple[str, dict[str, Any], str, dict[str, Any]]


def their_module(kind: Kind, model: OneLayer) -> Any:
    file, _, name = kind[2].partition(".")
    return getattr(importlib.import_module(f"lycoris.modules.{file}"), name)(NAME, model.block.layer, **kind[3])


def our_algorithm(kind: Kind) -> WeightDelta:
    made = plugins("algorithm")[kind[0]](**kind[1])  # type: ignore[operator]
    assert isinstance(made, WeightDelta)
    return made


def effect(theirs: Any, model: OneLayer, x: Tensor) -> Tensor:
    theirs.apply_to()
    found = model(x).detach()
    return found


@every_case
def test_their_file_here(kind: Kind, cell: str) -> None:
    model, x = one_layer(cell)
    before = model(x)
    again, _ = one_layer(cell)
    theirs = their_module(kind, again)
    randomise(theirs, 0.2)
    wanted = effect(theirs, again, x)
    saved = {f"{NAME}.{key}": value.detach().clone() for key, value in theirs.state_dict().items()}
    network = Network.from_tensors(saved, {"unet": model}, "sd1").eval()
    network.attach()
    assert relative_error(model(x), wanted) < LIMIT
    assert relative_error(wanted, before) > 1e-2
    ours = network.tensors()
    assert ours.keys() == saved.keys()
    assert all(value.shape == ours[key].shape for key, value in saved.items())
    assert all(value.dtype == ours[key].dtype for key, value in saved.items() if key.endswith("on_input"))


@every_case
def test_our_file_there(kind: Kind, cell: str) -> None:
    model, x = one_layer(cell)
    again, _ = one_layer(cell)
    network = Network.create(our_algorithm(kind), {"unet": model}, "sd1", seed=1)
    randomise(network, 0.2)
    tensors = {key.removeprefix(f"{NAME}."): value.clone() for key, value in network.tensors().items()}
    network.attach()
    wanted = model(x)
    theirs = their_module(kind, again)
    found = theirs.load_state_dict(tensors, strict=False)
    assert not found.unexpected_keys
    assert set(found.missing_keys) <= {"scalar", "dtype_tensor", "weight", "bias"}
    assert relative_error(effect(theirs, again, x), wanted) < LIMIT
    assert not torch.equal(wanted, one_layer(cell)[0](x))


def test_training_goes_on_from_a_locon_file() -> None:
    """Layers with a core and layers that look like LoRA's: all are LoCon again where the options ask for it."""
    models = {"unet": parts("sd1")["unet"]}
    saved = Network.create(LoCon(dim=2, use_tucker=True), models, "sd1").tensors()
    onward = Network.from_tensors(saved, models, "sd1", template=LoCon(dim=9))
    assert {type(adapter.algorithm) for adapter in onward.adapters} == {LoCon}
    assert onward.tensors().keys() == saved.keys()
    kinds = {type(adapter.algorithm) for adapter in Network.from_tensors(saved, models, "sd1").adapters}
    assert kinds == {LoCon, LoRA}
    with pytest.raises(FormatError, match=r'Tucker core \(lora_mid\), which network.name = "locon" goes on from'):
        Network.from_tensors(saved, models, "sd1", template=LoRA())


def test_norms_stand_where_lycoris_trains_them() -> None:
    """SDXL's UNet is named as in its original code; the text encoders' norms stand beside attention and MLP."""
    names = [adapter.name for adapter in Network.create(Norms(), parts("sdxl"), "sdxl").adapters]
    assert {"lora_unet_input_blocks_1_0_in_layers_0", "lora_unet_input_blocks_1_0_out_layers_0"} <= set(names)
    assert "lora_unet_input_blocks_4_1_transformer_blocks_0_norm3" in names
    assert "lora_te1_text_model_encoder_layers_1_layer_norm2" in names
    assert not [name for name in names if "final_layer_norm" in name or name.endswith("out_0")]


@pytest.mark.parametrize("options", [{}, {"dim": 1, "decompose_both": True}])
def test_a_norm_limit_holds_for_both_forms_of_the_small_matrix(options: dict[str, Any]) -> None:
    model, _ = one_layer("linear")
    network = Network.create(LoKr(**options), {"unet": model}, "sd1")
    randomise(network, 1.0)
    (layer,) = network.adapters
    assert isinstance(layer, AdaptedLayer) and layer.delta().norm() > 0.5
    layer.limit_norm(0.5)
    assert layer.delta().norm().item() == pytest.approx(0.5, rel=1e-5)
