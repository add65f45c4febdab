"""The window's memory: typed, written aside, and no file can break the start."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from gui import settings as module
from gui.background import wait_for_all
from gui.settings import HISTORY, RECENT, Settings, config_folder


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config" / "settings.json"


def make(file: Path) -> Settings:
    return Settings(file, delay_milliseconds=1)


def read(file: Path) -> dict[str, object]:
    return dict(json.loads(file.read_text())) if file.exists() else {}


def test_what_is_set_is_there_after_the_next_start(file: Path, qtbot: QtBot) -> None:
    settings = make(file)
    assert (settings.language, settings.theme, settings.level, settings.recent) == ("system", "system", "basic", [])
    assert (settings.geometry, settings.run_roots, settings.problem) == (b"", [], "")
    settings.language, settings.theme, settings.level = "zh_CN", "dark", "all"
    settings.run_roots = ["runs", "runs", "more"]
    settings.geometry = b"\x00\xff"
    settings.remember_recent("幽.toml")
    qtbot.waitUntil(lambda: "geometry" in read(file))
    wait_for_all()
    again = make(file)
    assert (again.language, again.theme, again.level) == ("zh_CN", "dark", "all")
    assert (again.run_roots, again.geometry, again.recent) == (["runs", "more"], b"\x00\xff", ["幽.toml"])
    assert [entry.name for entry in file.parent.iterdir()] == ["settings.json"]


def test_changed_names_the_key_and_only_when_it_changes(file: Path, qtbot: QtBot) -> None:
    settings = make(file)
    seen: list[str] = []
    settings.changed.connect(seen.append)
    settings.theme = "dark"
    settings.theme = "dark"
    settings.set("x", 1)
    settings.set("x", True)
    settings.set("x", None)
    assert seen == ["theme", "x", "x", "x"] and settings.get("x", 3) == 3


def test_lists_are_short_and_the_newest_comes_first(file: Path, qtbot: QtBot) -> None:
    settings = make(file)
    for number in range(40):
        settings.remember_recent(f"{number}.toml")
        settings.remember_path(f"data.subsets[{number}].image_dir", f"folder {number}")
    settings.remember_recent("30.toml")
    settings.remember_path("data.subsets[7].image_dir", "")
    assert settings.recent[:3] == ["30.toml", "39.toml", "38.toml"] and len(settings.recent) == RECENT
    history = settings.path_history("data.subsets[0].image_dir")
    assert history[0] == "folder 39" and len(history) == HISTORY and settings.path_history("model.base") == []


@pytest.mark.parametrize("raw", [b"{", b"[1]", b"\xff\xfe", b"", b"[" * 100_000, b" " * (1 << 21)], ids=range(6))
def test_a_broken_file_is_kept_and_the_defaults_are_used(file: Path, raw: bytes, qtbot: QtBot) -> None:
    file.parent.mkdir()
    file.write_bytes(raw)
    settings = make(file)
    assert settings.theme == "system" and not file.exists()
    assert file.with_name("settings.json.broken").read_bytes() == raw
    assert settings.problem == (f"{file}: is damaged; it was kept as settings.json.broken, and the defaults are used.")
    settings.theme = "dark"
    qtbot.waitUntil(lambda: read(file) == {"theme": "dark"})


def test_a_file_that_cannot_be_read_is_left_alone(file: Path, qtbot: QtBot) -> None:
    file.mkdir(parents=True)
    settings = make(file)
    assert settings.problem == f"{file}: cannot be read (Is a directory); the defaults are used." and file.is_dir()
    with qtbot.waitSignal(settings.failed) as caught:
        settings.theme = "dark"
    assert caught.args[0].startswith(f"{file}: settings cannot be written: ")
    settings.level = "all"
    wait_for_all()
    file.rmdir()
    settings.set("x", 1)
    qtbot.waitUntil(lambda: read(file) == {"theme": "dark", "level": "all", "x": 1})


def test_values_of_the_wrong_type_are_the_defaults(file: Path, qtbot: QtBot) -> None:
    file.parent.mkdir()
    wrong = {"language": 3, "level": "most", "recent": ["a", 3, None], "run_roots": "x", "geometry": "*", "theme": None}
    file.write_text(json.dumps(wrong))
    settings = make(file)
    assert (settings.language, settings.level, settings.theme) == ("system", "basic", "system")
    assert (settings.recent, settings.run_roots, settings.geometry) == (["a"], [], b"")


def test_two_windows_keep_what_each_other_wrote(file: Path, qtbot: QtBot) -> None:
    first, second = make(file), make(file)
    first.theme = "dark"
    qtbot.waitUntil(lambda: read(file) == {"theme": "dark"})
    second.level = "all"
    qtbot.waitUntil(lambda: read(file) == {"theme": "dark", "level": "all"})


def test_changes_during_a_write_are_written_after_it(file: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    go, threads, real = threading.Event(), set[int](), module._merge

    def slow(*given: object) -> None:
        assert go.wait(10)
        threads.add(threading.get_ident())
        real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_merge", slow)
    settings = make(file)
    settings.theme = "dark"
    settings.write()
    settings.theme = "light"
    settings.write()
    go.set()
    qtbot.waitUntil(lambda: read(file) == {"theme": "light"})
    assert threading.get_ident() not in threads


def test_the_folder_is_the_users_or_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot) -> None:
    monkeypatch.setenv("KOHYA_LIKE_CONFIG_DIR", str(tmp_path))
    assert config_folder() == tmp_path
    settings = Settings(delay_milliseconds=1)
    settings.theme = "dark"
    qtbot.waitUntil(lambda: read(tmp_path / "settings.json") == {"theme": "dark"})
    monkeypatch.delenv("KOHYA_LIKE_CONFIG_DIR")
    assert config_folder().name == "kohya-like" and os.path.isabs(config_folder())
