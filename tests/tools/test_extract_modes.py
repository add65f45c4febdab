"""A merged LoRA is found again to 1e-3 by every mode that is left as many ranks as it had; layers linear and wide."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from kohya_like.networks.algorithms.lora import LoRA
from kohya_like.tools.extract import Choice, extract
from kohya_like.tools.merge import Ingredient, merge
from tests.families.conftest import TinyModel
from tests.networks.tiny import relative_error
from tests.tools.conftest import network_file
from tests.tools.test_extract import changes

RANK, CONV_RANK = 3, 2
LORA = LoRA(dim=RANK, alpha=2.0, conv_dim=CONV_RANK, conv_alpha=1.0)
# mode, its number that keeps what is there, one that keeps too little, and whether no rank is left over
MODES = [
    ("fixed", (RANK, CONV_RANK), (1, 1), True), ("quantile", (0.9999, 0.9999), (0.5, 0.5), True),
    ("threshold", (1e-4, 1e-4), (50.0, 50.0), True), ("ratio", (1e-3, 1e-3), (0.9, 0.9), True),
]  # fmt: skip


@pytest.mark.parametrize("family", ["sd1", *(pytest.param(name, marks=pytest.mark.full) for name in ("sd2", "sdxl"))])
def test_each_mode_recovers_it(family: str, tiny_models: dict[str, TinyModel], tmp_path: Path) -> None:
    model = tiny_models[family]
    network = network_file(tmp_path / "n.safetensors", model, LORA, std=0.2)
    merge(model.file, [Ingredient(network)], tmp_path / "tuned.safetensors")
    wanted = changes(network)
    assert {change.shape[1] % 9 == 0 for change in wanted.values()} == {True, False}, "linear and 3x3 layers"
    for mode, (value, wide), (less, less_wide), exact in MODES:
        out = tmp_path / f"{mode}.safetensors"
        done = extract(model.file, tmp_path / "tuned.safetensors", out, Choice(mode, value, wide), dtype=torch.float32)
        found = changes(out)
        assert found.keys() == wanted.keys() and (max(done.ranks.values()) == RANK) == exact, mode
        worst = max(relative_error(found[module], change) for module, change in wanted.items())
        assert worst <= 1e-3, (mode, worst)
        again = Choice(mode, less, less_wide)
        extract(model.file, tmp_path / "tuned.safetensors", out, again, dtype=torch.float32, force=True)
        assert max(relative_error(change, wanted[module]) for module, change in changes(out).items()) > 1e-2, mode
