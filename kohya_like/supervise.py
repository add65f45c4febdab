"""Keeps one training process: starts it in its own session, caps its console log, waits, and writes how it ended.

Standard library only, so that it survives whatever kills a trainer.  `python -m kohya_like.supervise RUN -- COMMAND...`
The run folder gets `run.json` (who is running, with process start times and the boot id, so that a pid used again is
never mistaken for it; and how long `events.jsonl` was before, so that an earlier process's last word is not taken for
this one's), `console.log`, and at the end `exit.json` {code, signal, time}.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

CONSOLE_CAP = 16 << 20
EVENTS = "events.jsonl"
# Large blocks stay with the process instead of going back to the kernel after each step: about 14 % of a CPU step.
MALLOC = {
    "MALLOC_MMAP_THRESHOLD_": "8589934592",
    "MALLOC_TRIM_THRESHOLD_": "17179869184",
    "MALLOC_TOP_PAD_": "268435456",
}


class Busy(Exception):
    """Another supervisor holds the run folder."""


def write_json(path: Path, body: dict[str, Any]) -> None:
    """Whole or not at all: temporary name, fsync, rename."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(body, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def start_time(pid: int) -> int | None:
    """A process's start in clock ticks since boot; None if there is no such process (or no /proc)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else int(fields[19])


def boot_id() -> str:
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return ""


def read_json(path: Path) -> dict[str, Any]:
    """The object in a small file of ours; empty if there is none that can be read."""
    try:
        with path.open("rb") as file:
            body = json.loads(file.read(1 << 20))
    except (OSError, ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def alive(seen: object) -> bool:
    """Whether the process noted as {pid, started} still runs. A pid alone says nothing: it may be used again."""
    if not isinstance(seen, dict) or type(seen.get("pid")) is not int:
        return False
    started = start_time(seen["pid"])
    return started is not None and started == seen.get("started")


def status(run: Path) -> str:
    """ "running", "finished", "failed", "interrupted" (it died without a word) or "new"."""
    body = read_json(run / "run.json")
    if not body:
        return "new"
    if body.get("boot_id") == boot_id() and (alive(body.get("trainer")) or alive(body.get("supervisor"))):
        return "running"
    ended = read_json(run / "exit.json")
    if not ended or ended.get("token") != body.get("token") or ended.get("signal"):
        return "interrupted"
    return "finished" if ended.get("code") == 0 else "failed"


@contextlib.contextmanager
def locked(run: Path) -> Iterator[None]:
    """The folder is ours until we end; the kernel frees the lock of a killed process."""
    handle = os.open(run / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Busy(f"another run uses {run}") from error
        yield
    finally:
        os.close(handle)


class CappedLog:
    """Console output in `console.log`; past the cap the older half moves to `console.log.1`."""

    def __init__(self, path: Path, cap: int = CONSOLE_CAP) -> None:
        self._path, self._cap = path, cap
        self._file = path.open("ab", buffering=0)

    def write(self, data: bytes) -> None:
        if self._file.tell() + len(data) > self._cap // 2:
            self._file.close()
            os.replace(self._path, self._path.with_name(self._path.name + ".1"))
            self._file = self._path.open("ab", buffering=0)
        with contextlib.suppress(OSError):  # a full disk must not end the training
            self._file.write(data[: self._cap // 2])


def supervise(run: Path, command: Sequence[str]) -> int:
    """Run `command` to its end. Returns its exit code, 128 + signal if it was killed."""
    run.mkdir(parents=True, exist_ok=True)
    with locked(run):
        token = secrets.token_hex(8)
        environment = {**MALLOC, **os.environ, "KOHYA_LIKE_PROCESS": token}
        log = CappedLog(run / "console.log")
        said_before = (run / EVENTS).stat().st_size if (run / EVENTS).exists() else 0
        child = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
        me = {"pid": os.getpid(), "started": start_time(os.getpid())}
        body = {"token": token, "boot_id": boot_id(), "supervisor": me, "command": list(command), "time": time.time()}
        trainer = {"pid": child.pid, "started": start_time(child.pid)}
        write_json(run / "run.json", {**body, "trainer": trainer, "events_from": said_before})
        signal.signal(signal.SIGTERM, lambda *_: child.send_signal(signal.SIGTERM))
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        code = copy_until_it_ends(child, log)
        ended = {"code": max(code, 0), "signal": max(-code, 0), "time": time.time(), "token": token}
        write_json(run / "exit.json", ended)
        return code if code >= 0 else 128 - code


def copy_until_it_ends(child: subprocess.Popen[bytes], log: CappedLog) -> int:
    """What the child says goes into the log. Its own end counts, not that of a helper process that holds its pipe."""
    assert child.stdout is not None
    pipe = child.stdout.fileno()
    while child.poll() is None:
        if select.select([pipe], [], [], 0.5)[0]:
            data = os.read(pipe, 65536)
            if not data:
                return child.wait()
            log.write(data)
    for _ in range(16):  # its last words: no pipe holds more than 1 MiB
        if not select.select([pipe], [], [], 0)[0] or not (data := os.read(pipe, 65536)):
            break
        log.write(data)
    return child.wait()


def launch(run: Path, command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a detached supervisor for `command`; it outlives the caller, its terminal and its session."""
    own = [sys.executable, "-m", "kohya_like.supervise", str(run), "--", *command]
    return subprocess.Popen(
        own,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd=Path(__file__).parent.parent,
    )


def main(argv: Sequence[str]) -> int:
    if len(argv) < 3 or argv[1] != "--":
        print("usage: python -m kohya_like.supervise RUN_FOLDER -- COMMAND...", file=sys.stderr)
        return 2
    try:
        return supervise(Path(argv[0]), argv[2:])
    except Busy as busy:
        print(busy, file=sys.stderr)
        return 3


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
