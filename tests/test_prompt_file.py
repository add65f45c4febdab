"""Sample prompts in kohya's notation, and the traps of kohya's own reader."""

from __future__ import annotations

from pathlib import Path

import pytest

from kohya_like.prompt_file import SamplePrompt, parse_line, parse_prompts, read_prompt_file
from kohya_like.schema.errors import UserError

pytestmark = pytest.mark.quick

DEFAULT = SamplePrompt("", width=512, height=512, seed=5)


def test_all_options() -> None:
    line = "a cat, (blue:1.2) --n blurry, low --w 519 --h 768 --d 42 --l 4.5 --s 28 --ss k_euler_a"
    prompt, faults = parse_line(line, DEFAULT)
    assert not faults
    assert prompt == SamplePrompt("a cat, (blue:1.2)", "blurry, low", 512, 768, 42, 4.5, 28, "euler_a")


@pytest.mark.parametrize("text", ["n cat s 20 w 5", "s 20", "a -- b", "twenty--five", "w 512"])
def test_the_prompt_itself_is_never_an_option(text: str) -> None:
    prompt, faults = parse_line(text, DEFAULT)
    assert (prompt.text, faults) == (text, [])
    assert (prompt.steps, prompt.width) == (DEFAULT.steps, DEFAULT.width)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--zz 3", "no such option"),
        ("--s 0", "from 1 to 1000"),
        ("--s x", "--s x: a whole number is wanted"),
        ("--l x", "--l x: a number is wanted"),
        ("--l nan", "a number is wanted"),
        ("--ss plms", "no such sampler"),
    ],
)
def test_wrong_options_are_faults_with_their_line(option: str, said: str) -> None:
    prompts, faults = parse_prompts(["# comment", "", f"a cat {option}"], DEFAULT, "p.txt")
    assert prompts[0].text == "a cat"
    assert faults[0].where == "p.txt:3"
    assert said in str(faults[0])


def test_seeds_count_up_but_for_those_given() -> None:
    prompts, _ = parse_prompts(["a", "b --d 99", "c"], DEFAULT)
    assert [p.seed for p in prompts] == [5, 99, 7]


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "p.txt"
    path.write_bytes("\ufeffein Gespenst\n# no\n幽灵 --d 1\n".encode())
    assert [p.text for p in read_prompt_file(path, DEFAULT)[0]] == ["ein Gespenst", "幽灵"]
    path.write_bytes("幽灵".encode("gbk"))
    with pytest.raises(UserError, match="not UTF-8"):
        read_prompt_file(path, DEFAULT)
    with pytest.raises(UserError, match="cannot be read"):
        read_prompt_file(tmp_path / "none.txt", DEFAULT)
    path.write_bytes(b"a\n" * (1 << 20))
    with pytest.raises(UserError, match="more than"):
        read_prompt_file(path, DEFAULT)


def test_samplers_by_the_names_of_the_web_ui() -> None:
    for name, ours in (("DPM++ 2M Karras", "dpmpp_2m_karras"), ("UniPC", "unipc"), ("Euler a", "euler_a")):
        prompt, faults = parse_line(f"a --ss {name}", DEFAULT)
        assert (prompt.sampler, faults) == (ours, [])


@pytest.mark.parametrize("text", ["a [cat:dog:0.5] --s 9", "(a [b", "a AND b:0.5", "a BREAK b", "<3 <3"])
def test_the_prompt_language_is_read(text: str) -> None:
    assert parse_line(text, DEFAULT)[1] == []


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("a (b:1.2.3)", "prompt-text", ":1.2.3): the weight is no number"),
        ("a --n (b:..)", "prompt-text", "the weight is no number"),
        ("a <lora:x:1>", "prompt-network", "it cannot use x"),
        ("a <lora:x:much>", "prompt-text", "'much' is no weight"),
        ("cat " * 30_000, "prompt-text", "at most 100000 are read"),
    ],
)
def test_what_it_does_not_allow_is_a_fault_with_its_line(text: str, code: str, said: str) -> None:
    _, faults = parse_prompts(["fine", text], DEFAULT, "p.txt")
    assert [(fault.code, fault.where) for fault in faults] == [(code, "p.txt:2")]
    assert said in str(faults[0])
