"""The picture verbs as a person types them: what they print, what they write, and their sentences."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image, ImageFilter

from dataset_tools.cli import main
from tests.dataset_tools.made_pictures import put, scene

pytestmark = pytest.mark.quick


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "set" / "10_cat"
    put(folder, "one.png", scene(1, (600, 600)), "cat, long hair")
    put(folder, "twin.jpg", scene(1, (600, 600)).resize((520, 520)), "cat")
    put(folder, "soft.png", scene(2, (600, 600)).filter(ImageFilter.GaussianBlur(5)))
    return folder


def test_duplicates(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["duplicates", str(folder)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1 groups; 1 pictures could go."
    assert main(["duplicates", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [[str(folder / "one.png"), str(folder / "twin.jpg")]]
    assert main(["duplicates", str(folder), "--distance", "0"]) in (0,)
    assert main(["duplicates", str(folder), "--distance", "99"]) == 1
    assert "give 0 to 30" in capsys.readouterr().err


def test_quality(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["quality", str(folder), "--resolution", "550", "--json"]) == 0
    found = {(Path(one["path"]).name, one["kind"]) for one in json.loads(capsys.readouterr().out)}
    assert found == {("twin.jpg", "small"), ("soft.png", "soft")}
    assert main(["quality", str(folder), "--sharpness", "0"]) == 0
    assert capsys.readouterr().out == "Nothing to be said.\n"


def test_a_dry_run_writes_nothing_and_says_all(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(tmp_path.rglob("*"))
    target = tmp_path / "out"
    assert main(["resize", str(folder), str(target), "--longest", "64", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert f"{folder / 'one.png'} 600x600 -> {target / 'one.png'} 64x64" in said and "3 copies would be made" in said
    assert main(["new", str(target), "--concept", "auto", "sks cat", str(folder), "--dry-run"]) == 0
    assert f"{target / '133_sks cat'}: 3 pictures" in capsys.readouterr().out
    assert [path for path in sorted(tmp_path.rglob("*")) if "cache" not in path.parts] == before


def test_what_they_write(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "out"
    assert main(["resize", str(folder), str(target), "--crop", "64x96", "--format", "webp"]) == 0
    assert Image.open(target / "one.webp").size == (64, 96) and (target / "one.txt").read_text() == "cat, long hair"
    assert main(["clean", str(folder.parent), str(tmp_path / "clean"), "--without", "duplicate,soft"]) == 0
    assert {path.name for path in (tmp_path / "clean" / "10_cat").iterdir()} == {"one.png", "one.txt"}
    assert main(["new", str(tmp_path / "made"), "--concept", "7", "cat", str(folder), "--link"]) == 0
    assert sorted(path.name for path in (tmp_path / "made" / "7_cat").glob("*.png")) == ["one.png", "soft.png"]
    capsys.readouterr()
    assert main(["statistics", str(folder), "--svg", str(tmp_path / "plot.svg"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["pictures"], found["captioned"], found["most_frequent_tags"]) == (3, 2, {"cat": 2, "long hair": 1})
    assert (tmp_path / "plot.svg").read_text("utf-8").startswith("<svg")
    assert main(["statistics", str(folder), "--svg", str(tmp_path / "plot.svg")]) == 1, "never over a file"


def test_health_tells_how_far_it_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["health", str(folder), "--json", "--resolution", "512"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == {"done": 3, "of": 3}
    assert lines[-1]["pictures"] == 3 and [one["kind"] for one in lines[-1]["findings"]] == ["soft"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["duplicates", "{}/gone"], "there is no such folder"),
        (["quality", "{}/empty"], "holds no pictures"),
        (["resize", "{}/set", "{}/set/in"], "lies in the folder itself"),
        (["resize", "{}/set", "{}/out", "--background", "nocolour"], "is no colour"),
        (["new", "{}/made", "--concept", "x", "cat", "{}/set"], "is no number of repeats"),
        (["new", "{}/made", "--concept", "1", "a/b", "{}/set"], "cannot be the name of a folder"),
        (["new", "{}/made", "--concept", "auto", "cat", "{}/set", "--epochs", "0"], "are 1 or more"),
        (["clean", "{}/set", "{}/out", "--without", "ugly"], '"ugly" is no reason'),
    ],
)
def test_sentences(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    (tmp_path / "empty").mkdir()
    assert main([argument.replace("{}", str(tmp_path)) for argument in arguments]) == 1
    assert words in capsys.readouterr().err


def test_wrong_usage_is_code_2(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["quality", str(folder), "--resolution", "5x5x5"])
    assert ended.value.code == 2 and "write 512 or 512x768" in capsys.readouterr().err
