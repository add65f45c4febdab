"""The window's child: each request has its answer, a sentence where it cannot be served, and the newest comes first."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kohya_like import mailbox as mailbox_module
from kohya_like import runs, window_service
from kohya_like.config import load
from kohya_like.mailbox import Request
from kohya_like.preflight import remembered
from kohya_like.verbs.hub import Listing, RemoteFile
from kohya_like.window_service import WindowService
from tests import house
from tests.preflight.made import pictures
from tests.service_talk import DEMO, PRESETS, Answer, Talk

ROOT = Path(__file__).parent.parent


@pytest.fixture
def quiet() -> Iterator[Talk]:
    """Requests are taken, but nobody serves them yet."""
    talk = Talk()
    yield talk
    talk.close()


@pytest.fixture
def talk(quiet: Talk) -> Talk:
    quiet.serve()
    return quiet


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, str]]:
    """What would have been started: run folders and configs."""
    made: list[tuple[Path, str]] = []

    def start(run: Path, config: str) -> subprocess.Popen[bytes]:
        made.append((run, config))
        return subprocess.Popen([sys.executable, "-c", ""])

    monkeypatch.setattr(runs, "start", start)
    return made


def in_folder(tmp_path: Path) -> str:
    """The demo's preset over pictures of its own, with an output folder of its own."""
    if not (tmp_path / "data").exists():
        pictures(tmp_path / "data", 6, (64, 64))
    text = DEMO.replace('"../runs/demo"', json.dumps(str(tmp_path / "out")))
    text = text.replace('"../kohya_like/demo/dataset/train"', json.dumps(str(tmp_path / "data")))
    return text.replace("reg_data_dir", "# reg_data_dir")


def test_a_check_is_answered_with_the_report_and_its_fixes(talk: Talk) -> None:
    answer = talk.check()
    assert answer["ok"] and answer["report"]["ok"] and not answer["report"]["partial"]
    assert answer["report"]["steps"]["total"] == 250 and answer["faults"] == answer["report"]["faults"]
    assert next(a for a in talk.answers if a.get("id") == 1) == {"id": 1, "begun": True}
    assert talk.answers[0] == {"ready": True}
    answer = talk.check(DEMO.replace("[train]", "[train]\nmax_train_epochs = 3"))
    (fault,) = [fault for fault in answer["faults"] if fault["code"] == "both-lengths"]
    assert fault["fix"] == {
        "label": "Reset train.max_train_steps to its default", "edits": {"train.max_train_steps": None}, "renames": {},
    }  # fmt: skip
    assert fault["where"] == "my.toml:33" and not answer["report"]["ok"]


def test_wrong_keys_do_not_blank_the_report(talk: Talk) -> None:
    answer = talk.check(DEMO.replace("dim = 8", "dmi = 8").replace("train_batch_size = 12", 'train_batch_size = "12"'))
    assert answer["report"]["partial"] and not answer["report"]["ok"]
    assert answer["report"]["steps"]["total"] == 250 and answer["report"]["memory"]
    assert [fault["fix"]["label"] for fault in answer["faults"] if fault["severity"] == "error"] == [
        "Rename network.dmi to network.dim", "Set train.train_batch_size to 12",
    ]  # fmt: skip


def test_what_follows_from_a_wrong_key_alone_is_not_told(talk: Talk) -> None:
    answer = talk.check('[data]\ntrain_data_dir = "file:///data"\n')
    assert [fault["code"] for fault in answer["faults"] if fault["key"] == "data.train_data_dir"] == ["bad-text"]


def test_text_that_is_no_toml_has_faults_and_no_report(talk: Talk) -> None:
    answer = talk.check("[model\nbase = 1")
    assert answer["report"] is None and not answer["ok"]
    (fault,) = answer["faults"]
    assert fault["code"] == "not-toml" and fault["where"] == "my.toml:1" and fault["fix"] is None
    answer = talk.check("x" * 300_000)
    assert answer["report"] is None and "at most 262,144 bytes" in answer["faults"][0]["text"]


@pytest.mark.parametrize(
    "line, number, sentence",
    [
        (b"nonsense\n", None, "the request is not a line of JSON"),
        (b"[" * 100_000 + b"\n", None, "the request is not a line of JSON"),
        (b"[1]\n", None, "the request is no table with a whole number as its id"),
        (b'{"id": true, "do": "check"}\n', None, "the request is no table with a whole number as its id"),
        (b'{"id": 7, "do": "fly"}\n', 7,
         "the request asks for 'fly'; there are check, start, resume, look_up, forget, sample"),
        (b'{"id": 7, "do": "check", "text": 5}\n', 7, "the request's text must be text"),
        (b'{"id": 7, "do": "sample", "epoch": true}\n', 7, "the request's epoch must be a whole number"),
        (b'{"id": 7, "do": "resume", "run": "/nowhere"}\n', 7,
         "/nowhere is no run folder: it holds no config.toml"),
        (b'{"id": 7, "do": "look_up", "name": "a/b"}\n', 7, "HF_HUB_OFFLINE is set, so nothing is downloaded"),
        (b'{"id": 7, "do": "look_up", "name": "../b"}\n', 7, "'../b': no name of a model"),
        (b'{"id": 7, "do": "check", "text": "\xff"}\n', 7, "the request is not a line of JSON"),
    ],
)  # fmt: skip
def test_what_cannot_be_served_gets_a_sentence(talk: Talk, line: bytes, number: int | None, sentence: str) -> None:
    talk.write(b"\n" + line)
    answer = talk.wait(number, lambda answer: "ready" not in answer)
    assert answer["ok"] is False and answer["faults"][0]["text"] == sentence
    talk.number = 100
    assert talk.check()["ok"]  # and the next request is served


def test_a_line_without_end_is_not_kept(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox_module, "LINE_CAP", 1000)
    talk.write(b"\n")
    talk.write(b'{"id": 5, "do": "check", "text": "' + b"x" * 5000 + b'"}\n')
    assert talk.wait(5)["faults"][0]["text"] == "the request is longer than 1,000 bytes"
    talk.write(b'{"id": 6, "do": "forget"}\n')
    assert talk.wait(6) == {"id": 6, "ok": True}


def test_only_the_newest_of_several_checks_is_made(quiet: Talk) -> None:
    numbers = [quiet.ask("check", text=DEMO, source="", folder=str(PRESETS)) for _ in range(3)]
    last = quiet.ask("forget")
    quiet.until(lambda: len(quiet.mailbox._waiting) == 4)
    quiet.serve()
    assert quiet.wait(last)["ok"]
    assert [set(quiet.wait(number)) for number in numbers] == [{"id", "skipped"}] * 2 + [
        {"id", "ok", "report", "faults"}
    ]


def test_a_check_of_other_folders_than_the_newest_is_broken_off(
    talk: Talk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = in_folder(tmp_path)
    newer: list[Request | None] = [None, Request(9, "check", text.replace("/data", "/elsewhere"))]
    monkeypatch.setattr(talk.mailbox, "newer_check", lambda: newer.pop(0) if len(newer) > 1 else newer[0])
    assert talk.check(text) == {"id": 1, "skipped": True}
    newer[:] = [None, Request(9, "check", text.replace("= 12", "= 13"))]
    monkeypatch.setattr(window_service, "PROGRESS_SECONDS", -1.0)
    assert talk.check(text)["ok"]  # the newest one profits from its work
    assert {"id": 2, "reading": "10_sks ghost", "count": 0} in talk.answers
    assert window_service.folders_of("[broken") == ["[broken"]


def test_a_second_answer_follows_when_a_folder_has_changed(talk: Talk, tmp_path: Path) -> None:
    text = in_folder(tmp_path)
    assert talk.check(text)["report"]["images"] == 6
    pictures(tmp_path / "data", 8, (64, 64))
    os.utime(tmp_path / "data/10_sks ghost")
    number = talk.ask("check", text=text, source="my.toml", folder=str(PRESETS))
    assert talk.wait(number)["report"]["images"] == 6
    again = talk.wait(number, lambda answer: "refreshed" in answer)
    assert again["report"]["images"] == 8 and again["refreshed"] is True
    assert talk.check(text)["report"]["images"] == 8


def test_no_second_answer_where_nothing_differs(talk: Talk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = in_folder(tmp_path)
    monkeypatch.setattr(remembered, "LIFETIME", 1e-9)  # everything is old at once
    for _ in range(3):
        talk.check(text)
    assert talk.wait(talk.ask("forget"))["ok"]
    assert [answer for answer in talk.answers if "refreshed" in answer] == []
    (tmp_path / "data/10_sks ghost/0.txt").write_text("")
    number = talk.ask("check", text=text, source="my.toml", folder=str(PRESETS))
    assert talk.wait(number)["report"]["concepts"][0]["empty_captions"] == 1  # `forget` was obeyed


def test_a_newer_request_breaks_the_second_reading_off(
    talk: Talk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = in_folder(tmp_path)
    talk.check(text)
    pictures(tmp_path / "data", 8, (64, 64))
    os.utime(tmp_path / "data/10_sks ghost")
    asked = [False]  # first whether to begin, then while reading
    monkeypatch.setattr(talk.mailbox, "waiting", lambda: asked.pop() if asked else True)
    number = talk.ask("check", text=text, source="my.toml", folder=str(PRESETS))
    assert talk.wait(number)["report"]["images"] == 6 and talk.wait(talk.ask("forget"))["ok"]
    assert [answer for answer in talk.answers if "refreshed" in answer] == [] == asked


def test_a_start_makes_a_run_folder_out_of_the_text(
    talk: Talk, tmp_path: Path, launched: list[tuple[Path, str]]
) -> None:
    answer = talk.wait(talk.ask("start", text=in_folder(tmp_path), source="", folder=str(PRESETS)))
    ((run, config),) = launched
    assert answer["ok"] and answer["run"] == str(run) and run.parent == tmp_path / "out/runs"
    (tmp_path / "again.toml").write_text(config, encoding="utf-8")
    again, _ = load(tmp_path / "again.toml")
    assert Path(again.model.base) == ROOT / "kohya_like/demo/base" and again.train.seed == 1


def test_a_start_reads_everything_anew_and_is_refused_on_errors(
    talk: Talk, tmp_path: Path, launched: list[tuple[Path, str]]
) -> None:
    text = in_folder(tmp_path)
    assert talk.check(text)["report"]["images"] == 6
    for path in (tmp_path / "data/10_sks ghost").glob("*.png"):
        path.write_bytes(b"broken")  # in place: no folder's time tells
    assert talk.check(text)["report"]["images"] == 6
    answer = talk.wait(talk.ask("start", text=text, source="", folder=str(PRESETS)))
    assert [fault["text"] for fault in answer["faults"]] == ["there is no usable picture to train on"]
    answer = talk.wait(talk.ask("start", text="[train]\nsede = 1", source="", folder=str(PRESETS)))
    assert answer["faults"][0]["fix"]["label"] == "Rename train.sede to train.seed"
    assert launched == [] and not (tmp_path / "out").exists()


def test_a_second_start_is_refused_while_one_is_being_made(
    talk: Talk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, launched: list[tuple[Path, str]]
) -> None:
    started, gate, inner = threading.Event(), threading.Event(), runs.start

    def slow(run: Path, config: str) -> subprocess.Popen[bytes]:
        started.set()
        gate.wait(20)
        return inner(run, config)

    monkeypatch.setattr(runs, "start", slow)
    request = {"text": in_folder(tmp_path), "source": "", "folder": str(PRESETS)}
    first = talk.ask("start", **request)
    assert started.wait(20)
    second = talk.wait(talk.ask("start", **request))
    assert second["faults"][0]["text"] == "a training is being started already"
    gate.set()
    assert talk.wait(first)["ok"] and talk.wait(talk.ask("start", **request))["ok"]
    assert len({run for run, _ in launched}) == len(launched) == 2


def test_the_hub_is_asked_aside(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    files = (RemoteFile("model.safetensors", 500, "a" * 64, "", "model.safetensors"),)

    def look_up(name: str) -> Listing:
        gate.wait(20)
        return Listing(name, "https://hub.example", "main", "mit", files)

    monkeypatch.setattr(window_service, "look_up", look_up)
    number = talk.ask("look_up", name="owner/model")
    assert talk.check()["ok"]  # while the hub is silent
    gate.set()
    assert talk.wait(number) == {
        "id": number, "ok": True, "name": "owner/model", "endpoint": "https://hub.example", "licence": "mit",
        "revision": "main", "files": [{"name": "model.safetensors", "size": 500}], "total": 500,
    }  # fmt: skip


@pytest.mark.parametrize(
    "error, sentence",
    [
        (RuntimeError("odd"), "RuntimeError: odd"),
        (PermissionError(13, "Permission denied", "/out"), "/out: Permission denied"),
        (OSError("no room"), "no room"),
    ],
)
def test_an_unforeseen_error_is_a_sentence(
    talk: Talk, monkeypatch: pytest.MonkeyPatch, error: Exception, sentence: str
) -> None:
    def fail(*_: object) -> Answer:
        raise error

    monkeypatch.setattr(window_service, "checked", fail)
    answer = talk.check()
    assert not answer["ok"] and answer["report"] is None and answer["faults"][0]["text"] == sentence


def test_the_process_ends_with_its_stdin_and_prints_answers_alone() -> None:
    request = json.dumps({"id": 1, "do": "check", "text": DEMO, "source": "", "folder": str(PRESETS)})
    noisy = "import kohya_like.window_service as s, os; s.checked = lambda *a: print('noise') or os.system('') or {}"
    code = noisy.replace("or os.system('') ", "") + "; s.main()"
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT,
        text=True,
    )  # fmt: skip
    assert child.stdin is not None and child.stdout is not None
    child.stdin.write(request + "\n")
    child.stdin.flush()
    lines = [json.loads(child.stdout.readline()) for _ in range(3)]
    assert lines == [{"ready": True}, {"id": 1, "begun": True}, {"id": 1, "report": None}]
    rest, noise = child.communicate(timeout=20)
    assert (child.returncode, rest, noise) == (0, "", "noise\n")


def test_a_run_that_was_asked_for_is_made_even_if_nobody_waits(
    tmp_path: Path, launched: list[tuple[Path, str]]
) -> None:
    talk = Talk()
    request = {"text": in_folder(tmp_path), "source": "", "folder": str(PRESETS)}
    talk.ask("check", **request)
    talk.ask("start", **request)
    os.close(talk._to_service)
    talk.until(lambda: talk.mailbox._closed)
    WindowService(talk.mailbox).serve()
    assert len(launched) == 1 and not any("skipped" in answer or "report" in answer for answer in talk.answers)


def test_a_dead_disk_does_not_keep_it(monkeypatch: pytest.MonkeyPatch) -> None:
    did: list[object] = []
    monkeypatch.setattr(window_service.time, "sleep", did.append)
    monkeypatch.setattr(window_service.os, "_exit", did.append)
    window_service.end_soon()
    assert did == [10.0, 1]


def test_it_needs_no_torch() -> None:
    assert house.import_without(["kohya_like.window_service", "kohya_like.mailbox"]) == []
