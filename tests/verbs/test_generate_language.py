"""`generate` with networks and embeddings by name, from a picture, in batches, and like another picture."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image, PngImagePlugin
from safetensors.torch import load_file

from kohya_like.cli import main
from kohya_like.families.loading import load_backbone
from kohya_like.families.placeholders import embedding_width
from kohya_like.formats.embeddings import Embedding, bundle, read_embedding, write_pt
from kohya_like.formats.tensors import save_safetensors
from kohya_like.networks.algorithms.hypernetwork import Hypernetwork
from kohya_like.networks.network import Network
from tests.tiny_runs import base, trained
from tests.verbs.drawing import Hand, parameters, pixels


@pytest.fixture
def hand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Hand:
    return Hand(tmp_path, capsys)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of networks: ghost, a LoRA, and paint, a hypernetwork."""
    place = tmp_path / "networks" / "below"
    place.mkdir(parents=True)
    shutil.copy(trained("mini"), place / "ghost.safetensors")
    backbone = load_backbone(base("mini").folder)
    network = Network.create(Hypernetwork(), backbone.parts("unet"), "sd1", 3)
    torch.manual_seed(2)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.2)
    save_safetensors(place / "paint.safetensors", network.tensors(), {})
    return tmp_path / "networks"


def test_a_lora_by_name_is_the_network_attached(hand: Hand, folder: Path) -> None:
    where = ("--network-dir", str(folder))
    plain, attached = hand(), hand("--network", str(trained("mini")))
    assert hand(*where, prompt="a red square<lora:ghost:1>") == attached != plain
    assert hand(*where, prompt="<lora:ghost>a red square") == attached
    assert hand(*where, prompt="<lyco:ghost:te=1:unet=1>a red square") == attached
    assert hand(*where, prompt="a red square<lora:ghost:0>") == plain
    assert hand(*where) == plain, "a folder alone does nothing"
    half = hand("--network", f"{trained('mini')}:0.5")
    assert hand(*where, prompt="a red square<lora:ghost:0.5>") == half
    assert hand("--network", str(folder / "below" / "ghost.safetensors"), prompt="a red square<lora:ghost:0.5>") == half


def test_a_lora_by_name_in_both_text_encoders(hand: Hand) -> None:
    network = trained("sdxl")
    where = ("--network-dir", str(network.parent))
    attached = hand("--network", f"{network}:0.5", family="sdxl")
    named = [hand(*where, prompt=f"a red square<lora:{network.stem}:{w}>", family="sdxl") for w in ("0.5", "0.5:0")]
    assert named[0] == attached and named[1] not in (attached, hand(family="sdxl"))


def test_text_encoders_first_then_the_unet(hand: Hand, folder: Path) -> None:
    where = ("--network-dir", str(folder))
    pictures = [
        hand(*where, prompt=f"a red square<lora:ghost:{weights}>") for weights in ("1:1", "1:0", "0:1", "0:0", "0.5:1")
    ]
    assert len(set(pictures)) == 5 and pictures[3] == hand()
    assert hand(*where, prompt="a red square<lora:ghost:unet=0>") == pictures[1]


def test_hypernetworks(hand: Hand, folder: Path) -> None:
    where = ("--network-dir", str(folder))
    painted = hand(*where, prompt="a red square<hypernet:paint:0.7>")
    assert painted != hand() and painted == hand("--network", f"{folder / 'below' / 'paint.safetensors'}:0.7")
    both = hand(*where, prompt="a red square<hypernet:paint:0.7><lora:ghost:1>")
    assert both not in (painted, hand(*where, prompt="a red square<lora:ghost:1>"))
    assert "write <hypernet:paint:1>" in hand.refused(*where, prompt="<lora:paint:1>")
    assert "write <lora:ghost:1>" in hand.refused(*where, prompt="<hypernet:ghost:1>")


def test_a_network_works_for_the_prompts_that_name_it(hand: Hand, folder: Path, tmp_path: Path) -> None:
    prompts = ("a red square<lora:ghost:1>", "a red square", "a red square<lora:ghost:1>")
    out = tmp_path / "three"
    more = [arg for prompt in prompts[1:] for arg in ("--prompt", prompt)]
    own = ["--network-dir", str(folder), "--out", str(out), "--batch-size", "1"]
    assert hand.call(*more, *own, "--seed", "5", prompt=prompts[0], family="mini") == 0
    drawn = [pixels(out / f"picture-0{i}.png") for i in (1, 2, 3)]
    assert drawn[1] == hand("--seed", "6")
    assert drawn[2] == hand("--seed", "7", "--network", str(trained("mini"))) != hand("--seed", "7")


def test_unknown_names_are_all_told_and_nothing_is_drawn(hand: Hand, folder: Path) -> None:
    said = hand.refused(
        "--network-dir", str(folder), "--prompt", "<hypernet:none:1>", prompt="<lora:gost:1> <lora:ghost:1>"
    )
    assert "gost: no file of that name (near: ghost)" in said and "none: no file of that name" in said
    assert "--network-dir" in hand.refused(prompt="<lora:ghost:1>")
    assert "there is no such folder" in hand.refused("--network-dir", str(folder / "none"))
    assert "'strong' is no weight" in hand.refused(prompt="<lora:ghost:strong>")


def test_ten_thousand_words_and_broken_brackets(hand: Hand) -> None:
    assert hand("--steps", "1", prompt="cat " * 10_000 + "[a (b ]] :1.2) ((") != hand("--steps", "1")
    assert "characters; at most 100000" in hand.refused(prompt="cat " * 30_000)


@pytest.fixture
def embeddings(tmp_path: Path) -> Path:
    place = tmp_path / "embeddings"
    place.mkdir()
    width = embedding_width(load_backbone(base("mini").folder), "text_encoder")
    for seed, name in enumerate(("my-style", "bad-hands")):
        rows = torch.randn(3, width, generator=torch.Generator().manual_seed(seed))
        write_pt(place / f"{name}.pt", Embedding(name, {"text_encoder": rows}))
    (place / "unused.pt").write_bytes(b"no embedding at all")
    Image.new("RGB", (9, 9)).save(place / "my-style.preview.png")
    return place


def test_embeddings_in_prompt_and_negative(hand: Hand, embeddings: Path) -> None:
    where = ("--embedding-dir", str(embeddings))
    prompt, negative = "a square, my-style", ("--negative", "bad-hands")
    plain = hand(prompt=prompt)
    one = hand.file(*where, prompt=prompt)
    assert pixels(one) != plain and "TI hashes: my-style: " in parameters(one).replace('"', "")
    both = hand.file(*where, *negative, prompt=prompt)
    assert len({plain, pixels(one), pixels(both), hand(*negative, prompt=prompt)}) == 4
    assert parameters(both).count("bad-hands") == 2
    assert hand(*where) == hand(), "a prompt that names none is drawn as without them"


def test_an_embedding_of_another_model_is_refused(hand: Hand, embeddings: Path) -> None:
    write_pt(embeddings / "wide.pt", Embedding("wide", {"text_encoder": torch.zeros(2, 768)}))
    said = hand.refused("--embedding-dir", str(embeddings), prompt="a wide thing")
    assert "'wide' is 768 wide" in said
    said = hand.refused("--embedding-dir", str(embeddings), prompt="an unused thing")
    assert "unused.pt" in said


def test_embeddings_inside_a_network(hand: Hand, embeddings: Path, tmp_path: Path) -> None:
    """A network with its word, as pivotal tuning saves them, draws as both files do."""
    word = read_embedding(embeddings / "my-style.pt")
    both = tmp_path / "both.safetensors"
    save_safetensors(both, {**load_file(trained("mini")), **bundle(word)}, {})
    prompt = "a square, my-style"
    apart = hand("--network", str(trained("mini")), "--embedding-dir", str(embeddings), prompt=prompt)
    assert (
        hand("--network", str(both), prompt=prompt) == apart != hand("--network", str(trained("mini")), prompt=prompt)
    )


def test_embeddings_that_cannot_be_used(hand: Hand, embeddings: Path) -> None:
    width = embedding_width(load_backbone(base("mini").folder), "text_encoder")
    write_pt(embeddings / "long.pt", Embedding("long", {"text_encoder": torch.zeros(76, width)}))
    where = ("--embedding-dir", str(embeddings))
    said = hand.refused(*where, prompt="a long thing")
    assert "a long thing: an embedding of 76 vectors is longer than a chunk of 75 words" in said
    write_pt(embeddings / "My-Style.pt", Embedding("My-Style", {"text_encoder": torch.zeros(1, width)}))
    assert "My-Style and my-style are one word" in hand.refused(*where, prompt="my-style")


def test_from_a_picture(hand: Hand, tmp_path: Path) -> None:
    start = tmp_path / "start.png"
    Image.effect_noise((80, 56), 90).convert("RGB").save(start)
    near = hand.file("--init", str(start), "--strength", "0.1", "--size", "80x56", "--steps", "4")
    far = hand.file("--init", str(start), "--strength", "1", "--size", "80x56", "--steps", "4")
    assert "Denoising strength: 0.1" in parameters(near)
    assert pixels(near) != pixels(far) != hand("--size", "80x56", "--steps", "4")
    out = tmp_path / "own-size.png"
    own = ["generate", "--model", str(base("mini").folder), "--prompt", "x", "--steps", "1", "--init", str(start)]
    assert main([*own, "--out", str(out)]) == 0
    with Image.open(out) as image:
        assert image.size == (80, 56)
    (tmp_path / "broken.png").write_bytes(b"no")
    assert "cannot be read" in hand.refused("--init", str(tmp_path / "broken.png"))
    assert "was drawn from another picture" in hand.refused("--like", str(near), prompt=None)
    assert hand("--like", str(near), "--init", str(start), prompt=None) == pixels(near)


def test_counts_and_batches(hand: Hand, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = ["--count", "3", "--seed", "4", "--batch-size", "2", "--out", str(tmp_path / "set"), "--json"]
    capsys.readouterr()
    assert hand.call(*own, prompt="a red square", family="mini") == 0
    files = [Path(file) for file in json.loads(capsys.readouterr().out)["pictures"]]
    assert len(files) == 3 and "Seed: 6" in parameters(files[2])
    one = hand("--seed", "6")
    assert max(abs(a - b) for a, b in zip(pixels(files[2]), one)) <= 1 and pixels(files[1]) != one


@pytest.mark.parametrize("sampler", ["euler_a", "dpmpp_2m_karras"])
def test_like_another_picture(hand: Hand, folder: Path, sampler: str) -> None:
    where = ("--network-dir", str(folder))
    first = hand.file(
        *where, "--negative", "blue, (bad:1.2)", "--sampler", sampler, "--seed", "99", "--cfg", "3.5", "--steps", "3",
        "--clip-skip", "2", "--zero-terminal-snr", prompt="a [red|green] square\n<lora:ghost:0.7:0.2>",
    )  # fmt: skip
    again = hand.file(*where, "--like", str(first), prompt=None)
    assert pixels(again) == pixels(first) and parameters(again) == parameters(first)
    other = hand.file(*where, "--like", str(first), "--seed", "100", "--cfg", "4", prompt=None)
    assert pixels(other) != pixels(first)
    assert parameters(other) == parameters(first).replace("Seed: 99", "Seed: 100").replace("scale: 3.5", "scale: 4")
    assert "ghost: no file of that name" in hand.refused("--like", str(first), prompt=None)


def test_like_a_picture_of_the_web_ui(hand: Hand, tmp_path: Path) -> None:
    told = (
        "a (cat:1.2)\nNegative prompt: bad\nSteps: 3, Sampler: DPM++ 2M Karras, CFG scale: 5, Seed: 8, Size: 64x72, "
        "Model hash: 6ce0161689, Model: v1-5, Clip skip: 2, ENSD: 31337, Version: v1.10.1"
    )
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", told)
    theirs = tmp_path / "theirs.png"
    Image.new("RGB", (8, 8)).save(theirs, pnginfo=info)
    drawn = hand.file("--like", str(theirs), prompt=None)
    assert parameters(drawn).startswith(
        "a (cat:1.2)\nNegative prompt: bad\nSteps: 3, Sampler: DPM++ 2M, Schedule type: K"
    )
    with Image.open(drawn) as image:
        assert image.size == (64, 72)
    info.add_text("parameters", told.replace("DPM++ 2M Karras", "DPM++ SDE"))
    Image.new("RGB", (8, 8)).save(theirs, pnginfo=info)
    assert "was drawn with DPM++ SDE" in hand.refused("--like", str(theirs), prompt=None)
    assert hand("--like", str(theirs), "--sampler", "dpmpp_2m_karras", prompt=None) == pixels(drawn)


def test_a_weight_that_may_be_none_is_pointed_at(hand: Hand, capsys: pytest.CaptureFixture[str]) -> None:
    hand(prompt="a square, ratio 16:9")
    assert "hint: a number behind a colon" in capsys.readouterr().err
    hand(prompt="a square, ratio 16:9, red")
    assert "hint" not in capsys.readouterr().err


def test_without_any_prompt(hand: Hand) -> None:
    assert "there is no prompt" in hand.refused(prompt=None)
