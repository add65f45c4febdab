"""Which pictures are listed and in which order: what the worker computes for the list."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataset_tools.filter_language import parse
from dataset_tools.filter_sight import Findings
from dataset_tools.library import Library
from gui.captions.showing import Shown, Wish, look
from tests.gui.captions.datasets import make_folder, picture_bytes


@pytest.fixture
def library(tmp_path: Path) -> Library:
    make_folder(tmp_path / "1_x", {"a": "one", "b": "one, two, three", "c": None})
    make_folder(tmp_path / "2_y", {"d": "one, two"})
    (tmp_path / "1_x" / "c.png").write_bytes(picture_bytes(100, 50))
    library = Library([str(tmp_path)])
    library.list_pictures()
    library.read_captions()
    library.read_sizes()
    return library


def stems(library: Library, shown: Shown) -> str:
    return "".join(library.picture(n).name[0] for n in shown.ids)


@pytest.mark.parametrize(
    ("wish", "wanted"),
    [
        (Wish(), "abcd"),
        (Wish(descending=True), "dcba"),
        (Wish(sort="tags"), "cadb"),
        (Wish(sort="tokens", descending=True), "bdac"),
        (Wish(sort="size", descending=True), "cdba"),
        (Wish(parse("tag:two")), "bd"),
        (Wish(parse("NOT tag:one"), sort="tags"), "c"),
        (Wish(parse("tag:nobody")), ""),
    ],
)
def test_order_and_filter(library: Library, wish: Wish, wanted: str) -> None:
    shown = look(library, wish, Findings())
    assert stems(library, shown) == wanted and shown.total == 4
    assert [shown.row(number) for number in shown.ids] == list(range(len(wanted)))
    assert all(shown.row(n) == -1 for n in range(4) if n not in shown.ids)
    assert shown.row(-1) == shown.row(99) == -1


def test_a_folder_narrows_the_list(library: Library) -> None:
    shown = look(library, Wish(parse("tag:two"), folder=library.folders()[1]), Findings())
    assert (stems(library, shown), shown.total) == ("d", 1)


def test_findings_are_seen_by_the_filter(library: Library) -> None:
    shown = look(library, Wish(parse("changed:outside")), Findings(outside={2}))
    assert list(shown.ids) == [2]
