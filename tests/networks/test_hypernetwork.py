"""The hypernetwork's options: each activation, initialisation, dropout and size as webui has it, and its own start."""

from __future__ import annotations

import json
import warnings
from typing import Any, get_args

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from kohya_like.families.base import family
from kohya_like.families.components import skeleton
from kohya_like.networks.activations import LIVE_AT_ZERO, Activation, activate
from kohya_like.networks.adapter import filled
from kohya_like.networks.algorithms.hypernetwork import Hypernetwork
from kohya_like.networks.network import Network
from kohya_like.networks.residual import attention_layers
from kohya_like.schema.errors import FormatError, UserError
from tests.formats.hypernetworks import Attention, inputs, trained
from tests.formats.webui import ACTIVATIONS

pytestmark = pytest.mark.quick

LEFT_OUT = {
    "glu": "halves its input", "threshold": "needs arguments", "multiheadattention": "needs arguments",
}  # fmt: skip


def test_every_activation_of_webui_that_can_stand_there_is_known() -> None:
    """Its own seven names and every class of torch.nn.modules.activation; each computes what the class does."""
    assert set(get_args(Activation)) | LEFT_OUT.keys() == ACTIVATIONS.keys()
    torch.manual_seed(0)
    x = torch.randn(3, 4, 6) * 3
    for name in get_args(Activation):
        if name != "linear":
            slope = torch.tensor([0.25]) if name == "prelu" else None
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a softmax without its axis
                wanted = ACTIVATIONS[name]().eval()(x)
            assert torch.equal(activate(name, x, slope), wanted), name


def test_why_the_others_are_left_out() -> None:
    assert ACTIVATIONS["glu"]()(torch.ones(2, 6)).shape == (2, 3)
    for name in ("threshold", "multiheadattention"):
        with pytest.raises(TypeError):
            ACTIVATIONS[name]()


def test_what_lives_at_zero() -> None:
    """Zero at zero, with a slope there: what an activation behind layers of zeros has to be."""
    found = set()
    for name in get_args(Activation):
        x = torch.zeros(2, 3, 4, requires_grad=True)
        slope = torch.tensor([0.25]) if name == "prelu" else None
        y: Tensor = x * 1 if name == "linear" else activate(name, x, slope)
        y.sum().backward()
        if not y.any() and x.grad is not None and x.grad.abs().min() > 0:
            found.add(name)
    assert found == LIVE_AT_ZERO


@pytest.mark.parametrize("more", [{}, {"layer_norm": True}, {"activate_output": True}], ids=str)
@pytest.mark.parametrize("activation", get_args(Activation))
def test_a_new_one_changes_nothing_and_learns(activation: Activation, more: dict[str, Any]) -> None:
    """The default start, for every activation; behind the last layer only those that live at zero are taken."""
    if "activate_output" in more and activation not in LIVE_AT_ZERO:
        with pytest.raises(ValidationError, match=f"behind layers of zeros {activation} would change the model at onc"):
            Hypernetwork(activation=activation, **more)
        assert Hypernetwork(activation=activation, initialization="normal", **more).activate_output
        return
    unet, given = Attention(), inputs()
    before = unet(*given)
    network = Network.create(Hypernetwork(activation=activation, **more), {"unet": unet}, "sd1", seed=1)
    network.attach()
    assert torch.equal(unet(*given), before)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        (unet(*given) ** 2).mean().backward()
        optimizer.step()
    assert not torch.equal(unet(*given), before)


@pytest.mark.parametrize("initialization", ["normal", "xavier_normal", "kaiming_uniform"])
def test_control_webuis_own_start_changes_the_model(initialization: str) -> None:
    unet, given = Attention(), inputs()
    before = unet(*given)
    Network.create(Hypernetwork.model_validate({"initialization": initialization}), {"unet": unet}, "sd1").attach()
    assert not torch.equal(unet(*given), before)


INITIALIZERS: dict[str, Any] = {
    "normal": lambda w: nn.init.normal_(w, std=0.01),
    "xavier_uniform": nn.init.xavier_uniform_,
    "xavier_normal": nn.init.xavier_normal_,
    "kaiming_uniform": lambda w: nn.init.kaiming_uniform_(w, nonlinearity="relu"),
    "kaiming_normal": lambda w: nn.init.kaiming_normal_(w, nonlinearity="leaky_relu", a=0),
}


@pytest.mark.parametrize("scheme", INITIALIZERS)
def test_first_values_are_torchs(scheme: str) -> None:
    options = {"initialization": scheme, "activation": "leakyrelu", "layer_norm": True, "layer_structure": (1, 2, 1)}
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    for key, spec in Hypernetwork.model_validate(options).parameters(160).items():
        value = filled(spec, generator)
        if key.endswith("bias"):
            assert not value.any()
        elif value.ndim == 1:
            assert spec.init == "normal" and spec.std == 0.01, "LayerNorm under every scheme"
        else:
            wanted = INITIALIZERS[scheme](torch.empty(spec.shape))
            assert value.std().item() == pytest.approx(wanted.std().item(), rel=0.02)
            assert value.abs().max().item() == pytest.approx(wanted.abs().max().item(), rel=0.25)
            assert (spec.init == "uniform") == scheme.endswith("uniform")


@pytest.mark.parametrize(
    ("name", "widths"), [("sd1", [320, 640, 768, 1280]), ("sd2", [320, 640, 1024, 1280]), ("sdxl", [640, 1280, 2048])]
)
def test_widths_of_the_real_models(name: str, widths: list[int]) -> None:
    """What attention reads is webui's list of sizes, by family; SDXL has the level of 320 without attention."""
    unet = skeleton("unet", json.loads((family(name).config_folder / "unet" / "config.json").read_text()), "here")
    layers = attention_layers(unet)
    assert [key for key in layers] == [(width, side) for width in widths for side in "kv"]
    if name == "sd1":
        assert len(layers[768, "k"]) == 16 and sum(len(layers[w, "v"]) for w in (320, 640, 1280)) == 16


def test_sizes_choose_and_strange_ones_are_refused() -> None:
    unet = Attention()
    network = Network.create(Hypernetwork(sizes=(12,)), {"unet": unet}, "sd1")
    assert list(network.layers) == ["hypernetwork_12_k", "hypernetwork_12_v"]
    with pytest.raises(UserError, match=r"network\.sizes names 1024, but the attention of this model reads 8, 12"):
        Network.create(Hypernetwork(sizes=(12, 1024)), {"unet": unet}, "sd1")


def test_keys_and_values_have_nets_of_their_own_and_queries_none() -> None:
    unet, given = Attention(), inputs()
    before = unet(*given).split([60, 60, 60, 60, 36, 36])
    network = trained(unet)
    for net in network.adapters:
        if net.name in ("hypernetwork_8_v", "hypernetwork_12_k"):
            net.multiplier = 0.0
    network.attach()
    after = unet(*given).split([60, 60, 60, 60, 36, 36])
    same = [torch.equal(a, b) for a, b in zip(before, after)]
    assert same == [True, False, True, True, True, False]  # q k v of attn1, q k v of attn2


def test_float32_inside_a_bf16_model() -> None:
    unet, given = Attention().to(torch.bfloat16), tuple(x.to(torch.bfloat16) for x in inputs())
    network = trained(unet, activation="relu")
    net = network.layers["hypernetwork_8_k"]
    assert {p.dtype for p in network.parameters()} == {torch.float32}
    wanted = (given[0].float() + net.algorithm.change(net.weights, given[0].float())).to(torch.bfloat16)  # type: ignore
    assert torch.equal(net(given[0]), wanted)
    network.attach()
    assert unet(*given).dtype == torch.bfloat16


def test_dropout_works_in_training_only_where_the_structure_says() -> None:
    unet, given = Attention(), inputs()
    network = trained(unet, layer_structure=(1, 2, 2, 1), dropout_structure=(0, 0.5, 0, 0))
    net = network.layers["hypernetwork_8_k"]
    assert torch.equal(net(given[0]), net(given[0]))
    network.train()
    assert not torch.equal(net(given[0]), net(given[0]))
    layers = Hypernetwork(layer_structure=(1, 2, 2, 1), dropout_structure=(0, 0.5, 0, 0)).layout.layers()
    assert [layer.dropout for layer in layers] == [0.5, 0.0, 0.0] and [layer.linear for layer in layers] == [0, 2, 3]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"dropout_structure": (0, 0.1)}, "as long as layer_structure"),
        ({"dropout_structure": (0.1, 0.1, 0)}, "the first and the last 0"),
        ({"dropout_structure": (0, 1.0, 0)}, "at least 0 and less than 1"),
        ({"dropout_structure": (0, 0.1, 0), "dropout": 0.1}, "give one of them"),
        ({"activation": "wobble"}, "activation"),
        ({"layer_structure": (1, 2)}, "the first and the last 1"),
    ],
)
def test_options_that_do_not_fit(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        Hypernetwork.model_validate(options)


@pytest.mark.parametrize(
    ("shapes", "constants", "sentence"),
    [
        ({"linear.0.weight": (4,)}, {}, "without layers"),
        ({"linear.0.weight": (0, 0)}, {}, "without layers"),
        ({"linear.0.weight": (8, 4), "linear.1.weight": (4, 8)}, {"activation.relu": 1.0}, "stand in other places"),
        ({"linear.0.weight": (4, 4)}, {"activation.relu": 1.0, "activation.elu": 1.0}, "several activation functions"),
        ({"linear.0.weight": (4, 4)}, {"activation.wobble": 1.0}, "'wobble', which is unknown; known: linear, relu"),
    ],
)
def test_tensors_that_are_no_hypernetwork(shapes: Any, constants: dict[str, float], sentence: str) -> None:
    with pytest.raises(FormatError, match=sentence):
        Hypernetwork.infer(shapes, constants)


def test_a_file_with_other_options_does_not_slip_into_a_network() -> None:
    unet = Attention()
    tensors = trained(unet, activation="relu").tensors()
    with pytest.raises(FormatError, match=r"hypernetwork_8_k\.activation\.relu is unknown here"):
        Network.create(Hypernetwork(activation="tanh"), {"unet": unet}, "sd1").load_tensors(tensors)
    tensors["hypernetwork_8_k.linear.0.bias"][0] = 3.0
    Network.create(Hypernetwork(activation="relu"), {"unet": unet}, "sd1").load_tensors(tensors)
