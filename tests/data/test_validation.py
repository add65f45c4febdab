"""The validation split has no leak, whatever is added, copied or renamed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kohya_like.data.options import SubsetSettings
from kohya_like.data.records import Concept, ImageRecord
from kohya_like.data.validation import split_validation

pytestmark = pytest.mark.quick

CONCEPTS = [
    Concept(Path("1_cat"), "1_cat", 1, "cat", False, SubsetSettings()),
    Concept(Path("reg"), "1_class", 1, "class", True, SubsetSettings()),
]


def image(name: str, subset: int = 0) -> ImageRecord:
    return ImageRecord(Path(name), (8, 8), (), None, None, subset, name)


def by_name(path: Path) -> str:
    """Contents for tests: a file's bytes are its name up to the dot."""
    return path.name.split(".")[0]


def names(images: tuple[ImageRecord, ...]) -> set[str]:
    return {one.identity for one in images}


def split(
    files: list[str], fraction: float = 0.3, seed: int = 0, content: Callable[[Path], str] = by_name
) -> tuple[set[str], set[str]]:
    train, kept_out = split_validation([image(name) for name in files], fraction, seed, content, CONCEPTS)
    return names(train), names(kept_out)


MANY = [f"{i}.png" for i in range(1000)]


def test_every_picture_is_on_one_side_and_about_the_fraction_is_kept_out() -> None:
    train, kept_out = split(MANY, 0.2)
    assert train | kept_out == set(MANY) and not train & kept_out
    assert 150 < len(kept_out) < 250


def test_no_fraction_keeps_nothing_out_and_reads_nothing() -> None:
    def unread(path: Path) -> str:
        raise AssertionError(f"{path} was read")

    assert split(MANY[:5], 0.0, content=unread) == (set(MANY[:5]), set())


@settings(max_examples=30)
@given(st.lists(st.integers(0, 60), min_size=1), st.lists(st.integers(61, 99)), st.integers(0, 9))
def test_a_picture_stays_on_its_side_when_others_come(first: list[int], more: list[int], seed: int) -> None:
    """The least and greatest of few may move, since neither side may be empty; so both sets are made large."""
    few, many = [f"{i}.png" for i in first], [f"{i}.png" for i in first + more]
    ground = [f"g{i}.png" for i in range(100)]
    before, after = split(few + ground, seed=seed)[1], split(many + ground, seed=seed)[1]
    assert before == after & set(few + ground)


def test_copies_are_never_on_both_sides() -> None:
    copies = [f"{i}.{kind}" for i in range(200) for kind in ("png", "copy.png", "again.jpg")]
    train, kept_out = split(copies)
    assert not {one.split(".")[0] for one in train} & {one.split(".")[0] for one in kept_out}
    by_file, _ = split(copies, content=lambda path: path.name)  # the control: deciding by name leaks
    assert {one.split(".")[0] for one in by_file} & {one.split(".")[0] for one in set(copies) - by_file}


def test_the_seed_chooses_which() -> None:
    assert split(MANY, seed=1)[1] != split(MANY, seed=2)[1]
    assert split(MANY, seed=1) == split(list(reversed(MANY)), seed=1)


@pytest.mark.parametrize("fraction", [0.001, 0.5, 0.999])
def test_neither_side_is_ever_empty(fraction: float) -> None:
    for count in range(2, 12):
        train, kept_out = split(MANY[:count], fraction)
        assert train and kept_out
    assert split(MANY[:1], fraction) == ({"0.png"}, set())


def test_regularisation_pictures_and_their_copies_are_trained() -> None:
    images = [image(name) for name in MANY] + [image("5.reg.png", 1), image("6.reg.png", 1)]
    train, kept_out = split_validation(images, 0.99, 0, by_name, CONCEPTS)
    assert {"5.png", "6.png", "5.reg.png", "6.reg.png"} <= names(train)
    assert len(kept_out) > 900
