"""A save that is killed, or gets an error, at its n-th file operation: by strace in a real process, or in Python.

What may stand in the folder afterwards is one question for every writer: `verdict`.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import signal
import stat
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from kohya_like.formats.atomic import TEMP_PREFIX, atomic_bytes, atomic_folder, atomic_text, sweep_orphans
from kohya_like.formats.tensors import save_safetensors

STRACE = shutil.which("strace")
UMASK = 0o027
FAULTS = {"ENOSPC": errno.ENOSPC, "EIO": errno.EIO}
# "?": a name this processor's Linux does not have (it may know only renameat2) is passed over
SYSTEM_CALLS = ("openat", "write", "pwrite64", "fsync", "flock", "close", "?rename", "?renameat", "?renameat2",
                "?mkdir", "?mkdirat", "?unlink", "?unlinkat", "?rmdir", "?link", "?linkat")  # fmt: skip
_PR_SET_PTRACER, _ANY_TRACER = 0x59616D61, -1


@dataclass(frozen=True)
class Writer:
    """A save of `new` over `old` (None: nothing there before) as `target` in a folder."""

    target: str
    old: Callable[[Path], None] | None
    new: Callable[[Path], None]


def _tensors(value: float) -> dict[str, torch.Tensor]:
    return {f"lora_unet_{i}.lora_up.weight": torch.full((5000,), value) for i in range(3)}


def _folder(path: Path) -> None:
    with atomic_folder(path) as temporary:
        save_safetensors(temporary / "network.safetensors", _tensors(1.0))
        (temporary / "inner").mkdir()
        (temporary / "inner" / "manifest.json").write_text("{}")


def _in_place(path: Path) -> None:
    """The control: what most programs do."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_TRUNC), "wb", 0) as file:
        file.write(b"new " * 5000)
        file.write(b"more " * 5000)


WRITERS = {
    "lora": Writer(
        "a.safetensors", lambda p: save_safetensors(p, _tensors(0.0)), lambda p: save_safetensors(p, _tensors(1.0))
    ),
    "text": Writer(
        "ghost 幽.txt", lambda p: atomic_text(p, "old\n" * 3), lambda p: atomic_text(p, "new, é\r\n" * 9000)
    ),
    "first text": Writer("a.txt", None, lambda p: atomic_text(p, "new", overwrite=False)),
    "folder": Writer("step-10", None, _folder),
}
CONTROL = Writer("a.txt", lambda p: atomic_bytes(p, b"old\n" * 3), _in_place)


def content(path: Path) -> dict[str, bytes] | None:
    """All bytes below `path` by relative name; None if it does not exist."""
    if path.is_dir():
        return {str(p.relative_to(path)): p.read_bytes() if p.is_file() else b"/" for p in sorted(path.rglob("*"))}
    return {"": path.read_bytes()} if path.exists() else None


@dataclass
class Scene:
    """A folder with the old content, what the new one should be, and one attempt after the other."""

    folder: Path
    writer: Writer
    old: dict[str, bytes] | None = None
    new: dict[str, bytes] | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.reset()
        self.old = content(self.target)
        self.save()
        self.new = content(self.target)
        assert self.new is not None and self.old != self.new
        self.reset()

    @property
    def target(self) -> Path:
        return self.folder / self.writer.target

    def save(self) -> None:
        self.writer.new(self.target)

    def reset(self) -> None:
        shutil.rmtree(self.folder)
        self.folder.mkdir()
        if self.writer.old:
            self.writer.old(self.target)

    def verdict(self, tidy: bool = False) -> str:
        """ "old", "new", or what is wrong: "torn", "stray ...", "orphan ...", "mode ..."; then the scene is reset.

        `tidy`: the writer came to its end, so not even an orphan may be left.
        """
        found = content(self.target)
        others = [path.name for path in self.folder.iterdir() if path != self.target]
        strays = [name for name in others if not name.startswith(TEMP_PREFIX)]
        if strays or (tidy and others):
            result = f"stray {strays or others}"
        elif (
            sorted(path.name for path in sweep_orphans(self.folder)) != sorted(others) or content(self.target) != found
        ):
            result = f"orphan {others}"
        elif found not in (self.old, self.new):
            result = "torn"
        elif found != self.old and stat.S_IMODE(self.target.stat().st_mode) & ~0o111 != 0o666 & ~UMASK:
            result = f"mode {self.target.stat().st_mode:o}"
        else:
            result = "old" if found == self.old else "new"
        self.reset()
        return result


@dataclass(frozen=True)
class Outcome:
    hit: bool  # the fault happened
    code: int  # 0: saved; an errno: the save raised that error; -9: killed


def _fork(action: Callable[[], None], wait: Callable[[], object]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 255
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PTRACER, _ANY_TRACER, 0, 0, 0)
        os.umask(UMASK)
        wait()
        action()
        code = 0
    except OSError as error:
        code = error.errno or 254
    finally:
        os._exit(code)


def traced(scene: Scene, call: str, fault: str, when: str) -> Outcome:
    """Run the save in a child under strace, which injects `fault` ("signal=KILL", "error=ENOSPC") at call `when`."""
    read, write = os.pipe()
    pid = _fork(scene.save, lambda: os.read(read, 1))
    rules = ["-e", f"trace={call}", "-e", f"inject={call}:{fault}:when={when}"]
    command = [str(STRACE), "-f", *rules, "-p", str(pid)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr is not None
        first = strace.stderr.readline()
        if "attached" not in first:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise RuntimeError(f"strace cannot trace: {first}{strace.stderr.read()}")
        os.write(write, b"x")
        os.close(read)
        os.close(write)
        log = strace.stderr.read()
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return Outcome(code == -signal.SIGKILL or "(INJECTED)" in log, code)


class Script:
    """Counts the file operations of a save in this process and lets one of them (or all from it on) fail."""

    def __init__(self, at: int, fault: Callable[[], None], forever: bool = False) -> None:
        self.at, self.fault, self.forever = at, fault, forever
        self.count, self.failed = 0, ""

    @property
    def hit(self) -> bool:
        return self.count >= self.at

    def step(self, name: str) -> None:
        self.count += 1
        if self.count == self.at or (self.forever and self.hit):
            self.failed = name
            self.fault()

    def around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **more: Any) -> Any:
            self.step(name)
            return function(*args, **more)

        return wrapped

    def file(self, opened: Any) -> Any:
        script = self

        class Watched:
            def __enter__(self) -> Any:
                opened.__enter__()
                return self

            def __exit__(self, *error: Any) -> Any:
                return opened.__exit__(*error)

            def write(self, data: Any) -> Any:
                script.step("write")
                return opened.write(data)

            def __getattr__(self, name: str) -> Any:
                return getattr(opened, name)

        return Watched()


OPERATIONS = ("open", "fsync", "replace", "rename", "link", "unlink", "mkdir")


def scripted(script: Script, action: Callable[[], None], patch: Callable[[Any, str, Any], None]) -> None:
    """Run `action` with the functions of `os` that touch files replaced; `patch` is monkeypatch.setattr."""
    fdopen = os.fdopen
    patch(os, "fdopen", lambda *args: script.file(fdopen(*args)))
    for name in OPERATIONS:
        patch(os, name, script.around(name, getattr(os, name)))
    action()


def kill_myself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def killed_at(scene: Scene, number: int, patch: Callable[[Any, str, Any], None]) -> bool:
    """Run the save in a forked child that kills itself before its file operation `number`; False if there is none."""
    script = Script(number, kill_myself)
    pid = _fork(lambda: scripted(script, scene.save, patch), lambda: None)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert code in (0, -signal.SIGKILL)
    return code != 0


def numbers() -> Iterator[int]:
    return iter(range(1, 200))
