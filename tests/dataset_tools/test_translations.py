"""Tables of translations: the project's own, one's own over it, and how a row is put in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dataset_tools.name_index import folded
from dataset_tools.translations import SHIPPED, plain_tag, read_translations, write_translation
from kohya_like.schema.errors import FormatError


def test_the_shipped_table_is_whole() -> None:
    shipped = read_translations()
    lines = SHIPPED.read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    assert shipped.skipped == 0 and len(shipped) == len(rows) > 600
    assert [row[0] for row in rows if row[0] != folded(row[0])] == []
    assert [word for row in rows for word in row[1:] if not re.search("[\u4e00-\u9fff]", word)] == []
    assert shipped.of("long hair") == "长发" and shipped.of("1girl") == "一个女孩"


@pytest.mark.parametrize("tag", ["Long_Hair", "(long hair:1.2)", "((long hair))", " long hair "])
def test_a_tag_is_found_however_it_is_written(tag: str) -> None:
    assert read_translations().of(tag) == "长发"


def test_brackets_that_belong_to_a_tag() -> None:
    assert read_translations().of("bow \\(weapon\\)") == read_translations().of("bow (weapon)") == "弓"
    assert plain_tag("rem_\\(re:zero\\)") == "rem (re:zero)"
    assert read_translations().of("no such tag") == ""


def test_ones_own_table_wins_and_adds(tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text('﻿long_hair,长长的头发\n"my, tag",我的\nbroken\n', encoding="utf-8")
    both = read_translations(own, tmp_path / "none.tsv")
    assert both.words_of("long hair") == ("长长的头发", "长发", "长头发")
    assert both.of("my, tag") == "我的" and both.skipped == 1
    assert both.tags_for("长发", 3)[0] == ("long hair", "长发")
    assert ("long hair", "长长的头发") in both.tags_for("长长", 3)


def test_a_word_inside_comes_after_one_that_begins_so() -> None:
    found = read_translations().tags_for("马尾", 5)
    assert found[0] == ("ponytail", "马尾") and "twintails" in [tag for tag, _ in found]


def test_a_row_is_put_in_replaced_and_taken_out_and_the_rest_stays(tmp_path: Path) -> None:
    own = tmp_path / "new" / "own.tsv"
    write_translation(own, "Blue_Hat", "蓝帽\n子")
    assert own.read_text(encoding="utf-8") == "blue hat\t蓝帽 子\n"
    own.write_text('# mine\n\nblue hat\told\n"a,b"\tc\n', encoding="utf-8")
    write_translation(own, "blue hat", "新")
    assert own.read_text(encoding="utf-8") == '# mine\n\n"a,b"\tc\nblue hat\t新\n'
    write_translation(own, "blue hat", "")
    assert own.read_text(encoding="utf-8") == '# mine\n\n"a,b"\tc\n'


def test_a_table_in_another_encoding_is_refused_and_not_written_over(tmp_path: Path) -> None:
    own = tmp_path / "own.tsv"
    own.write_bytes("long hair\t长发\n".encode("gbk"))
    with pytest.raises(FormatError, match="UTF-8"):
        read_translations(own)
    with pytest.raises(FormatError):
        write_translation(own, "a", "b")
    assert own.read_bytes() == "long hair\t长发\n".encode("gbk")
