"""The window's service in a thread of the test's process, behind real pipes."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kohya_like.mailbox import Mailbox
from kohya_like.window_service import WindowService

PRESETS = Path(__file__).parent.parent / "presets"
DEMO = (PRESETS / "demo.toml").read_text(encoding="utf-8")
Answer = dict[str, Any]


class Talk:
    """The service in a thread of this process, with real pipes."""

    def __init__(self) -> None:
        requests, self._to_service = os.pipe()
        self._from_service, answers = os.pipe()
        self.mailbox = Mailbox(os.fdopen(requests, "rb"), os.fdopen(answers, "w", encoding="ascii"))
        self.answers: list[Answer] = []
        self._changed = threading.Condition()
        self._threads = [threading.Thread(target=self._listen, daemon=True)]
        self._threads[0].start()
        self.number = 0
        self.mailbox.open()

    def serve(self) -> None:
        self._threads.append(threading.Thread(target=WindowService(self.mailbox).serve, daemon=True))
        self._threads[-1].start()

    def _listen(self) -> None:
        with os.fdopen(self._from_service, encoding="ascii") as lines:
            for line in lines:
                with self._changed:
                    self.answers.append(json.loads(line))
                    self._changed.notify_all()

    def write(self, line: bytes) -> None:
        os.write(self._to_service, line)

    def ask(self, do: str, **values: Any) -> int:
        self.number += 1
        self.write(json.dumps({"id": self.number, "do": do, **values}).encode() + b"\n")
        return self.number

    def wait(self, number: int | None, is_wanted: Callable[[Answer], bool] = lambda answer: True) -> Answer:
        """The first answer to a request that is more than a sign of life."""

        def found() -> Answer | None:
            own = (answer for answer in self.answers if answer.get("id", 0) == number)
            return next((answer for answer in own if is_wanted(answer) and not {"begun", "reading"} & {*answer}), None)

        with self._changed:
            assert self._changed.wait_for(found, 20), self.answers
            answer = found()
        assert answer is not None
        return answer

    def check(self, text: str = DEMO, folder: Path = PRESETS) -> Answer:
        return self.wait(self.ask("check", text=text, source="my.toml", folder=str(folder)))

    def until(self, is_so: Callable[[], bool]) -> None:
        """Until that is so of the mailbox."""
        with self.mailbox._changed:
            assert self.mailbox._changed.wait_for(is_so, 20)

    def close(self) -> None:
        os.close(self._to_service)
        for thread in self._threads[1:]:
            thread.join(10)
            assert not thread.is_alive()
