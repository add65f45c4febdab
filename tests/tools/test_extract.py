"""What was merged is found again; the modes keep what they promise; models that do not belong together are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from kohya_like.formats.headers import identify
from kohya_like.networks.algorithms.lora import DOWN, UP, LoRA
from kohya_like.networks.network import Network
from kohya_like.schema.errors import ConfigError, UserError
from kohya_like.tools.extract import Choice, extract
from kohya_like.tools.merge import Ingredient, merge
from kohya_like.tools.singular import factors_of_matrix, factors_of_product, quantile, ratio, threshold
from tests.families.conftest import TinyModel
from tests.networks.tiny import relative_error
from tests.tools.conftest import network_file

RANK = 3
LORA = LoRA(dim=RANK, alpha=2.0, conv_dim=2, conv_alpha=1.0)
FULL = Choice("fixed", RANK, 2)


def changes(path: Path) -> dict[str, Tensor]:
    """ΔW of every module of a LoRA file."""
    tensors = load_file(path)
    found = {}
    for key, down in tensors.items():
        if key.endswith(DOWN):
            module = key.removesuffix(f".{DOWN}")
            scale = tensors[f"{module}.alpha"].float() / down.shape[0]
            found[module] = tensors[f"{module}.{UP}"].float().flatten(1) @ down.float().flatten(1) * scale
    return found


@pytest.fixture
def network(tiny: TinyModel, tmp_path: Path) -> Path:
    return network_file(tmp_path / "n.safetensors", tiny, LORA)


def test_a_merged_lora_is_found_again(tiny: TinyModel, network: Path, tmp_path: Path) -> None:
    merge(tiny.file, [Ingredient(network)], tmp_path / "tuned.safetensors")
    out = tmp_path / "out.safetensors"
    done = extract(tiny.folder, tmp_path / "tuned.safetensors", out, FULL, dtype=torch.float32)
    wanted, found = changes(network), changes(out)
    assert found.keys() == wanted.keys() == done.ranks.keys() and done.unchanged == 0 and done.least_kept > 0.999
    for module, change in wanted.items():
        assert relative_error(found[module], change) <= 1e-3, module
    assert set(done.ranks.values()) == {RANK, 2}
    facts = identify(out)
    assert (facts.kind, facts.family) == ("lora", tiny.family)
    parts = {name: part for name, part in tiny.parts.items() if name != "vae"}
    assert len(Network.from_file(out, parts, tiny.family).adapters) == len(wanted)
    worse = extract(tiny.folder, tmp_path / "tuned.safetensors", out, Choice("fixed", 1, 1), force=True)
    assert worse.least_kept < 0.999 and max(relative_error(c, wanted[m]) for m, c in changes(out).items()) > 1e-2


def test_layers_by_preset_and_pattern(tiny_models: dict[str, TinyModel], tmp_path: Path) -> None:
    tiny = tiny_models["sd1"]
    tuned = tmp_path / "tuned.safetensors"
    merge(tiny.file, [Ingredient(network_file(tmp_path / "n.safetensors", tiny, LORA))], tuned)
    attention = extract(tiny.file, tuned, tmp_path / "a.safetensors", Choice("fixed", 2, targets="attn-only"))
    assert attention.ranks and all("attn" in name for name in attention.ranks)
    patterns = Choice("fixed", 2, targets=("unet.mid_block.*.attn2.to_k",))
    found = extract(tiny.file, tuned, tmp_path / "b.safetensors", patterns)
    assert list(found.ranks) == ["lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k"]
    with pytest.raises(ConfigError, match="matches no layer"):
        extract(tiny.file, tuned, tmp_path / "c.safetensors", Choice("fixed", 2, targets=("unet.nothing",)))


VALUES = torch.tensor([8.0, 4.0, 2.0, 1.0, 0.5, 0.25])


@pytest.mark.parametrize(
    ("rule", "rank"),
    [
        (threshold(1.5), 3),
        (threshold(99.0), 1),
        (ratio(0.2), 3),
        (ratio(0.6), 1),
        (quantile(0.8), 3),  # 14 of 15.75; two make up 76 %
        (quantile(1.0), 6),
    ],
)
def test_the_modes_of_lycoris(rule: object, rank: int) -> None:
    left, right = torch.linalg.qr(torch.randn(6, 6))[0], torch.linalg.qr(torch.randn(9, 6))[0].T
    made = factors_of_matrix(left * VALUES @ right, rule, 6)  # type: ignore[arg-type]
    assert made.rank == rank and made.sum_kept == pytest.approx(float(VALUES[:rank].sum() / VALUES.sum()), rel=1e-5)
    wanted = left[:, :rank] * VALUES[:rank] @ right[:rank]
    assert relative_error(made.up @ made.down, wanted) <= 1e-5
    halves = factors_of_product(left * VALUES, right, rule, 6)  # type: ignore[arg-type]
    assert relative_error(halves.up @ halves.down, wanted) <= 1e-5


def refused(base: Path, tuned: Path, out: Path, text: str, choice: Choice = FULL) -> None:
    with pytest.raises(UserError, match=text):
        extract(base, tuned, out, choice)
    assert not out.exists()


def test_what_is_refused(tiny_models: dict[str, TinyModel], tmp_path: Path) -> None:
    sd1, out = tiny_models["sd1"], tmp_path / "out.safetensors"
    refused(sd1.file, tiny_models["sdxl"].file, out, "is a Stable Diffusion XL model, and .* is a Stable Diffusion 1.x")
    refused(sd1.file, sd1.folder, out, "differs from .* in none of the chosen layers")
    tensors = load_file(sd1.file)
    key = "model.diffusion_model.middle_block.1.proj_in.weight"
    save_file({**tensors, key: tensors[key] * torch.nan}, tmp_path / "nan.safetensors")
    refused(sd1.file, tmp_path / "nan.safetensors", out, "holds NaN or infinite numbers in mid_block")
    save_file({n: v for n, v in tensors.items() if n != key}, tmp_path / "short.safetensors")
    refused(sd1.file, tmp_path / "short.safetensors", out, "does not have the layers of .*proj_in.weight is missing")
    save_file({**tensors, key: tensors[key][:8]}, tmp_path / "narrow.safetensors")
    refused(sd1.file, tmp_path / "narrow.safetensors", out, "proj_in.weight has shape")
    (tmp_path / "cut.safetensors").write_bytes(sd1.file.read_bytes()[:-9])
    refused(sd1.file, tmp_path / "cut.safetensors", out, "is truncated")
    for choice, said in (
        (Choice("fixed", 0), "rank 0"), (Choice("fixed", 2.5), "rank 2.5"), (Choice("quantile", 1.5), "quantile 1.5"),
        (Choice("threshold", -1), "threshold -1"), (Choice("ratio", 0.5, 0.0), "ratio 0"),
    ):  # fmt: skip
        refused(sd1.file, sd1.folder, out, said, choice)
    out.write_bytes(b"old")
    with pytest.raises(UserError, match="already exists"):
        extract(sd1.file, sd1.folder, out, FULL)
    with pytest.raises(UserError, match="is the file that is read"):
        extract(sd1.file, sd1.folder, sd1.file, FULL, force=True)
    assert out.read_bytes() == b"old"


def test_another_prediction_type_is_a_warning(tiny_models: dict[str, TinyModel], tmp_path: Path) -> None:
    sd2, tuned = tiny_models["sd2"], tmp_path / "tuned.safetensors"
    merge(sd2.file, [Ingredient(network_file(tmp_path / "n.safetensors", sd2, LORA))], tuned)
    save_file(load_file(tuned), tuned, {"modelspec.prediction_type": "epsilon"})
    done = extract(sd2.folder, tuned, tmp_path / "out.safetensors", FULL)
    assert len(done.warnings) == 1 and "predicts epsilon, and the base v_prediction" in done.warnings[0]
