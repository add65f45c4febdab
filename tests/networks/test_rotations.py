"""BOFT beside LyCORIS, and kohya's own OFT by its rule written out."""

from __future__ import annotations

import pytest
import torch

from kohya_like.networks.algorithms.boft import BOFT
from kohya_like.networks.algorithms.oft import OFT
from kohya_like.networks.base import BASE, LayerShape
from kohya_like.networks.network import Network
from kohya_like.networks.rotations import butterfly_blocks
from tests.networks.tiny import one_layer, relative_error
from tests.networks.variants import CELLS, only_layer, weight_of

pytestmark = pytest.mark.quick


@pytest.mark.parametrize("rescaled", [False, True], ids=["plain", "rescaled"])
@pytest.mark.parametrize("constraint", [0.0, 0.02, 10.0], ids=["free", "held", "loose"])
@pytest.mark.parametrize("kernel", [(), (3, 3)], ids=["linear", "conv"])
@pytest.mark.parametrize("out", [12, 40])
def test_boft(out: int, kernel: tuple[int, ...], constraint: float, rescaled: bool) -> None:
    boft = pytest.importorskip("lycoris.functional.boft")
    shape = LayerShape("conv2d" if kernel else "linear", out, 10, kernel)
    algorithm = BOFT(dim=10, constraint=constraint, rescaled=rescaled)
    torch.manual_seed(2)
    w = {key: torch.randn(spec.shape) * 0.2 for key, spec in algorithm.parameters(shape).items()}
    base = torch.randn(shape.weight_shape)
    theirs, _ = boft.weight_gen(base, 10)
    assert w["oft_blocks"].shape == theirs.shape
    wanted = boft.diff_weight(base, w["oft_blocks"], w.get("rescale"), constraint=constraint * out)
    assert relative_error(algorithm.delta({**w, BASE: base}, shape), wanted) < 1e-5


@pytest.mark.parametrize("width", [320, 640, 768, 1024, 1280, 2560, 3072, 10240, 4, 12])
@pytest.mark.parametrize("largest", [2, 4, 8, 10, 16, 64])
def test_butterfly_blocks_are_lycoris_where_it_has_any(width: int, largest: int) -> None:
    general = pytest.importorskip("lycoris.functional.general")
    size, count = butterfly_blocks(width, largest)
    assert size * count == width and size % 2 == 0 and count & (count - 1) == 0
    theirs = general.power2factorization(width, largest)
    assert theirs in ((size, count), (None, 0))
    if theirs == (None, 0):
        assert size > largest


def test_an_odd_width_has_no_butterfly() -> None:
    assert butterfly_blocks(7, 4) == (0, 0)
    assert BOFT().for_layer(LayerShape("linear", 7, 3), "") is None


@CELLS
@pytest.mark.parametrize("alpha", [1e-2, 1.0])
def test_oft_of_kohya_is_read(cell: str, alpha: float) -> None:
    """networks.oft: 3 blocks of 4, keys with a prefix of their own, ‖Q‖ held at alpha x outputs."""
    model, _ = one_layer(cell)
    blocks = torch.randn(3, 4, 4, generator=torch.Generator().manual_seed(3)) * 0.3
    q = blocks - blocks.transpose(1, 2)
    norm = q.flatten().norm()
    q = q * ((norm.clamp(max=alpha * 12) + 1e-8) / (norm + 1e-8))
    r = (torch.eye(4) + q) @ (torch.eye(4) - q).inverse()
    base = weight_of(model)
    wanted = torch.einsum("knm,knp->kmp", r, base.reshape(3, 4, -1)).reshape(base.shape)
    tensors = {"oft_unet_block_layer.oft_blocks": blocks, "oft_unet_block_layer.alpha": torch.tensor(alpha)}
    network = Network.from_tensors(tensors, {"unet": model}, "sd1")
    assert isinstance(network.algorithm, OFT) and network.algorithm.blocks == 3
    assert relative_error(base + only_layer(network).delta(), wanted) < 1e-5
