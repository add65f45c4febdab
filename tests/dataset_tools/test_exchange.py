"""Captions to and from jsonl, kohya's metadata json and other extensions; preview; tables of implied tags."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dataset_tools.edits import AddTags, ConvertEncoding, RenameTag
from dataset_tools.exchange import read_files, read_table, table_text
from dataset_tools.implied import read_implied
from dataset_tools.preview import diff, preview, unified
from kohya_like.data.metadata_file import read_metadata
from kohya_like.schema.errors import FormatError, UserError
from tests.dataset_tools.caption_faults import opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "set" / "10_cat"
    folder.mkdir(parents=True)
    for name, text in {"a": "cat, dog", "b": "长发\nsecond", "c": None}.items():
        (folder / f"{name}.png").write_bytes(b"")
        if text is not None:
            (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    return folder


def test_jsonl_comes_back_and_training_reads_the_same(folder: Path, tmp_path: Path) -> None:
    library = opened(folder.parent)
    path = tmp_path / "captions.jsonl"
    path.write_text(table_text(path, library, library.ids()), encoding="utf-8")
    assert [json.loads(line)["image_path"] for line in path.read_text(encoding="utf-8").splitlines()] == [
        "a.png",
        "b.png",
    ]
    assert read_table(path, library).texts == {0: "cat, dog", 1: "长发\nsecond"}
    trained = read_metadata(path, folder, ["a.png", "b.png", "c.png"], ",").lines
    assert trained == {"a.png": ("cat, dog",), "b.png": ("长发", "second")}


def test_a_metadata_file_keeps_what_it_says_beside_captions(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "meta.json"
    table: dict[str, dict[str, object]] = {
        "elsewhere/x": {"caption": "x", "train_resolution": [512, 768]},
        "a": {"tags": "old", "train_resolution": [512, 512], "own": {"deep": [1, 2.5, None]}},
        "b.png": {"caption": "长发\nsecond", "tags": ""},
    }
    path.write_text(json.dumps(table), encoding="utf-8")
    library = opened(folder.parent)
    library.set_text(2, "new")
    after = json.loads(table_text(path, library, library.ids()))
    assert list(after) == ["elsewhere/x", "a", "b.png", "c.png"]
    assert after["elsewhere/x"] == table["elsewhere/x"] and after["b.png"] == table["b.png"]
    assert after["a"] == {**table["a"], "tags": "cat, dog"} and after["c.png"] == {"caption": "new"}
    path.write_text(json.dumps(after), encoding="utf-8")
    incoming = read_table(path, library)
    assert incoming.texts == {0: "cat, dog", 1: "长发\nsecond", 2: "new"} and incoming.missing == ("elsewhere/x",)


def test_pictures_of_several_folders_are_told_apart(folder: Path, tmp_path: Path) -> None:
    other = folder.parent / "5_dog"
    other.mkdir()
    (other / "a.png").write_bytes(b"")
    (other / "a.txt").write_text("other")
    library = opened(folder.parent)
    for name in ("t.jsonl", "t.json"):
        path = tmp_path / name
        path.write_text(table_text(path, library, library.ids(), "tags"), encoding="utf-8")
        texts = {library.caption_path(id): text for id, text in read_table(path, library).texts.items()}
        assert texts == {
            str(folder / "a.txt"): "cat, dog", str(folder / "b.txt"): "长发\nsecond", str(other / "a.txt"): "other",
        }  # fmt: skip


@pytest.mark.parametrize("text", ["[1]", "{", '{"a": 1}\n{'])
def test_what_is_no_table_is_refused(folder: Path, tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(FormatError):
        read_table(path, opened(folder.parent))
    with pytest.raises(FormatError):
        table_text(path, opened(folder.parent), [0])
    with pytest.raises(UserError, match=r"\.jsonl"):
        table_text(tmp_path / "x.csv", opened(folder.parent), [0])


def test_files_of_another_extension(folder: Path) -> None:
    (folder / "a.caption").write_text("from caption")
    (folder / "b.caption").write_bytes("猫, 长发, 蓝天白云".encode("gbk"))
    incoming = read_files(".caption", opened(folder.parent))
    assert incoming.texts == {0: "from caption"} and incoming.left_out == (str(folder / "b.caption"),)


def test_implied_tags(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("antecedent_name,consequent_name\ncat_ears,animal_ears,x\n# word\n\ncat ears -> ears, tail\n")
    assert read_implied(path) == {"cat ears": ("animal ears", "ears", "tail")}
    assert read_implied(path, spaces=False) == {"cat_ears": ("animal_ears",), "cat ears": ("ears", "tail")}
    for raw, says in ((b"cat ->", "line 1"), (b"\xff\xfe", "UTF-8"), (b"cat", "line 1")):
        path.write_bytes(raw)
        with pytest.raises(FormatError, match=says):
            read_implied(path)
    with pytest.raises(FormatError, match="cannot be read"):
        read_implied(tmp_path / "none")


def test_a_preview_changes_nothing_and_says_all(folder: Path) -> None:
    (folder / "g.png").write_bytes(b"")
    (folder / "g.txt").write_bytes("猫, 长发, 蓝天白云".encode("gbk"))
    library = opened(folder.parent)
    found = preview(library, library.ids(), RenameTag("cat", "kitty"))
    assert [tuple(change) for change in found.changes] == [
        (0, "cat, dog", "kitty, dog")
    ] and found.label == "rename cat to kitty"
    [text] = diff(library, found.changes)
    assert text.splitlines() == [
        f"--- {folder / 'a.txt'}", f"+++ {folder / 'a.txt'}", "@@ -1 +1 @@", "-cat, dog", "+kitty, dog",
    ]  # fmt: skip
    added = preview(library, library.ids(), AddTags(("new",)))
    assert added.ids == [0, 1, 2] and added.changes[2].before is None and "g.png" in added.faults[0]
    assert "/dev/null" in unified("c.txt", None, "new") and library.text(0) == "cat, dog"
    assert preview(library, library.ids(), AddTags(("new",)), cancelled=lambda: True).changes == []
    converted = preview(library, library.ids(), ConvertEncoding("gbk"))
    assert converted.ids == [3] and converted.raws[3][1] == "猫, 长发, 蓝天白云".encode()
