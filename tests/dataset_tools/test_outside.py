"""What other programs did to the files is found: captions that differ, pictures that came and went, folders gone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dataset_tools.caption_file import decode
from dataset_tools.library import Library
from dataset_tools.outside import Outside, look_outside
from dataset_tools.reading import read_caption
from tests.data.folders_made import make, png
from tests.dataset_tools.library_made import LONG_AGO, by_name, made, old, opened, same_index

CAPTIONS = {"a": "x, y", "b": "y", "c": "z", "d": None}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return made(tmp_path / "set", CAPTIONS)


def taken(library: Library, seen: Outside) -> None:
    """Take over what the files hold now."""
    for number in seen.changed:
        library.reread(number, read_caption(library.caption_path(number)))


def test_nothing_happened(root: Path) -> None:
    assert look_outside(opened(root)) == Outside()


def test_changed_removed_and_new_captions_are_named_and_can_be_taken(root: Path) -> None:
    library, folder = opened(root), root / "10_cat"
    (folder / "a.txt").write_text("w, y")  # as long as before
    (folder / "b.txt").unlink()
    (folder / "d.txt").write_text("new")
    seen = look_outside(library)
    assert sorted(seen.changed) == [0, 1, 3] and not seen.is_other_list
    assert library.text(0) == "x, y"  # only named
    taken(library, seen)
    assert library.texts(range(4)) == ["w, y", "", "z", "new"] and same_index(library)
    assert not library.has_caption(1) and library.has_caption(3)
    assert look_outside(library) == Outside()


def test_a_file_that_was_only_touched_is_named_and_its_text_is_the_same(root: Path) -> None:
    library = opened(root)
    old(root / "10_cat/c.txt", LONG_AGO + 9)
    seen = look_outside(library)
    assert seen.changed == [2]
    before = library.picture(2)
    stamp = read_caption(library.caption_path(2)).stamp
    assert stamp is not None and before.caption_stamp is not None and stamp.hash == before.caption_stamp.hash
    library.saved(2, stamp)
    assert look_outside(library) == Outside() and library.text(2) == "z"


def test_pictures_that_come_and_go(root: Path) -> None:
    library, folder = opened(root), root / "10_cat"
    (folder / "a.png").unlink()
    make(folder, {"e.png": (64, 64), "e.txt": "x, new"})
    made(root, {"far": "other"}, "2_dog")
    seen = look_outside(library)
    assert (seen.went, seen.gone, sorted(seen.came)) == ([0], {0}, [4, 5]) and seen.is_other_list
    assert library.ids().tolist() == [1, 2, 3, 4, 5] and len(library) == 6
    assert library.counts() == {"y": 1, "z": 1, "x": 1, "new": 1, "other": 1} and same_index(library)
    assert library.folders() == (str(folder), str(root / "2_dog")) and library.ids_in(str(root / "2_dog")).tolist() == [
        5
    ]
    (folder / "a.png").write_bytes(png(64, 64))
    seen = look_outside(library)
    assert (seen.came, seen.gone) == ([0], set()) and library.tags(0) == ("x", "y") and same_index(library)


def test_a_second_picture_of_one_stem_shares_the_caption(root: Path) -> None:
    library = opened(root)
    make(root / "10_cat", {"a.jpg": (64, 64)})
    (number,) = look_outside(library).came
    assert library.sharing(0) == (0, number) == library.sharing(number) and library.text(number) == "x, y"
    assert set(library.set_text(number, "both")) == {0, number}
    (root / "10_cat/a.jpg").unlink()
    assert look_outside(library).went == [number] and library.sharing(0) == (0,)


def test_a_caption_that_is_called_otherwise_now(root: Path) -> None:
    library, folder = opened(root), root / "10_cat"
    os.rename(folder / "a.txt", folder / "a.TXT")
    assert look_outside(library).changed == []  # the same file, time and size
    assert library.caption_path(0) == str(folder / "a.TXT") and library.text(0) == "x, y"


def test_a_folder_that_disappears_loses_nothing_and_may_come_back(root: Path, tmp_path: Path) -> None:
    made(root, {"far": "other"}, "2_dog")
    library = opened(root)
    library.set_text(0, "edited")
    os.rename(root / "10_cat", tmp_path / "away")
    seen = look_outside(library)
    (fault,) = seen.faults
    assert "10_cat" in fault.where and fault.text == "does not exist any more" and seen.gone == {0, 1, 2, 3}
    assert not seen.is_other_list and seen.changed == [] and len(library.ids()) == 5
    assert library.text(0) == "edited" and library.counts()["edited"] == 1
    os.rename(tmp_path / "away", root / "10_cat")
    assert look_outside(library) == Outside()


def test_the_whole_set_disappears(root: Path, tmp_path: Path) -> None:
    library = opened(root)
    os.rename(root, tmp_path / "away")
    seen = look_outside(library)
    assert seen.gone == {0, 1, 2, 3} and not seen.is_other_list and {f.severity for f in seen.faults} == {"error"}


def test_an_emptied_folder_is_not_a_lost_one(root: Path) -> None:
    library = opened(root)
    for path in (root / "10_cat").iterdir():
        path.unlink()
    seen = look_outside(library)
    assert seen.went == [0, 1, 2, 3] and library.counts() == {} and library.ids().tolist() == []


def test_a_look_can_be_cancelled(root: Path) -> None:
    library = opened(root)
    (root / "10_cat/a.txt").write_text("other")
    assert look_outside(library, cancelled=lambda: True) == Outside()


def test_what_is_read_again_may_be_bad(root: Path) -> None:
    library = opened(root)
    (root / "10_cat/a.txt").write_bytes("长发".encode("gbk"))
    taken(library, look_outside(library))
    assert library.picture(0).problem == "gbk" and library.counts() == {"y": 1, "z": 1}
    (root / "10_cat/a.txt").write_bytes(b"fine")
    seen = look_outside(library)
    assert by_name(library)["a.png"] in seen.changed
    library.set_caption(0, decode(b"fine"))
    assert library.tags(0) == ("fine",) and same_index(library)
