"""Lists of tags from other hands: danbooru's, a tagger's, damaged ones, and one of a million rows."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset_tools.name_index import NameIndex
from dataset_tools.vocabulary_csv import Entry, Vocabulary, read_vocabulary
from kohya_like.schema.errors import FormatError


def read(folder: Path, text: str | bytes, cancelled: Callable[[], bool] = lambda: False) -> Vocabulary:
    file = folder / "tags.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_vocabulary(file, cancelled)


def test_danbooru_and_a_taggers_list(tmp_path: Path) -> None:
    plain = read(tmp_path, b'\xef\xbb\xbf1girl,0,6000000,"1girls,sole_female"\r\nhatsune_miku,4,9,\r\n')
    assert plain.starting("1g", 5) == [Entry("1girl", 0, 6000000)]
    assert plain.starting("sole f", 5) == [Entry("1girl", 0, 6000000, "sole female")]
    assert len(plain) == 2 and "Hatsune_Miku" in plain and "sole female" not in plain
    tagger = read(tmp_path, "tag_id,name,category,count\n9999999,general,9,807858\n212816,solo,0,5000954\n")
    assert tagger.starting("so", 5) == [Entry("solo", 0, 5000954)]
    assert tagger.containing("neral", 5) == [Entry("general", 9, 807858)]


def test_the_most_used_come_first_whatever_the_order_of_the_file(tmp_path: Path) -> None:
    vocabulary = read(tmp_path, "ab,0,1,\nac,0,3,\nad,0,2,\nzz,0,9,a0\n")
    assert [entry.tag for entry in vocabulary.starting("a", 3)] == ["zz", "ac", "ad"]
    assert vocabulary.containing("zz", 3)[0].count == 9


def test_lines_that_are_no_row_are_left_out_and_counted(tmp_path: Path) -> None:
    vocabulary = read(tmp_path, "cat,0,5,\n,0,5,\ndog,x,5,\nbird,0,-3,\n\nfox,0,\n" + "y" * 400 + ",0,1,\nhen\n")
    assert [entry.tag for entry in vocabulary.starting("f", 5) + vocabulary.starting("h", 5)] == ["fox", "hen"]
    assert (len(vocabulary), vocabulary.skipped) == (3, 4)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("长发,0,1,".encode("gbk"), "UTF-8"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "UTF-8"),
        (b",,,\n,0,1\n", "no line of it is a tag"),
        (b'a,0,1,"' + b"x" * 200_000 + b'"', "field larger"),
    ],
)
def test_what_is_no_list_is_a_sentence(tmp_path: Path, raw: bytes, said: str) -> None:
    with pytest.raises(FormatError, match=said):
        read(tmp_path, raw)
    with pytest.raises(FormatError, match="No such file"):
        read_vocabulary(tmp_path / "gone.csv")


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_list_or_a_sentence(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    try:
        vocabulary = read(tmp_path_factory.getbasetemp(), raw)
    except FormatError:
        return
    assert len(vocabulary.starting("a", 10)) <= 10


def test_reading_can_be_given_up(tmp_path: Path) -> None:
    answers = iter([False, False, True])
    vocabulary = read(tmp_path, "a,0,1,\n" * 20_000, lambda: next(answers))
    assert len(vocabulary) == 2 * 4096


@pytest.mark.full
def test_a_million_rows_are_compact(tmp_path: Path) -> None:
    count = 1_000_000
    text = "".join(f"tag_{i}_of_many,0,{count - i},alias_{i}\n" for i in range(count))
    vocabulary = read(tmp_path, text)
    held = [value for value in vars(vocabulary).values() if not isinstance(value, NameIndex)]
    held += vars(vars(vocabulary)["_index"]).values()
    assert len(vocabulary) == count and sum(map(sys.getsizeof, held)) < 100 << 20
    assert vocabulary.starting("tag 77", 2) == [
        Entry("tag 77 of many", 0, 999_923),
        Entry("tag 770 of many", 0, 999_230),
    ]
    assert vocabulary.starting("alias 999999", 2) == [Entry("tag 999999 of many", 0, 1, "alias 999999")]
