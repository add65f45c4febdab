"""Reading, writing and looking at a preset's file, each answer a value or a sentence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kohya_like import preset_file
from kohya_like.preset_file import SAVE_AS, ChangedOutside, look, open_preset, save_preset
from kohya_like.schema.errors import UserError

TEXT = "[network]\r\ndim = 16\r\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "ghost.toml"
    path.write_bytes(TEXT.encode())
    return path


def refusal(path: Path, text: str = TEXT) -> tuple[str, str]:
    with pytest.raises(UserError) as caught:
        save_preset(path, text, None, None)
    return caught.value.text, caught.value.hint


def test_what_is_read_and_written_again_is_the_same(path: Path) -> None:
    opened = open_preset(path)
    assert (opened.path, opened.folder, opened.document.text(), opened.read_only) == (path, path.parent, TEXT, False)
    saved = save_preset(path, TEXT + "# more\n", path, opened.content.raw)
    assert path.read_bytes() == (TEXT + "# more\n").encode() == saved.content.raw
    assert look(path, saved.content.stamp) is None and saved.content.stamp != opened.content.stamp


def test_a_look_tells_changed_deleted_and_unknown(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stamp = open_preset(path).content.stamp
    path.write_text("x = 1\n")
    found = look(path, stamp)
    assert found is not None and (found.raw, found.text) == (b"x = 1\n", "x = 1\n")
    path.unlink()
    gone = look(path, stamp)
    assert gone is not None and (gone.raw, gone.stamp, gone.text) == (None, None, "")
    path.mkdir()
    there = look(path, stamp)
    assert there is not None and there.raw is None
    monkeypatch.setattr(preset_file, "_stamp", lambda _: (_ for _ in ()).throw(PermissionError()))
    assert look(path, stamp) is None


def test_a_save_refuses_what_it_did_not_read(path: Path) -> None:
    with pytest.raises(ChangedOutside) as caught:
        save_preset(path, "a = 1\n", path, b"what was read")
    assert caught.value.content.raw == TEXT.encode() == path.read_bytes()
    save_preset(path, TEXT, path, b"what was read")  # the same edit made twice
    save_preset(path, "a = 1\n", path, b"what was read", force=True)
    save_preset(path, "a = 2\n", path.with_name("other"), b"what was read")  # another file: the person chose its name
    path.unlink()
    save_preset(path, "a = 3\n", path, None)
    assert path.read_text() == "a = 3\n"


def test_refusals_are_sentences(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert refusal(path, "a = '\udc80'\n")[0].startswith(f"{path}: the text holds a half character at 5;")
    path.chmod(0o400)
    assert refusal(path) == (f"{path}: is read-only.", SAVE_AS) and open_preset(path).read_only
    path.chmod(0o600)
    path.parent.chmod(0o500)
    assert refusal(path) == (f"{path}: the folder {path.parent} is read-only.", SAVE_AS)
    path.parent.chmod(0o700)
    assert refusal(path.parent) == (f"{path.parent}: is a folder.", SAVE_AS)
    os.mkfifo(path.with_name("pipe"))
    assert refusal(path.with_name("pipe"))[0].endswith("pipe: is not a file.")
    assert refusal(path / "x")[0] == f"{path / 'x'}: cannot be written: Not a directory."
    assert refusal(path.parent / "no" / "x")[0].endswith(f": there is no folder {path.parent / 'no'}.")
    link = path.with_name("loop")
    link.symlink_to(link)
    assert refusal(link)[1] == SAVE_AS
    assert path.read_bytes() == TEXT.encode()


def test_json_is_not_opened_yet(path: Path) -> None:
    with pytest.raises(UserError, match="is a JSON file"):
        open_preset(path.with_suffix(".json"))
