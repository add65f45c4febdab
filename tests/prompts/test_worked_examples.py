"""The worked examples hold: ours is A1111's answer, and the document says the same in both languages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.prompts.worked import EXAMPLES, ours, told

pytestmark = pytest.mark.quick

DOCS = Path(__file__).parents[2] / "docs"
ROW = re.compile(r"^\| \d+ \| `` (.*?) `` \| (\d+) \| (.*) \|$", re.MULTILINE)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["prompt"][:30])
def test_as_the_web_ui_answers(example: dict[str, Any]) -> None:
    assert ours(example["prompt"], example["steps"]) == example


def rows_of(name: str) -> list[tuple[str, int, str]]:
    """Prompt, steps and answer of the rows of a document's table."""
    found = ROW.findall((DOCS / name).read_text("utf-8"))
    return [(shown.replace("\\|", "|"), int(steps), answer) for shown, steps, answer in found]


@pytest.mark.parametrize("name", ["prompts.md", "prompts.zh_CN.md"])
def test_the_document_has_them_all(name: str) -> None:
    expected = [(shown(e["prompt"]), e["steps"], told(e)) for e in EXAMPLES]
    assert len(expected) >= 20
    assert rows_of(name) == expected


def shown(prompt: str) -> str:
    return prompt if len(prompt) < 100 else prompt[:30] + " … " + prompt[-30:]


def test_a_wrong_answer_is_seen() -> None:
    wrong = EXAMPLES[0] | {"prompt": "a (red:1.4) cat"}
    assert ours(wrong["prompt"], 20) != wrong
