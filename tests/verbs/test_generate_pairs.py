"""`generate` with files that belong together: DreamArtist's pair, a network with its word inside, the word beside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from kohya_like.events import Sample
from kohya_like.formats.embeddings import Embedding, bundle, read_embedding, write_pt
from kohya_like.formats.tensors import save_safetensors
from tests.tiny_runs import Run, shelf, trained
from tests.verbs.drawing import Hand, parameters, pixels

WORD: dict[str, Any] = {"method__token_string": "my-cat", "train__max_train_steps": 2, "optimizer__learning_rate": 0.5}
NONE: dict[str, Any] = {"network__name": None, "network__dim": None, "network__alpha": None}


@pytest.fixture
def hand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Hand:
    return Hand(tmp_path, capsys)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a DreamArtist training: my-cat.pt and my-cat-neg.pt."""
    run = Run(
        tmp_path_factory.mktemp("pair"), **NONE, **WORD, method__name="dreamartist", save__output_name="my-cat"
    ).train()  # fmt: skip
    return run.file.parent


def test_a_pair_is_used_by_its_file_names(hand: Hand, pair: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sorted(file.name for file in pair.iterdir()) == ["my-cat-neg.pt", "my-cat.pt"]
    where, prompt = ("--embedding-dir", str(pair)), "a my-cat, flat"
    alone = hand.file(*where, prompt=prompt)
    assert "hint: my-cat-neg is the other half of a pair, for the negative prompt" in capsys.readouterr().err
    assert "TI hashes: my-cat: " in parameters(alone).replace('"', "")
    both = hand.file(*where, "--negative", "blurry, my-cat-neg", prompt=prompt)
    assert "hint" not in capsys.readouterr().err
    assert len({pixels(alone), pixels(both), hand(*where, "--negative", "blurry", prompt=prompt)}) == 3
    told = parameters(both)
    assert (
        "Negative prompt: blurry, my-cat-neg\n" in told and 'TI hashes: "my-cat: ' in told and ", my-cat-neg: " in told
    )
    again = hand.file(*where, "--like", str(both), prompt=None)
    assert pixels(again) == pixels(both) and parameters(again) == told


def test_the_negative_half_is_the_word_itself_only_to_careless_eyes(hand: Hand, pair: Path) -> None:
    """The longest name counts: in my-cat-neg there is no my-cat."""
    drawn = hand.file("--embedding-dir", str(pair), "--negative", "my-cat-neg")
    assert "TI hashes: my-cat-neg: " in parameters(drawn).replace('"', "")


def test_each_picture_tells_its_own_embeddings(hand: Hand, pair: Path, tmp_path: Path) -> None:
    own = ("--embedding-dir", str(pair), "--prompt", "a square", "--out", str(tmp_path / "two"))
    assert hand.call(*own, prompt="a my-cat", family="mini") == 0
    first, second = (parameters(tmp_path / "two" / f"picture-0{i}.png") for i in (1, 2))
    assert "TI hashes" in first and "TI hashes" not in second


@pytest.fixture(scope="module")
def pivotal() -> Path:
    """The folder of a pivotal training: tiny.safetensors with the word my-cat inside, and tiny.pt, the word alone."""
    return Run(shelf() / "pivotal-pair", **WORD, method__name="pivotal").train().file.parent


def test_a_network_and_its_word_may_lie_in_one_folder_under_one_name(hand: Hand, pivotal: Path, tmp_path: Path) -> None:
    assert sorted(file.name for file in pivotal.iterdir()) == ["tiny.pt", "tiny.safetensors"]
    where, prompt = ("--network-dir", str(pivotal)), "a my-cat <lora:tiny:1>"
    drawn = hand.file(*where, prompt=prompt)
    assert "TI hashes: my-cat: " in (told := parameters(drawn).replace('"', "")) and "Lora hashes: tiny: " in told
    assert hand(*where, "--embedding-dir", str(pivotal), prompt=prompt) == pixels(drawn)
    assert hand("--network", str(pivotal / "tiny.safetensors"), prompt="a my-cat ") == pixels(drawn)
    assert hand(*where, prompt="a my-cat <lora:tiny:0>") not in (pixels(drawn), hand(prompt="a my-cat "))
    assert hand(*where, prompt="a my-cat") == hand(prompt="a my-cat"), "the word is known where the network is named"
    apart = tmp_path / "apart"
    apart.mkdir()
    tensors = {name: one for name, one in load_file(pivotal / "tiny.safetensors").items() if "bundle_emb" not in name}
    save_safetensors(apart / "tiny.safetensors", tensors, {})
    write_pt(apart / "my-cat.pt", read_embedding(pivotal / "tiny.pt"))
    both = ("--network-dir", str(apart), "--embedding-dir", str(apart))
    assert hand(*both, prompt=prompt) == pixels(drawn), "as from two files"


def test_every_spelling_of_a_bundled_word(hand: Hand, pivotal: Path, tmp_path: Path) -> None:
    """webui takes bundle_emb.WORD.string_to_param.* and any other single tensor under bundle_emb.WORD."""
    word = read_embedding(pivotal / "tiny.pt")
    rows = word.vectors["text_encoder"]
    drawn = set()
    for number, name in enumerate(("string_to_param.*", "<my-cat>")):
        file = tmp_path / f"{number}.safetensors"
        save_safetensors(file, {**load_file(trained("mini")), f"bundle_emb.my-cat.{name}": rows}, {})
        drawn.add(hand("--network-dir", str(tmp_path), prompt=f"a my-cat <lora:{number}:1>"))
    assert len(drawn) == 1 and drawn != {hand("--network", str(trained("mini")), prompt="a my-cat ")}


@pytest.mark.full
def test_a_bundled_word_of_sdxl(hand: Hand, tmp_path: Path) -> None:
    rows = {part: torch.randn(2, width) for part, width in zip(("text_encoder", "text_encoder_2"), (16, 24))}
    inside = bundle(Embedding("my-cat", rows))
    assert sorted(inside) == ["bundle_emb.my-cat.clip_g", "bundle_emb.my-cat.clip_l"]
    save_safetensors(tmp_path / "x.safetensors", {**load_file(trained("sdxl")), **inside}, {})
    where = ("--network-dir", str(tmp_path))
    drawn = [hand(*where, prompt=f"a {word} <lora:x:1>", family="sdxl") for word in ("my-cat", "my cat")]
    assert drawn[0] != drawn[1]


def test_an_embedding_beside_its_preview(hand: Hand, pair: Path, tmp_path: Path) -> None:
    place = tmp_path / "embeddings"
    place.mkdir()
    (place / "my-cat.pt").write_bytes((pair / "my-cat.pt").read_bytes())
    Image.new("RGB", (9, 9)).save(place / "my-cat.png")
    assert hand("--embedding-dir", str(place), prompt="a my-cat") != hand(prompt="a my-cat")


@pytest.mark.parametrize("method", ["dreamartist", "pivotal"])
def test_previews_know_the_words(tmp_path: Path, method: str) -> None:
    own = {**WORD, **({} if method == "pivotal" else NONE), "method__name": method}
    prompts = ["a my-cat --s 1", "a my-cat --n my-cat-neg --s 1", "a my-cat --n cat --s 1"]
    run = Run(tmp_path, **own, sample__prompts=prompts, sample__sample_every_n_steps=2).train()
    files = {(s.step, s.index): pixels(Path(s.path)) for s in run.all(Sample)}
    assert len({files[2, 0], files[2, 1], files[2, 2], files[0, 0]}) == 4
