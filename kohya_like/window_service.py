"""The window's child process: checks presets, starts and resumes runs, asks the hub.

    python -m kohya_like.window_service

JSON lines in on stdin, JSON lines out on stdout, one object each; everything else that is printed goes to stderr.

    {"id": 1, "do": "check", "text": TOML, "source": "my.toml", "folder": "base of relative paths"}
    {"id": 2, "do": "start", ...the same...}     {"id": 3, "do": "resume", "run": FOLDER}
    {"id": 4, "do": "look_up", "name": "owner/model"}     {"id": 5, "do": "forget"}
    {"id": 6, "do": "sample", ...as for check..., "concept": 0, "picture": 0, "epoch": 1, "repeat": 0}

Answers carry the request's id: {"begun": true} when work on it begins, {"reading": CONCEPT, "count": N} while it goes
on, {"skipped": true} for a check that a newer one made needless, else {"ok": true, ...} or
{"ok": false, "faults": [...]}.
A check is answered at once from what is remembered; where that turns out to be old, a second answer with
"refreshed": true follows. A start remembers nothing: it reads everything anew.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from kohya_like import runs
from kohya_like.config import TrainConfig, with_absolute_paths
from kohya_like.mailbox import Mailbox, Request
from kohya_like.preflight import check
from kohya_like.preflight.fixes import fix_of
from kohya_like.preflight.partial import sound_part
from kohya_like.preflight.readers import FRESH, Readers
from kohya_like.preflight.remembered import Remembered
from kohya_like.schema.errors import ConfigError, Fault, UserError
from kohya_like.schema.toml import Document, lookup
from kohya_like.schema.validate import inspect
from kohya_like.training import launched
from kohya_like.verbs.hub import choose, look_up

PROGRESS_SECONDS = 0.3
GRACE_SECONDS = 10.0  # after stdin was closed
FOLDER_KEYS = ("data.train_data_dir", "data.reg_data_dir", "data.subsets")

Answer = dict[str, Any]


class Superseded(Exception):
    """A newer request made this work needless."""


class WindowService:
    """Answers requests one after another; `look_up`, which waits for the network, in a thread of its own."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._remembered = Remembered()
        self._supervisors: list[subprocess.Popen[bytes]] = []
        self._work: Mapping[str, Callable[[Request], Answer]] = {
            "check": self._check,
            "start": self._start,
            "resume": self._resume,
            "look_up": _looked_up,
            "forget": self._forget,
            "sample": self._sample,
        }

    def serve(self) -> None:
        """Until stdin is closed."""
        while (request := self._mailbox.take()) is not None:
            self._supervisors = [one for one in self._supervisors if one.poll() is None]  # no zombies
            if request.do == "check" and self._mailbox.newer_check() is not None:
                self._mailbox.answer(request.id, {"skipped": True})
                continue
            self._mailbox.answer(request.id, {"begun": True})
            if request.do == "look_up":
                threading.Thread(target=self._answer, args=(request,), daemon=True).start()
                continue
            answer = self._answer(request)
            if request.do == "check" and self._remembered.is_stale and not self._mailbox.waiting():
                self._refresh(request, answer)

    def _answer(self, request: Request) -> Answer:
        try:
            answer = self._work[request.do](request)
        except Superseded:
            answer = {"skipped": True}
        except ConfigError as error:
            answer = {"ok": False, "faults": with_fixes(error.faults)}
        except UserError as error:
            answer = {"ok": False, "faults": with_fixes([Fault(error.text, mend=error.hint)])}
        except OSError as error:
            text = f"{error.filename}: {error.strerror}" if error.filename else str(error)
            answer = {"ok": False, "faults": with_fixes([Fault(text)])}
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            text = f"{type(error).__name__}: {error}"
            answer = {"ok": False, "faults": with_fixes([Fault(text, mend="this is our fault, not yours")])}
        if request.do == "check" and "skipped" not in answer:
            answer.setdefault("report", None)
        if request.do == "start":
            self._mailbox.start_is_over()
        self._mailbox.answer(request.id, answer)
        return answer

    def _refresh(self, request: Request, before: Answer) -> None:
        def progress(concept: str, count: int) -> None:
            if self._mailbox.waiting():
                raise Superseded

        try:
            answer = checked(request, self._remembered.readers(renew=True, progress=progress))
        except Superseded:
            return
        except Exception:  # the first answer stands; the next check will say what is wrong
            traceback.print_exc(file=sys.stderr)
            return
        if comparable(answer) != comparable(before):
            self._mailbox.answer(request.id, {**answer, "refreshed": True})

    def _check(self, request: Request) -> Answer:
        said = time.monotonic()

        def progress(concept: str, count: int) -> None:
            nonlocal said
            newer = self._mailbox.newer_check()
            if newer is not None and folders_of(newer.text) != folders_of(request.text):
                raise Superseded  # of the same folders it is the newer one's work that is done here
            if time.monotonic() - said > PROGRESS_SECONDS:
                said = time.monotonic()
                self._mailbox.answer(request.id, {"reading": concept, "count": count})

        return checked(request, self._remembered.readers(progress=progress))

    def _start(self, request: Request) -> Answer:
        answer = checked(request, FRESH)
        errors = [fault for fault in answer["faults"] if fault["severity"] == "error"]
        if errors:
            return {"ok": False, "faults": errors}
        config, _ = inspect(TrainConfig, Document(request.text, request.source))
        assert config is not None  # else there were errors
        run, supervisor = launched(absolute(config, request.folder))
        self._supervisors.append(supervisor)
        return {"ok": True, "run": str(run)}

    def _resume(self, request: Request) -> Answer:
        run = Path(request.run)
        self._supervisors.append(runs.resume(run))
        return {"ok": True, "run": str(run)}

    def _sample(self, request: Request) -> Answer:
        from kohya_like.sample_preview import sample_preview

        config, _ = inspect(TrainConfig, Document(request.text, request.source))
        if config is None:
            raise UserError("the preset has errors", "mend them first: the list beside the form names them")
        shown = sample_preview(
            absolute(config, request.folder), self._remembered.readers(), request.concept, request.picture,
            request.epoch, request.repeat,
        )  # fmt: skip
        return {"ok": True, **shown.as_dict()}

    def _forget(self, request: Request) -> Answer:
        self._remembered.forget()
        return {"ok": True}


def checked(request: Request, readers: Readers) -> Answer:
    """The report on a preset's text; with faults of its keys, the report on the rest ("partial": true)."""
    try:
        document = Document(request.text, request.source)
    except ConfigError as error:
        return {"ok": False, "report": None, "faults": with_fixes(error.faults)}
    config, faults = inspect(TrainConfig, document)
    config = config or sound_part(document, faults)
    if config is None:
        return {"ok": False, "report": None, "faults": with_fixes(faults, None, document)}
    config = absolute(config, request.folder)
    report = check(config, document, readers)
    told = {fault.key for fault in faults if fault.key}
    found = [*faults, *(fault for fault in report.faults if fault.key not in told)]
    shown = with_fixes(found, config, document)
    sound = not any(fault.severity == "error" for fault in found)
    values = {**report.as_dict(), "ok": sound, "faults": shown, "partial": bool(faults)}
    return {"ok": True, "report": values, "faults": shown}


def absolute(config: TrainConfig, folder: str) -> TrainConfig:
    base = Path(folder).absolute()
    return with_absolute_paths(config, lambda key: base)


def with_fixes(
    faults: Iterable[Fault], config: TrainConfig | None = None, document: Document | None = None
) -> list[Answer]:
    """Faults as plain values, each with the edits that would mend it, or None."""
    found = []
    for fault in faults:
        fix = fix_of(fault, config, document) if document is not None else None
        found.append({**fault.as_dict(), "fix": fix.as_dict() if fix else None})
    return found


def comparable(answer: Answer) -> Answer:
    """Without what changes from moment to moment: the memory and the disk that are free."""
    report = dict(answer.get("report") or {})
    report["memory"] = {**(report.get("memory") or {}), "available": None}
    report["disks"] = [{**disk, "free": None} for disk in report.get("disks") or ()]
    return {**answer, "report": report}


def folders_of(text: str) -> list[Any]:
    """The folders a preset names; no two faulty texts are alike."""
    try:
        values = Document(text).values()
    except UserError:
        return [text]
    return [lookup(values, key) for key in FOLDER_KEYS]


def _looked_up(request: Request) -> Answer:
    listing = look_up(request.name)
    files = choose(listing)
    return {
        "ok": True,
        "name": listing.name,
        "endpoint": listing.endpoint,
        "licence": listing.licence,
        "revision": listing.revision,
        "files": [{"name": file.name, "size": file.size} for file in files],
        "total": sum(file.size for file in files),
    }


def end_soon() -> None:
    """A folder on a dead disk must not keep a process that nobody listens to."""
    time.sleep(GRACE_SECONDS)
    os._exit(1)


def main() -> None:
    answers = os.dup(1)
    os.dup2(2, 1)  # what a library prints must not stand among the answers
    mailbox = Mailbox(sys.stdin.buffer, os.fdopen(answers, "w", encoding="ascii"), end_soon)
    mailbox.open()
    WindowService(mailbox).serve()
    sys.stdout.flush()
    os._exit(0)  # taking all modules down in order would keep a closing window waiting for 0.1 s


if __name__ == "__main__":
    main()
