"""A caption session on good days: when files are written, what stays byte for byte, undo over sessions, conflicts."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from dataset_tools import history
from dataset_tools.edits import AddTags, ConvertEncoding, Dedupe, RegexReplace, RenameTag, SetText, SortTags
from dataset_tools.journal import SUFFIX
from dataset_tools.session import AUTOSAVE_SECONDS, CaptionSession
from kohya_like.schema.errors import UserError
from tests.dataset_tools.caption_faults import drop, opened

CAPTIONS = {
    "a": b"cat, dog\r\nsecond line\r\n",
    "b": b"\xef\xbb\xbfcat,  blue sky ",
    "c": "长发, cat\n".encode("utf-16"),
    "d": None,
    "g": "猫, 长发, 蓝天白云".encode("gbk"),
}


class Scene:
    """A folder, its session, and a clock that stands still."""

    def __init__(self, root: Path, captions: dict[str, bytes | None]) -> None:
        self.root, self.now = root, 0.0
        self.folder = root / "set" / "10_cat"
        self.folder.mkdir(parents=True)
        for name, raw in captions.items():
            (self.folder / f"{name}.png").write_bytes(b"")
            if raw is not None:
                self.file(name).write_bytes(raw)
        self.said: list[str] = []
        self.asked: list[int] = []
        self.open()

    def open(self) -> None:
        self.library = opened(self.root / "set")
        self.session = CaptionSession(
            self.library, self.root / "state", clock=lambda: self.now, threaded=False,
            on_fault=self.said.append, on_conflict=self.asked.extend,
        )  # fmt: skip

    def again(self) -> None:
        """Killed, and opened anew."""
        drop(self.session)
        self.open()

    def file(self, name: str) -> Path:
        return self.folder / f"{name}.txt"

    def raw(self, name: str) -> bytes | None:
        return self.file(name).read_bytes() if self.file(name).exists() else None

    def id(self, name: str) -> int:
        return next(id for id in self.library.ids() if self.library.picture(id).name == f"{name}.png")

    def all(self) -> list[int]:
        return list(self.library.ids())


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path, CAPTIONS)


def test_a_file_is_written_a_second_after_the_last_edit(scene: Scene) -> None:
    scene.session.apply(AddTags(("one",)), [scene.id("a")])
    scene.session.work(0.0)
    assert scene.raw("a") == CAPTIONS["a"] and list((scene.root / "state/journals").glob(f"*{SUFFIX}"))
    scene.now = 0.9
    scene.session.apply(AddTags(("two",)), [scene.id("a")])
    scene.session.work(AUTOSAVE_SECONDS)
    assert scene.raw("a") == CAPTIONS["a"] and scene.session.unsaved == 1
    scene.session.work(0.9 + AUTOSAVE_SECONDS)
    assert scene.raw("a") == b"cat, dog, one, two\r\nsecond line\r\n" and scene.session.unsaved == 0


def test_marks_encodings_line_ends_and_other_files_stay(scene: Scene) -> None:
    batch = scene.session.apply(RenameTag("cat", "kitty"), scene.all())
    assert len(batch.changes) == 3 and scene.session.flush() == ()
    assert scene.raw("a") == b"kitty, dog\r\nsecond line\r\n"
    assert scene.raw("b") == b"\xef\xbb\xbfkitty,  blue sky "
    assert scene.raw("c") == "长发, kitty\n".encode("utf-16")
    assert scene.raw("d") is None and scene.raw("g") == CAPTIONS["g"]
    scene.session.undo()
    scene.session.flush()
    assert {name: scene.raw(name) for name in CAPTIONS} == CAPTIONS
    scene.session.redo()
    assert scene.session.history == ("rename cat to kitty",) and scene.session.redoable == ()


def test_what_was_undone_before_it_was_written_touches_no_file(scene: Scene) -> None:
    before = scene.file("a").stat()
    scene.session.apply(AddTags(("new",)), [scene.id("a"), scene.id("d")])
    scene.session.undo()
    scene.session.flush()
    assert scene.file("a").stat() == before and scene.raw("d") is None and scene.session.unsaved == 0


def test_mode_and_first_state_are_kept(scene: Scene) -> None:
    scene.file("a").chmod(0o640)
    scene.again()
    for tag in ("one", "two"):
        scene.session.apply(AddTags((tag,)), [scene.id("a"), scene.id("d")])
        scene.session.flush()
    assert scene.file("a").stat().st_mode & 0o777 == 0o640
    kept = {path.name: path.read_bytes() for path in (scene.root / "state/backups").rglob("*.txt")}
    assert kept == {"a.txt": CAPTIONS["a"]}  # of d there was nothing


def test_a_link_stays_a_link(scene: Scene) -> None:
    real = scene.folder / "shared.text"
    scene.file("a").rename(real)
    scene.file("a").symlink_to(real.name)
    scene.again()
    scene.session.apply(AddTags(("new",)), [scene.id("a")])
    scene.session.flush()
    assert scene.file("a").is_symlink() and b"new" in real.read_bytes()


def test_gbk_is_refused_until_it_is_converted(scene: Scene) -> None:
    batch = scene.session.apply(AddTags(("new",)), [scene.id("g")])
    assert batch.changes == [] and "GBK" in batch.faults[0] and "g.png" in batch.faults[0]
    wrong = scene.session.apply(ConvertEncoding("utf-8"), scene.all())
    assert wrong.changes == [] and "not in utf-8" in wrong.faults[0] and scene.session.history == ()
    scene.session.apply(ConvertEncoding("gbk"), scene.all())
    scene.session.apply(AddTags(("new",)), [scene.id("g")])
    scene.session.flush()
    assert scene.raw("g") == "猫, 长发, 蓝天白云, new".encode() and scene.raw("c") == CAPTIONS["c"]
    scene.again()  # undone by another process, byte for byte
    assert scene.session.undo() and scene.session.undo() and scene.session.flush() == ()
    assert scene.raw("g") == CAPTIONS["g"]
    with pytest.raises(UserError, match="no encoding"):
        scene.session.apply(ConvertEncoding("klingon"), scene.all())


def test_captions_of_a_megabyte_and_what_training_would_refuse(tmp_path: Path) -> None:
    long = b"cat, " * 209_000
    scene = Scene(tmp_path, {"a": long, "b": b"x" * ((1 << 20) + 5), "c": b"cat"})
    batch = scene.session.apply(RenameTag("cat", "dog"), scene.all())
    assert [change.picture for change in batch.changes] == [scene.id("a"), scene.id("c")]
    big = scene.session.apply(SetText("y" * ((1 << 20) + 1)), [scene.id("c")])
    nul = scene.session.apply(SetText("a\0b"), [scene.id("c")])
    lone = scene.session.apply(SetText("a\ud800b"), [scene.id("c")])
    assert "1024 KiB" in big.faults[0] and "NUL" in nul.faults[0] and "U+D800" in lone.faults[0]
    scene.session.flush()
    assert scene.raw("a") == scene.library.text(scene.id("a")).encode() and b"cat" not in (scene.raw("a") or b"cat")
    assert scene.raw("b") == b"x" * ((1 << 20) + 5) and scene.raw("c") == b"dog"


def test_a_regular_expression_that_explodes_changes_nothing(scene: Scene) -> None:
    scene.session.apply(SetText("a" * 60 + "b"), [scene.id("a")])
    with pytest.raises(UserError, match="takes too long"):
        scene.session.apply(RegexReplace("(a|aa)+$", "", timeout=0.05), scene.all())
    assert scene.session.history == ("write the caption",) and scene.library.text(scene.id("b")) == "cat,  blue sky "


def test_undo_over_sessions_leaves_what_was_changed_since(scene: Scene) -> None:
    scene.session.apply(AddTags(("one",)), [scene.id("a"), scene.id("b")])
    scene.session.apply(AddTags(("two",)), [scene.id("b")])
    scene.session.undo()
    scene.session.close()
    scene.open()
    assert scene.session.history == ("add one",) and scene.session.redoable == ("add two",)
    scene.file("a").write_bytes(b"foreign")
    scene.session.outside([scene.id("a")])
    batch = scene.session.undo()
    assert batch and batch.ids == [scene.id("b")] and "a.png" in batch.faults[0]
    assert scene.session.flush() == () and scene.raw("a") == b"foreign" and scene.raw("b") == CAPTIONS["b"]
    assert scene.session.undo() is None


def test_a_new_edit_ends_redo_and_an_edit_without_effect_is_none(scene: Scene) -> None:
    scene.session.apply(AddTags(("one",)), [scene.id("a")])
    scene.session.undo()
    assert scene.session.apply(Dedupe(), scene.all()).changes == [] and scene.session.redoable == ("add one",)
    scene.session.apply(AddTags(("two",)), [scene.id("a")])
    assert scene.session.redoable == () and scene.session.redo() is None


def test_pictures_that_share_a_caption_are_written_once(tmp_path: Path) -> None:
    scene = Scene(tmp_path, {"a": b"cat"})
    (scene.folder / "a.jpg").write_bytes(b"")
    scene.again()
    both = scene.all()
    scene.session.apply(AddTags(("new",)), both)
    assert [scene.library.text(id) for id in both] == ["cat, new"] * 2
    scene.session.flush()
    assert scene.raw("a") == b"cat, new" and scene.session.unsaved == 0


@pytest.mark.parametrize(
    ("choice", "text", "after_undo"),
    [("mine", b"cat, mine", None), ("theirs", b"dog, cat", b"cat, mine"), ("merge", b"dog, cat, mine", b"cat, mine")],
)
def test_a_conflict_is_found_and_settled(tmp_path: Path, choice: str, text: bytes, after_undo: bytes | None) -> None:
    scene = Scene(tmp_path, {"a": b"cat"})
    scene.session.apply(AddTags(("mine",)), scene.all())
    scene.file("a").write_bytes(b"dog, cat")
    assert "changed outside" in scene.session.flush()[0] and scene.asked == [0]
    assert scene.raw("a") == b"dog, cat"
    conflict = scene.session.conflicts[0]
    assert (conflict.base, conflict.mine, conflict.theirs, conflict.merged) == (
        "cat", "cat, mine", "dog, cat", "dog, cat, mine",
    )  # fmt: skip
    scene.session.resolve(0, choice)  # type: ignore[arg-type]
    assert scene.session.flush() == () and scene.raw("a") == text and not scene.session.conflicts
    if after_undo:
        scene.session.undo()
        assert scene.session.flush() == () and scene.raw("a") == after_undo


def test_a_conflict_that_only_a_person_can_settle(tmp_path: Path) -> None:
    scene = Scene(tmp_path, {"a": b"cat\nline"})
    scene.session.apply(SetText("cat\nmine"), [0])
    scene.file("a").write_bytes(b"cat\ntheirs")
    scene.session.outside([0])
    assert scene.session.conflicts[0].merged is None
    with pytest.raises(UserError, match="choose one"):
        scene.session.resolve(0, "merge")
    scene.session.apply(AddTags(("later",)), [0])  # edited on while it is in conflict
    scene.session.resolve(0, "mine")
    assert scene.session.flush() == () and scene.raw("a") == b"cat, later\nmine"
    with pytest.raises(UserError, match="no conflict"):
        scene.session.resolve(0, "mine")


def test_the_thread_writes_by_itself_and_calls_back(tmp_path: Path) -> None:
    (tmp_path / "10_cat").mkdir()
    (tmp_path / "10_cat/a.png").write_bytes(b"")
    saved, ticks = threading.Event(), iter(range(0, 10_000, 5))
    changed: list[list[int]] = []
    session = CaptionSession(
        opened(tmp_path), tmp_path / "state", clock=lambda: float(next(ticks)),  # each look at it is 5 s later
        on_changed=changed.append, on_saved=lambda left: saved.set() if left == 0 else None,
    )  # fmt: skip
    session.apply(AddTags(("new",)), [0])
    assert saved.wait(30) and (tmp_path / "10_cat/a.txt").read_bytes() == b"new" and changed == [[0]]
    assert session.close() == ()


def test_old_changes_are_read_from_the_journal_when_they_are_undone(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "KEPT_CHANGES", 2)
    for tag in ("one", "two", "three"):
        scene.session.apply(AddTags((tag,)), [scene.id("a"), scene.id("b"), scene.id("c"), scene.id("d")])
        scene.session.work(scene.now)
    assert [step.changes is None for step in scene.session._history.done] == [True, True, False]
    while scene.session.undo():
        pass
    scene.session.flush()
    assert {name: scene.raw(name) for name in CAPTIONS} == CAPTIONS


def test_a_few_captions_are_edited_without_waiting_for_the_index(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long rename in a worker brings the index up to date for a second; a person types on meanwhile."""

    def asked(*given: object) -> None:
        raise AssertionError("the index was asked")

    monkeypatch.setattr(scene.library, "counts", asked)
    monkeypatch.setattr(scene.library, "ids_with", asked)
    assert scene.session.apply(AddTags(("new",)), [0]).ids == [0]
    assert scene.session.apply(RenameTag("cat", "kitty"), scene.all()).changes
    with pytest.raises(AssertionError):
        scene.session.apply(SortTags("count"), [0])


def test_closing_in_a_hurry_leaves_the_rest_to_the_next_session(tmp_path: Path) -> None:
    scene = Scene(tmp_path, {f"{i:03d}": b"cat" for i in range(100)})
    scene.session.apply(RenameTag("cat", "dog"), scene.all())
    ticks = iter(range(100))
    scene.session._clock = lambda: float(next(ticks))
    scene.session.close(0.5)
    written = sum(path.read_bytes() == b"dog" for path in scene.folder.glob("*.txt"))
    assert 0 < written < 100
    scene.open()
    assert scene.session.unsaved == 100 - written and scene.session.close() == ()
    assert all(path.read_bytes() == b"dog" for path in scene.folder.glob("*.txt"))
