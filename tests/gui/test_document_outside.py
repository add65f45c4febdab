"""Other programs change or remove the open preset: mine, theirs or compare, and nothing is lost either way."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from gui.background import wait_for_all
from gui.document import TAKE_THEIRS, PresetDocument

TEXT = "[network]\ndim = 16\n"
THEIRS = "# theirs\n[network]\ndim = 99\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "ghost.toml"
    path.write_text(TEXT)
    return path


def make(qtbot: QtBot, path: Path, poll: int) -> Iterator[PresetDocument]:
    document = PresetDocument(poll_milliseconds=poll)
    with qtbot.waitSignal(document.opened):
        document.open(path)
    yield document
    document.new()  # ends the watch
    wait_for_all()
    document.deleteLater()


@pytest.fixture
def watching(qtbot: QtBot, path: Path) -> Iterator[PresetDocument]:
    yield from make(qtbot, path, 10)


@pytest.fixture
def sleeping(qtbot: QtBot, path: Path) -> Iterator[PresetDocument]:
    """Looks at the file when it saves, and only then."""
    yield from make(qtbot, path, 3_600_000)


def replace(path: Path, text: str | bytes) -> None:
    """As editors save: a new file under the old name."""
    other = path.with_name("other")
    other.write_bytes(text.encode() if isinstance(text, str) else text)
    os.replace(other, path)


def test_a_change_is_noticed_also_by_a_document_without_edits(
    watching: PresetDocument, path: Path, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(watching.changed_outside) as caught:
        replace(path, THEIRS)
    assert caught.args == ["changed"] and watching.conflict == "changed"
    assert watching.theirs == THEIRS and watching.text == TEXT and not watching.modified


def test_mine_is_kept_and_may_then_be_saved(watching: PresetDocument, path: Path, qtbot: QtBot) -> None:
    with qtbot.waitSignal(watching.changed_outside):
        path.write_text(THEIRS)
    watching.keep_mine()
    assert watching.modified and watching.conflict == "" and watching.theirs == ""
    with qtbot.waitSignal(watching.saved):
        watching.save()
    assert path.read_text() == TEXT and not watching.modified


def test_theirs_is_taken_and_undo_brings_mine_back(watching: PresetDocument, path: Path, qtbot: QtBot) -> None:
    watching.set("train.seed", 1)
    mine = watching.text
    with qtbot.waitSignal(watching.changed_outside):
        path.write_text(THEIRS)
    watching.take_theirs()
    assert watching.text == THEIRS and not watching.modified and watching.conflict == ""
    assert watching.undo_label == TAKE_THEIRS
    watching.undo()
    assert watching.text == mine and watching.modified


def test_a_second_change_is_told_again_and_one_that_is_taken_back_is_forgotten(
    watching: PresetDocument, path: Path, qtbot: QtBot
) -> None:
    for text in (THEIRS, THEIRS + "\n"):
        with qtbot.waitSignal(watching.changed_outside):
            replace(path, text)
    assert watching.theirs == THEIRS + "\n"
    replace(path, TEXT)
    qtbot.waitUntil(lambda: watching.conflict == "")
    assert not watching.modified


def test_a_touch_and_our_own_text_are_no_change(watching: PresetDocument, path: Path, qtbot: QtBot) -> None:
    watching.set("network.dim", 5)
    with qtbot.assertNotEmitted(watching.changed_outside):
        os.utime(path, (1, 1))
        replace(path, watching.text)
        qtbot.waitUntil(lambda: not watching.modified)
        with qtbot.waitSignal(watching.saved):
            watching.save()
    assert watching.conflict == ""


def test_a_deleted_file_leaves_the_text_modified_and_a_save_makes_it_again(
    watching: PresetDocument, path: Path, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(watching.changed_outside) as caught:
        path.unlink()
    assert caught.args == ["deleted"] and watching.modified and watching.text == TEXT and watching.theirs == ""
    watching.take_theirs()
    assert watching.text == TEXT
    with qtbot.waitSignal(watching.saved):
        watching.save()
    assert path.read_text() == TEXT and not watching.modified and watching.conflict == ""


def test_a_deleted_file_that_comes_back_is_ours_again(watching: PresetDocument, path: Path, qtbot: QtBot) -> None:
    with qtbot.waitSignal(watching.changed_outside):
        path.unlink()
    watching.keep_mine()
    assert watching.modified
    path.write_text(TEXT)
    qtbot.waitUntil(lambda: not watching.modified)


def test_a_deleted_folder_says_so_when_saving(watching: PresetDocument, path: Path, qtbot: QtBot) -> None:
    with qtbot.waitSignal(watching.changed_outside) as caught:
        os.rename(path.parent, path.parent.with_name("moved"))
    assert caught.args == ["deleted"]
    with qtbot.waitSignal(watching.failed) as said:
        watching.save()
    assert said.args[0] == f"{path}: there is no folder {path.parent}." and watching.modified


def test_a_save_never_writes_over_what_came_from_outside(sleeping: PresetDocument, path: Path, qtbot: QtBot) -> None:
    sleeping.set("network.dim", 5)
    before = path.stat()
    path.write_text(TEXT.replace("16", "99"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # same size, same time: the content decides
    for _ in range(2):
        with qtbot.waitSignal(sleeping.changed_outside) as caught, qtbot.assertNotEmitted(sleeping.saved):
            sleeping.save()
        assert caught.args == ["changed"] and "99" in path.read_text()
    with qtbot.waitSignal(sleeping.saved):
        sleeping.save(force=True)
    assert path.read_text() == TEXT.replace("16", "5") and sleeping.conflict == ""


def test_the_check_also_holds_for_another_name_of_the_file(sleeping: PresetDocument, path: Path, qtbot: QtBot) -> None:
    link = path.with_name("link.toml")
    link.symlink_to(path)
    path.write_text(THEIRS)
    with qtbot.waitSignal(sleeping.changed_outside):
        sleeping.save(link)
    assert path.read_text() == THEIRS


@pytest.mark.parametrize("raw", [b"\xff\xfe\0", b"[network\n", b"x = 1\n" * 50_000])
def test_theirs_that_is_no_preset_is_shown_but_not_taken(
    sleeping: PresetDocument, path: Path, raw: bytes, qtbot: QtBot
) -> None:
    path.write_bytes(raw)
    with qtbot.waitSignal(sleeping.changed_outside):
        sleeping.save()
    with qtbot.waitSignal(sleeping.failed) as caught:
        sleeping.take_theirs()
    assert caught.args[0] and sleeping.text == TEXT and sleeping.theirs and sleeping.conflict == "changed"


def test_rescued_work_is_an_edit_of_its_file(sleeping: PresetDocument, path: Path, qtbot: QtBot) -> None:
    sleeping.restore(THEIRS, path)
    qtbot.waitUntil(lambda: sleeping.text == THEIRS)
    assert sleeping.modified and sleeping.path == path
    sleeping.undo()
    assert sleeping.text == TEXT and not sleeping.modified


def test_rescued_work_without_its_file_is_there_all_the_same(
    sleeping: PresetDocument, path: Path, qtbot: QtBot
) -> None:
    gone = path.with_name("gone.toml")
    sleeping.restore(THEIRS, gone)
    qtbot.waitUntil(lambda: sleeping.text == THEIRS)
    assert sleeping.modified and sleeping.path == gone
    with qtbot.waitSignal(sleeping.saved):
        sleeping.save()
    assert gone.read_text() == THEIRS
    sleeping.restore(TEXT, None)
    assert sleeping.text == TEXT and sleeping.path is None and sleeping.modified
    with qtbot.waitSignal(sleeping.failed):
        sleeping.restore("[no", None)
    assert sleeping.text == TEXT
