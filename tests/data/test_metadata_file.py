"""kohya's metadata files: captions by path, by name and by stem, from JSON and JSONL; what does not fit is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kohya_like.data.metadata_file import read_metadata
from kohya_like.data.options import DataOptions
from kohya_like.data.records import Dataset
from kohya_like.data.scan import scan
from kohya_like.schema.errors import FormatError
from tests.data.folders_made import make

pytestmark = pytest.mark.quick
NAMES = ["a.png", "b.jpg", "c d.webp"]


def captions(tmp_path: Path, content: Any, name: str = "meta.json") -> dict[str, tuple[str, ...]]:
    folder = tmp_path / "pics"
    folder.mkdir(exist_ok=True)
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8-sig")
    return read_metadata(path, folder, NAMES, ",").lines


def test_a_picture_is_named_by_stem_by_name_or_by_path(tmp_path: Path) -> None:
    here = tmp_path / "pics"
    for key in ("a", "a.png", str(here / "a.png"), "./a.png", "pics/a.png", "/gone/on/another/machine/a.png",
                "C:\\data\\pics\\a.png"):  # fmt: skip
        assert captions(tmp_path, {key: {"caption": "x"}}) == {"a.png": ("x",)}, key


def test_caption_and_tags_are_joined(tmp_path: Path) -> None:
    found = captions(tmp_path, {
        "a": {"caption": "a cat", "tags": "cat, sitting", "train_resolution": [512, 768]},
        "b": {"tags": ["dog", "grass"]}, "c d": "plain words\nsecond line",
    })  # fmt: skip
    assert found == {
        "a.png": ("a cat, cat, sitting",), "b.jpg": ("dog, grass",), "c d.webp": ("plain words", "second line"),
    }  # fmt: skip


def test_jsonl_has_a_line_for_each_picture(tmp_path: Path) -> None:
    lines = '{"image_path": "a.png", "caption": "x"}\n\n{"file_name": "b.jpg", "text": "y"}\n'
    assert captions(tmp_path, lines, "meta.jsonl") == {"a.png": ("x",), "b.jpg": ("y",)}
    assert captions(tmp_path, '{"image_path": "a.png", "caption": "x"}') == {"a.png": ("x",)}


def test_other_folders_and_missing_pictures_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    path = tmp_path / "meta.json"
    path.write_text(json.dumps({str(tmp_path / "other" / "a.png"): {}, "sub/b": {}, "gone": {}, "a": {}}))
    folder = tmp_path / "pics"
    folder.mkdir()
    found = read_metadata(path, folder, NAMES, ",")
    assert found.missing == ("gone",) and found.elsewhere == (str(tmp_path / "other" / "a.png"), "sub/b")
    assert found.lines == {"a.png": ()}


@pytest.mark.parametrize(("content", "said"), [
    (b"not json", "neither JSON nor JSONL"), (b'[{"caption": "x"}]', "entry 1 names no picture"),
    (b'[1]', "entry 1 names no picture"), (b"\xff\xfe", "not UTF-8"), (b"[" * 100_000, "neither JSON nor JSONL"),
])  # fmt: skip
def test_what_is_no_metadata_file_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "meta.json").write_bytes(content)
    with pytest.raises(FormatError, match=said):
        read_metadata(tmp_path / "meta.json", tmp_path, NAMES, ",")
    with pytest.raises(FormatError, match="cannot be read"):
        read_metadata(tmp_path / "none.json", tmp_path, NAMES, ",")


def test_a_scan_takes_captions_from_the_file_and_leaves_out_what_it_does_not_name(tmp_path: Path) -> None:
    make(tmp_path / "pics", {"a.png": (64, 64), "a.txt": "from a file", "b.png": (64, 64), "c.png": (64, 64)})
    (tmp_path / "meta.json").write_text(json.dumps({"a": {"caption": "from metadata"}, "b": {}, "gone": {}}))

    def scanned(**more: str) -> Dataset:
        return scan(DataOptions.model_validate({"subsets": ({"image_dir": str(tmp_path / "pics"), **more},)}))

    found = scanned(metadata_file=str(tmp_path / "meta.json"))
    assert [(image.path.name, image.captions) for image in found.images] == [
        ("a.png", ("from metadata",)),
        ("b.png", ()),
    ]
    said = {fault.code: fault.text for fault in found.faults}
    assert "gone" in said["metadata-entries"] and "c.png" in said["not-in-metadata"] and "b.png" in said["no-caption"]
    plain = scanned()
    assert plain.images[0].captions == ("from a file",) and len(plain.images) == 3, "control"
    assert scanned(metadata_file=str(tmp_path / "none.json")).errors[0].code == "metadata-file"
