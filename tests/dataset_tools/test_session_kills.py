"""A real process that applies a batch is killed with SIGKILL, again and again; the next one finishes or rolls back."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dataset_tools.session import CaptionSession
from tests.dataset_tools.caption_faults import opened

ROOT = Path(__file__).parents[2]
CHILD = """
import sys
from pathlib import Path
from dataset_tools.edits import RenameTag
from dataset_tools.session import CaptionSession
from tests.dataset_tools.caption_faults import opened

library = opened(Path(sys.argv[1]))
session = CaptionSession(library, Path(sys.argv[2]), threaded=False, on_saved=lambda left: None)
session.apply(RenameTag(sys.argv[3], sys.argv[4]), library.ids())
print("applied", flush=True)
session._autosave.take_in(0.0, everything=True)
print("journaled", flush=True)
while session.unsaved:
    session._autosave.work(1e9, most=50)
    print(session.unsaved, flush=True)
print("done", flush=True)
"""


def run(count: int, kills: int, root: Path) -> list[str]:
    """Kill the child at a line of what it says that moves on from kill to kill; returns what became of each batch."""
    folder, state = root / "set/10_cat", root / "state"
    folder.mkdir(parents=True)
    for i in range(count):
        (folder / f"{i:05d}.png").write_bytes(b"")
        (folder / f"{i:05d}.txt").write_bytes(b"word0, tag %d\r\n" % i)
    lines = 2 + -(-count // 50)
    word, found = 0, []
    for kill in range(kills):
        stop_at = max(1, kill * lines // kills)
        command = [sys.executable, "-c", CHILD, str(root / "set"), str(state), f"word{word}", f"word{word + 1}"]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            for number, _ in enumerate(child.stdout, 1):
                if number == stop_at:
                    child.send_signal(signal.SIGKILL)
                    break
            child.stdout.read()
        assert child.wait() == -signal.SIGKILL
        raws = [path.read_bytes() for path in sorted(folder.glob("*.txt"))]
        old, new = ([b"word%d, tag %d\r\n" % (w, i) for i in range(count)] for w in (word, word + 1))
        assert len(raws) == count and all(raw in (a, b) for raw, a, b in zip(raws, old, new))
        session = CaptionSession(opened(root / "set"), state, threaded=False)
        assert session.close() == ()
        after = [path.read_bytes() for path in sorted(folder.glob("*.txt"))]
        assert after in (old, new) and not list(folder.glob(".kohya-like-*"))
        is_new = after == new
        found.append(("finished" if is_new else "rolled back") + (" from between" if old != raws != new else ""))
        word += is_new
    session = CaptionSession(opened(root / "set"), state, threaded=False)
    assert len(session.history) == word
    while session.undo():
        pass
    session.close()
    assert all(path.read_bytes() == b"word0, tag %d\r\n" % i for i, path in enumerate(sorted(folder.glob("*.txt"))))
    return found


def test_a_batch_that_is_killed_is_finished_or_rolled_back(tmp_path: Path) -> None:
    found = run(250, 3, tmp_path)
    assert "finished from between" in found


@pytest.mark.full
def test_ten_kills_of_a_batch_of_ten_thousand(tmp_path: Path) -> None:
    found = run(10_000, 10, tmp_path)
    assert found.count("finished from between") >= 7
