"""The atomic writer's manners: modes, links, names, sweeping. Its faults are in test_writer_faults.py."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from kohya_like.formats import atomic
from kohya_like.formats.atomic import (
    TEMP_PREFIX,
    atomic_bytes,
    atomic_folder,
    atomic_text,
    atomic_write,
    sweep_orphans,
)
from kohya_like.schema.errors import UserError

pytestmark = pytest.mark.quick

ORPHAN = f"{TEMP_PREFIX}0123456789abcdef.tmp"


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_the_mode_follows_the_umask(mask: int, tmp_path: Path) -> None:
    before = os.umask(mask)
    try:
        atomic_text(tmp_path / "a", "text")
        with atomic_folder(tmp_path / "f"):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o666 & ~mask
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o777 & ~mask


def test_text_keeps_its_line_ends_and_letters(tmp_path: Path) -> None:
    text = "a\r\nb\rc\n\u2028é幽霊\U0001f47b"
    atomic_text(tmp_path / "a", text)
    assert (tmp_path / "a").read_bytes() == text.encode()


def test_the_writer_may_seek(tmp_path: Path) -> None:
    def write(file: object) -> None:
        file.write(b"....data")  # type: ignore[attr-defined]
        file.seek(0)  # type: ignore[attr-defined]
        file.write(b"head")  # type: ignore[attr-defined]

    atomic_write(tmp_path / "a", write)
    assert (tmp_path / "a").read_bytes() == b"headdata"


@pytest.mark.parametrize("kind", ["file", "link", "dangling link", "folder"])
def test_an_existing_name_is_refused_where_asked(kind: str, tmp_path: Path) -> None:
    other, path = tmp_path / "other", tmp_path / "a"
    other.write_text("keep")
    if kind == "file":
        path.write_text("keep")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(other if kind == "link" else tmp_path / "nowhere")
    for save in (lambda: atomic_bytes(path, b"new", overwrite=False), lambda: atomic_folder(path).__enter__()):
        with pytest.raises(UserError, match="already exists") as caught:
            save()
        assert str(path) in str(caught.value)
    assert other.read_text() == "keep" and len(list(tmp_path.iterdir())) == 2


def test_a_name_taken_meanwhile_is_refused_too(tmp_path: Path) -> None:
    path = tmp_path / "a"

    def taken(_: object) -> None:
        path.write_text("other")

    with pytest.raises(UserError, match="already exists"):
        atomic_write(path, taken, overwrite=False)
    assert path.read_text() == "other"
    with pytest.raises(UserError, match="already exists"), atomic_folder(tmp_path / "f"):
        (tmp_path / "f").mkdir()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a", "f"]


def test_without_hard_links_it_still_refuses_and_still_saves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    def taken(_: object) -> None:
        (tmp_path / "b").write_text("other")

    monkeypatch.setattr(os, "link", link)
    atomic_text(tmp_path / "a", "new", overwrite=False)
    assert (tmp_path / "a").read_text() == "new"
    with pytest.raises(UserError, match="already exists"):
        atomic_write(tmp_path / "b", taken, overwrite=False)
    assert (tmp_path / "b").read_text() == "other" and len(list(tmp_path.iterdir())) == 2


def test_a_symlink_at_the_target_is_replaced_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("keep")
    (tmp_path / "a").symlink_to(secret)
    atomic_text(tmp_path / "a", "new")
    assert secret.read_text() == "keep" and not (tmp_path / "a").is_symlink()


def test_a_planted_temporary_name_is_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "secret"
    secret.write_text("keep")
    names = iter([bytes(8), b"\x01" * 8])
    (tmp_path / f"{TEMP_PREFIX}{bytes(8).hex()}.tmp").symlink_to(secret)
    monkeypatch.setattr(os, "urandom", lambda _: next(names))
    atomic_text(tmp_path / "a", "new")
    assert secret.read_text() == "keep" and (tmp_path / "a").read_text() == "new"


def test_errors_of_the_writer_and_the_system_pass_unchanged(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")

    def fail(file: object) -> None:
        file.write(b"half")  # type: ignore[attr-defined]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        atomic_write(tmp_path / "a", fail)
    with pytest.raises(ZeroDivisionError), atomic_folder(tmp_path / "f") as temporary:
        (temporary / "x").write_text(str(1 / 0))
    with pytest.raises(FileNotFoundError):
        atomic_text(tmp_path / "absent" / "a", "new")
    with pytest.raises(IsADirectoryError):
        atomic_text(tmp_path, "new")
    assert [path.name for path in tmp_path.iterdir()] == ["a"] and (tmp_path / "a").read_text() == "old"


def test_the_sweep_takes_only_abandoned_names_of_our_own(tmp_path: Path) -> None:
    (tmp_path / ORPHAN).write_text("half")
    (tmp_path / ORPHAN.replace("0", "1")).mkdir()
    (tmp_path / ORPHAN.replace("0", "1") / "x").write_text("half")
    keep = ["a.safetensors", f"{TEMP_PREFIX}notes.tmp", f"{ORPHAN}.bak", ".tmp1234", f"x{ORPHAN}"]
    for name in keep:
        (tmp_path / name).write_text("keep")
    (tmp_path / ORPHAN.replace("0", "2")).symlink_to(tmp_path / "a.safetensors")
    (tmp_path / ORPHAN.replace("0", "3")).symlink_to(tmp_path)
    removed = sweep_orphans(tmp_path)
    assert sorted(path.name for path in removed) == [ORPHAN, ORPHAN.replace("0", "1")]
    links = [ORPHAN.replace("0", "2"), ORPHAN.replace("0", "3")]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(keep + links)
    assert sweep_orphans(tmp_path / "absent") == []


def test_the_sweep_leaves_what_another_process_is_writing(tmp_path: Path) -> None:
    """The other process is a real one; after it is killed its file is an orphan."""
    code = (
        "import sys; from pathlib import Path; from kohya_like.formats.atomic import atomic_write\n"
        "def write(file):\n"
        "    print('writing', flush=True); sys.stdin.read()\n"
        f"atomic_write(Path({str(tmp_path / 'a')!r}), write)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin is not None and child.stdout is not None
    with child:
        assert child.stdout.readline() == b"writing\n"
        assert sweep_orphans(tmp_path) == [] and len(list(tmp_path.iterdir())) == 1
        child.kill()
    assert len(sweep_orphans(tmp_path)) == 1 and list(tmp_path.iterdir()) == []


def test_a_folder_being_written_is_left_alone(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "f") as temporary:
        (temporary / "x").write_text("half")
        assert sweep_orphans(tmp_path) == []
    assert (tmp_path / "f" / "x").read_text() == "half" and sweep_orphans(tmp_path) == []


def test_a_sweep_between_creation_and_lock_costs_only_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = fcntl.flock
    swept: list[object] = []

    def flock(descriptor: int, how: int) -> None:
        if not swept:
            swept.append(True)
            swept.extend(sweep_orphans(tmp_path))
        real(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    atomic_text(tmp_path / "a", "whole")
    swept.clear()
    with atomic_folder(tmp_path / "f"):
        pass
    assert len(swept) == 2  # the sweep did take the fresh folder
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "f"]


def test_without_locks_a_leftover_stays_for_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    atomic_text(tmp_path / "a", "saved all the same")
    (tmp_path / ORPHAN).write_text("half")
    assert sweep_orphans(tmp_path) == []
    os.utime(tmp_path / ORPHAN, (0, 0))
    assert [path.name for path in sweep_orphans(tmp_path)] == [ORPHAN]


def test_where_there_is_no_fcntl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows, as far as it can be played here."""
    monkeypatch.setattr(atomic, "fcntl", None)
    atomic_text(tmp_path / "a", "old")
    atomic_text(tmp_path / "a", "new")
    with atomic_folder(tmp_path / "f") as temporary:
        (temporary / "x").write_text("1")
    (tmp_path / ORPHAN).write_text("half")
    assert [path.name for path in sweep_orphans(tmp_path)] == [ORPHAN]
    assert (tmp_path / "a").read_text() == "new" and (tmp_path / "f" / "x").read_text() == "1"


def test_it_imports_without_torch_or_pydantic() -> None:
    code = "import sys, kohya_like.formats.atomic; print('torch' in sys.modules, 'pydantic' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False False\n"


def test_headers_import_without_torch() -> None:
    code = "import sys, kohya_like.formats.headers, kohya_like.formats.metadata, kohya_like.formats.ldm; "
    found = subprocess.check_output([sys.executable, "-c", code + "print(sorted(sys.modules))"], text=True)
    assert "'torch'" not in found and "'numpy'" not in found and "'pickle'" not in found
