"""Opening and saving a preset: refusals are sentences, a save is whole, and the file stays what it was to others."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from gui.background import wait_for_all
from gui.document import PresetDocument
from kohya_like import preset_file
from kohya_like.preset_file import SAVE_AS, open_preset

TEXT = "# mine\r\n[network]\r\ndim = 16  # rank\r\n"


@pytest.fixture
def document(qtbot: QtBot) -> Iterator[PresetDocument]:
    yield (document := PresetDocument(poll_milliseconds=3_600_000))
    wait_for_all()
    document.deleteLater()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "ghost 幽.toml"
    path.write_bytes(TEXT.encode())
    return path


def opened(document: PresetDocument, path: Path, qtbot: QtBot) -> PresetDocument:
    with qtbot.waitSignal(document.opened):
        document.open(path)
    return document


def why(document: PresetDocument, act: Callable[[], None], qtbot: QtBot) -> list[str]:
    with qtbot.waitSignal(document.failed) as caught:
        act()
    return caught.args


def saved(document: PresetDocument, qtbot: QtBot, path: Path | None = None, force: bool = False) -> None:
    with qtbot.waitSignal(document.saved):
        document.save(path, force=force)


def test_what_is_opened_is_the_file(document: PresetDocument, path: Path, qtbot: QtBot) -> None:
    opened(document, path, qtbot)
    assert (document.text, document.path, document.folder) == (TEXT, path, path.parent)
    assert not document.modified and not document.read_only and document.conflict == ""
    document.set("network.dim", 0)
    assert document.faults[0].where == f"{path}:3"
    saved(document, qtbot)
    assert path.read_bytes() == TEXT.replace("16", "0").encode() and not document.modified
    assert sorted(p.name for p in path.parent.iterdir()) == [path.name]


@pytest.mark.parametrize("raw", ["\ufeff[network]\ndim = 16\n", "a.b = 1\n\n\n[c]\r\nx=1", "", "# no end"])
def test_bytes_come_back_as_they_were(document: PresetDocument, path: Path, raw: str, qtbot: QtBot) -> None:
    path.write_bytes(raw.encode())
    opened(document, path, qtbot)
    saved(document, qtbot, path.with_name("copy.toml"))
    assert path.with_name("copy.toml").read_bytes() == raw.encode() and document.path == path.with_name("copy.toml")


BAD = {
    "[network]\ndim = 16\nname = \"lo": (":3: is not TOML: ", "the middle of an entry, as one that was cut off"),
    "[sample]\nprompts = [\n": (":2: is not TOML: the text ends too early in `prompts = [`.", "middle of an entry"),
    "dim 16\n[x]\n": (":1: is not TOML: ", "a line is key = value"),
    "a = 1\na = 2\n": (":2: is given twice.", "keep one"),
    '{"LoRA_type": "Standard"}': (":1: is not TOML: ", "this looks like JSON"),
    b"\xff\xfea\0": (":1: is not UTF-8 text: it is UTF-16.", "save the file as UTF-8"),
    b"name = '\xe9'\n": (":1: is not UTF-8 text: byte 0xe9 at offset 8.", "save the file as UTF-8"),
    b"x = 1\n" * 50_000: (": 300,000 bytes; a config may have at most 262,144 (256 KiB).", ""),
}  # fmt: skip


@pytest.mark.parametrize("raw", BAD, ids=range(len(BAD)))
def test_what_cannot_be_read_is_not_opened(
    document: PresetDocument, path: Path, raw: str | bytes, qtbot: QtBot
) -> None:
    opened(document, path, qtbot).set("network.dim", 4)
    other = path.with_name("bad.toml")
    other.write_bytes(raw if isinstance(raw, bytes) else raw.encode())
    sentence, hint = why(document, lambda: document.open(other), qtbot)
    assert sentence.startswith(f"{other}{BAD[raw][0]}") and BAD[raw][1] in hint
    assert document.path == path and document.value("network.dim") == 4 and document.can_undo


def test_missing_files_folders_pipes_and_json_are_refused(document: PresetDocument, path: Path, qtbot: QtBot) -> None:
    folder = path.parent
    os.mkfifo(folder / "pipe.toml")
    (folder / "kohya.JSON").write_text("{}")
    names = ("gone.toml", ".", "pipe.toml", "kohya.JSON", "no/such.toml")
    said = {name: why(document, partial(document.open, folder / name), qtbot) for name in names}
    assert said["gone.toml"] == [f"{folder}/gone.toml: there is no such file.",
                                 f"In {folder} there are: {path.name}, pipe.toml."]  # fmt: skip
    assert "is a folder" in said["."][0] and "is not a file" in said["pipe.toml"][0]
    assert "is a JSON file; this version opens presets as TOML" in said["kohya.JSON"][0]
    assert "does not exist either" in said["no/such.toml"][1]


def test_of_two_that_are_opened_the_last_is_shown(document: PresetDocument, path: Path, qtbot: QtBot) -> None:
    other = path.with_name("other.toml")
    other.write_text("[train]\nseed = 1\n")
    seen: list[object] = []
    document.opened.connect(lambda: seen.append(document.path))
    document.open(path)
    document.open(other)
    wait_for_all()
    assert seen == [other]
    document.open(path)
    document.new("[train]\nseed = 2\n")
    wait_for_all()
    assert document.path is None and document.value("train.seed") == 2


def test_edits_made_while_another_is_being_opened_are_not_lost(
    document: PresetDocument, path: Path, qtbot: QtBot
) -> None:
    document.new("[network]\ndim = 4\n")

    def act() -> None:
        document.open(path)
        document.set("network.dim", 5)

    assert why(document, act, qtbot) == [
        f"{path.name} was not opened: the present preset was edited meanwhile",
        "save it, then open the other one again",
    ]
    assert document.text == "[network]\ndim = 5\n" and document.path is None
    document.undo()
    opened(document, path, qtbot)
    assert document.text == TEXT


def test_a_symlink_stays_and_its_target_is_written(document: PresetDocument, path: Path, qtbot: QtBot) -> None:
    (path.parent / "links").mkdir()
    link = path.parent / "links" / "l.toml"
    link.symlink_to(path)
    opened(document, link, qtbot).set("network.dim", 5)
    assert document.folder == path.parent and document.path == link
    saved(document, qtbot)
    assert link.is_symlink() and b"dim = 5 " in path.read_bytes() and document.path == link


def test_the_mode_of_the_file_is_kept(document: PresetDocument, path: Path, qtbot: QtBot) -> None:
    path.chmod(0o640)
    opened(document, path, qtbot).set("network.dim", 5)
    saved(document, qtbot)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_read_only_files_and_folders_say_save_as(document: PresetDocument, path: Path, qtbot: QtBot) -> None:
    path.chmod(0o444)
    opened(document, path, qtbot).set("network.dim", 5)
    assert document.read_only
    assert why(document, document.save, qtbot) == [f"{path}: is read-only.", SAVE_AS]
    assert path.read_bytes() == TEXT.encode() and document.modified
    path.chmod(0o644)
    path.parent.chmod(0o555)
    try:
        said = why(document, document.save, qtbot)
    finally:
        path.parent.chmod(0o755)
    assert said == [f"{path}: the folder {path.parent} is read-only.", SAVE_AS]
    assert path.read_bytes() == TEXT.encode() and document.modified
    saved(document, qtbot)
    assert not document.read_only and not document.modified


def test_places_where_nothing_can_be_written(
    document: PresetDocument, path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(document, path, qtbot).set("network.dim", 5)
    assert why(document, lambda: document.save(path.parent), qtbot)[0] == f"{path.parent}: is a folder."
    gone = path.parent / "gone" / "x.toml"
    assert why(document, lambda: document.save(gone), qtbot)[0] == f"{gone}: there is no folder {gone.parent}."
    full = OSError(28, "No space left on device")
    monkeypatch.setattr(preset_file, "atomic_write", lambda *_: (_ for _ in ()).throw(full))
    assert why(document, document.save, qtbot) == [f"{path}: cannot be written: No space left on device.", SAVE_AS]
    document.set("save.output_name", "half \ud800")
    assert "holds a half character" in why(document, document.save, qtbot)[0]
    assert path.read_bytes() == TEXT.encode() and document.modified


def test_edits_made_while_a_save_is_under_way_stay_modified(
    document: PresetDocument, path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(document, path, qtbot).set("network.dim", 5)
    go = threading.Event()
    written: list[str] = []

    def slow(target: Path, write: Callable[[object], None]) -> None:
        assert go.wait(10)
        real(target, write)
        written.append(target.read_text())

    real = preset_file.atomic_write
    monkeypatch.setattr(preset_file, "atomic_write", slow)
    document.save()
    document.set("network.dim", 6)
    document.save()  # behind the first
    document.set("network.dim", 7)
    go.set()
    with qtbot.waitSignals([document.saved, document.saved]):
        pass
    assert ["dim = 5" in written[0], "dim = 6" in written[1]] == [True, True] and len(written) == 2
    assert document.modified and b"dim = 6" in path.read_bytes()
    document.undo()
    assert document.value("network.dim") == 6 and not document.modified
    document.undo()  # past the save
    assert document.value("network.dim") == 5 and document.modified
    document.redo()
    assert not document.modified


def test_a_save_under_way_belongs_to_its_own_document(
    document: PresetDocument, path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = path.with_name("other.toml")
    other.write_text("[train]\nseed = 1\n")
    opened(document, path, qtbot).set("network.dim", 5)
    go, real = threading.Event(), preset_file.atomic_write
    monkeypatch.setattr(preset_file, "atomic_write", lambda *given: (go.wait(10), real(*given)))
    document.save()
    document.set("network.dim", 6)
    document.save()
    opened(document, other, qtbot)
    go.set()
    with qtbot.waitSignals([document.saved, document.saved]):
        pass
    assert b"dim = 6" in path.read_bytes() and other.read_text() == "[train]\nseed = 1\n"
    assert document.path == other and not document.modified


def test_a_deleted_document_is_told_nothing(path: Path, qtbot: QtBot) -> None:
    document = PresetDocument()
    document.open(path)
    document.deleteLater()
    from PySide6.QtCore import QCoreApplication, QEvent

    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert wait_for_all()


def test_reading_says_what_it_read(path: Path) -> None:
    found = open_preset(path)
    assert found.content.raw == TEXT.encode() and found.document.text() == TEXT and not found.read_only
