"""CLIP against a vocabulary: transformers' own scores on a tiny model, right words by the embedded tower."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from transformers import CLIPModel

from dataset_tools.proposals import Proposal, Selection, chosen
from dataset_tools.tagger_settings import ClipSettings
from dataset_tools.taggers.clip import open_clip
from dataset_tools.taggers.opening import open_tagger
from dataset_tools.taggers.pipeline import outcomes
from dataset_tools.vocabularies import WordList, read_vocabulary
from kohya_like.data.tokens import END, START, clip_tokenizer
from kohya_like.demo.run import demo_base
from kohya_like.demo.tower_words import WORDS
from kohya_like.formats.tensors import open_tensors, save_safetensors
from kohya_like.schema.errors import FormatError, UserError
from tests.dataset_tools.taggers.tiny_taggers import picture, tiny_clip

TOWER = demo_base().parent / "tower"
PICTURES = demo_base().parent / "dataset" / "reg" / "1_picture"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_clip(tmp_path_factory.mktemp("clip"))


def vocabulary(
    path: Path, text: str = "cat\ndog\nred house\n[style] a {} of it | in the style of a {}\nphoto\nsketch\n"
) -> Path:
    path.write_text(text, "utf-8")
    return path


def test_scores_are_those_of_transformers(folder: Path, tmp_path: Path) -> None:
    words = vocabulary(tmp_path / "words.txt")
    tagger = open_clip(ClipSettings(str(folder), str(words)))
    path = picture(tmp_path / "a.png", "red", (60, 40))
    found = tagger.look([tagger.prepare(path)])[0].scores
    model = CLIPModel.from_pretrained(folder).eval()
    pixels = tagger.prepare(path)[None]
    texts = ["cat", "dog", "red house"]
    ids = torch.tensor([(row := [START, *clip_tokenizer().encode(t)]) + [END] * (77 - len(row)) for t in texts])
    with torch.no_grad():
        likeness = model(input_ids=ids, pixel_values=pixels).logits_per_image.softmax(-1)[0]
    assert dict(found["general"]) == pytest.approx(dict(zip(texts, likeness.tolist())), abs=1e-4)
    assert sum(score for _, score in found["style"]) == pytest.approx(1, abs=1e-4)


def test_the_base_models_text_encoder_and_a_tower_that_does_not_fit(folder: Path, tmp_path: Path) -> None:
    words = vocabulary(tmp_path / "words.txt")
    with pytest.raises(FormatError, match=r"takes texts of 16 numbers, and .* makes such of 64"):
        open_clip(ClipSettings(str(folder), str(words), text_model=str(demo_base())))


def test_a_tower_without_a_text_half_wants_one(folder: Path, tmp_path: Path) -> None:
    with open_tensors(folder / "model.safetensors") as file:
        halves = {name: file.get(name).clone() for name in file if name.startswith(("vision_model.", "visual_"))}
    save_safetensors(tmp_path / "model.safetensors", halves)
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    with pytest.raises(FormatError, match="has no text half"):
        open_clip(ClipSettings(str(tmp_path), str(vocabulary(tmp_path / "words.txt"))))


def shares_right(tower: Path, tmp_path: Path) -> dict[str, float]:
    """Of the embedded pictures: of how many is the tagger's first word of a kind one that the caption says, and for how
    many objects one of the first three."""
    lists = [f"[{kind}]\n" + "\n".join(WORDS[kind]) for kind in ("object", "place")]
    words = vocabulary(tmp_path / "words.txt", "\n".join(lists))
    tagger = open_tagger(ClipSettings(str(tower), str(words), text_model=str(demo_base())))
    paths = sorted(PICTURES.glob("*.png"))
    captions = [path.with_suffix(".txt").read_text("utf-8").lower() for path in paths]
    right: dict[str, list[bool]] = {"object": [], "place": []}
    near: list[bool] = []
    for caption, outcome in zip(captions, outcomes(tagger, [str(path) for path in paths])):
        assert isinstance(outcome, Proposal)
        for kind, found in right.items():
            told = [word for word in WORDS[kind] if re.search(rf"\b{word}\b", caption)]
            if told:
                only = {other: 2.0 for other in right if other != kind}
                words_seen = chosen(outcome, Selection(only, threshold=0.0, at_most=3))
                found.append(words_seen[0] in told)
                near += [not set(told).isdisjoint(words_seen)] if kind == "object" else []
    assert min(len(found) for found in right.values()) >= 20
    return {kind: sum(found) / len(found) for kind, found in {**right, "near": near}.items()}


def test_the_embedded_tower_picks_right_words(tmp_path: Path) -> None:
    """Of 16 objects and 16 places: by chance it would be a sixteenth, and three sixteenths of the first three."""
    right = shares_right(TOWER, tmp_path)
    assert right["place"] >= 0.85 and right["object"] >= 0.35 and right["near"] >= 0.6, right


def test_a_tower_without_training_does_not(tmp_path: Path) -> None:
    torch.manual_seed(0)
    with open_tensors(TOWER / "model.safetensors") as file:
        tensors = {name: file.get(name).float().clone() for name in file}
    tensors["text_projection.weight"] = torch.randn_like(tensors["text_projection.weight"])
    save_safetensors(tmp_path / "model.safetensors", tensors)
    (tmp_path / "config.json").write_bytes((TOWER / "config.json").read_bytes())
    right = shares_right(tmp_path, tmp_path)
    assert right["object"] < 0.25 and right["place"] < 0.3 and right["near"] < 0.4, right


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no GPU that this torch can use"):
        open_clip(ClipSettings(str(folder), str(vocabulary(tmp_path / "words.txt")), device="cuda"))


def test_a_vocabulary_as_it_is_written(tmp_path: Path) -> None:
    text = "\ufeff# mine\n\ncat\n dog \ncat\n[shape]a {} | one {}\ncircle\nsquare\n"
    assert read_vocabulary(vocabulary(tmp_path / "words.txt", text)) == {
        "general": WordList(("cat", "dog")),
        "shape": WordList(("circle", "square"), ("a {}", "one {}")),
    }


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "has no words"),
        ("# only\n", "has no words"),
        ("[a] a {}\ncat\n", "the category a has a single word"),
        ("[a] a photo\ncat\ndog\n", r"line 1: the prompt 'a photo' has not one pair of braces where the word goes"),
        ("cat\n" + "x" * 400, "line 2: is longer than 300 letters"),
        ("\n".join(f"word {i}" for i in range(50_001)), "has more than 50,000 words"),
    ],
)
def test_vocabularies_that_are_none(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(FormatError, match=sentence):
        read_vocabulary(vocabulary(tmp_path / "words.txt", text))


def test_vocabularies_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="there is no such file"):
        read_vocabulary(tmp_path / "none.txt")
    (tmp_path / "gbk.txt").write_bytes("长发\n短发\n".encode("gbk"))
    with pytest.raises(FormatError, match="is not in UTF-8"):
        read_vocabulary(tmp_path / "gbk.txt")
