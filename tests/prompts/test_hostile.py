"""Prompts that are long, deep or broken: read in time, or refused with a sentence; never a traceback.

A reader whose time grew with the square of the length in Python would hold these tests for minutes.
"""

from __future__ import annotations

import pytest

from kohya_like.data.tokens import clip_tokenizer
from kohya_like.prompts.chunks import chunked
from kohya_like.prompts.emphasis import emphasis
from kohya_like.prompts.errors import PromptError
from kohya_like.prompts.infotext import read_infotext
from kohya_like.prompts.prompt import LONGEST, composed, read_prompt
from kohya_like.prompts.schedule import schedule, text_at

pytestmark = pytest.mark.quick


def test_ten_thousand_words() -> None:
    prompt = read_prompt(" ".join(["cat"] * 10_000), "", 20)
    chunks = chunked(prompt.parts[0].schedule[0][1], clip_tokenizer())
    assert sum(chunks.lengths) == 10_000 and len(chunks.ids) == 134


@pytest.mark.parametrize(
    "text",
    ["(" * 30_000, ")" * 50_000, "(a" * 5_000, "[a" * 15_000, "((a)" * 5_000, "[a:b:3]" * 10_000, "[" * 20_000 + "a"
     + ":1]" * 20_000, "(a" * 10_000 + ":0.9)" * 10_000, " " * 90_000 + "BREAK", "\\" * 50_000, ":" * 90_000,
     ": " * 40_000, "[x|" * 20_000, "BREAK " * 15_000, "a AND " * 15_000],
    ids=lambda text: text[:8],
)  # fmt: skip
def test_deep_and_broken_ones_are_read(text: str) -> None:
    for part in read_prompt(text, text, 20).parts:
        assert part.schedule[-1][0] == 20


def test_nested_edits_of_any_depth() -> None:
    deep = "[" * 5_000 + "a" + ":1]" * 5_000
    assert schedule(deep, 20) == ((1, ""), (20, "a"))


def test_too_long_is_said() -> None:
    with pytest.raises(PromptError, match=f"the negative prompt has {LONGEST + 1} characters; at most 100000 are read"):
        read_prompt("x", "a" * (LONGEST + 1), 20)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a (b:1.2.3) c", "the weight is no number"),
        ("[a|(b:..)]", "the weight is no number"),
        ("(a" * 20_000, "the weights multiply to more than a number can hold"),
        ("<lora:x:strong>", "<lora:x:strong>: 'strong' is no weight"),
        ("<lora:x:nan>", "'nan' is no weight"),
        ("<lora::1>", "no name is given"),
        ("<lroa:x:1>", "there is no lroa; there are lora and hypernet"),
        ("<lora:x:1:1:8>", "8 is not understood"),
        ("<lora:x:dyn=8>", "dyn is not understood"),
        ("<lora:x:a> <hypernet:y:b>", "<lora:x:a>: 'a' is no weight; <hypernet:y:b>: 'b' is no weight"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, said: str) -> None:
    with pytest.raises(PromptError) as fault:
        read_prompt(text, "", 10)
    assert said in str(fault.value)


@pytest.mark.parametrize("when", ["1e999", "-1e999", "99999999999999999999", "1e-999", "0", "-3", "0.0"])
def test_steps_beyond_all_bounds(when: str) -> None:
    entries = schedule(f"[a:b:{when}]", 10)
    assert entries[-1][0] == 10 and {text for _, text in entries} <= {"a", "b"}
    assert text_at(entries, 0) == ("a" if when in ("1e999", "99999999999999999999") else "b")


def test_the_weight_behind_a_prompt() -> None:
    assert composed("a AND b :0.5 AND c:-1.") == [("a", 1.0), (" b", 0.5), (" c", -1.0)]
    assert composed("an 16:9") == [("an 16", 9.0)] and composed("ANDROID") == [("ANDROID", 1.0)]
    assert composed("a :1:") == [("a :1:", 1.0)] and composed("") == [("", 1.0)]


def test_break_is_a_break_outside_of_brackets_only() -> None:
    assert emphasis("a BREAK  BREAK b") == [("a", 1.0), ("BREAK", -1.0), ("", 1.0), ("BREAK", -1.0), ("b", 1.0)]
    assert emphasis("(a BREAK b)")[1] == ("BREAK", -1.1)
    assert emphasis("BREAKFAST") == [("BREAKFAST", 1.0)]


def test_a_long_text_of_a_picture() -> None:
    for text in ("a" * 500_000, " " * 500_000 + "x", 'a: "' * 100_000, "a: b, " * 50_000, "a b" * 100_000 + ": 1, "):
        read_infotext("p\n" + text)
