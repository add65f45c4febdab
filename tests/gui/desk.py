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
