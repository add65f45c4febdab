"""A desk for tests: everything of a window in a folder of its own."""

from __future__ import annotations

from pathlib import Path

from gui.desk import Desk
from gui.document import PresetDocument
from gui.i18n.language import Language
from gui.runs import RunIndex
from gui.service import Service
from gui.settings import Settings
from gui.theme import Theme


def make_desk(folder: Path, language: str = "en", theme: str = "light") -> Desk:
    """Needs a QApplication (`qtbot` makes one). Settings and recovery files lie in `folder`."""
    return Desk(
        settings=Settings(folder / "settings.json"),
        theme=Theme(theme),
        language=Language(language),
        document=PresetDocument(),
        service=Service(debounce_ms=0),
        runs=RunIndex(),
    )


class StillService(Service):
    """Starts no child: remembers what it was asked, and answers what a test says."""

    def __init__(self) -> None:
        super().__init__(debounce_ms=0)
        self.asked: list[tuple[str, ...]] = []

    def check(self, text: str, source: str, folder: str) -> None:
        self.asked.append(("check", text, source, folder))

    def start(self, text: str, source: str, folder: str) -> None:
        self.asked.append(("start", text, source, folder))

    def resume(self, run: str) -> None:
        self.asked.append(("resume", run))

    def look_up(self, name: str) -> None:
        self.asked.append(("look_up", name))

    def sample(self, text: str, folder: str, concept: int, picture: int, epoch: int, repeat: int) -> None:
        self.asked.append(("sample", text, folder, str(concept), str(picture), str(epoch), str(repeat)))

    def answer(self, *faults: dict[str, object]) -> None:
        """As if the newest check had been answered with these faults."""
        self.latest = {"ok": not faults, "report": None, "faults": list(faults)}
        self.checked.emit(self.latest)

    def times(self, do: str) -> int:
        return sum(asked[0] == do for asked in self.asked)


def fault(text: str, key: str = "", severity: str = "error", code: str = "", mend: str = "") -> dict[str, object]:
    """A fault as the service tells it."""
    return {"text": text, "key": key, "where": "", "mend": mend, "severity": severity, "code": code, "fix": None}


def still_desk(folder: Path, language: str = "en", theme: str = "light") -> Desk:
    """A desk whose service asks nobody."""
    desk = make_desk(folder, language, theme)
    desk.service = StillService()
    return desk
