"""Steps of undo, their merging, and the cap on their memory."""

from __future__ import annotations

import sys
from itertools import pairwise

import pytest

from gui.undo import History

pytestmark = pytest.mark.quick


def test_the_oldest_steps_go_when_the_memory_is_full() -> None:
    texts = [f"{number:04}" * 1000 for number in range(50)]
    history = History(cap_bytes=10 * sys.getsizeof(texts[0]), clock=lambda: 0.0)
    for number, (before, after) in enumerate(pairwise(texts)):
        history.push(before, after, str(number), (f"k{number}",))
    found, present = [], texts[-1]
    while history.can_undo:
        present = history.undo(present).text
        found.append(present)
    assert found == texts[-2:-12:-1]
    while history.can_redo:
        present = history.redo(present).text
    assert present == texts[-1]


def test_one_step_is_kept_however_large() -> None:
    history = History(cap_bytes=10)
    history.push("a" * 1000, "b", "x", ("x",))
    assert history.undo("b").text == "a" * 1000


def test_a_clock_that_is_set_back_merges_nothing() -> None:
    times = iter([50.0, 10.0, 10.5])
    history = History(clock=lambda: next(times))
    history.push("a", "b", "x", ("x",))
    history.push("b", "c", "x", ("x",))
    history.push("c", "d", "x", ("x",))
    assert history.undo("d").text == "b"
    assert history.label == "x" and history.redo_label == "x"


def test_steps_over_several_keys_are_never_merged_and_a_save_settles() -> None:
    history = History(clock=lambda: 0.0)
    history.push("a", "b", "", ("x", "y"))
    history.push("b", "c", "", ("x", "y"))
    history.push("c", "d", "x", ("x",))
    history.settle()
    history.push("d", "e", "x", ("x",))
    assert [history.undo("?").text for _ in range(4)] == ["d", "c", "b", "a"]
    history.clear()
    assert not history.can_redo and not history.can_undo
