"""The supervisor with real child processes: one test per way a process can end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kohya_like import supervise
from kohya_like.supervise import CappedLog, launch, start_time, status

ROOT = Path(__file__).parent.parent


def run_to_end(run: Path, code: str) -> dict:
    process = launch(run, [sys.executable, "-c", code])
    process.wait(timeout=60)
    return json.loads((run / "exit.json").read_text(encoding="utf-8"))


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} never appeared"
        os.sched_yield()


def test_a_good_end(tmp_path: Path) -> None:
    ended = run_to_end(tmp_path, "print('hello 你好')")
    assert (ended["code"], ended["signal"]) == (0, 0)
    assert "hello 你好" in (tmp_path / "console.log").read_text(encoding="utf-8")
    assert status(tmp_path) == "finished"


def test_an_error_code_is_kept(tmp_path: Path) -> None:
    assert run_to_end(tmp_path, "raise SystemExit(7)")["code"] == 7
    assert status(tmp_path) == "failed"


def test_a_killed_trainer_is_interrupted(tmp_path: Path) -> None:
    ended = run_to_end(tmp_path, "import os; os.kill(os.getpid(), 9)")
    assert ended["signal"] == 9
    assert status(tmp_path) == "interrupted"


def test_a_killed_supervisor_never_shows_a_dead_run_as_running(tmp_path: Path) -> None:
    supervisor = launch(tmp_path, [sys.executable, "-c", "import time; time.sleep(600)"])
    wait_for(tmp_path / "run.json")
    assert status(tmp_path) == "running"
    body = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    supervisor.kill()
    supervisor.wait()
    assert status(tmp_path) == "running", "the trainer itself still runs"
    os.kill(body["trainer"]["pid"], signal.SIGKILL)
    deadline = time.monotonic() + 60
    while status(tmp_path) == "running":
        assert time.monotonic() < deadline
    assert status(tmp_path) == "interrupted"


def test_a_helper_that_outlives_the_trainer_does_not_keep_the_run_alive(tmp_path: Path) -> None:
    """A data loader's worker holds the pipe of a killed trainer open."""
    helper = "import subprocess, sys, os; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])"
    ended = run_to_end(tmp_path, f"{helper}; print('helper', p.pid, flush=True); os.kill(os.getpid(), 9)")
    words = (tmp_path / "console.log").read_text(encoding="utf-8").split()
    os.kill(int(words[1]), signal.SIGKILL)
    assert words[0] == "helper", "its last words are kept"
    assert ended["signal"] == 9
    assert status(tmp_path) == "interrupted"


@pytest.mark.parametrize(
    "text", ["[]", "3", '{"trainer": [1], "supervisor": {"pid": "1"}}', '{"trainer": {"pid": -1}}']
)
def test_a_foreign_run_file_is_no_running_process(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text, encoding="utf-8")
    assert status(tmp_path) in ("new", "interrupted")


def test_how_long_the_log_was_before_is_noted(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text("an earlier process's lines\n", encoding="utf-8")
    run_to_end(tmp_path, "pass")
    assert json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))["events_from"] == 27


def test_a_pid_used_again_is_not_the_run(tmp_path: Path) -> None:
    body = {"token": "t", "boot_id": supervise.boot_id(), "trainer": {"pid": os.getpid(), "started": 1}}
    (tmp_path / "run.json").write_text(json.dumps(body), encoding="utf-8")
    assert status(tmp_path) == "interrupted"
    body["trainer"]["started"] = start_time(os.getpid())
    (tmp_path / "run.json").write_text(json.dumps(body), encoding="utf-8")
    assert status(tmp_path) == "running"
    body["boot_id"] = "another boot"
    (tmp_path / "run.json").write_text(json.dumps(body), encoding="utf-8")
    assert status(tmp_path) == "interrupted"


def test_an_exit_of_an_earlier_process_says_nothing_of_this_one(tmp_path: Path) -> None:
    (tmp_path / "exit.json").write_text('{"code": 0, "signal": 0, "token": "old"}', encoding="utf-8")
    (tmp_path / "run.json").write_text('{"token": "new", "boot_id": ""}', encoding="utf-8")
    assert status(tmp_path) == "interrupted"


def test_two_supervisors_on_one_folder(tmp_path: Path) -> None:
    first = launch(tmp_path, [sys.executable, "-c", "import time; time.sleep(600)"])
    wait_for(tmp_path / "run.json")
    before = (tmp_path / "run.json").read_bytes()
    second = subprocess.run(
        [sys.executable, "-m", "kohya_like.supervise", str(tmp_path), "--", sys.executable, "-c", ""],
        capture_output=True, text=True, cwd=ROOT, timeout=60,
    )  # fmt: skip
    assert second.returncode == 3
    assert "another run uses" in second.stderr
    assert (tmp_path / "run.json").read_bytes() == before
    first.terminate()
    first.wait(timeout=60)
    assert status(tmp_path) == "interrupted"


def test_sigterm_is_passed_on(tmp_path: Path) -> None:
    code = (
        "import signal, sys, pathlib\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\n"
        f"pathlib.Path({str(tmp_path / 'ready')!r}).touch()\n"
        "signal.pause()"
    )
    supervisor = launch(tmp_path, [sys.executable, "-c", code])
    wait_for(tmp_path / "ready")
    supervisor.terminate()
    supervisor.wait(timeout=60)
    assert json.loads((tmp_path / "exit.json").read_text(encoding="utf-8"))["code"] == 5


def test_a_chatty_trainer_cannot_fill_the_disk(tmp_path: Path) -> None:
    log = CappedLog(tmp_path / "console.log", cap=4000)
    for i in range(1000):
        log.write(b"%06d line of a trainer that talks too much\n" % i)
    written = sum(p.stat().st_size for p in tmp_path.iterdir())
    assert written <= 4000
    assert b"000999" in (tmp_path / "console.log").read_bytes(), "the newest lines stay"


def test_the_supervisor_is_standard_library_only() -> None:
    code = "import sys, kohya_like.supervise; print([m for m in ('torch', 'pydantic', 'numpy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.stdout.strip() == "[]"
