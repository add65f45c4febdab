"""Index, counts and tokens follow every edit, few or many, from one thread or several."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset_tools import shelf, tag_index
from tests.data.folders_made import make, png
from tests.dataset_tools.library_made import by_name, made, opened, same_index

COUNT = 20
TEXT = st.lists(st.sampled_from("abcde"), max_size=4).map(", ".join)
ROUND = st.lists(st.tuples(st.integers(0, COUNT - 1), TEXT), min_size=1, max_size=30)


@pytest.mark.parametrize(("few", "in_place"), [(0, 0), (0, 16), (64, 16), (3, 2)])
def test_the_index_follows_every_edit(few: int, in_place: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "FEW", few)
    monkeypatch.setattr(tag_index, "FEW", in_place)
    library = opened(made(tmp_path, {f"{i:02d}": "a, b" for i in range(COUNT)}))
    texts = dict.fromkeys(range(COUNT), "a, b")

    @settings(deadline=None, derandomize=True, database=None, max_examples=40)
    @given(ROUND)
    def follows(edits: list[tuple[int, str]]) -> None:
        before = dict(texts)
        texts.update(edits)
        generation = library.generation
        changed = library.set_texts([number for number, _ in edits], [text for _, text in edits])
        assert {number for number in texts if texts[number] != before[number]} <= set(changed)
        assert (library.generation > generation) == bool(changed)
        assert library.texts(range(COUNT)) == list(texts.values())
        assert same_index(library)

    follows()


def test_a_large_edit_is_seen_at_once_and_settled_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "FEW", 4)
    library = opened(made(tmp_path, {f"{i:02d}": "a, b" for i in range(COUNT)}))
    library.set_texts(range(COUNT), ["c"] * COUNT)
    assert not library.shelf.is_settled
    assert library.picture(3).tags == ("c",) and library.tokens(3) == 1
    assert library.shelf.index.counts() == {"a": COUNT, "b": COUNT}  # as before
    assert library.ids_with("c").tolist() == list(range(COUNT)) and library.shelf.is_settled
    assert library.counts() == {"c": COUNT}


def test_an_emptied_caption_has_a_problem_until_it_is_written_again(tmp_path: Path) -> None:
    library = opened(made(tmp_path, {"a": "x", "b": None}))
    library.set_text(0, " \n")
    assert library.picture(0).problem == "empty" and [fault.code for fault in library.faults].count("caption-empty")
    library.set_text(0, "y")
    assert library.picture(0).problem == "" and library.caption(0).problem == ""
    library.set_text(1, "z")
    assert library.picture(1).problem is None  # there is no file yet


def test_threads_that_edit_and_ask_at_once_leave_a_right_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "FEW", 5)
    monkeypatch.setattr(shelf, "SLICE", 7)
    count = 120
    library = opened(made(tmp_path, {f"{i:03d}": "a, b" for i in range(count)}))
    faults: list[BaseException] = []
    start = threading.Barrier(4)

    def edit(word: str, size: int) -> None:
        try:
            start.wait()
            for round_ in range(30):
                numbers = [(round_ * 11 + i) % count for i in range(size)]
                library.set_texts(numbers, [f"{word}, {word}{round_}"] * size)
        except BaseException as fault:
            faults.append(fault)

    def ask() -> None:
        try:
            start.wait()
            for _ in range(30):
                assert set(library.ids_with("a")) <= set(range(count))
                library.settle()
                assert len(library.all_tokens()) == count and library.counts()
        except BaseException as fault:
            faults.append(fault)

    jobs = [lambda: edit("x", 40), lambda: edit("y", 3), lambda: edit("z", 60), ask]
    threads = [threading.Thread(target=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == [] and same_index(library)


def test_sizes_are_read_when_asked_for_and_again_when_the_file_is_another(tmp_path: Path) -> None:
    library = opened(made(tmp_path, {"a": "x"}))
    make(tmp_path, {"10_cat/b.png": (32, 96), "10_cat/c.png": b"no picture"})
    library = opened(tmp_path)
    assert library.picture(0).size is None and library.all_sizes()[0].tolist() == [0, 0, 0]
    assert library.read_sizes(ids=[1]) and library.picture(1).size == (32, 96) and library.picture(0).size is None
    assert library.read_sizes() and library.all_sizes()[0].tolist() == [64, 32, -1]
    number = by_name(library)["c.png"]
    assert library.picture(number).size is None
    generation = library.generation
    assert library.read_sizes() and library.generation == generation  # nothing is other
    (tmp_path / "10_cat/c.png").write_bytes(png(16, 24))
    assert library.read_sizes() and library.picture(number).size == (16, 24)
    stamp = library.picture(number).picture_stamp
    assert stamp is not None and stamp.size == (tmp_path / "10_cat/c.png").stat().st_size
    assert not library.read_sizes(cancelled=lambda: True)
