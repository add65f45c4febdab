"""What all pages share, and the wishes they have of each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QObject, Signal

from gui.document import PresetDocument
from gui.i18n.language import Language
from gui.runs import RunIndex
from gui.service import Service
from gui.settings import Settings
from gui.theme import Theme


class Wishes(QObject):
    """Signals between pages."""

    page_requested = Signal(str)  # "train", "dataset", "captions", "runs", "settings"
    field_requested = Signal(str)  # dotted key: show its row and put the cursor there
    run_requested = Signal(str)  # run folder: show it
    start_requested = Signal()
    said = Signal(str)  # a sentence for the status line
    pictures_looked_over = Signal()  # `Desk.health` is another one
    files_written = Signal()  # captions or masks, by this window: what a check said of them may be old


def _at_once(go: Callable[[], None]) -> None:
    go()


@dataclass
class Desk:
    """One per window."""

    settings: Settings
    theme: Theme
    language: Language
    document: PresetDocument
    service: Service
    runs: RunIndex
    wishes: Wishes = field(default_factory=Wishes)
    before_start: Callable[[Callable[[], None]], None] = _at_once  # unwritten captions first, then the call
    health: dict[str, Any] = field(default_factory=dict)  # the newest look over the pictures, `Health.as_dict`
