"""find and tags: what they print, and that they change nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from dataset_tools.cli import main
from dataset_tools.filter_language import parse
from dataset_tools.filter_terms import asks

CAPTIONS = {"a": "cat, hat\nmore\n", "b": "cat", "c": "dog, hat"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    place = tmp_path / "1_set"
    place.mkdir()
    for width, (stem, caption) in enumerate(CAPTIONS.items(), 64):
        Image.new("RGB", (width, 64)).save(place / f"{stem}.png")
        (place / f"{stem}.txt").write_text(caption, encoding="utf-8")
    return place


def test_pictures_by_a_filter(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["find", str(folder), "tag:cat"]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines() == [str(folder / "a.png"), str(folder / "b.png")] and "2 pictures of 3" in said.err
    assert main(["find", str(folder), "tag:cat AND size:64x64", "--captions"]) == 0
    assert capsys.readouterr().out == f"{folder / 'a.png'}: cat, hat\n", "sizes are read when they are asked for"
    assert main(["find", str(folder)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert {path.name: path.read_text() for path in folder.glob("*.txt")} == {
        f"{k}.txt": v for k, v in CAPTIONS.items()
    }


def test_tags_with_their_counts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tags", str(folder)]) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [["2", "cat"], ["2", "hat"], ["1", "dog"]]
    assert main(["tags", str(folder), "--only", "tag:hat", "--least", "2"]) == 0
    assert capsys.readouterr().out.split() == ["2", "hat"]


@pytest.mark.parametrize(("filter_", "said"), [("tag:", "column 1"), ("dup:yes", "window"), ("tag:cat OR (", "column")])
def test_a_filter_that_cannot_be_asked_is_a_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], filter_: str, said: str
) -> None:
    assert main(["find", str(folder), filter_]) == 1
    assert said in capsys.readouterr().err


def test_what_a_filter_asks_for() -> None:
    text = "tag:a OR NOT (size:1x1 ar:1 width:>1 rating:g) cat name:x"
    assert asks(parse(text)) == {"tag", "size", "ar", "width", "rating", "caption", "path", "name"}
    assert asks(parse("")) == frozenset()
