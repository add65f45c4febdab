"""Facts are measured once, again when the file changed, and survive a damaged store."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import ImageFilter

from dataset_tools import facts_store
from dataset_tools.facts_store import FILE_NAME, FactsStore
from dataset_tools.picture_facts import PictureFacts, facts_of
from tests.dataset_tools.made_pictures import put, scene

pytestmark = pytest.mark.quick


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the pictures that are decoded, in any order."""
    names: list[str] = []

    def watched(path: Path) -> PictureFacts:
        names.append(path.name)
        return facts_of(path)

    monkeypatch.setattr(facts_store, "facts_of", watched)
    return names


def pictures(folder: Path, count: int = 3) -> list[Path]:
    return [put(folder, f"{i}.png", scene(i, (64, 48))) for i in range(count)]


def test_a_second_store_measures_nothing_and_says_the_same(tmp_path: Path, measured: list[str]) -> None:
    paths = [*pictures(tmp_path / "a"), *pictures(tmp_path / "a" / "b"), put(tmp_path, "c.png", scene(7))]
    first = FactsStore(tmp_path / "cache")
    seen: list[tuple[int, int]] = []
    made = first.all_of(paths, lambda done, of: seen.append((done, of)))
    first.close()
    assert len(measured) == 7 and seen[-1] == (7, 7)
    assert made == {path: facts_of(path) for path in paths}
    again = FactsStore(tmp_path / "cache")
    assert again.all_of(paths) == made and list(again.all_of(paths)) == paths
    assert len(measured) == 7


def test_a_changed_picture_is_measured_again(tmp_path: Path, measured: list[str]) -> None:
    paths = pictures(tmp_path)
    store = FactsStore(tmp_path / "cache")
    store.all_of(paths)
    scene(40, (64, 48)).save(paths[1])
    os.utime(paths[1], ns=(1, 1))
    assert store.all_of(paths)[paths[1]] == facts_of(paths[1])
    assert measured[3:] == ["1.png"]


def test_cancelled_it_keeps_what_it_has(tmp_path: Path, measured: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts_store, "BATCH", 2)
    paths = pictures(tmp_path, 6)
    answers = iter([False, True])
    store = FactsStore(tmp_path / "cache")
    assert list(store.all_of(paths, cancelled=lambda: next(answers))) == paths[:2]
    assert len(store.all_of(paths)) == 6
    assert sorted(measured) == [path.name for path in paths]


@pytest.mark.parametrize("content", [b"", b"no database at all, and longer than a header of one" * 40])
def test_a_damaged_store_is_made_anew(tmp_path: Path, content: bytes) -> None:
    paths = pictures(tmp_path, 1)
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / FILE_NAME).write_bytes(content)
    assert FactsStore(tmp_path / "cache").all_of(paths) == {paths[0]: facts_of(paths[0])}


def test_what_is_no_picture_says_why_and_what_vanished_too(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("hello")
    cut = put(tmp_path, "cut.png", scene(1))
    cut.write_bytes(cut.read_bytes()[:3000])
    facts = FactsStore(tmp_path / "cache").all_of([tmp_path / "text.png", cut, tmp_path / "gone.png"])
    assert [one.fault for one in facts.values()] == [
        "is no picture this program reads",
        "the file is cut off",
        "there is no such file",
    ]


def test_a_blurred_copy_is_less_sharp(tmp_path: Path) -> None:
    sharp = put(tmp_path, "sharp.png", scene(5))
    soft = put(tmp_path, "soft.png", scene(5).filter(ImageFilter.GaussianBlur(3)))
    assert facts_of(sharp).sharpness > 60 > 20 > facts_of(soft).sharpness
