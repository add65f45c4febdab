"""Opens the window: settings, look, language, the desk, and the window itself."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from gui.desk import Desk
from gui.document import PresetDocument
from gui.garbage import Garbage
from gui.i18n.language import Language
from gui.main_window import MainWindow
from gui.recovery import Recovery
from gui.runs import RunIndex
from gui.service import Service
from gui.settings import Settings, config_folder
from gui.theme import Theme

SIGNAL_POLL_MILLISECONDS = 300


def make_window(folder: Path, preset: str = "") -> MainWindow:
    """The window with everything it needs; needs a QApplication."""
    settings = Settings(folder / "settings.json")
    desk = Desk(
        settings=settings,
        theme=Theme(settings.theme),
        language=Language(settings.language),
        document=PresetDocument(),
        service=Service(),
        runs=RunIndex(),
    )
    for root in settings.run_roots:
        desk.runs.add_root(root)
    window = MainWindow(desk, Recovery(desk.document, folder / "rescued"))
    if preset:
        window.files.open(preset)
    elif settings.recent and settings.get("start", "last") == "last":
        desk.document.open(Path(settings.recent[0]))
    return window


def run(preset: str = "") -> int:
    """Open the window and stay until it is closed."""
    application = QApplication.instance() or QApplication(sys.argv[:1])
    application.setApplicationName("kohya-like")
    Garbage(application)
    window = make_window(config_folder(), preset)
    window.setWindowIcon(window.desk.theme.icon("app", "accent"))

    def leave() -> None:
        window.leave()
        application.exit(0)  # not `quit`, which closes the window first: it would ask, and stay

    # Ctrl+C in the terminal asks nothing: unsaved work is offered at the next start. Python sees a signal only while
    # it runs, hence the ticks.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: QTimer.singleShot(0, leave))
    ticks = QTimer(interval=SIGNAL_POLL_MILLISECONDS)
    ticks.timeout.connect(lambda: None)
    ticks.start()
    window.show()
    return int(application.exec())
