"""The tagging process: a real child Python, spoken to as the window does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dataset_tools.proposals import proposal_from
from dataset_tools.tagging_requests import parsed
from tests.dataset_tools.taggers.tiny_taggers import picture, tiny_wd14
from tests.dataset_tools.taggers.vision_server import Reply, saying, vision_server

ROOT = Path(__file__).parents[3]
DEADLINE = 120.0  # s; a child that hangs is killed, and its test fails
KEY = "sk-a-very-secret-key"
Answer = dict[str, Any]


class Child:
    def __init__(self) -> None:
        command = [sys.executable, "-m", "dataset_tools.tagging"]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe)
        self._timer = threading.Timer(DEADLINE, self.process.kill)
        self._timer.start()
        self.raw = b""
        assert self.hear() == {"id": None, "ready": True}

    def write(self, line: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def ask(self, id: int, do: str, **values: Any) -> None:
        self.write(json.dumps({"id": id, "do": do, **values}).encode())

    def hear(self) -> Answer:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self.raw += line
        found: Answer = json.loads(line)
        return found

    def until_end(self, id: int, each: Callable[[Answer], None] = lambda answer: None) -> list[Answer]:
        """All answers to a request; the last one has "ok"."""
        found: list[Answer] = []
        while not found or "ok" not in found[-1]:
            answer = self.hear()
            if answer["id"] == id:
                found.append(answer)
                each(answer)
        return found

    def close(self) -> int:
        """Close its stdin; its exit status."""
        assert self.process.stdin is not None and self.process.stdout is not None and self.process.stderr is not None
        self.process.stdin.close()
        self.raw += self.process.stdout.read() + self.process.stderr.read()
        self.process.stdout.close()
        self.process.stderr.close()
        status = self.process.wait()
        self._timer.cancel()
        return status


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    found = Child()
    yield found
    assert found.close() == 0


def test_a_folder_is_tagged(child: Child, tmp_path: Path) -> None:
    paths = [str(picture(tmp_path / name)) for name in ("ä b.png", "c.png")]
    (tmp_path / "bad.png").write_bytes(b"bad")
    tagger = {"kind": "wd14", "model": str(tiny_wd14(tmp_path / "tagger")), "threads": 1}
    child.ask(1, "tag", tagger=tagger, pictures=[*paths, str(tmp_path / "bad.png")])
    found = child.until_end(1)
    assert found[0] == {"id": 1, "begun": True}
    assert found[1]["tagger"]["tags"]["general"] == 4
    proposals = [proposal_from(answer["proposal"]) for answer in found if "proposal" in answer]
    assert [one.picture for one in proposals] == paths
    assert proposals[0].scores["general"][0][0] == "red_hair"
    (skipped,) = [answer["skipped"] for answer in found if "skipped" in answer]
    assert skipped["picture"].endswith("bad.png") and "bad.png" in skipped["text"]
    assert found[-2]["progress"] == [3, 3]
    assert found[-1] == {"id": 1, "ok": True, "tagged": 2, "untagged": 1, "cancelled": False}


def test_a_cancel_keeps_the_results(child: Child, tmp_path: Path) -> None:
    """Answered one by one by a server that the test holds: the cancel comes while the fourth is waited for."""
    paths = [str(picture(tmp_path / f"{i}.png")) for i in range(10)]
    go_on = threading.Event()

    def answer(number: int, heard: object) -> Reply:
        if number == 3:
            child.ask(2, "cancel")
            return lambda handler: go_on.wait(DEADLINE) and None
        return saying(f"picture {number}")

    with vision_server(answer) as server:
        tagger = {"kind": "endpoint", "address": server.address, "model": "m", "threads": 1, "key": KEY}
        child.ask(2, "tag", tagger=tagger, pictures=paths)
        found = child.until_end(2)
        go_on.set()
    kept = [answer["proposal"]["sentence"] for answer in found if "proposal" in answer]
    assert kept == ["picture 0", "picture 1", "picture 2"]
    assert found[-1] == {"id": 2, "ok": True, "tagged": 3, "untagged": 0, "cancelled": True}


def test_faults_are_sentences_and_the_child_lives_on(child: Child, tmp_path: Path) -> None:
    child.ask(3, "tag", tagger={"kind": "wd14", "model": str(tmp_path)}, pictures=[])
    fault = child.until_end(3)[-1]["faults"][0]
    assert fault == {"text": f"{tmp_path}: has no .onnx file", "mend": "choose the tagger's folder"}
    child.ask(4, "tag", tagger={"kind": "endpoint", "key": KEY, "modell": KEY}, pictures=[])
    assert "has no setting modell" in child.until_end(4)[-1]["faults"][0]["text"]
    with vision_server(lambda number, heard: (401, b"")) as server:
        tagger = {"kind": "endpoint", "address": server.address, "model": "m", "key": KEY}
        child.ask(5, "tag", tagger=tagger, pictures=[str(picture(tmp_path / "a.png"))])
        last = child.until_end(5)[-1]
    assert last["ok"] is False and "refuses the key (HTTP 401)" in last["faults"][0]["text"] and last["tagged"] == 0
    child.write(b'{"id": 6, "do": "tag", "tagger": {"key": "' + KEY.encode() + b'"')
    assert child.hear()["faults"][0]["text"] == "the request is not a line of JSON"
    child.ask(7, "tag", tagger={"kind": "wd14", "model": str(tiny_wd14(tmp_path / "tagger"))}, pictures=[])
    assert child.until_end(7)[-1]["ok"] is True


def test_the_key_was_said_nowhere(child: Child) -> None:
    """After the tests above: in nothing the child printed so far, nor on its command line."""
    assert child.raw and KEY.encode() not in child.raw
    assert KEY.encode() not in Path(f"/proc/{child.process.pid}/cmdline").read_bytes()


def test_a_window_that_goes_away_ends_it(tmp_path: Path) -> None:
    """While a model works on many pictures."""
    child = Child()
    paths = [str(picture(tmp_path / "a.png", "red", (2000, 1500)))] * 5000
    child.ask(1, "tag", tagger={"kind": "wd14", "model": str(tiny_wd14(tmp_path / "tagger"))}, pictures=paths)
    while "proposal" not in child.hear():
        continue
    assert child.close() in (0, 1)
    with pytest.raises(ProcessLookupError):
        os.kill(child.process.pid, 0)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (b"{", "not a line of JSON"),
        (b"[" * 100_000, "not a line of JSON"),
        (b"[]", "no table with a whole number"),
        (b'{"id": true, "do": "tag"}', "no table with a whole number"),
        (b'{"id": 1, "do": "rm"}', "asks for something unknown"),
        (b'{"id": 1, "do": "tag", "tagger": []}', "tagger is no table"),
        (b'{"id": 1, "do": "tag", "pictures": [1]}', "no list of paths"),
        (b'{"id": 1, "do": "fetch", "to": 1}', "must be text"),
    ],
)
def test_lines_that_are_no_requests(line: bytes, sentence: str) -> None:
    found = parsed(line)
    assert isinstance(found, str) and sentence in found
