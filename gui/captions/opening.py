"""Opening folders, closing them, and noticing what other programs do there: all of it in the reading thread."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QFileSystemWatcher, QObject, QThreadPool, QTimer

from dataset_tools.library import Library
from dataset_tools.session import CaptionSession
from gui.background import later
from gui.captions.showing import Shown, Wish, look

if TYPE_CHECKING:
    from gui.captions.desk import CaptionDesk

PROGRESS_SECONDS = 0.1  # between two words of it
LOOK_AFTER_MILLISECONDS = 700  # after a folder said that something changed
MOST_WATCHED = 500  # folders; changes in others are seen when the window is activated


@dataclass(frozen=True)
class Opened:
    library: Library
    shown: Shown


class Opening(QObject):
    """Part of a CaptionDesk; lives in the UI thread."""
