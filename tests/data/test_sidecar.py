"""Caption files in every encoding people save them in."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohya_like.data.sidecar import CAPTION_LIMIT, PROBLEMS, Sidecar, caption_stems, parse_sidecar, read_sidecar

pytestmark = pytest.mark.quick

CHINESE = "一个女孩，红色的头发，微笑"


@pytest.mark.parametrize(
    "raw",
    [
        "café, 猫".encode(),
        "café, 猫".encode("utf-8-sig"),
        b"\xff\xfe" + "café, 猫".encode("utf-16-le"),
        b"\xfe\xff" + "café, 猫".encode("utf-16-be"),
        b"\xff\xfe\0\0" + "café, 猫".encode("utf-32-le"),
    ],
)
def test_unicode_is_read_and_the_mark_is_not_part_of_the_first_tag(raw: bytes) -> None:
    assert parse_sidecar(raw).lines == ("café, 猫",)


def test_the_encoding_is_told_where_other_programs_would_fail() -> None:
    assert parse_sidecar("\ufeffa".encode("utf-16-le")).encoding == "utf-16"
    assert parse_sidecar("a".encode("utf-8-sig")).encoding == "utf-8"


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (CHINESE.encode("gbk"), "gbk"),
        (f"1girl, {CHINESE}, smile".encode("gb18030"), "gbk"),
        ("café noir".encode("latin-1"), "encoding"),
        ("a girl".encode("utf-16-le"), "utf-16"),
        ("a girl".encode("utf-16-be"), "utf-16"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\0", "not-text"),
        (b"a\0b", "not-text"),
        (b"", "empty"),
        (b" \r\n\t\n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"a" * (CAPTION_LIMIT + 1), "too-long"),
    ],
)
def test_what_cannot_be_read_is_told_apart(raw: bytes, problem: str) -> None:
    assert parse_sidecar(raw) == Sidecar(problem=problem)  # type: ignore[arg-type]
    sentence, cure = PROBLEMS[problem]
    assert sentence and cure


def test_a_caption_of_just_the_limit_is_read() -> None:
    assert len(parse_sidecar(b"a" * CAPTION_LIMIT).lines[0]) == CAPTION_LIMIT


def test_lines_of_every_system_without_blank_ones() -> None:
    assert parse_sidecar(b"one\r\n\r\n  two \rthree\nfour\n").lines == ("one", "two", "three", "four")


def test_control_characters_become_spaces_and_other_letters_stay() -> None:
    assert parse_sidecar("a\tb\x1b[31m\u3000猫".encode()).lines == ("a b [31m\u3000猫",)


@given(st.binary(max_size=200))
def test_any_bytes_give_lines_or_a_problem(raw: bytes) -> None:
    sidecar = parse_sidecar(raw)
    assert bool(sidecar.lines) != bool(sidecar.problem)
    assert all(line == line.strip() and "\n" not in line and "\0" not in line for line in sidecar.lines)


@given(st.text("aé猫 ,(:1.2){}|\U0001f600", max_size=60))
def test_any_utf8_line_comes_back(text: str) -> None:
    assert " ".join(parse_sidecar(text.encode()).lines) == text.strip()


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    assert read_sidecar(tmp_path / "none.txt").problem == "unreadable"
    assert read_sidecar(tmp_path).problem == "unreadable"


def test_a_crop_finds_the_caption_of_its_picture() -> None:
    assert caption_stems("a_b_0_0_512_512") == ("a_b_0_0_512_512", "a_b")
    assert caption_stems("a_0_0_9") == ("a_0_0_9",)
