"""Files and answers with random damage: a value or a sentence comes of them, never another error."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from dataset_tools.endpoint import said, tags_in
from dataset_tools.taggers.onnx_model import open_onnx
from dataset_tools.taggers.selected_tags import read_selected_tags
from dataset_tools.tagging_requests import Request, parsed
from dataset_tools.vocabularies import read_vocabulary
from kohya_like.schema.errors import UserError
from tests.dataset_tools.taggers.tiny_taggers import TAGS, tiny_graph, write_csv

ANSWER = json.dumps({"choices": [{"message": {"content": "1. a red cat,\n- dog"}}]}).encode()
REQUEST = json.dumps({"id": 1, "do": "tag", "tagger": {"kind": "wd14", "model": "x"}, "pictures": ["a"]}).encode()
WORDS = b"# mine\ncat\ndog\n[a] a {} | one {}\nx\ny\n"


def damaged(data: bytes, rng: random.Random) -> bytes:
    found = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(found) + 1)
        kind = rng.randrange(4)
        if kind == 0:
            found[at : at + 1] = bytes([rng.randrange(256)])
        elif kind == 1:
            del found[at : at + rng.randint(1, 20)]
        elif kind == 2:
            found[at:at] = bytes(rng.randrange(256) for _ in range(rng.randint(1, 8)))
        else:
            found[at:at] = found[at : at + rng.randint(1, 30)] * rng.randint(1, 5)
    return bytes(found)


def table(folder: Path) -> bytes:
    write_csv(folder)
    return (folder / "selected_tags.csv").read_bytes()


CASES: dict[str, tuple[int, Callable[[Path], bytes], Callable[[Path, bytes], object]]] = {
    "answers": (500, lambda folder: ANSWER, lambda path, data: tags_in(said(data, "http://x"))),
    "requests": (500, lambda folder: REQUEST, lambda path, data: isinstance(parsed(data), str | Request)),
    "tables": (300, table, lambda path, data: read_selected_tags(path)),
    "vocabularies": (300, lambda folder: WORDS, lambda path, data: read_vocabulary(path)),
    "models": (150, lambda folder: tiny_graph().SerializeToString(), lambda path, data: open_onnx(path, len(TAGS), 1)),
}


@pytest.mark.parametrize("name", CASES)
def test_damage_is_a_value_or_a_sentence(name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    count, whole, read = CASES[name]
    rng, path, data = random.Random(name), tmp_path / "file", whole(tmp_path)
    path.write_bytes(data)
    read(path, data)  # undamaged it is fine
    refused = 0
    for _ in range(count):
        bad = damaged(data, rng)
        path.write_bytes(bad)
        try:
            read(path, bad)
        except UserError as error:
            refused += 1
            assert error.text and len(str(error)) < 2000
    assert refused > count / 20 or name == "requests"
