"""Embeddings: every kind of file is read by its content, and what is written is what other programs read."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from kohya_like.formats.embeddings import (
    Embedding,
    bundle,
    bundled_embeddings,
    checksum,
    read_embedding,
    write_embedding,
)
from kohya_like.schema.errors import FormatError
from kohya_like.verbs.inspect import describe_file
from tests.formats import webui_embeddings as webui
from tests.formats.webui import Refused, safe

ROWS = torch.randn(3, 768, generator=torch.Generator().manual_seed(1))
WIDE = torch.randn(3, 1280, generator=torch.Generator().manual_seed(2))
SD1 = Embedding("my-cat", {"text_encoder": ROWS}, step=7, model="base", model_hash="0123456789")
SDXL = Embedding("my-cat", {"text_encoder": ROWS, "text_encoder_2": WIDE})


@pytest.mark.parametrize("suffix", [".pt", ".safetensors", ".bin", ".png", ".webp"])
@pytest.mark.parametrize("embedding", [SD1, SDXL], ids=["sd1", "sdxl"])
def test_what_is_written_webui_and_we_read(tmp_path: Path, suffix: str, embedding: Embedding) -> None:
    path = tmp_path / f"zxq{suffix}"
    write_embedding(path, embedding)
    name, vectors, table = webui.load(path)
    found = read_embedding(path)
    parts = {"": "text_encoder", "clip_l": "text_encoder", "clip_g": "text_encoder_2"}
    for key, rows in vectors.items():
        assert torch.equal(rows, embedding.vectors[parts[key]])
    for part, rows in embedding.vectors.items():
        assert torch.equal(found.vectors[part], rows), "bit for bit"
    inside = "my-cat" if suffix in (".png", ".webp") and embedding is SD1 else "zxq"
    assert name == found.name == inside and found.family == ("sd1" if embedding is SD1 else "sdxl")
    if embedding is SD1 and suffix in (".pt", ".png", ".webp"):
        assert table["step"] == 7 == found.step and table["sd_checkpoint"] == "0123456789"
        assert found.inner_name == "my-cat" and found.model == "base"


def test_webui_refuses_what_torch_writes_today(tmp_path: Path) -> None:
    """The control: only the old pickle passes its check."""
    torch.save({"string_to_param": {"*": ROWS}}, tmp_path / "new.pt")
    with pytest.raises(Refused):
        safe(tmp_path / "new.pt")
    assert torch.equal(read_embedding(tmp_path / "new.pt").vectors["text_encoder"], ROWS)


def test_files_of_other_programs(tmp_path: Path) -> None:
    old = {"string_to_token": {"*": torch.tensor(265)}, "string_to_param": nn.ParameterDict({"*": nn.Parameter(ROWS)})}
    torch.save(old, tmp_path / "original.pt", _use_new_zipfile_serialization=False)
    torch.save({"emb_params": ROWS}, tmp_path / "kohya.pt")
    torch.save({"<cat>": ROWS[0]}, tmp_path / "learned_embeds.bin")
    save_file({"<cat>": ROWS}, tmp_path / "diffusers.safetensors")
    save_file({"<cat>": WIDE}, tmp_path / "diffusers_2.safetensors")
    for name in ("original.pt", "kohya.pt"):
        assert torch.equal(read_embedding(tmp_path / name).vectors["text_encoder"], ROWS), name
    single = read_embedding(tmp_path / "learned_embeds.bin")
    assert single.inner_name == "<cat>" and torch.equal(single.vectors["text_encoder"], ROWS[:1])
    both = read_embedding(tmp_path / "diffusers.safetensors")
    assert both.family == "sdxl" and torch.equal(both.vectors["text_encoder_2"], WIDE)


def test_checksum_is_webui_s() -> None:
    assert checksum(ROWS) == webui.checksum(ROWS) != webui.checksum(-ROWS)


def test_bundled(tmp_path: Path) -> None:
    for embedding in (SD1, SDXL):
        tensors = bundle(embedding)
        assert all(key.startswith("bundle_emb.my-cat.") for key in tensors)
        (found,) = bundled_embeddings({**tensors, "lora_unet_x.alpha": torch.ones(())}, "x").values()
        assert found.name == "my-cat" and torch.equal(found.vectors["text_encoder"], ROWS)
    assert list(bundle(SD1)) == ["bundle_emb.my-cat.string_to_param.*"]
    assert sorted(bundle(SDXL)) == ["bundle_emb.my-cat.clip_g", "bundle_emb.my-cat.clip_l"]


@pytest.mark.parametrize(
    "table, said",
    [
        ({"string_to_param": {"a": ROWS, "b": ROWS}}, "holds 2 words"),
        ({"clip_l": ROWS, "clip_g": WIDE[:2]}, "different number of vectors"),
        ({"emb_params": torch.full((1, 768), torch.nan)}, "not finite"),
        ({"emb_params": torch.zeros(1, 2, 3)}, "no table of numbers"),
        ({"emb_params": torch.zeros(0, 768)}, "0 vectors"),
        ({"a": ROWS, "b": ROWS, "c": ROWS}, "no embedding that is known"),
        ([1, 2], "no embedding"),
    ],
)
def test_faults_are_sentences(tmp_path: Path, table: object, said: str) -> None:
    torch.save(table, tmp_path / "x.pt")
    with pytest.raises(FormatError, match=said):
        read_embedding(tmp_path / "x.pt")


def test_inspect_tells_an_embedding(tmp_path: Path) -> None:
    for suffix in (".pt", ".safetensors", ".png"):
        write_embedding(tmp_path / f"zxq{suffix}", SD1)
        facts = describe_file(tmp_path / f"zxq{suffix}", False)
        assert facts["kind"] == "textual-inversion" and facts["vectors"] == 3 and facts["width"] == 768
        assert facts["family"] == "sd1" and facts["checksum"] == webui.checksum(ROWS)
