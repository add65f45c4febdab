"""Which item of data.subsets a concept comes from, and which faults speak of it."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from gui.concepts import ConceptLine, lines_of, problems_of
from kohya_like.schema.errors import Fault
from tests.gui.reports import concept

CAT, DOG = asdict(concept()), asdict(concept("5_dog", "/base/pictures/5_dog"))


def places(items: object) -> list[tuple[str, int | None, bool]]:
    return [(line.name, line.item, line.counts is not None) for line in lines_of([CAT, DOG], items, "/base")]


def test_a_relative_folder_is_the_same_as_the_one_that_was_read() -> None:
    items = [{"image_dir": "pictures/x/../5_dog/"}, {"image_dir": "/pictures/10_sks cat"}]
    assert places(items) == [("10_sks cat", 1, True), ("5_dog", 0, True)]


def test_an_item_that_gave_nothing_is_shown_all_the_same() -> None:
    assert places([{"image_dir": "gone/2_fox"}]) == [
        ("10_sks cat", None, True),
        ("5_dog", None, True),
        ("2_fox", 0, False),
    ]
    lines = lines_of([], [{"image_dir": "a"}, {}, {"image_dir": 3}, "odd"], "/base")
    assert [(line.item, line.folder) for line in lines] == [
        (0, "/base/a"), (1, "data.subsets[1]"), (2, "data.subsets[2]"), (3, "data.subsets[3]"),
    ]  # fmt: skip
    assert lines[0].left_out == 0 and not lines[0].is_reg


def test_of_two_items_with_one_folder_the_first_is_used() -> None:
    assert places([{"image_dir": "pictures/5_dog"}] * 2)[1] == ("5_dog", 0, True)


@pytest.mark.parametrize("items", [None, "text", 3, {"image_dir": "x"}, []])
def test_what_is_no_list_has_no_items(items: object) -> None:
    assert places(items) == [("10_sks cat", None, True), ("5_dog", None, True)]


def test_the_faults_of_a_concept_are_those_that_name_it() -> None:
    line = ConceptLine("5_dog", "/base/5_dog", 1, DOG)
    own = [
        Fault("a", where="/base/5_dog"),
        Fault("b", where="/base/5_dog/x.png"),
        Fault("c", "data.subsets[1].num_repeats"),
        Fault("5_dog is seen 20 times as often as 1_x", "data.train_data_dir"),
    ]
    others = [
        Fault("d", where="/base/5_dogs"),
        Fault("e", "data.subsets[11].num_repeats"),
        Fault("5_dog in the name of a prompt", "sample.prompts"),
        Fault("f", "data.train_data_dir"),
    ]
    found = problems_of(line, [fault.as_dict() for fault in [*others, *own]])
    assert [fault["text"] for fault in found] == [fault.text for fault in own]
