"""CLIP against a vocabulary: transformers' own scores on a tiny model, right words by the embedded tower."""

from __future__ import annotations

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
from kohya_like.demo.canvas import COLOURS, SHAPES, SUBJECTS
from kohya_like.demo.run import demo_base
from kohya_like.families.image_tower import open_image_tower
from kohya_like.schema.errors import FormatError
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
    with pytest.raises(FormatError, match=r"brings one for 16 numbers to where the text encoder of .* ends, 64"):
        open_clip(ClipSettings(str(folder), str(words), text_model=str(demo_base())))


def test_a_tower_without_a_text_half_wants_one(folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    halves = {name: t for name, t in tensors.items() if name.startswith(("vision_model.", "visual_projection."))}
    save_file(halves, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    with pytest.raises(FormatError, match="has no text half"):
        open_clip(ClipSettings(str(tmp_path), str(vocabulary(tmp_path / "words.txt"))))


EMBEDDED = (
    f"[thing] a drawing of a {{}} | a {{}}\n{chr(10).join([*SHAPES, *SUBJECTS])}\n"
    + "[background] on a {} background\n"
)


def share_right(tower: Path, tmp_path: Path, count: int = 48) -> float:
    """Of the embedded pictures with one thing in their caption: in how many it is the tagger's first word."""
    words = vocabulary(tmp_path / "words.txt", EMBEDDED + "\n".join(COLOURS))
    tagger = open_tagger(ClipSettings(str(tower), str(words), text_model=str(demo_base())))
    right, asked = 0, 0
    named = {}
    for path in sorted(PICTURES.glob("*.png")):
        caption = path.with_suffix(".txt").read_text("utf-8").lower()
        things = [word for word in (*SHAPES, *SUBJECTS) if word in caption.replace(",", " ").split()]
        if len(things) == 1:
            named[str(path)] = things[0]
    for outcome in outcomes(tagger, list(named)[:count]):
        assert isinstance(outcome, Proposal)
        first = chosen(outcome, Selection({"background": 2.0}, threshold=0.0, at_most=1))
        right += first == (named[outcome.picture],)
        asked += 1
    assert asked >= 10
    return right / asked


@pytest.mark.skipif(not TOWER.is_dir(), reason="the embedded image tower is not there")
def test_the_embedded_tower_picks_right_words(tmp_path: Path) -> None:
    assert share_right(TOWER, tmp_path) >= 0.75


@pytest.mark.skipif(not TOWER.is_dir(), reason="the embedded image tower is not there")
def test_a_tower_without_training_does_not(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    torch.manual_seed(0)
    tensors = load_file(TOWER / "model.safetensors")
    save_file(
        {name: t if "projection" not in name else torch.randn_like(t) for name, t in tensors.items()},
        tmp_path / "model.safetensors",
    )
    (tmp_path / "config.json").write_bytes((TOWER / "config.json").read_bytes())
    assert open_image_tower(tmp_path).width
    assert share_right(tmp_path, tmp_path) < 0.4


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
        ("[a] a photo\ncat\ndog\n", r"line 1: the prompt 'a photo' has not one \{\} where the word goes"),
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
