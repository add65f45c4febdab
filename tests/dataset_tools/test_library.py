"""The library knows what training will read, and reports the files that training would refuse."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dataset_tools import opening, reading
from dataset_tools.caption_file import CaptionText, encode, line_of
from dataset_tools.library import Library, Stamp, hash_of
from dataset_tools.reading import read_caption
from kohya_like.data.sidecar import CAPTION_LIMIT
from kohya_like.data.tokens import clip_tokenizer
from tests.data.folders_made import make, scanned
from tests.dataset_tools.library_made import PICTURE, by_name, made, opened, said, same_index


def test_a_folder_is_listed_first_and_read_then(tmp_path: Path) -> None:
    made(tmp_path, {"b": "a cat, long hair", "a": "dog\nfurther line"})
    library = Library([str(tmp_path)])
    library.list_pictures()
    assert [library.picture(number).name for number in library.ids()] == ["a.png", "b.png"]
    assert (library.captions_read, library.counts(), library.set_text(0, "x")) == (0, {}, ())
    steps: list[tuple[int, int]] = []
    assert library.read_captions(lambda done, of: steps.append((done, of)))
    assert steps[-1] == (2, 2) and library.captions_read == 2
    picture = library.picture(1)
    folder = str(tmp_path / "10_cat")
    raw = b"a cat, long hair"
    assert (picture.folder, picture.text, picture.tags) == (folder, raw.decode(), ("a cat", "long hair"))
    assert picture.caption_stamp == Stamp(os.stat(f"{folder}/b.txt").st_mtime_ns, len(raw), hash_of(raw))
    assert (picture.tokens, picture.problem) == (clip_tokenizer().count("a cat, long hair"), "")
    assert library.text(0) == "dog\nfurther line" and library.tags(0) == ("dog",)
    assert library.path(0) == f"{folder}/a.png" and library.caption_path(0) == f"{folder}/a.txt"
    assert library.ids_with("dog").tolist() == [0] and library.ids_with("cow").tolist() == []
    assert library.faults == ()


def test_it_holds_what_training_reads(tmp_path: Path) -> None:
    captions = {
        "plain": "a cat, hat",
        "crop_0_0_64_64": None,
        "crop": "the whole",
        "marked": b"\xef\xbb\xbfwith mark",
        "wide": "mark".encode("utf-16"),
        "lines": " \n\t\r\nthird\nfourth",
        "empty": "",
        "none": None,
        "é": "accent",
    }
    made(tmp_path, captions, "3_cat")
    make(tmp_path, {"3_cat/upper.PNG": PICTURE, "3_cat/UPPER.png": PICTURE, "3_cat/UPPER.TXT": "shouted"})
    make(tmp_path, {"3_cat/e\u0301x.png": PICTURE, "3_cat/\u00e9x.txt": "composed", "3_cat/.hidden.png": PICTURE})
    make(tmp_path, {"notes/x.png": PICTURE, "2_dog/deep/y.png": PICTURE, "2_dog/z.png": PICTURE})
    (tmp_path / "3_cat" / "away.png").symlink_to("/nowhere.png")
    (tmp_path / "3_cat" / "again.png").symlink_to("plain.png")
    library, dataset = opened(tmp_path), scanned(tmp_path)
    wanted = {str(image.path): (image.captions[0] if image.captions else "") for image in dataset.images}
    found = {library.path(number): line_of(library.text(number)) for number in library.ids()}
    assert found == wanted and len(found) == 14
    files = {str(image.path): str(image.caption_path) for image in dataset.images if image.caption_path}
    assert {library.path(i): library.caption_path(i) for i in library.ids() if library.has_caption(i)} == files


def test_one_stem_or_a_crop_shares_its_caption(tmp_path: Path) -> None:
    made(tmp_path, {"a": "one, two"})
    make(tmp_path, {"10_cat/a.jpg": PICTURE, "10_cat/a_0_0_32_32.png": PICTURE})
    library = opened(tmp_path)
    assert [library.text(number) for number in library.ids()] == ["one, two"] * 3
    assert library.sharing(1) == (0, 1, 2)
    assert sorted(library.set_text(1, "two, three")) == [0, 1, 2]
    assert library.counts() == {"two": 3, "three": 3} and same_index(library)
    assert library.set_text(2, "two, three") == ()
    assert "2 names" not in said(library, "same-stem") and "a.jpg = a.png" in said(library, "same-stem")


def test_names_that_clash_and_captions_without_a_picture_are_reported(tmp_path: Path) -> None:
    made(tmp_path, {"a": "x", "b": None})
    make(tmp_path, {"10_cat/A.png": PICTURE, "10_cat/lost.txt": "no picture"})
    library = opened(tmp_path)
    assert said(library, "case-clash").endswith("A.png = a.png (Windows and macOS take them for one)")
    assert "1 caption file without a picture: lost.txt" in said(library, "orphans")
    assert "2 pictures without a caption: A.png, b.png" in said(library, "no-caption")


BAD = {
    "gbk": ("一个女孩，长发".encode("gbk"), "gbk", "GBK"),
    "utf16": ("a cat".encode("utf-16-le"), "utf-16", "UTF-16 without its mark"),
    "latin": (b"caf\xe9", "encoding", "not in UTF-8"),
    "nul": (b"a\0b", "not-text", "without readable text"),
    "long": (b"a, " * (CAPTION_LIMIT // 3 + 1), "too-long", "of more than 1024 KiB"),
    "empty": (b"\n", "empty", "with no content"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_caption_is_shown_and_left_alone(kind: str, tmp_path: Path) -> None:
    raw, problem, sentence = BAD[kind]
    made(tmp_path, {kind: raw, "good": "a"})
    library = opened(tmp_path)
    number = by_name(library)[f"{kind}.png"]
    picture = library.picture(number)
    assert (picture.problem, picture.tags, picture.tokens) == (problem, (), 0)
    assert library.counts() == {"a": 1} and sentence in said(library, f"caption-{problem}")
    changed = library.set_texts([number], ["b"])
    assert changed == ((number,) if problem == "empty" else ())
    assert library.text(number) == ("b" if problem == "empty" else picture.text)


def test_a_converted_caption_can_be_edited(tmp_path: Path) -> None:
    made(tmp_path, {"a": "长发".encode("gbk") + b", hat"})
    library = opened(tmp_path)
    assert library.caption(0) == CaptionText("长发, hat", "gb18030", False, "gbk")
    assert library.set_caption(0, CaptionText("长发, hat")) == (0,)
    assert library.counts() == {"长发": 1, "hat": 1} and library.picture(0).problem == ""
    assert library.set_text(0, "长发") == (0,) and encode(library.text(0), library.caption(0)) == "长发".encode()


def test_a_caption_of_one_mebibyte_is_read_whole(tmp_path: Path) -> None:
    raw = b"word, " * (CAPTION_LIMIT // 6)
    made(tmp_path, {"a": raw})
    library = opened(tmp_path)
    assert library.text(0) == raw.decode() and library.tokens(0) == 2 * (CAPTION_LIMIT // 6)
    assert library.counts() == {"word": 1}


def test_a_caption_that_cannot_be_opened_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As root, permissions do not stop a reader, and a lock does so only on Windows: both are a refused `open`."""
    made(tmp_path, {"a": "x", "b": "y"})
    real = os.open

    def refusing(path: str, flags: int) -> int:
        if path.endswith("b.txt"):
            raise PermissionError(13, "Permission denied")
        return real(path, flags)

    monkeypatch.setattr(reading.os, "open", refusing)
    library = opened(tmp_path)
    assert library.picture(1).problem == "unreadable" and library.has_caption(1) and library.caption_stamp(1) is None
    assert library.set_text(1, "z") == () and "that cannot be opened: b.txt" in said(library, "caption-unreadable")
    assert library.counts() == {"x": 1}


def test_a_read_only_caption_is_read(tmp_path: Path) -> None:
    made(tmp_path, {"a": "x"})
    (tmp_path / "10_cat/a.txt").chmod(0o444)
    assert opened(tmp_path).text(0) == "x"


def test_a_caption_that_vanishes_between_listing_and_reading_is_none(tmp_path: Path) -> None:
    made(tmp_path, {"a": "x", "b": "y"})
    library = Library([str(tmp_path)])
    library.list_pictures()
    (tmp_path / "10_cat/a.txt").unlink()
    assert library.read_captions()
    assert not library.has_caption(0) and library.picture(0).problem is None and library.counts() == {"y": 1}


def test_a_pipe_named_like_a_caption_stops_nobody(tmp_path: Path) -> None:
    made(tmp_path, {"a": None})
    os.mkfifo(tmp_path / "10_cat/a.txt")
    assert not opened(tmp_path).has_caption(0)
    assert read_caption(str(tmp_path / "10_cat/a.txt")).caption.text == ""
    assert read_caption(str(tmp_path)).caption.problem == "unreadable"  # a folder


def test_a_folder_that_disappears_while_it_is_read(tmp_path: Path) -> None:
    made(tmp_path, {f"{i}": "x" for i in range(5)})
    library = Library([str(tmp_path)])
    library.list_pictures()
    (tmp_path / "10_cat").rename(tmp_path / "elsewhere")
    assert library.read_captions() and library.counts() == {}
    assert len(library.ids()) == 5 and not library.has_caption(3)


def test_reading_can_be_cancelled_and_taken_up_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "AT_ONCE", 2)
    made(tmp_path, {f"{i:02d}": f"n{i}, all" for i in range(9)})
    library = Library([str(tmp_path)])
    library.list_pictures()
    assert not library.read_captions(cancelled=lambda: library.captions_read >= 4)
    assert library.captions_read == 4 and library.ids_with("all").tolist() == [0, 1, 2, 3]
    assert library.read_captions() and library.captions_read == 9 and same_index(library)
