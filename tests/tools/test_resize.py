"""A LoRA at another rank keeps its strength and the largest part of its change; kohya's rules choose the ranks."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from kohya_like.formats.safetensors_header import read_safetensors_header
from kohya_like.networks.algorithms.lora import LoRA
from kohya_like.schema.errors import UserError
from kohya_like.tools.resize import Size, resize
from kohya_like.tools.singular import sv_cumulative, sv_fro, sv_ratio
from tests.families.conftest import TinyModel
from tests.networks.tiny import relative_error
from tests.tools.conftest import network_file
from tests.tools.test_extract import changes

VALUES = torch.tensor([8.0, 4.0, 2.0, 1.0, 0.5, 0.25])


def kohya_index(values: Tensor, method: str, target: float) -> int:
    """networks/resize_lora.py, its index plus one."""
    if method == "sv_ratio":
        index = int((values > values[0] / target).sum()) - 1
    elif method == "sv_cumulative":
        index = int(torch.searchsorted(values.cumsum(0) / values.sum(), target))
    else:
        index = int(torch.searchsorted((values**2).cumsum(0) / (values**2).sum(), target**2))
    return max(0, min(index, len(values) - 1)) + 1


@pytest.mark.parametrize("target", [1.5, 3.0, 8.5, 40.0])
def test_sv_ratio_is_kohyas(target: float) -> None:
    assert sv_ratio(target)(VALUES) == kohya_index(VALUES, "sv_ratio", target)


@pytest.mark.parametrize("target", [0.3, 0.6, 0.9, 0.99])
def test_shares_are_kohyas(target: float) -> None:
    assert sv_fro(target)(VALUES) == kohya_index(VALUES, "sv_fro", target)
    assert sv_cumulative(target)(VALUES) == kohya_index(VALUES, "sv_cumulative", target)
    assert sv_cumulative(0.95)(VALUES) > sv_fro(0.95)(VALUES)


@pytest.fixture
def network(tiny_models: dict[str, TinyModel], tmp_path: Path) -> Path:
    algorithm = LoRA(dim=6, alpha=4.0, conv_dim=5, conv_alpha=2.0)
    return network_file(tmp_path / "n.safetensors", tiny_models["sd1"], algorithm, {"ss_training_comment": "mine"})


def test_a_larger_rank_changes_nothing_and_a_smaller_one_is_the_nearest(network: Path, tmp_path: Path) -> None:
    out, before = tmp_path / "out.safetensors", changes(network)
    rows = resize(network, out, Size(16))
    assert {row.rank for row in rows} == {5, 6} and all(row.norm_kept == pytest.approx(1) for row in rows)
    for module, change in changes(out).items():
        assert relative_error(change, before[module]) <= 1e-5
    rows = resize(network, out, Size(2, conv_rank=1), force=True)
    assert {(row.old_rank, row.rank) for row in rows} == {(6, 2), (5, 1)}
    kept = {row.module: row.norm_kept for row in rows}
    for module, change in changes(out).items():
        values = torch.linalg.svdvals(before[module])
        rank = 1 if values[5] < values[0] * 1e-5 else 2
        left = (before[module] - change).norm() / before[module].norm()
        assert left == pytest.approx(float((values[rank:] ** 2).sum().sqrt() / values.norm()), rel=1e-3)
        assert left**2 + kept[module] ** 2 == pytest.approx(1, abs=1e-4)
    metadata = read_safetensors_header(out).metadata
    assert metadata["ss_training_comment"] == "dimension is resized from 6 to 2 (conv: 1); mine"
    assert (metadata["ss_network_dim"], metadata["ss_network_alpha"]) == ("2", "2") and metadata["sshs_model_hash"]


@pytest.mark.parametrize(("method", "target"), [("sv_ratio", 1.6), ("sv_fro", 0.8), ("sv_cumulative", 0.6)])
def test_dynamic_ranks(network: Path, tmp_path: Path, method: str, target: float) -> None:
    out, before = tmp_path / "out.safetensors", changes(network)
    rows = resize(network, out, Size(4, method=method, target=target))
    for row in rows:
        assert row.rank == min(4, kohya_index(torch.linalg.svdvals(before[row.module])[: row.old_rank], method, target))
    assert len({row.rank for row in rows}) > 1
    tensors = load_file(out)
    assert all(tensors[f"{row.module}.alpha"] == row.rank for row in rows)
    assert read_safetensors_header(out).metadata["ss_network_dim"] == "Dynamic"


def test_a_file_of_peft(tiny_models: dict[str, TinyModel], tmp_path: Path) -> None:
    tensors = {"unet.mid_block.attentions.0.proj_in.lora_A.weight": torch.randn(4, 32, 1, 1),
               "unet.mid_block.attentions.0.proj_in.lora_B.weight": torch.randn(32, 4, 1, 1)}  # fmt: skip
    save_file(tensors, tmp_path / "peft.safetensors")
    resize(tmp_path / "peft.safetensors", tmp_path / "out.safetensors", Size(2), dtype=torch.float16)
    found = load_file(tmp_path / "out.safetensors")
    assert {k: (tuple(v.shape), v.dtype) for k, v in found.items() if "alpha" not in k} == {
        "lora_unet_mid_block_attentions_0_proj_in.lora_down.weight": ((2, 32, 1, 1), torch.float16),
        "lora_unet_mid_block_attentions_0_proj_in.lora_up.weight": ((32, 2, 1, 1), torch.float16),
    }


def test_a_silent_layer_becomes_rank_one(network: Path, tmp_path: Path) -> None:
    tensors = load_file(network)
    save_file({k: v * 0 if "lora_up" in k else v for k, v in tensors.items()}, network)
    rows = resize(network, tmp_path / "out.safetensors", Size(4))
    assert {row.rank for row in rows} == {1} and not any(
        c.any() for c in changes(tmp_path / "out.safetensors").values()
    )


def test_what_is_refused(network: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.safetensors"

    def refused(path: Path, size: Size, text: str, to: Path = out) -> None:
        with pytest.raises(UserError, match=text):
            resize(path, to, size)
        assert not out.exists()

    refused(network, Size(0), "at least 1")
    refused(network, Size(4, method="sv_ratio", target=0.5), "sv_ratio = 0.5")
    refused(network, Size(4, method="sv_fro", target=1.5), "sv_fro = 1.5")
    refused(network, Size(4), "is the file that is read", network)
    tensors = load_file(network)
    save_file(tensors | {"lora_unet_x.hada_w1_a": torch.ones(2, 2)}, tmp_path / "mixed.safetensors")
    refused(tmp_path / "mixed.safetensors", Size(4), "1 of .* modules are no plain LoRA: lora_unet_x .hada_w1_a")
    save_file({k: v for k, v in tensors.items() if "lora_up" not in k}, tmp_path / "half.safetensors")
    refused(tmp_path / "half.safetensors", Size(4), "are no plain LoRA")
    (tmp_path / "cut.safetensors").write_bytes(network.read_bytes()[:-9])
    refused(tmp_path / "cut.safetensors", Size(4), "is truncated")
