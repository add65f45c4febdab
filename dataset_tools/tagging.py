"""The tagging process: opens a tagger, tags pictures, says each result as it is found. It writes to no caption.

    python -m dataset_tools.tagging

JSON lines in on stdin, JSON lines out on stdout, one object each; everything else that is printed goes to stderr.

    {"id": 1, "do": "tag", "tagger": {"kind": "wd14", "model": FOLDER}, "pictures": [PATH, ...]}
    {"id": 1, "do": "cancel"}                                    the request of that id; its results stay
    {"id": 2, "do": "look_up", "name": "owner/tagger"}           asks the hub; nothing is downloaded
    {"id": 3, "do": "fetch", "name": "owner/tagger", "to": FOLDER}

The kinds of taggers and their settings are the classes of `tagger_settings`. Answers carry the request's id:

    {"begun": true}                                              work on it begins; a model may take seconds to open
    {"tagger": {"kind": ..., "size": 448, "tags": {"general": 6947, ...}}}
    {"proposal": {"picture": PATH, "scores": {CATEGORY: [[TAG, SCORE], ...]}, "sentence": ""}}
    {"skipped": {"picture": PATH, "text": SENTENCE}}
    {"progress": [DONE, OF], "seconds": S}                       after each batch, at most every 0.2 s
    {"file": NAME, "bytes": [HERE, OF]}                          of a fetch
    {"ok": true, "tagged": N, "untagged": N, "cancelled": false}   the end; with "ok": false and "faults" where it broke
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dataset_tools.proposals import Proposal
from dataset_tools.tagger_settings import Settings, settings_from
from dataset_tools.tagging_requests import Request, Requests
from kohya_like.schema.errors import UserError

PROGRESS_SECONDS = 0.2
GRACE_SECONDS = 3.0  # after stdin was closed

Answer = dict[str, Any]


class TaggingService:
    """Answers requests one after another. The tagger stays open for the next request with the same settings."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._open: tuple[Settings, Any] | None = None
        self._work: Mapping[str, Callable[[Request], Answer]] = {
            "tag": self._tag,
            "look_up": self._look_up,
            "fetch": self._fetch,
        }

    def serve(self) -> None:
        """Until stdin is closed."""
        while (request := self._requests.take()) is not None:
            self._requests.answer(request.id, {"begun": True})
            self._requests.answer(request.id, self._answer(request))

    def _answer(self, request: Request) -> Answer:
        try:
            return self._work[request.do](request)
        except UserError as error:
            return failed(error.text, error.hint)
        except OSError as error:
            return failed(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        except MemoryError:
            return failed("there is not enough memory", "set a smaller batch")
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            return failed(f"{type(error).__name__}: {str(error)[:300]}", "this is our fault, not yours")

    def _tag(self, request: Request) -> Answer:
        from dataset_tools.taggers.pipeline import Skipped, outcomes

        def cancelled() -> bool:
            return self._requests.cancelled(request.id)

        tagger = self._tagger(settings_from(request.tagger), cancelled)
        self._requests.answer(request.id, {"tagger": dict(tagger.facts)})
        started = said = time.monotonic()
        counts = {"tagged": 0, "untagged": 0}
        fault: Answer = {"ok": True}
        try:
            for outcome in outcomes(tagger, request.pictures, cancelled):
                counts["untagged" if isinstance(outcome, Skipped) else "tagged"] += 1
                self._requests.answer(request.id, told(outcome))
                if (now := time.monotonic()) - said > PROGRESS_SECONDS:
                    said = now
                    self._progress(request, counts, now - started)
        except UserError as error:  # the results stay
            fault = failed(error.text, error.hint)
        self._progress(request, counts, time.monotonic() - started)
        return {**fault, **counts, "cancelled": cancelled()}

    def _progress(self, request: Request, counts: Mapping[str, int], seconds: float) -> None:
        body = {"progress": [sum(counts.values()), len(request.pictures)], "seconds": round(seconds, 2)}
        self._requests.answer(request.id, body)

    def _tagger(self, settings: Settings, cancelled: Callable[[], bool]) -> Any:
        from dataset_tools.taggers.opening import open_tagger

        if settings.kind == "endpoint":  # it costs nothing to open, and hears the cancel of its own request
            return open_tagger(settings, cancelled)
        if self._open is None or self._open[0] != settings:
            self._open = None  # its memory first
            self._open = settings, open_tagger(settings)
        return self._open[1]

    def _look_up(self, request: Request) -> Answer:
        from dataset_tools.tagger_files import listed, tagger_files

        listing = listed(request.name)
        files = tagger_files(listing)
        return {
            "ok": True,
            "name": listing.name,
            "endpoint": listing.endpoint,
            "licence": listing.licence,
            "revision": listing.revision,
            "files": [{"name": file.name, "size": file.size} for file in files],
            "total": sum(file.size for file in files),
        }

    def _fetch(self, request: Request) -> Answer:
        from dataset_tools.tagger_files import fetched, listed

        said = 0.0

        def report(name: str, have: int, size: int) -> None:
            nonlocal said
            if self._requests.cancelled(request.id):
                raise UserError("the download was cancelled", "what arrived is kept; fetch again to go on")
            if have >= size or time.monotonic() - said > PROGRESS_SECONDS:
                said = time.monotonic()
                self._requests.answer(request.id, {"file": name, "bytes": [have, size]})

        return {"ok": True, "folder": str(fetched(listed(request.name), Path(request.to), report))}


def told(outcome: Any) -> Answer:
    """An outcome of the pipeline as an answer."""
    if isinstance(outcome, Proposal):
        return {"proposal": outcome.as_dict()}
    return {"skipped": {"picture": outcome.picture, "text": outcome.reason}}


def failed(text: str, mend: str = "") -> Answer:
    return {"ok": False, "faults": [{"text": text, "mend": mend}]}


def end_soon() -> None:
    """A model that works for minutes must not keep a process that nobody listens to."""
    time.sleep(GRACE_SECONDS)
    os._exit(1)


def main() -> None:
    answers = os.dup(1)
    os.dup2(2, 1)  # what a library prints must not stand among the answers
    requests = Requests(sys.stdin.buffer, os.fdopen(answers, "w", encoding="ascii"), end_soon)
    requests.open()
    TaggingService(requests).serve()
    sys.stdout.flush()
    os._exit(0)  # threads of a server that does not answer must not keep it


if __name__ == "__main__":
    main()
