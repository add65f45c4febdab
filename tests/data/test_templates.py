"""Sentences that teach a word, and captions with the word put in."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from kohya_like.data.template_sentences import OBJECT, STYLE
from kohya_like.data.templates import Wording, read_templates
from kohya_like.schema.errors import UserError

RNG = Random(1)


def test_captions_get_the_word() -> None:
    wording = Wording("my-cat")
    assert wording("a red square", RNG) == "my-cat, a red square"
    assert wording("a photo of My-Cat", RNG) == "a photo of My-Cat"
    assert wording("a photo of [name], or {}", RNG) == "a photo of my-cat, or my-cat"
    assert wording("", RNG) == "my-cat"


def test_sentences_are_kohya_s() -> None:
    assert (len(OBJECT), len(STYLE)) == (27, 18) and all("{}" in line for line in (*OBJECT, *STYLE))
    said = {Wording("zxq", OBJECT)("ignored", RNG) for _ in range(300)}
    assert said == {line.replace("{}", "zxq") for line in OBJECT}
    assert Wording("zxq", ("[filewords], by [name]",))("a hill", RNG) == "a hill, by zxq"


def test_template_files(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_text("# mine\na photo of [name]\n\n{} at night\n", encoding="utf-8")
    assert read_templates(path) == ("a photo of [name]", "{} at night")
    for content, said in ((b"a photo\n{}", "1 of its lines lack"), (b"", "holds no line"), (b"\xff\xfe{}", "UTF-8")):
        path.write_bytes(content)
        with pytest.raises(UserError, match=said):
            read_templates(path)
    with pytest.raises(UserError, match="cannot be read"):
        read_templates(tmp_path / "none.txt")
