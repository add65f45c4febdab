"""Proposals held for many pictures: they come back as they were, and take little memory."""

from __future__ import annotations

import tracemalloc

from dataset_tools.proposal_store import ProposalStore
from dataset_tools.proposals import Proposal, proposal_from


def made(number: int) -> Proposal:
    """60 scores, as a line of the tagging process gives them: new strings each time."""
    rows = [[f"tag {i}", (number * 7 + i * 13) % 10_000 / 10_000] for i in range(60)]
    return proposal_from({"picture": f"{number}.png", "scores": {"general": rows[:55], "character": rows[55:]}})


def test_they_come_back_as_they_were() -> None:
    store = ProposalStore()
    for number in range(100):
        store.put(number, made(number))
    store.put(7, Proposal("7.png", {}, "a sentence"))
    assert store.get(3) == made(3) and store.get(7) == Proposal("7.png", {}, "a sentence")
    store.drop([3, 4, 5000])
    assert store.get(3) is None and 4 not in store and len(store) == 98 and list(store)[:4] == [0, 1, 2, 5]


def test_a_hundred_thousand_of_them_take_less_than_100_mb() -> None:
    store = ProposalStore()
    store.put(0, made(0))
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(1, 1001):
            store.put(number, made(number))
        bytes_each = (tracemalloc.get_traced_memory()[0] - before) / 1000
    finally:
        tracemalloc.stop()
    assert bytes_each < 1000
