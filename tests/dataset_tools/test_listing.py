"""Folders are read as training reads them; what is left out is said."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dataset_tools.listing import Found, ListingRules, find_pictures
from dataset_tools.places import index_file, state_folder
from kohya_like.data import folders
from kohya_like.data.folders import Walk, list_folder
from tests.data.folders_made import make, scanned
from tests.dataset_tools.library_made import PICTURE, opened


def names(found: Found) -> dict[str, list[str]]:
    return {os.path.basename(folder.folder): folder.pictures for folder in found.folders}


def codes(found: Found) -> set[str]:
    return {fault.code for fault in found.faults}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make(
        tmp_path / "set",
        {
            "loose.png": PICTURE,
            "10_cat/a.png": PICTURE,
            "10_cat/.b.png": PICTURE,
            "10_cat/notes.md": "x",
            "10_cat/deep/c.webp": PICTURE,
            "plain/d.JPG": PICTURE,
            "0_none/e.png": PICTURE,
            "__MACOSX/f.png": PICTURE,
        },
    )


def test_concept_folders_and_what_lies_beside_them(root: Path) -> None:
    found = find_pictures([str(root)])
    assert names(found) == {"set": ["loose.png"], "10_cat": ["a.png"]}
    assert codes(found) == {"folder-zero", "folder-number"}
    concepts = {concept.name for concept in scanned(root).concepts}
    assert concepts == {"10_cat"}


def test_all_folders_below(root: Path) -> None:
    found = find_pictures([str(root)], ListingRules(recursive=True))
    assert {name: pictures[0] for name, pictures in names(found).items()} == {
        "set": "loose.png", "0_none": "e.png", "10_cat": "a.png", "deep": "c.webp", "plain": "d.JPG",
    }  # fmt: skip
    assert found.faults == []


def test_a_folder_is_read_once(root: Path) -> None:
    twice = [str(root), str(root / "10_cat"), str(root) + "/", str(root / "plain")]
    found = find_pictures(twice)
    assert names(found) == {"set": ["loose.png"], "10_cat": ["a.png"], "plain": ["d.JPG"]}


def test_links_are_followed_inside_and_never_in_circles(root: Path, tmp_path: Path) -> None:
    outside = make(tmp_path / "outside", {"x.png": PICTURE})
    (root / "10_cat" / "out.png").symlink_to(outside / "x.png")
    (root / "10_cat" / "in.png").symlink_to("a.png")
    (root / "5_far").symlink_to(outside)
    (root / "plain" / "up").symlink_to(root)
    (root / "plain" / "side").symlink_to(root / "10_cat")
    (root / "10_cat" / "side").symlink_to(root / "plain")
    found = find_pictures([str(root)], ListingRules(recursive=True))
    assert names(found)["10_cat"] == ["a.png", "in.png"]
    assert sum(len(folder.pictures) for folder in found.folders) == 6
    assert "out.png" not in str(names(found)) and "x.png" not in str(names(found))


@pytest.mark.parametrize("code", ["no-folder", "not-a-folder", "no-pictures"])
def test_what_cannot_be_opened_is_said(code: str, tmp_path: Path) -> None:
    if code == "not-a-folder":
        (tmp_path / "it").write_text("x")
    elif code == "no-pictures":
        (tmp_path / "it").mkdir()
    found = find_pictures([str(tmp_path / "it")])
    assert codes(found) == {code} and not found.folders


def test_masks_beside_are_no_pictures(root: Path) -> None:
    make(root, {"10_cat/a_mask.png": PICTURE, "10_cat/b_mask.png": PICTURE})
    assert names(find_pictures([str(root)], ListingRules(mask_suffix="_mask")))["10_cat"] == ["a.png", "b_mask.png"]
    assert len(opened(root, mask_suffix="_mask")) == 3 and len(opened(root)) == 4


def test_another_caption_extension(root: Path) -> None:
    make(root, {"10_cat/a.Caption": "yes", "10_cat/a.txt": "no"})
    library = opened(root, caption_extension=".CAPTION")
    assert library.texts(library.ids()) == ["", "yes"]
    assert library.caption_path(1).endswith("a.Caption") and library.caption_path(0).endswith("loose.caption")


@pytest.mark.parametrize("at_once", [1, 7, 1000])
def test_many_names_are_sorted_in_slices(at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "SORTED_AT_ONCE", at_once)
    make(tmp_path, {f"{(i * 7919) % 60:05d}.txt": "" for i in range(60)})
    files = list_folder(tmp_path, tmp_path, Walk()).files
    assert files == sorted(files) and len(files) == 60


def test_the_index_and_the_journal_lie_elsewhere(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("KOHYA_LIKE_STATE_DIR", raising=False)
    assert index_file([str(root)]).parent == tmp_path / "cache/kohya-like/datasets"
    assert state_folder([str(root)]) == tmp_path / "state/kohya-like/captions"
    (tmp_path / "link").symlink_to(root)
    assert index_file([str(root)]) == index_file([f"{root}/"]) == index_file([str(tmp_path / "link")])
    both = [str(root), str(tmp_path)]
    assert index_file(both) == index_file(both[::-1]) != index_file([str(root)])
    assert index_file([str(root)]).name.startswith("set-")
    assert index_file([os.fsdecode(b"/\xff/a b")]).name.startswith("a_b-")
