"""A window that is killed in the middle of a save leaves the preset old or new, never torn."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

from kohya_like.formats.atomic import TEMP_PREFIX, sweep_orphans

ROUNDS = 16
LINES = 6000
CHILD = """
import sys
from pathlib import Path
from kohya_like import preset_file
path, how = Path(sys.argv[1]), sys.argv[2]
def text(number):
    return f"seed = {number}\\n" * 1 + f"# {number}\\n" * LINES
def in_place(target, write):
    with open(target, "r+b", buffering=0) as file:
        class Slow:
            def write(self, data):
                for at in range(0, len(data), 256):
                    file.write(data[at:at + 256])
            def fileno(self):
                return file.fileno()
        write(Slow())
if how == "in place":
    preset_file.atomic_write = in_place
print("ready", flush=True)
number = 100000
while True:
    known = path.read_bytes()
    number += 1
    preset_file.save_preset(path, text(number), path, known)
    print(number, flush=True)
""".replace("LINES", str(LINES))


def verdict(path: Path, last: int) -> str:
    lines = path.read_text().split("\n")
    numbers = {line.removeprefix("seed = ").removeprefix("# ") for line in lines if line}
    if len(numbers) != 1 or len(lines) != LINES + 2:
        return "torn"
    return {last: "the last that was reported", last + 1: "the next"}.get(int(numbers.pop()), "lost")


def killed(tmp_path: Path, how: str, rounds: int) -> Counter[str]:
    """Save in a loop in a child process and kill it after a random number of saves and a random wait inside one."""
    path = tmp_path / "preset.toml"
    path.write_text("seed = 100000\n" + "# 100000\n" * LINES)
    chance, found = random.Random(7), Counter[str]()
    for _ in range(rounds):
        path.write_text("seed = 100000\n" + "# 100000\n" * LINES)
        command = [sys.executable, "-c", CHILD, str(path), how]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None and child.stdout.readline() == "ready\n"
            last = 100000
            for _ in range(chance.randrange(3)):
                last = int(child.stdout.readline())
            for _ in range(chance.randrange(30_000)):
                pass
            child.send_signal(signal.SIGKILL)
            reported = [int(line) for line in child.stdout.read().split()]
        assert child.returncode == -signal.SIGKILL
        found[verdict(path, max([last, *reported]))] += 1
        orphans = sweep_orphans(tmp_path)
        found["inside a save"] += len(orphans)
        assert all(one.name.startswith(TEMP_PREFIX) for one in orphans)
        assert [one.name for one in tmp_path.iterdir()] == [path.name]
    return found


def test_a_kill_during_a_save_leaves_the_preset_whole(tmp_path: Path) -> None:
    found = killed(tmp_path, "atomic", ROUNDS)
    assert found.pop("inside a save") >= 1
    assert found.keys() <= {"the last that was reported", "the next"} and sum(found.values()) == ROUNDS


def test_the_control_that_writes_in_place_is_torn(tmp_path: Path) -> None:
    assert killed(tmp_path, "in place", 8)["torn"] >= 1
