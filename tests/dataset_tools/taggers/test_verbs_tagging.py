"""`tag` and `fetch-tagger` from the command line."""

from __future__ import annotations

import argparse
import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataset_tools import cli
from dataset_tools.tagger_files import fetched, listed, tagger_files
from dataset_tools.tagger_settings import EndpointSettings, Wd14Settings
from dataset_tools.verbs_tagging import selection_of, settings_of
from kohya_like.schema.errors import UserError
from tests.dataset_tools.taggers.tiny_taggers import picture, tiny_wd14
from tests.dataset_tools.taggers.vision_server import saying, vision_server
from tests.verbs.test_fetch import Hub


def arguments(*line: str) -> argparse.Namespace:
    return cli.parser().parse_args(line)


def run(*line: str) -> int:
    found = arguments(*line)
    status: int = found.verb(found)
    return status


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three pictures, two captions, a tagger beside them; the state elsewhere."""
    monkeypatch.setenv("KOHYA_LIKE_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    found = tmp_path / "10_sks"
    for name, colour in (("a", "red"), ("b", "blue"), ("c", "lime")):
        picture(found / f"{name}.png", colour, (16, 16))
    (found / "a.txt").write_bytes(b"sks, red hair\r\nsecond\r\n")
    (found / "b.txt").write_bytes(b"")
    (found / "c.txt").write_bytes("长发".encode("gbk"))
    tiny_wd14(tmp_path / "tagger")
    return found


def captions(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.txt"))}


def test_a_dry_run_prints_a_diff_and_writes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = captions(folder)
    assert run("tag", str(folder), "--model", str(folder.parent / "tagger"), "--threads", "1", "--dry-run") == 0
    said = capsys.readouterr()
    assert "-sks, red hair\n+sks, red hair, anna (frozen), ^_^\n" in said.out and "+blue sky\n" in said.out
    assert "2 captions of 3 would change." in said.out and "GBK" in said.err
    assert captions(folder) == before and not (folder.parent / "state").exists()


def test_what_is_accepted_is_written_and_can_be_undone(folder: Path) -> None:
    from dataset_tools.library import Library
    from dataset_tools.places import state_folder
    from dataset_tools.session import CaptionSession

    before = captions(folder)
    options = ("--category", "character=off", "--blacklist", "^_^", "--mode", "prepend", "--underscores")
    assert run("tag", str(folder), "--model", str(folder.parent / "tagger"), *options) == 1  # c.txt is left out
    assert captions(folder) == {**before, "b.txt": b"blue_sky"}  # a has red hair already, written with a blank
    library = Library([str(folder)])
    library.list_pictures()
    library.read_captions()
    session = CaptionSession(library, state_folder([str(folder)]))
    assert session.history == ("tags of wd14",)
    session.undo()
    session.close()
    assert captions(folder) == before


def test_scores_are_kept_and_used_again(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores = tmp_path / "scores.jsonl"
    model = ("--model", str(folder.parent / "tagger"))
    assert run("tag", str(folder), *model, "--save", str(scores), "--dry-run") == 0
    assert len(scores.read_text("utf-8").splitlines()) == 3
    capsys.readouterr()
    line = (
        "tag",
        str(folder),
        "--scores",
        str(scores),
        "--threshold",
        "0.01",
        "--at-most",
        "1",
        "--rating",
        "--dry-run",
    )
    assert run(*line) == 0
    assert "+blue sky, rating:general" in capsys.readouterr().out.replace("anna (frozen), frozen (film), ", "")
    with pytest.raises(UserError, match="exists"):
        run("tag", str(folder), *model, "--save", str(scores), "--dry-run")
    scores.write_text("{}\n", "utf-8")
    with pytest.raises(UserError, match="line 1: is no line of scores"):
        run("tag", str(folder), "--scores", str(scores))
    with pytest.raises(UserError, match="No such file"):
        run("tag", str(folder), "--scores", str(tmp_path / "none"))


def test_only_empty_captions_are_looked_at(folder: Path) -> None:
    with vision_server(lambda number, heard: saying("a blue wall")) as server:
        endpoint = ("--tagger", "endpoint", "--address", server.address, "--model", "m", "--mode", "only-empty")
        before = captions(folder)
        assert run("tag", str(folder), *endpoint) == 0
    assert captions(folder) == {**before, "b.txt": b"a blue wall"}
    assert len(server.heard) == 1  # that of c.txt says something, in whatever encoding


def test_settings_and_selection_from_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings_of(arguments("tag", "x", "--model", "m", "--batch", "2")) == Wd14Settings("m", 2)
    monkeypatch.setattr("getpass.getpass", lambda prompt: "sk-1")
    line = ("tag", "x", "--tagger", "endpoint", "--model", "m", "--address", "http://a", "--ask-key", "--seconds", "9")
    assert settings_of(arguments(*line)) == EndpointSettings("http://a", "m", key="sk-1", seconds=9)
    for wrong, sentence in (
        (("--tagger", "clip", "--model", "m"), "needs vocabulary"),
        (("--batch", "0", "--model", "m"), "batch must be a whole number from 1"),
        (("--prompt", "x", "--model", "m"), "the tagger wd14 has no setting prompt"),
    ):
        with pytest.raises(UserError, match=sentence):
            settings_of(arguments("tag", "x", *wrong))
    found = selection_of(arguments("tag", "x", "--category", "meta=0.5", "--category", "general=off", "--escape"))
    assert found.thresholds["meta"] == 0.5 and found.thresholds["general"] > 1 and found.escape and found.spaces
    with pytest.raises(UserError, match="write a category and a score"):
        selection_of(arguments("tag", "x", "--category", "meta"))


def test_a_folder_without_pictures(tmp_path: Path) -> None:
    with pytest.raises(UserError):
        run("tag", str(tmp_path), "--model", "m")


def test_a_fault_is_a_sentence_and_status_1(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["tag", str(folder)]) == 1
    assert capsys.readouterr().err == "error: the tagger wd14 needs model\n"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    import threading

    found = Hub()
    tagger = tiny_wd14(tmp_path / "source")
    found.files = {path.name: path.read_bytes() for path in tagger.iterdir()}
    found.files |= {
        "model.safetensors": b"x" * 9,
        "pytorch_model.bin": b"y" * 9,
        "evil.py": b"z" * 9,
        "../up.csv": b"u",
    }
    thread = threading.Thread(target=found.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", found.address)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    yield found
    found.shutdown()
    found.server_close()


def test_a_tagger_is_fetched_and_nothing_else(hub: Hub, tmp_path: Path, folder: Path) -> None:
    assert run("fetch-tagger", "someone/tiny-model", "--to", str(tmp_path / "models"), "--yes") == 0
    there = tmp_path / "models" / "someone--tiny-model"
    assert sorted(path.name for path in there.iterdir()) == ["model.onnx", "selected_tags.csv"]
    assert (
        hashlib.sha256((there / "model.onnx").read_bytes()).digest() == hashlib.sha256(hub.files["model.onnx"]).digest()
    )
    assert run("tag", str(folder), "--model", str(there), "--dry-run") == 0


def test_nothing_is_fetched_unasked(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(UserError, match="nobody is there to agree"):
        run("fetch-tagger", "someone/tiny-model", "--to", str(tmp_path / "models"))
    with pytest.raises(UserError, match="neither a folder nor"):
        run("tag", str(tmp_path / "source"), "--model", "someone/tiny-model") if picture(
            tmp_path / "source/a.png"
        ) else 0
    assert not (tmp_path / "models").exists() and len(hub.requests) == 1


def test_a_tagger_that_is_none_or_was_changed_on_the_way(hub: Hub, tmp_path: Path) -> None:
    hub.served["model.onnx"] = b"z" * len(hub.files["model.onnx"])
    with pytest.raises(UserError, match="has not the checksum on record"):
        fetched(listed("someone/tiny-model"), tmp_path / "models", lambda name, have, size: None)
    del hub.files["selected_tags.csv"]
    with pytest.raises(UserError, match=r"is no tagger of this kind: model\.onnx and selected_tags\.csv are expected"):
        tagger_files(listed("someone/tiny-model"))
    assert json.dumps([file.name for file in listed("someone/tiny-model").files]) == '["model.onnx"]'
