"""DoRA beside LyCORIS and peft: formula, files, gradients, and which axis a shape tells."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from kohya_like.networks.algorithms.locon import LoCon
from kohya_like.networks.algorithms.loha import LoHa
from kohya_like.networks.algorithms.lokr import LoKr
from kohya_like.networks.algorithms.lora import DOWN, UP, LoRA
from kohya_like.networks.low_rank import LowRank
from kohya_like.networks.network import Network
from tests.networks.lycoris_networks import made as made_there
from tests.networks.tiny import one_layer, randomise, relative_error
from tests.networks.variants import CELLS, CONVOLUTIONS, NAME, made, only_layer, weight_of

pytestmark = pytest.mark.quick


@CELLS
@pytest.mark.parametrize("axis", ["input", "output"])
def test_dora_is_lycoris_decomposition(cell: str, axis: str) -> None:
    general = pytest.importorskip("lycoris.functional.general")
    network, model, x = made(LoRA(dim=4, alpha=2, dora_wd=True, dora_axis=axis, **CONVOLUTIONS), cell)
    layer, base = only_layer(network), weight_of(model)
    w = {key: value.detach() for key, value in layer.weights.items()}
    change = (w[UP].flatten(1) @ w[DOWN].flatten(1)).reshape(base.shape) * 0.5
    wanted = general.weight_decompose(base + change, w["dora_scale"], wd_on_out=axis == "output")
    ones = (1,) * (base.ndim - 1)
    shape = (12, *ones) if axis == "output" else (1, 10, *ones[1:])
    assert tuple(w["dora_scale"].shape) == shape
    assert relative_error(base + layer.delta(), wanted) < 1e-5
    network.attach()
    bias = model.block.layer.bias
    assert isinstance(bias, Tensor)
    assert relative_error(model(x), layer.shape.apply(x, wanted, bias)) < 1e-5


@CELLS
def test_dora_of_lycoris_is_read(cell: str) -> None:
    """The tensors a LyCORIS module with weight decomposition saves give here what that module computes."""
    locon = pytest.importorskip("lycoris.modules.locon")
    model, x = one_layer(cell)
    theirs = locon.LoConModule(NAME, model.block.layer, lora_dim=4, alpha=2.0, weight_decompose=True)
    randomise(theirs, 0.3)
    saved = {f"{NAME}.{key}": value.detach().clone() for key, value in theirs.custom_state_dict().items()}
    before = model(x)
    theirs.apply_to()
    wanted = model(x).detach()
    theirs.restore()
    network = Network.from_tensors(saved, {"unet": model}, "sd1")
    assert network.algorithm == LoRA(dim=4, alpha=2.0, dora_wd=True, dora_axis="output", **_conv(cell))
    network.attach()
    assert relative_error(model(x), wanted) < 1e-5
    assert relative_error(wanted, before) > 1e-2
    assert network.tensors().keys() == saved.keys()


def _conv(cell: str) -> dict[str, Any]:
    return {"conv_dim": 4, "conv_alpha": 2.0} if cell == "conv3x3" else {}


@CELLS
def test_dora_of_peft_is_read_and_has_our_gradients(cell: str) -> None:
    """peft has one length for each output, and takes the norm as a constant as we do."""
    peft = pytest.importorskip("peft")
    model, x = one_layer(cell)
    network, _, _ = made(LoRA(dim=4, alpha=2, dora_wd=True, dora_axis="output", **CONVOLUTIONS), cell, std=0.0)
    config = peft.LoraConfig(r=4, lora_alpha=2, use_dora=True, target_modules=["block.layer"])
    theirs = peft.get_peft_model(model, config)
    randomise_lora(theirs)
    state = peft.get_peft_model_state_dict(theirs)
    wanted = theirs(x)
    wanted.square().sum().backward()
    gradients = {key: p.grad.clone() for key, p in theirs.named_parameters() if p.grad is not None}
    saved = {key: value.clone() for key, value in state.items()} | {
        "base_model.model.block.layer.alpha": torch.tensor(2.0)
    }
    plain, _ = one_layer(cell)
    network = Network.from_tensors(saved, {"unet": plain}, "sd1")
    network.attach()
    found = plain(x)
    assert relative_error(found, wanted) < 1e-5
    found.square().sum().backward()
    ours = {key: p.grad for key, p in only_layer(network).named_weights()}
    for key, mine in {"lora_A": DOWN, "lora_B": UP, "magnitude": "dora_scale"}.items():
        (theirs_grad,) = [gradient for name, gradient in gradients.items() if key in name]
        grad = ours[mine]
        assert grad is not None
        assert relative_error(grad.flatten(), theirs_grad.flatten()) < 1e-4


def randomise_lora(model: nn.Module) -> None:
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in (p for p in model.parameters() if p.requires_grad):
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.3)


@pytest.mark.parametrize("shape", [(1, 1), (1, 10)])
def test_one_output_leaves_no_doubt_about_the_axis(shape: tuple[int, int]) -> None:
    """A layer with one output: [1, 1] is one length for it, [1, I] one for each input."""
    found = LoRA.infer({DOWN: (4, 10), UP: (1, 4), "dora_scale": shape}, {})
    assert found.dora_axis == ("output" if shape == (1, 1) else "input")


def test_lengths_are_saved_in_full() -> None:
    network, _, _ = made(LoRA(dim=4, dora_wd=True))
    saved = network.tensors(torch.float16)
    assert saved[f"{NAME}.dora_scale"].dtype == torch.float32
    assert saved[f"{NAME}.lora_up.weight"].dtype == torch.float16


@pytest.mark.parametrize("axis", ["input", "output"])
def test_rows_and_columns_of_zeros_train_without_nan(axis: str) -> None:
    model, x = one_layer("linear")
    weight = model.block.layer.weight
    assert isinstance(weight, torch.Tensor)
    with torch.no_grad():
        weight[3] = 0.0
        weight[:, 2] = 0.0
    before = model(x)
    network = Network.create(LoRA(dim=4, dora_wd=True, dora_axis=axis), {"unet": model}, "sd1", seed=1)
    network.attach()
    assert torch.equal(model(x), before)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(20):
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()
    assert all(torch.isfinite(p).all() for p in network.parameters())
    assert model(x).square().mean() < before.square().mean()


@pytest.mark.parametrize("axis", ["input", "output"])
@pytest.mark.parametrize("kind", [LoRA, LoCon, LoHa, LoKr], ids=lambda kind: kind.__name__)
def test_a_file_says_of_itself_what_makes_lycoris_build_the_same(kind: type[LowRank], axis: str) -> None:
    """networks.lora knows no DoRA, so the file names LyCORIS, with the arguments by which LyCORIS decomposes."""
    pytest.importorskip("lycoris.kohya")
    algorithm = kind(dim=2, alpha=1.0, dora_wd=True, dora_axis=axis)
    assert algorithm.file_module == "lycoris.kohya"
    assert kind is not LoRA or LoRA().file_module == "networks.lora"
    told = {"algo": kind.__name__.lower(), **algorithm.arguments()}
    unet, arguments = {"unet": one_layer("linear")[0]}, {key: str(value) for key, value in told.items()}
    (layer,) = made_there(unet, 2, 1.0, **arguments).unet_loras
    assert layer.wd and layer.wd_on_out == (axis == "output")
    (plain,) = made_there(unet, 2, 1.0, algo=arguments["algo"]).unet_loras
    assert not plain.wd
