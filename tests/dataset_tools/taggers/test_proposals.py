"""Proposals: thresholds, categories and spelling on stored scores, and what accepting makes of a caption."""

from __future__ import annotations

import pytest

from dataset_tools.proposals import (
    KAOMOJI,
    MODES,
    OFF,
    Mode,
    Proposal,
    Selection,
    accepted_texts,
    chosen,
    mcut,
    proposal_from,
    with_proposal,
    written,
)

PROPOSAL = Proposal(
    "a.png",
    {
        "rating": (("sensitive", 0.6), ("general", 0.3)),
        "general": (("1girl", 0.98), ("long_hair", 0.9), ("^_^", 0.5), ("solo", 0.36), ("smile", 0.2)),
        "character": (("anna_(frozen)", 0.9), ("elsa_(frozen)", 0.4)),
        "copyright": (("frozen_(film)", 0.86),),
        "artist": (("someone", 0.99),),
    },
)


@pytest.mark.parametrize(
    ("selection", "tags"),
    [
        (Selection(), "anna (frozen), frozen (film), 1girl, long hair, ^_^, solo"),
        (Selection({"general": 0.4}, threshold=OFF), "1girl, long hair, ^_^"),
        (Selection({"artist": 0.5}, threshold=OFF), "someone"),
        (Selection({"character": 0.3}, threshold=OFF), "anna (frozen), elsa (frozen)"),
        (Selection(spaces=False, escape=True), r"anna_\(frozen\), frozen_\(film\), 1girl, long_hair, ^_^, solo"),
        (Selection({"general": 0.1}, OFF, rating=True), "1girl, long hair, ^_^, solo, smile, rating:sensitive"),
        (Selection({"general": 0.3}, OFF, rating=True, rating_prefix=""), "1girl, long hair, ^_^, solo, sensitive"),
        (Selection({"general": 0.1}, OFF, at_most=2), "1girl, long hair"),
        (Selection({"general": 0.1}, OFF, blacklist=frozenset({"Long hair", "SOLO", "^_^"})), "1girl, smile"),
        (Selection(blacklist=frozenset({r"anna \(frozen\)"})), "frozen (film), 1girl, long hair, ^_^, solo"),
        (Selection({"general": 0.0, "character": 0.0}, OFF, mcut=True), "anna (frozen), 1girl, long hair"),
    ],
)  # fmt: skip
def test_what_a_selection_takes(selection: Selection, tags: str) -> None:
    assert ", ".join(chosen(PROPOSAL, selection)) == tags


def test_mcut_is_the_middle_of_the_largest_gap() -> None:
    assert mcut([0.1, 0.95, 0.3, 0.9]) == pytest.approx(0.6)
    assert mcut([0.9]) == mcut([]) == 0.5
    low = Proposal("a", {"character": (("a", 0.12), ("b", 0.01))})
    assert chosen(low, Selection(mcut=True)) == ()  # the gap is there, but both are guesses


def test_kaomoji_keep_their_underscores() -> None:
    assert len(KAOMOJI) == 19
    assert {written(face) for face in KAOMOJI} == KAOMOJI
    assert written("a_b_(c)", escape=True) == r"a b \(c\)"


@pytest.mark.parametrize(
    ("mode", "before", "after"),
    [
        ("replace", "cat, dog\r\nsecond line\r\n", "1girl, long hair\r\nsecond line\r\n"),
        ("append", "cat, dog\r\nsecond line\r\n", "cat, dog, 1girl, long hair\r\nsecond line\r\n"),
        ("prepend", "cat, dog\r\nsecond line\r\n", "1girl, long hair, cat, dog\r\nsecond line\r\n"),
        ("only-empty", "cat, dog\n", "cat, dog\n"),
        ("only-empty", "", "1girl, long hair"),
        ("append", "", "1girl, long hair"),
        ("prepend", "\n\n", "1girl, long hair\n\n"),
        ("append", "Long_Hair ,  (cat:1.2),\n", "Long_Hair ,  (cat:1.2), 1girl\n"),
        ("prepend", "\n  Long_Hair ,  cat  \nx", "\n  1girl, Long_Hair ,  cat  \nx"),
        ("append", "long hair, 1girl", "long hair, 1girl"),
        ("replace", "1girl, long hair", "1girl, long hair"),
    ],
)
def test_what_accepting_makes_of_a_caption(mode: Mode, before: str, after: str) -> None:
    selection = Selection({"general": 0.6}, threshold=OFF)
    assert with_proposal(before, PROPOSAL, selection, mode) == after


@pytest.mark.parametrize("mode", MODES)
def test_a_model_that_saw_nothing_empties_no_caption(mode: Mode) -> None:
    nothing = Selection({}, threshold=OFF)
    assert with_proposal("cat\n", PROPOSAL, nothing, mode) == "cat\n"
    assert with_proposal("cat\n", Proposal("a", {}, "  "), Selection(), mode) == "cat\n"


def test_sentences() -> None:
    said = Proposal("a", {}, "a red house, on a hill")
    found = {mode: with_proposal("sks house\n", said, Selection(), mode) for mode in MODES}
    assert found == {
        "replace": "a red house, on a hill\n",
        "append": "sks house, a red house, on a hill\n",
        "prepend": "a red house, on a hill, sks house\n",
        "only-empty": "sks house\n",
    }
    once = found["append"]
    assert with_proposal(once, said, Selection(), "append") == once  # accepting twice adds nothing


def test_only_what_changes_is_handed_on() -> None:
    texts = {1: "cat", 2: "1girl", 3: ""}
    proposals = {1: PROPOSAL, 2: PROPOSAL, 3: Proposal("c")}
    selection = Selection({"general": 0.95}, threshold=OFF)
    assert accepted_texts(texts, proposals, selection, "append") == {1: "cat, 1girl"}


def test_a_proposal_comes_back_from_its_line() -> None:
    import json

    line = json.dumps(PROPOSAL.as_dict())
    assert proposal_from(json.loads(line)) == PROPOSAL
    for broken in ({}, {"picture": "a", "scores": {"g": [["x"]]}}, {"picture": "a", "scores": []}):
        with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
            proposal_from(broken)
