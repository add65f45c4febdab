"""What `check` says of a word to be taught, of what it begins with, and of what it is taught with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from kohya_like.config import TrainConfig
from kohya_like.formats.embeddings import Embedding, write_embedding
from kohya_like.preflight.embedding_rules import embedding_faults, embedding_fits
from tests.tiny_runs import values_of

TABLES = {"text_encoder": {"embeddings.token_embedding.weight": (49408, 768)}}


def faults(folder: Path, **changes: Any) -> dict[str, str]:
    flat = {"method.name": "textual_inversion", "method.token_string": "zxq1", "save.output_name": "zxq1"}
    flat |= {key.replace("__", "."): value for key, value in changes.items()}
    config = TrainConfig.model_validate(values_of("mini", folder, flat))
    return {f.code: f"{f.severity}: {f.text}" for f in [*embedding_faults(config), *embedding_fits(config, TABLES)]}


def test_a_good_word_has_no_fault(tmp_path: Path) -> None:
    assert faults(tmp_path) == {} == faults(tmp_path, method__name="network", method__token_string=None)


@pytest.mark.parametrize(
    "changes, code, said",
    [
        ({"method__token_string": "cat"}, "known-word", "error: 'cat' is a word that the model knows"),
        ({"method__token_string": "my-cat"}, "common-words", "hint: 'my-cat' is read as my + - + cat"),
        ({"save__output_name": "other"}, "other-name", "hint: is 'zxq1', the file 'other'"),
        ({"method__init_word": "  "}, "init-word", "error"),
        ({"method__template_file": "/nowhere.txt"}, "template-file", "error: /nowhere.txt"),
        ({"data__reg_data_dir": "/reg"}, "no-effect", "warning"),
        ({"method__name": "dreamartist", "method__attention_map": True}, "attention-map", "warning"),
        ({"method__weights": "/nowhere.pt"}, "no-embedding", "error: /nowhere.pt"),
    ],
)
def test_each_fault_is_said(tmp_path: Path, changes: dict[str, Any], code: str, said: str) -> None:
    assert faults(tmp_path, **changes)[code].startswith(said)


def test_an_embedding_of_another_size_or_family(tmp_path: Path) -> None:
    write_embedding(tmp_path / "a.pt", Embedding("a", {"text_encoder": torch.ones(2, 768)}))
    write_embedding(tmp_path / "b.pt", Embedding("b", {"text_encoder": torch.ones(4, 1024)}))
    torch.save({"x.lora_down.weight": torch.ones(2, 2)}, tmp_path / "c.pt")
    assert faults(tmp_path, method__weights=str(tmp_path / "a.pt"), method__num_vectors_per_token=2) == {}
    assert "has 2 vectors" in faults(tmp_path, method__weights=str(tmp_path / "a.pt"))["vector-count"]
    assert "1024 wide, this model's 768" in faults(tmp_path, method__weights=str(tmp_path / "b.pt"))["vector-width"]
    assert "is no embedding" in faults(tmp_path, method__weights=str(tmp_path / "c.pt"))["no-embedding"]
