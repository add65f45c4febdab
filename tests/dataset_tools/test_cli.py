"""`python -m dataset_tools VERB FOLDER`: each verb edits or shows, says what it did, and can be undone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dataset_tools.cli import main, parser

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KOHYA_LIKE_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "10_cat"
    folder.mkdir()
    for name, text in {"a": "cat, long_hair", "b": "cat, dog, dog"}.items():
        (folder / f"{name}.png").write_bytes(b"")
        (folder / f"{name}.txt").write_text(text)
    return folder


def texts(folder: Path) -> list[str]:
    return [path.read_text() for path in sorted(folder.glob("*.txt"))]


FIRST = ["cat, long_hair", "cat, dog, dog"]
VERBS = [  # arguments after the folder; what the captions are then
    ("add", ["new, word"], ["cat, long_hair, new, word", "cat, dog, dog, new, word"]),
    ("add", ["new", "--at", "0", "--only", "tag:dog"], ["cat, long_hair", "new, cat, dog, dog"]),
    ("remove", ["cat"], ["long_hair", "dog, dog"]),
    ("rename", ["cat", "kitty"], ["kitty, long_hair", "kitty, dog, dog"]),
    ("replace", ["cat", "x", "y"], ["x, y, long_hair", "x, y, dog, dog"]),
    ("move", ["cat", "--to", "-1"], ["long_hair, cat", "dog, dog, cat"]),
    ("trigger", ["sks"], ["sks, cat, long_hair", "sks, cat, dog, dog"]),
    ("sort", ["--by", "length"], ["cat, long_hair", "cat, dog, dog"]),
    ("dedupe", [], ["cat, long_hair", "cat, dog"]),
    ("imply", ["TABLE"], ["cat, animal, long_hair", "cat, animal, dog, dog"]),
    ("drop-rare", ["2"], ["cat", "cat"]),
    ("regex", ["(c)at", r"\1ow"], ["cow, long_hair", "cow, dog, dog"]),
    ("case", ["upper"], ["CAT, LONG_HAIR", "CAT, DOG, DOG"]),
    ("underscores", [], ["cat, long hair", "cat, dog, dog"]),
    ("prefix", ["a "], ["a cat, long_hair", "a cat, dog, dog"]),
    ("suffix", ["!"], ["cat, long_hair!", "cat, dog, dog!"]),
    ("set", ["same"], ["same", "same"]),
    ("to-utf8", [], FIRST),
]


@pytest.mark.parametrize(("verb", "given", "after"), VERBS, ids=lambda value: str(value)[:30])
def test_a_verb_shows_does_and_is_undone(
    folder: Path, capsys: pytest.CaptureFixture[str], verb: str, given: list[str], after: list[str]
) -> None:
    table = folder.parent / "table"
    table.write_text("cat -> animal\n")
    given = [str(table) if word == "TABLE" else word for word in given]
    changed = sum(a != b for a, b in zip(FIRST, after))
    assert main([verb, str(folder), *given, "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert texts(folder) == FIRST and shown.count("+++ ") == changed and f"of {len(FIRST)} would change" in shown
    assert not (folder.parent / "state").exists()
    assert main([verb, str(folder), *given]) == 0
    assert texts(folder) == after and f"{changed} caption" in capsys.readouterr().out
    main(["history", str(folder)])
    assert len(capsys.readouterr().out.splitlines()) == (1 if changed else 0)
    assert main(["undo", str(folder)]) == (0 if changed else 1)
    assert texts(folder) == FIRST
    assert main(["redo", str(folder)]) == (0 if changed else 1)
    assert texts(folder) == after


def test_tables_and_other_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = folder.parent / "captions.json"
    assert main(["export", str(folder), str(table), "--dry-run"]) == 0 and not table.exists()
    assert "+  " in capsys.readouterr().out
    assert main(["export", str(folder), str(table)]) == 0
    assert json.loads(table.read_text()) == {"a.png": {"caption": FIRST[0]}, "b.png": {"caption": FIRST[1]}}
    assert main(["export", str(folder), str(table)]) == 1 and "already exists" in capsys.readouterr().err
    main(["set", str(folder), "other"])
    assert main(["import", str(folder), str(table), "--dry-run"]) == 0 and texts(folder) == ["other"] * 2
    assert main(["import", str(folder), str(table)]) == 0 and texts(folder) == FIRST
    assert main(["copy-captions", str(folder), ".txt", "--extension", ".caption"]) == 0
    assert [path.read_text() for path in sorted(folder.glob("*.caption"))] == FIRST
    assert main(["undo", str(folder)]) == 0 and texts(folder) == ["other"] * 2  # of the .txt files
    assert [path.read_text() for path in sorted(folder.glob("*.caption"))] == FIRST
    assert main(["undo", str(folder), "--extension", ".caption"]) == 0 and not list(folder.glob("*.caption"))
    assert main(["export", str(folder), str(table), "--update", "--field", "tags"]) == 0


def test_faults_are_sentences(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rename", str(folder / "none"), "a", "b"]) == 1
    assert main(["rename", str(folder), "a,b", "b"]) == 1
    assert main(["regex", str(folder), "(", "b"]) == 1
    assert main(["add", str(folder), "x", "--only", "tags:>"]) == 1
    said = capsys.readouterr().err
    assert said.count("error: ") == 4 and "Traceback" not in said and "more than one tag" in said
    (folder / "a.txt").chmod(0o444)
    assert main(["add", str(folder), "x"]) == 1 and "is read-only" in capsys.readouterr().err
    assert texts(folder) == [FIRST[0], FIRST[1] + ", x"]
    with pytest.raises(SystemExit):
        parser().parse_args(["nothing"])


def test_the_module_and_the_script_pass_the_verb_on(folder: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "dataset_tools", "add", str(folder), "x"], cwd=ROOT, check=True,
                          capture_output=True, text=True)  # fmt: skip
    assert "2 captions changed" in done.stdout and texts(folder)[0] == FIRST[0] + ", x"
    assert '-m dataset_tools "${@:2}"' in (ROOT / "run.sh").read_text()
