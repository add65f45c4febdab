"""Hashes of pictures: right after any change, remembered where that is safe."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kohya_like.data import fingerprint
from kohya_like.data.fingerprint import LIST_NAME, Fingerprints, default_cache_dir, hash_file
from kohya_like.schema.errors import UserError

pytestmark = pytest.mark.quick


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files whose bytes were read."""
    seen: list[str] = []

    def counted(path: Path) -> str:
        seen.append(path.name)
        return hash_file(path)

    monkeypatch.setattr(fingerprint, "hash_file", counted)
    return seen


def later(folder: Path) -> Fingerprints:
    """As if years had passed since the files were written."""
    return Fingerprints(folder, now=lambda: 1e11)


def test_a_file_is_read_once_for_all_runs(tmp_path: Path, reads: list[str]) -> None:
    (tmp_path / "a.png").write_bytes(b"one")
    first = later(tmp_path / "cache").of(tmp_path / "a.png")
    again = later(tmp_path / "cache")
    assert again.of(tmp_path / "a.png") == again.of(tmp_path / "a.png") == first
    assert reads == ["a.png"]


def test_equal_bytes_have_equal_hashes_and_others_not(tmp_path: Path) -> None:
    for name, content in {"a": b"one", "b": b"one", "c": b"two"}.items():
        (tmp_path / name).write_bytes(content)
    prints = Fingerprints(tmp_path)
    assert prints.of(tmp_path / "a") == prints.of(tmp_path / "b") != prints.of(tmp_path / "c")


def test_a_change_is_seen_even_with_the_old_size_and_time(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"one")
    before = later(tmp_path).of(path)
    facts = os.stat(path)
    path.write_bytes(b"two")
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert later(tmp_path).of(path) != before


def test_a_file_written_just_now_is_not_remembered(tmp_path: Path, reads: list[str]) -> None:
    (tmp_path / "a.png").write_bytes(b"one")
    Fingerprints(tmp_path, now=lambda: 0.0).of(tmp_path / "a.png")
    assert not (tmp_path / LIST_NAME).exists()
    Fingerprints(tmp_path, now=lambda: 0.0).of(tmp_path / "a.png")
    assert reads == ["a.png", "a.png"]


def test_a_damaged_list_costs_only_time(tmp_path: Path, reads: list[str]) -> None:
    for name in ("a 猫.png", "b.png"):
        (tmp_path / name).write_bytes(name.encode())
    prints = later(tmp_path)
    hashes = [prints.of(tmp_path / "a 猫.png"), prints.of(tmp_path / "b.png")]
    whole = (tmp_path / LIST_NAME).read_bytes()
    (tmp_path / LIST_NAME).write_bytes(b"\xff\0 rubbish\n" + whole[:-5])  # the last line was cut by a kill
    reads.clear()
    prints = later(tmp_path)
    assert [prints.of(tmp_path / "a 猫.png"), prints.of(tmp_path / "b.png")] == hashes
    assert reads == ["b.png"]


def test_the_list_is_rewritten_when_most_of_it_is_waste(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprint, "WASTE_ALLOWED", 3)
    path = tmp_path / "a.png"
    for i in range(9):
        path.write_bytes(bytes(i))
        later(tmp_path).of(path)
        assert len((tmp_path / LIST_NAME).read_text().splitlines()) <= 7


def test_a_folder_that_cannot_be_written_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"one")
    (tmp_path / "file").write_bytes(b"")
    assert later(tmp_path / "file" / "cache").of(tmp_path / "a.png") == hash_file(tmp_path / "a.png")


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.png: cannot be read: No such file or directory"):
        Fingerprints(tmp_path).of(tmp_path / "none.png")


def test_the_cache_folder_follows_the_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache_dir() == tmp_path / "kohya-like"
