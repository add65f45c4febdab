"""One word for one thing, in the window as in the options: where its English has a term, the Chinese has our word."""

from __future__ import annotations

import re

import pytest

from tests.gui.i18n.test_translations import TS, messages
from tests.schema.test_texts_glossary import not_ours


def spoken() -> list[tuple[str, str]]:
    """(English, Chinese) of every message, without the names of the holes."""
    return [
        (re.sub(r"\{\w*\}", "{}", source), message.findtext("translation", ""))
        for (_, source), message in messages(TS).items()
    ]


def test_the_window_uses_the_glossary() -> None:
    pairs = spoken()
    assert len(pairs) > 300
    assert {pair: found for pair in pairs if (found := not_ours(*pair))} == {}


@pytest.mark.parametrize(
    ("english", "chinese", "missing"),
    [
        ("Pause", "停下", ["pause (暂停)"]),
        ("Stop after epoch", "本轮后暂停", ["stop (停止)"]),
        ("Undo takes it back.", "可以撤销。", []),
    ],
)
def test_a_strange_word_is_found(english: str, chinese: str, missing: list[str]) -> None:
    assert not_ours(english, chinese) == missing
