"""Each formula beside its reference: lycoris-lora's functions, or the formula written out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from kohya_like.networks.algebra import cayley_minus_identity, hadamard
from kohya_like.networks.algorithms.hypernetwork import Hypernetwork
from kohya_like.networks.algorithms.loha import LoHa
from kohya_like.networks.algorithms.lora import LoRA
from kohya_like.networks.algorithms.oft import OFT
from kohya_like.networks.base import BASE, InputResidual, LayerShape, WeightDelta
from kohya_like.networks.factorization import factorization
from kohya_like.networks.network import Network
from tests.networks.tiny import one_layer, randomise, relative_error

pytestmark = pytest.mark.quick

LIMIT = 1e-5
LINEAR = LayerShape("linear", 12, 10)
CONV = LayerShape("conv2d", 12, 10, (3, 3), (1, 1), (1, 1))
SHAPES = pytest.mark.parametrize("shape", [LINEAR, CONV], ids=["linear", "conv"])


def random_weights(algorithm: WeightDelta | InputResidual, where: LayerShape | int) -> dict[str, Tensor]:
    torch.manual_seed(2)
    specs = algorithm.parameters(where)  # type: ignore[arg-type]
    return {key: torch.randn(spec.shape) * 0.3 for key, spec in specs.items()}


@SHAPES
def test_lora(shape: LayerShape) -> None:
    locon = pytest.importorskip("lycoris.functional.locon")
    algorithm = LoRA(dim=4, alpha=3.0)
    w = random_weights(algorithm, shape)
    down, up = w["lora_down.weight"], w["lora_up.weight"]
    wanted = locon.diff_weight(down, up, None, gamma=0.75)
    assert relative_error(algorithm.delta(w, shape), wanted.reshape(shape.weight_shape)) < LIMIT


@SHAPES
def test_loha(shape: LayerShape) -> None:
    loha = pytest.importorskip("lycoris.functional.loha")
    algorithm = LoHa(dim=4, alpha=3.0)
    w = random_weights(algorithm, shape)
    order = ("hada_w1_b", "hada_w1_a", "hada_w2_b", "hada_w2_a")
    wanted = loha.diff_weight(*(w[key] for key in order), None, None, gamma=torch.tensor(0.75))
    assert relative_error(algorithm.delta(w, shape), wanted.reshape(shape.weight_shape)) < LIMIT


@SHAPES
@pytest.mark.parametrize("constraint", [0.0, 0.05, 10.0], ids=["free", "held", "loose"])
@pytest.mark.parametrize("rescaled", [False, True], ids=["plain", "rescaled"])
def test_oft(shape: LayerShape, constraint: float, rescaled: bool) -> None:
    oft = pytest.importorskip("lycoris.functional.diag_oft")
    algorithm = OFT(dim=3, constraint=constraint, rescaled=rescaled)
    w = random_weights(algorithm, shape)
    base = torch.randn(shape.weight_shape)
    weights = (w["oft_blocks"], w.get("rescale"))
    wanted = oft.diff_weight(base, *weights, constraint=constraint * shape.out)
    assert relative_error(algorithm.delta({**w, BASE: base}, shape), wanted) < LIMIT


def test_oft_keeps_lengths_and_angles() -> None:
    algorithm = OFT(dim=12)
    shape = LayerShape("linear", 144, 10)
    w, base = random_weights(algorithm, shape), torch.randn(shape.weight_shape)
    turned = base + algorithm.delta({**w, BASE: base}, shape)
    before, after = base.reshape(12, 12, 10), turned.reshape(12, 12, 10)
    torch.testing.assert_close(after.transpose(1, 2) @ after, before.transpose(1, 2) @ before, atol=1e-4, rtol=1e-4)


def test_hypernetwork_by_hand() -> None:
    """webui's HypernetworkModule: Linear, activation, Linear; x + net(x)."""
    algorithm = Hypernetwork(layer_structure=(1, 1.5, 1), activation="relu")
    w, x = random_weights(algorithm, 8), torch.randn(2, 5, 8)
    hidden = functional.relu(x @ w["linear.0.weight"].T + w["linear.0.bias"])
    wanted = x + hidden @ w["linear.2.weight"].T + w["linear.2.bias"]
    assert w["linear.0.weight"].shape == (12, 8)
    torch.testing.assert_close(x + algorithm.change(w, x), wanted)


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        ({}, {0, 1}),
        ({"activation": "relu"}, {0, 2}),
        ({"activation": "relu", "layer_norm": True}, {0, 2, 3, 4}),
        ({"activation": "gelu", "activate_output": True, "layer_norm": True}, {0, 2, 3, 5}),
        ({"dropout": 0.1}, {0, 2}),
        ({"layer_structure": (1, 2, 2, 1), "activation": "mish", "dropout": 0.1}, {0, 3, 6}),
    ],
)
def test_hypernetwork_numbers_its_layers_like_a_torch_sequential(options: dict[str, object], keys: set[int]) -> None:
    algorithm = Hypernetwork.model_validate(options)
    assert {int(key.split(".")[1]) for key in algorithm.parameters(16)} == keys


@pytest.mark.parametrize("activation", ["leakyrelu", "elu", "swish", "tanh", "sigmoid", "gelu", "silu", "softplus"])
def test_hypernetwork_activations(activation: str) -> None:
    classes = {"leakyrelu": "LeakyReLU", "elu": "ELU", "swish": "Hardswish", "gelu": "GELU", "silu": "SiLU"}
    algorithm = Hypernetwork.model_validate({"activation": activation})
    w, x = random_weights(algorithm, 8), torch.randn(2, 8)
    act = getattr(torch.nn, classes.get(activation, activation.capitalize()))()
    wanted = x + act(x @ w["linear.0.weight"].T + w["linear.0.bias"]) @ w["linear.2.weight"].T + w["linear.2.bias"]
    torch.testing.assert_close(x + algorithm.change(w, x), wanted)


def test_hadamard_gradients() -> None:
    torch.manual_seed(0)
    sizes = ((5, 2), (2, 6), (5, 2), (2, 6))
    factors = [torch.randn(size, dtype=torch.float64, requires_grad=True) for size in sizes]
    assert torch.autograd.gradcheck(hadamard, factors)
    plain = (factors[0] @ factors[1]) * (factors[2] @ factors[3])
    torch.testing.assert_close(hadamard(*factors), plain)


def test_cayley_is_a_rotation_without_loss_near_the_identity() -> None:
    torch.manual_seed(0)
    b = torch.randn(3, 4, 4, dtype=torch.float64)
    r = cayley_minus_identity(b - b.transpose(1, 2)) + torch.eye(4, dtype=torch.float64)
    torch.testing.assert_close(r @ r.transpose(1, 2), torch.eye(4, dtype=torch.float64).expand(3, 4, 4))
    small = (b - b.transpose(1, 2)) * 1e-9
    torch.testing.assert_close(cayley_minus_identity(small.float()).double(), 2 * small, rtol=1e-6, atol=1e-15)


@pytest.mark.parametrize(
    ("width", "factor", "wanted"),
    [
        (320, -1, (16, 20)), (320, 8, (8, 40)), (320, 4, (4, 80)), (640, -1, (20, 32)), (768, 8, (8, 96)),
        (1280, -1, (32, 40)), (2048, 4, (4, 512)), (360, -1, (18, 20)), (127, -1, (1, 127)), (127, 8, (1, 127)),
        (64, 32, (2, 32)),
    ],
)  # fmt: skip
def test_factorization_is_lycoris(width: int, factor: int, wanted: tuple[int, int]) -> None:
    general = pytest.importorskip("lycoris.functional.general")
    assert factorization(width, factor) == wanted == general.factorization(width, factor)


def test_initial_values_of_a_real_width() -> None:
    """LoRA starts like torch's own Linear; LoHa like LyCORIS."""
    spec = LoRA(dim=8).parameters(LayerShape("linear", 320, 768))
    assert spec["lora_down.weight"].bound == pytest.approx(768**-0.5)
    assert spec["lora_up.weight"].init == "zeros"
    convolution = LoRA(dim=8, conv_dim=4).parameters(CONV)
    assert convolution["lora_down.weight"].bound == pytest.approx(90**-0.5)
    loha = LoHa().parameters(LINEAR)
    assert [(s.init, s.std) for s in loha.values()] == [
        ("normal", 0.1),
        ("normal", 1.0),
        ("zeros", 1.0),
        ("normal", 1.0),
    ]


@pytest.mark.parametrize("cell", ["linear", "conv3x3"])
@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("locon.LoConModule", {"lora_dim": 4, "alpha": 2.0}),
        ("loha.LohaModule", {"lora_dim": 4, "alpha": 2.0}),
        ("diag_oft.DiagOFTModule", {"lora_dim": 3, "constraint": 0.05, "rescaled": True}),
    ],
)
def test_a_module_of_lycoris_is_read(module: str, options: dict[str, object], cell: str) -> None:
    """The tensors a LyCORIS module would save, read here, give what that module computes."""
    file, _, name = module.partition(".")
    lycoris = pytest.importorskip(f"lycoris.modules.{file}")
    model, x = one_layer(cell)
    theirs = getattr(lycoris, name)("lora_unet_block_layer", model.block.layer, **options)
    randomise(theirs, 0.2)
    saved = {f"lora_unet_block_layer.{key}": value.detach().clone() for key, value in theirs.state_dict().items()}
    before = model(x)
    theirs.apply_to()
    wanted = model(x).detach()
    theirs.restore()
    assert torch.equal(model(x), before)
    network = Network.from_tensors(saved, {"unet": model}, "sd1")
    network.attach()
    assert relative_error(model(x), wanted) < LIMIT
    assert relative_error(wanted, before) > 1e-2
    assert network.tensors().keys() == saved.keys()
