"""A second opening reads what changed and nothing else; a damaged, foreign or shared index does no harm."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from array import array
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset_tools import index_parts, index_store, opening, remembering
from dataset_tools.caption_file import encode
from dataset_tools.columns import NUMBERS
from dataset_tools.index_parts import Part, packed, unpacked
from dataset_tools.index_store import IndexStore
from dataset_tools.library import Library, Stamp, hash_of
from dataset_tools.reading import ReadCaption, read_caption
from tests.data.folders_made import make, png
from tests.dataset_tools.library_made import LONG_AGO, PICTURE, made, old, opened, said, same_index

CAPTIONS = {"a": "x, y", "b": "y\nmore", "c": "长发, \\(z\\)", "d": None, "e": b"\xff\xfea\0", "f": "", "g": "x" * 300}


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the caption files that were read."""
    names: list[str] = []

    def counted(path: str) -> ReadCaption:
        names.append(os.path.basename(path))
        return read_caption(path)

    monkeypatch.setattr(opening, "read_caption", counted)
    return names


@pytest.fixture(params=[1, 3, 4096])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> IndexStore:
    monkeypatch.setattr(remembering, "PART", request.param)
    return IndexStore(tmp_path / "cache" / "index.sqlite")


def facts(library: Library) -> list[object]:
    return [library.picture(number) for number in library.ids()]


def test_a_second_opening_reads_no_caption(tmp_path: Path, store: IndexStore, reads: list[str]) -> None:
    root = made(tmp_path / "set", CAPTIONS)
    first = opened(root, store=store)
    first.read_sizes()
    first.remember()
    assert len(reads) == 6
    reads.clear()
    second = opened(root, store=store)
    assert reads == [] and facts(second) == facts(first) and same_index(second)
    assert second.counts() == first.counts() and second.all_tokens() == first.all_tokens()
    assert second.picture(0).size == PICTURE and store.problem == ""
    assert not [name for name in os.listdir(root / "10_cat") if name.endswith("sqlite")]


def test_only_what_changed_is_read_again(tmp_path: Path, store: IndexStore, reads: list[str]) -> None:
    root = made(tmp_path / "set", CAPTIONS)
    opened(root, store=store).remember()
    folder = root / "10_cat"
    (folder / "a.txt").write_text("y, x")  # as long as before
    old(folder / "b.txt", LONG_AGO + 1)
    (folder / "c.txt").unlink()
    make(root, {"10_cat/d.txt": "now there"})
    old(folder / "d.txt")
    reads.clear()
    second = opened(root, store=store)
    assert sorted(reads) == ["a.txt", "b.txt", "d.txt"]
    assert second.texts(range(4)) == ["y, x", "y\nmore", "", "now there"] and same_index(second)
    second.remember()
    reads.clear()
    assert facts(opened(root, store=store)) == facts(second)
    assert reads == ["a.txt"]  # it is young: it could change again without its time showing it


def test_pictures_that_came_and_went_between(tmp_path: Path, store: IndexStore, reads: list[str]) -> None:
    root = made(tmp_path / "set", CAPTIONS)
    opened(root, store=store).remember()
    (root / "10_cat/b.png").unlink()
    made(root, {"bb": "new one"})
    made(root, {"z": "other folder"}, "2_dog")
    reads.clear()
    second = opened(root, store=store)
    assert sorted(reads) == ["bb.txt", "z.txt"] and same_index(second)
    assert second.counts() == {
        "x": 1,
        "y": 1,
        "长发": 1,
        "\\(z\\)": 1,
        "a": 1,
        "new one": 1,
        "x" * 300: 1,
        "other folder": 1,
    }
    second.remember()
    reads.clear()
    third = opened(root, store=store)
    assert reads == [] and facts(third) == facts(second) and same_index(third)


def test_captions_of_another_extension_are_other_captions(tmp_path: Path, store: IndexStore) -> None:
    root = made(tmp_path / "set", {"a": "x"})
    make(root, {"10_cat/a.caption": "y"})
    old(root / "10_cat/a.caption")  # time and size are those of a.txt
    opened(root, store=store).remember()
    assert opened(root, store=store, caption_extension=".caption").text(0) == "y"


def test_an_edit_that_is_not_in_its_file_is_not_remembered(tmp_path: Path, store: IndexStore, reads: list[str]) -> None:
    root = made(tmp_path / "set", CAPTIONS)
    first = opened(root, store=store)
    first.remember()
    first.set_text(0, "edited")
    first.set_text(1, "saved")
    path = root / "10_cat/b.txt"
    raw = encode("saved", first.caption(1))
    path.write_bytes(raw)
    old(path, LONG_AGO + 5)
    os.utime(path, ns=(LONG_AGO * 10**9 + 5, LONG_AGO * 10**9 + 5))
    first.saved(1, Stamp(path.stat().st_mtime_ns, len(raw), hash_of(raw)))
    first.remember()
    reads.clear()
    second = opened(root, store=store)
    assert reads == ["a.txt"] and second.texts([0, 1]) == ["x, y", "saved"] and same_index(second)


def test_a_file_that_has_just_been_written_is_not_trusted(tmp_path: Path, reads: list[str]) -> None:
    """FAT keeps whole seconds: a second change within one leaves time and size as they were."""
    store = IndexStore(tmp_path / "index.sqlite")
    root = made(tmp_path / "set", {"a": "x", "b": "y"})
    now = int(time.time())
    old(root / "10_cat/a.txt", now)
    opened(root, store=store).remember()
    (root / "10_cat/a.txt").write_text("z")
    old(root / "10_cat/a.txt", now)
    reads.clear()
    assert opened(root, store=store).text(0) == "z" and reads == ["a.txt"]


@pytest.mark.parametrize("kind", ["noise", "cut", "foreign", "rows", "no table", "older", "empty"])
def test_a_damaged_or_foreign_index_is_made_anew(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembering, "PART", 2)
    root = made(tmp_path / "set", CAPTIONS)
    path = tmp_path / "index.sqlite"
    opened(root, store=IndexStore(path)).remember()
    _damage(path, kind)
    store = IndexStore(path)
    library = opened(root, store=store)
    assert library.text(2) == "长发, \\(z\\)" and same_index(library)
    library.remember()
    is_silent = kind in ("older", "empty")
    assert ("kept as index.sqlite.damaged and is made anew" in store.problem) == (not is_silent)
    if not is_silent:
        assert "damaged or not an index" in said(library, "index") and path.with_name("index.sqlite.damaged").exists()
    again = IndexStore(path)
    assert len(list(again.load(library.shelf.stored_as(0)))) == 4 and again.problem == ""


def _damage(path: Path, kind: str) -> None:
    raw = path.read_bytes()
    if kind == "noise":
        path.write_bytes(b"no database at all" * 500)
    elif kind == "cut":
        path.write_bytes(raw[: len(raw) // 2])
    elif kind == "empty":
        path.write_bytes(b"")
    else:
        with closing(sqlite3.connect(path)) as database, database:
            if kind == "foreign":
                database.execute("PRAGMA application_id = 7")
            elif kind == "older":
                database.execute("PRAGMA user_version = 0")
            elif kind == "no table":
                database.execute("DROP TABLE parts")
            else:
                database.execute("UPDATE parts SET texts = x'00' WHERE number = 1")


@settings(deadline=None, derandomize=True, database=None, max_examples=150)
@given(st.data(), st.booleans())
def test_a_row_of_any_bytes_is_a_part_or_a_fault(data: st.DataObject, summed: bool) -> None:
    row: list[object] = list(packed(PLAIN))
    place = data.draw(st.integers(1, len(row) - 1))
    row[place] = data.draw(st.none() | st.integers() | st.text(max_size=3) | st.binary(max_size=40))
    if summed and isinstance(row[place], bytes):
        row[0] = index_parts._checksum(row[1:])  # type: ignore[arg-type]
    try:
        found = unpacked(row)  # type: ignore[arg-type]
    except (ValueError, TypeError, AttributeError):
        return
    assert summed or row == packed(PLAIN)
    assert len(found.names) == len(found.texts) == 2
    assert all(0 <= place < 2 for places in found.tagged.values() for place in places)


PLAIN = Part(
    ["a", "b\udcff"],
    ["t", ""],
    {name: array(kind, [1, 2]) for name, kind in NUMBERS.items()},
    {"x": array("i", [0, 1]), "y": array("i", [1])},
)


def test_a_part_comes_back() -> None:
    assert unpacked(packed(PLAIN)) == PLAIN


def test_an_index_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    root = made(tmp_path / "set", CAPTIONS)
    make(tmp_path, {"file": "no folder"})
    library = opened(root, store=IndexStore(tmp_path / "file" / "index.sqlite"))
    library.remember()
    assert "cannot be written" in said(library, "index") and "the next opening takes longer" in said(library, "index")


def test_an_index_that_another_window_holds_is_waited_for_and_then_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_store, "WAIT_SECONDS", 0.01)
    root, path = made(tmp_path / "set", CAPTIONS), tmp_path / "index.sqlite"
    opened(root, store=IndexStore(path)).remember()
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        store = IndexStore(path)
        library = opened(root, store=store)
        assert library.counts()["y"] == 2 and "cannot be read" in store.problem
        library.remember()
        assert "cannot be written" in store.problem
    library.remember()
    assert (
        not path.with_name("index.sqlite.damaged").exists() and len(list(store.load(library.shelf.stored_as(0)))) == 1
    )


CHILD = """
import sys
from pathlib import Path
from dataset_tools.index_store import IndexStore
from dataset_tools.library import Library
for _ in range(6):
    store = IndexStore(Path(sys.argv[1]))
    library = Library([sys.argv[2]], store=store)
    library.list_pictures()
    library.read_captions()
    library.shelf.dirty.update(library.ids())
    library.remember()
    assert not store.problem and library.counts()["y"] == 2, store.problem
"""


def test_two_processes_share_an_index(tmp_path: Path) -> None:
    root, path = made(tmp_path / "set", CAPTIONS), tmp_path / "index.sqlite"
    command = [sys.executable, "-c", CHILD, str(path), str(root)]
    children = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    assert [child.communicate()[1] for child in children] == ["", ""]
    library = opened(root, store=IndexStore(path))
    assert same_index(library) and library.shelf.dirty == set()


def test_a_name_that_is_no_text_is_remembered_too(tmp_path: Path, reads: list[str]) -> None:
    folder = tmp_path / os.fsdecode(b"10_\xff")
    try:
        folder.mkdir()
        (folder / os.fsdecode(b"a\xfe.png")).write_bytes(png(64, 64))
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    (folder / os.fsdecode(b"a\xfe.txt")).write_text("x")
    old(folder / os.fsdecode(b"a\xfe.txt"))
    store = IndexStore(tmp_path / "index.sqlite")
    opened(tmp_path, store=store).remember()
    reads.clear()
    assert opened(tmp_path, store=store).text(0) == "x" and reads == [] and store.problem == ""
