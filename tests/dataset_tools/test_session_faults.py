"""A caption session on bad days: full disks, vanished folders, locked files, two editors, kills. Nothing is lost."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from dataset_tools import recovery
from dataset_tools.edits import AddTags, RenameTag
from dataset_tools.journal import Journal
from dataset_tools.writer import Vanished, sentence_of
from tests.dataset_tools.caption_faults import Faults, Killed, drop, injected, killed, opened, raising
from tests.dataset_tools.test_session import Scene

MANY = {name: f"cat, {name}".encode() for name in "abc"}


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path, dict(MANY))


def old_or_new(scene: Scene) -> list[str]:
    states = {b"cat, %s" % name.encode(): "old" for name in MANY} | {b"dog, %s" % n.encode(): "new" for n in MANY}
    return [states.get(scene.raw(name) or b"", "torn") for name in MANY]


@pytest.mark.parametrize("error", [errno.ENOSPC, pytest.param(errno.EIO, marks=pytest.mark.full)])
def test_an_error_at_every_file_operation(tmp_path: Path, error: int) -> None:
    """Once, at operation 1, 2, 3 ...: every file is old or new, and the next try writes all."""
    found = 0
    for number in range(1, 200):
        scene = Scene(tmp_path / str(number), dict(MANY))
        scene.session.apply(RenameTag("cat", "dog"), scene.all())
        with injected(Faults(number, raising(error), forever=False)) as faults:
            scene.session.work(2.0)
        assert "torn" not in old_or_new(scene)
        if not faults.hit:
            break
        found += bool(scene.said)
        scene.session.work(100.0)
        scene.session.work(200.0)
        assert old_or_new(scene) == ["new"] * 3 and scene.session.problems == () and scene.session.unsaved == 0
        drop(scene.session)
    assert number > 20 and found > 20


def test_a_full_disk_is_said_once_and_the_journal_keeps_all(scene: Scene) -> None:
    scene.session.apply(RenameTag("cat", "dog"), scene.all())
    scene.session.work(0.0)
    for now in (2.0, 20.0, 60.0):
        with injected(Faults(3, raising(errno.ENOSPC))):
            scene.session.work(now)
    assert [("disk is full" in text, "journal" in text) for text in scene.said] == [(True, True)]
    assert old_or_new(scene) == ["old"] * 3
    scene.again()  # the window was closed by force meanwhile
    assert scene.session.unsaved == 3 and scene.library.text(0) == "dog, a"
    scene.session.flush()
    assert old_or_new(scene) == ["new"] * 3


def test_a_journal_that_cannot_be_written_holds_back_the_files(scene: Scene) -> None:
    with injected(Faults(1, raising(errno.ENOSPC))):
        scene.session.apply(RenameTag("cat", "dog"), scene.all())
        scene.session.work(5.0)
    assert old_or_new(scene) == ["old"] * 3 and "not safe yet" in scene.said[0]
    scene.file("a").write_bytes(b"foreign")
    scene.session.outside([scene.id("a")])
    scene.session.work(20.0)
    assert old_or_new(scene)[1:] == ["new"] * 2 and scene.raw("a") == b"foreign"
    assert list(scene.session.conflicts) == [scene.id("a")] and scene.session.conflicts[0].mine == "dog, a"


def test_killed_at_every_file_operation(tmp_path: Path) -> None:
    """The next session finishes the batch, or it never was; an undo of it gives every byte back."""
    outcomes = set()
    for number in range(1, 200):
        scene = Scene(tmp_path / str(number), dict(MANY))
        scene.session.apply(RenameTag("cat", "dog"), scene.all())
        try:
            with injected(Faults(number, killed)) as faults:
                scene.session.work(2.0)
        except Killed:
            pass
        assert "torn" not in old_or_new(scene)
        scene.again()
        assert scene.session.flush() == () and len(set(old_or_new(scene))) == 1
        outcomes.add((old_or_new(scene)[0], scene.session.history))
        assert not list(scene.folder.glob(".kohya-like-*"))
        scene.session.undo()
        scene.session.close()
        assert old_or_new(scene) == ["old"] * 3
        if not faults.hit:
            break
    assert outcomes == {("old", ()), ("new", ("rename cat to dog",))} and number > 20


def test_a_folder_that_disappears_and_comes_back(scene: Scene) -> None:
    scene.session.apply(RenameTag("cat", "dog"), scene.all())
    scene.folder.rename(scene.root / "elsewhere")
    scene.session.work(5.0)
    assert ["is not there any more" in text for text in scene.said] == [True] and scene.session.unsaved == 3
    assert not scene.folder.exists()
    (scene.root / "elsewhere").rename(scene.folder)
    scene.session.work(50.0)
    assert old_or_new(scene) == ["new"] * 3 and scene.session.problems == ()


def test_a_read_only_file_is_left_and_named_the_others_are_written(scene: Scene) -> None:
    scene.file("b").chmod(0o444)
    scene.session.apply(RenameTag("cat", "dog"), scene.all())
    problems = scene.session.flush()
    assert len(problems) == 1 and "b.txt is read-only" in problems[0]
    assert old_or_new(scene) == ["new", "old", "new"]
    scene.session.close()
    scene.file("b").chmod(0o644)
    scene.open()
    scene.session.flush()
    assert old_or_new(scene) == ["new"] * 3


def test_a_file_that_another_program_holds_is_tried_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    replace = os.replace

    def held(source: str, target: str) -> None:
        if str(target).endswith("c.txt"):
            raise PermissionError(errno.EACCES, "is used by another process")
        replace(source, target)

    scene.session.apply(RenameTag("cat", "dog"), scene.all())
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", held)
        assert "another program holds it" in scene.session.flush()[0]
    assert scene.session.unsaved == 1
    scene.session.work(60.0)
    assert old_or_new(scene) == ["new"] * 3 and scene.session.unsaved == 0


def test_two_editors_on_one_folder(scene: Scene) -> None:
    """Each keeps its journal; what the other wrote is a conflict, and an edit of another file is none."""
    from dataset_tools.session import CaptionSession

    other = CaptionSession(opened(scene.root / "set"), scene.root / "state", threaded=False)
    assert other.history == ()
    scene.session.apply(AddTags(("first",)), [0])
    other.apply(AddTags(("second",)), [0, 1])
    scene.session.flush()
    assert "changed outside" in other.flush()[0] and list(other.conflicts) == [0]
    assert scene.raw("a") == b"cat, a, first" and scene.raw("b") == b"cat, b, second"
    other.resolve(0, "merge")
    other.close()
    assert scene.raw("a") == b"cat, a, second, first"
    scene.session.undo()  # of a text that the other one changed meanwhile
    assert scene.session.flush() and scene.raw("a") == b"cat, a, second, first"


def test_an_older_journal_never_overwrites_newer_text(scene: Scene) -> None:
    scene.session.apply(RenameTag("cat", "dog"), scene.all())
    scene.session.work(0.0)  # in the journal, not in the files
    scene.file("a").write_bytes(b"newer")
    os.utime(scene.file("b"))  # written again, with the same words
    scene.file("c").unlink()
    scene.again()
    scene.session.flush()
    assert [scene.raw(name) for name in "abc"] == [b"newer", b"cat, b", None]
    assert sorted(scene.session.conflicts) == [0, 1, 2]
    assert scene.session.conflicts[2].theirs is None and scene.session.conflicts[0].base == "cat, a"
    scene.session.resolve(2, "mine")
    scene.session.resolve(0, "theirs")
    scene.session.close()
    scene.open()
    assert list(scene.session.conflicts) == [1] and [scene.raw(n) for n in "ac"] == [b"newer", b"dog, c"]


def test_a_journal_cut_anywhere_gives_a_whole_number_of_batches(scene: Scene) -> None:
    for tag in ("one", "two"):
        scene.session.apply(AddTags((tag,)), scene.all())
        scene.session.work(0.0)
    drop(scene.session)
    [path] = (scene.root / "state/journals").iterdir()
    whole = path.read_bytes()
    found = set()
    for length in [*range(0, len(whole), 3), len(whole)]:
        path.write_bytes(whole[:length] + (b"\0" * 40 if length % 2 else b""))
        taken = Journal.take_over(path)
        if taken is None:
            found.add(-1)
            continue
        journal, said = taken
        found.add(len(said.batches))
        wanted = {0: None, 1: "cat, a, one", 2: "cat, a, one, two"}[len(said.batches)]
        assert said.owed.get(str(scene.file("a"))) is None if wanted is None else True
        if wanted:
            assert said.owed[str(scene.file("a"))].wanted == wanted and len(said.owed) == 3
        journal.close()
    assert found == {-1, 0, 1, 2}


def test_the_order_that_survives_a_power_cut(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal is on the disk before the first caption has its new name; each caption's bytes before its name."""
    done: list[str] = []
    fsync, replace = os.fsync, os.replace

    def synced(descriptor: int) -> None:
        done.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).suffix or "folder")
        fsync(descriptor)

    def named(source: str, target: str) -> None:
        done.append("name")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", named)
    scene.session.apply(RenameTag("cat", "dog"), scene.all())
    scene.session.flush()
    assert done[:2] == ["folder", ".journal"] and "name" not in done[:2]
    each = ["name", ".tmp", "name", "folder"]  # the copy for the backup folder needs no fsync, the journal has it
    assert done[2:] == each * 3


def test_journals_are_kept_for_undo_but_not_for_ever(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "KEPT_JOURNALS", 3)
    for number in range(6):
        scene.session.apply(AddTags((f"t{number}",)), [0])
        scene.session.close()
        scene.open()
    assert scene.session.history == tuple(f"add t{number}" for number in (3, 4, 5))
    while scene.session.undo():
        pass
    scene.session.close()
    assert scene.raw("a") == b"cat, a, t0, t1, t2"


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(errno.EROFS, ""), "cannot be written to"),
        (OSError(errno.EDQUOT, ""), "disk is full"),
        (PermissionError(errno.EACCES, ""), "another program holds it"),
        (OSError(errno.EIO, "Input/output error"), "(Input/output error)"),
        (Vanished(errno.ENOENT, ""), "not there any more"),
    ],
)
def test_why_a_caption_is_not_saved_is_a_sentence(error: OSError, says: str) -> None:
    text = sentence_of(error, "/data/10_cat/a.txt")
    assert says in text and "/data/10_cat" in text and text.endswith("kept in the journal and is tried again")
