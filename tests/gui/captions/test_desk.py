"""CaptionDesk: folders, edits, undo, and what other programs do meanwhile, through real files."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from dataset_tools.edits import AddTags, ConvertEncoding, RegexReplace, RemoveTags, RenameTag
from gui.background import wait_for_all
from gui.captions.desk import CaptionDesk
from gui.captions.editing import FEW
from tests.gui.captions.datasets import make_folder, many, names, number, open_desk, settle, text
from tests.gui.watch import io_of_main_thread


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[CaptionDesk]:
    folder = make_folder(tmp_path / "set", {"a": "cat, hat", "b": "dog, hat", "c": None, "d": "cat, cat, sky"})
    desk = open_desk(qtbot, tmp_path, folder)
    yield desk
    desk.close()
    assert wait_for_all()


def change_outside(path: Path, words: str) -> None:
    """As another program would; the time of the file is another, too."""
    path.write_text(words)
    facts = path.stat()
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns + 5_000_000_000))


def test_the_list_is_there_before_the_captions(qtbot: QtBot, tmp_path: Path) -> None:
    folder = many(tmp_path / "set", 30)
    desk = open_desk(qtbot, tmp_path)
    seen: list[tuple[str, int, bool]] = []
    desk.opened.connect(lambda: seen.append(("opened", len(desk.shown.ids), desk.session is None)))
    desk.ready.connect(lambda: seen.append(("ready", len(desk.shown.ids), desk.session is None)))
    said: list[str] = []
    desk.said.connect(said.append)
    desk.open([str(folder)])
    qtbot.waitUntil(lambda: bool(seen))
    assert seen[0][0] == "opened"
    settle(qtbot, desk)
    qtbot.waitUntil(lambda: ("ready", 30, False) in seen)
    assert desk.current == desk.shown.ids[0] and desk.selection == [desk.current]
    desk.close()
    assert wait_for_all()


def test_an_edit_before_the_captions_are_read_is_refused_in_words(qtbot: QtBot, tmp_path: Path) -> None:
    desk = CaptionDesk(open_desk(qtbot, tmp_path).desk)
    said: list[str] = []
    desk.said.connect(said.append)
    desk.apply(AddTags(("x",)), [0])
    assert said == ["Open a folder of pictures first."]


def test_an_edit_of_few_is_seen_at_once_and_written_behind(desk: CaptionDesk, tmp_path: Path) -> None:
    changed: list[list[int]] = []
    desk.texts_changed.connect(changed.append)
    desk.select([number(desk, "a")])
    with io_of_main_thread() as touched:
        desk.apply(AddTags(("sun",)))
        assert text(desk, "a") == "cat, hat, sun"
    assert touched == [] and changed == [[number(desk, "a")]] and desk.unsaved == 1
    desk.flush()
    assert wait_for_all()
    assert (tmp_path / "set" / "a.txt").read_bytes() == b"cat, hat, sun"
    assert (tmp_path / "set" / "b.txt").read_bytes() == b"dog, hat"
    assert desk.unsaved == 0


def test_undo_and_redo(desk: CaptionDesk) -> None:
    desk.apply(RenameTag("hat", "red hat"), list(desk.shown.ids))
    assert desk.history == ("rename hat to red hat",)
    desk.undo()
    assert wait_for_all()
    assert (text(desk, "a"), desk.history, desk.redoable) == ("cat, hat", (), ("rename hat to red hat",))
    desk.redo()
    assert wait_for_all()
    assert text(desk, "b") == "dog, red hat"


def test_edits_keep_their_order_when_many_go_to_the_worker(qtbot: QtBot, tmp_path: Path) -> None:
    desk = open_desk(qtbot, tmp_path, many(tmp_path / "set", FEW + 50))
    everything = list(desk.shown.ids)
    desk.apply(RenameTag("cat", "dog"), everything)
    desk.apply(RenameTag("dog", "bird"), everything[:1])  # few, but after the rename
    assert wait_for_all()
    assert text(desk, "p00000") == "even, bird, tag 0" and text(desk, "p00001") == "odd, dog, tag 1"
    desk.close()
    assert wait_for_all()


@pytest.mark.parametrize("edit", [RegexReplace("c(.)t", r"C\1T", "tags"), ConvertEncoding()])
def test_what_may_take_long_never_runs_in_the_ui_thread(
    desk: CaptionDesk, edit: RegexReplace | ConvertEncoding
) -> None:
    assert desk.session is not None
    threads: list[threading.Thread] = []
    real = desk.session.apply
    desk.session.apply = lambda *given: (threads.append(threading.current_thread()), real(*given))[1]  # type: ignore
    with io_of_main_thread() as touched:
        desk.apply(edit, [number(desk, "a")])
        assert wait_for_all()
    assert touched == [] and threading.main_thread() not in threads and len(threads) == 1
    assert text(desk, "a") == ("CaT, hat" if isinstance(edit, RegexReplace) else "cat, hat")


def test_a_wrong_edit_is_said(desk: CaptionDesk) -> None:
    said: list[str] = []
    desk.said.connect(said.append)
    desk.apply(RegexReplace("(", ""), [number(desk, "a")])
    assert wait_for_all()
    assert len(said) == 1 and "regular expression" in said[0]


def test_a_preview_changes_nothing(desk: CaptionDesk) -> None:
    found: list[list[int]] = []
    desk.preview(RemoveTags(("hat",)), list(desk.shown.ids), lambda preview: found.append(preview.ids))
    assert wait_for_all()
    assert found == [[number(desk, "a"), number(desk, "b")]] and text(desk, "a") == "cat, hat"


def test_selection_keeps_what_is_listed(desk: CaptionDesk) -> None:
    a, b, d = (number(desk, stem) for stem in "abd")
    desk.select([a, b, d], b)
    desk.set_filter("tag:cat")
    assert wait_for_all()
    assert (names(desk), desk.selection, desk.current) == (["a", "d"], [a, d], a)
    desk.select([b])
    assert desk.selection == []


def test_a_wrong_filter_leaves_the_list_and_says_why(desk: CaptionDesk) -> None:
    desk.set_filter("tag:cat")
    assert wait_for_all()
    desk.set_filter("tag:cat AND (")
    assert names(desk) == ["a", "d"] and desk.filter_problem
    desk.set_filter("")
    assert wait_for_all()
    assert len(names(desk)) == 4 and desk.filter_problem == ""


def test_a_change_outside_is_taken_up_and_found_by_the_filter(desk: CaptionDesk, tmp_path: Path) -> None:
    seen: list[int] = []
    desk.outside_seen.connect(seen.append)
    change_outside(tmp_path / "set" / "b.txt", "bird")
    desk.refresh()
    assert wait_for_all()
    assert text(desk, "b") == "bird" and seen == [1]
    desk.set_filter("changed:outside")
    assert wait_for_all()
    assert names(desk) == ["b"]


def test_a_file_written_in_place_is_seen_while_its_picture_is_chosen(
    desk: CaptionDesk, qtbot: QtBot, tmp_path: Path
) -> None:
    desk.select([number(desk, "b")])
    change_outside(tmp_path / "set" / "b.txt", "bird")
    desk._opening.glance()
    assert wait_for_all()
    assert text(desk, "b") == "bird"


def test_a_new_picture_is_seen_without_asking(desk: CaptionDesk, qtbot: QtBot, tmp_path: Path) -> None:
    make_folder(tmp_path / "set", {"e": "new"})
    qtbot.waitUntil(lambda: "e" in names(desk), timeout=10_000)


def test_new_and_deleted_pictures_come_and_go(desk: CaptionDesk, tmp_path: Path) -> None:
    make_folder(tmp_path / "set", {"e": "new"})
    (tmp_path / "set" / "a.png").unlink()
    desk.refresh()
    assert wait_for_all()
    assert sorted(names(desk)) == ["b", "c", "d", "e"]


@pytest.mark.parametrize(
    ("choice", "mine_in_file"), [("mine", "cat, hat, sun"), ("theirs", "cat, hat, moon"), ("merge", None)]
)
def test_a_conflict_is_settled_by_choice(
    desk: CaptionDesk, tmp_path: Path, choice: str, mine_in_file: str | None
) -> None:
    file = tmp_path / "set" / "a.txt"
    desk.apply(AddTags(("sun",)), [number(desk, "a")])
    change_outside(file, "cat, hat, moon")
    desk.refresh()
    assert wait_for_all()
    assert list(desk.conflicts) == [number(desk, "a")]
    assert file.read_text() == "cat, hat, moon", "nothing foreign is overwritten unasked"
    desk.resolve(number(desk, "a"), choice)  # type: ignore[arg-type]
    assert wait_for_all()
    desk.flush()
    assert wait_for_all()
    wanted = {mine_in_file} if mine_in_file else {"cat, hat, sun, moon", "cat, hat, moon, sun"}
    assert file.read_text() in wanted and not desk.conflicts


def test_a_folder_that_disappears_is_said_and_loses_nothing(desk: CaptionDesk, tmp_path: Path) -> None:
    desk.apply(AddTags(("sun",)), [number(desk, "a")])
    shutil.move(tmp_path / "set", tmp_path / "elsewhere")
    desk.refresh()
    assert wait_for_all()
    assert [str(tmp_path / "set") in fault.where for fault in desk.gone_faults] == [True]
    assert len(names(desk)) == 4 and text(desk, "a") == "cat, hat, sun"
    shutil.move(tmp_path / "elsewhere", tmp_path / "set")
    desk.refresh()
    assert wait_for_all()
    assert desk.gone_faults == ()
    desk.flush()
    assert wait_for_all()
    assert (tmp_path / "set" / "a.txt").read_text() == "cat, hat, sun"


def test_another_folder_is_opened_after_what_is_unsaved_was_written(
    desk: CaptionDesk, qtbot: QtBot, tmp_path: Path
) -> None:
    desk.apply(AddTags(("sun",)), [number(desk, "a")])
    desk.open([str(make_folder(tmp_path / "other", {"z": "zebra"}))])
    qtbot.waitUntil(lambda: names(desk) == ["z"])
    settle(qtbot, desk)
    assert (tmp_path / "set" / "a.txt").read_text() == "cat, hat, sun"
    assert desk.history == ()


def test_only_the_newest_of_two_openings_is_shown(desk: CaptionDesk, qtbot: QtBot, tmp_path: Path) -> None:
    first, second = make_folder(tmp_path / "x", {"x": "1"}), make_folder(tmp_path / "y", {"y": "2"})
    opened: list[list[str]] = []
    desk.opened.connect(lambda: opened.append(names(desk)))
    desk.open([str(first)])
    desk.open([str(second)])
    qtbot.waitUntil(lambda: bool(opened))
    settle(qtbot, desk)
    assert names(desk) == ["y"] and desk.asked == (str(second),)
