"""Which lines of two texts differ."""

from __future__ import annotations

import random

import pytest

from gui.differences import MOST_SHOWN, Line, differences

pytestmark = pytest.mark.quick


def shown(mine: str, theirs: str) -> list[str]:
    return [f"{line.sign}{line.text or line.count or ''}" for line in differences(mine, theirs).lines]


def test_changed_lines_stand_with_three_around_them() -> None:
    text = "\n".join(map(str, range(20)))
    assert shown(text, text.replace("10", "ten")) == [
        "gap7", " 7", " 8", " 9", "-10", "+ten", " 11", " 12", " 13", "gap6",
    ]  # fmt: skip
    found = differences(text, text + "\nmore")
    assert (found.mine, found.theirs) == (0, 1) and found.lines[-1] == Line("+", "more")
    assert shown("", "a") == ["-", "+a"] and shown("a\nb\nc", "b\nc") == ["-a", " b", " c"]


def test_line_ends_and_the_mark_at_the_start_do_not_count() -> None:
    assert differences("a\nb\n", "\ufeffa\r\nb\r\n").lines == () == differences("", "").lines


def test_what_is_shown_rebuilds_both_texts() -> None:
    chance = random.Random(3)
    for _ in range(200):
        a = [str(chance.randrange(4)) for _ in range(chance.randrange(12))]
        b = [str(chance.randrange(4)) for _ in range(chance.randrange(12))]
        lines = differences("\n".join(a), "\n".join(b)).lines
        if not any(line.sign == "gap" for line in lines) and lines:
            assert [line.text for line in lines if line.sign != "+"] == "\n".join(a).split("\n")
            assert [line.text for line in lines if line.sign != "-"] == "\n".join(b).split("\n")
        else:
            both = [sum(line.count or 1 for line in lines if line.sign != sign) for sign in "+-"]
            assert not lines or both == [max(1, len(a)), max(1, len(b))]


def test_large_texts_are_cut_and_not_compared_for_ever() -> None:
    mine, theirs = "x\n" * 120_000 + "end", "y\n" * 120_000 + "end"
    found = differences(mine, theirs)
    assert len(found.lines) == MOST_SHOWN and found.mine == found.theirs == 120_000
    assert found.hidden == 240_001 - MOST_SHOWN
