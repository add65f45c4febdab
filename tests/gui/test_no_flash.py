"""Nothing of the window is a window of its own for a moment: it would flash, and take the keyboard away."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from gui.main_window import PAGES, MainWindow
from tests.gui import run_folders
from tests.gui.desk import StillService, fault, still_desk
from tests.gui.looks import settle
from tests.gui.robot import WRONG


class Windows(QObject):
    """The top-level widgets that are shown."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[str] = []
        QApplication.instance().installEventFilter(self)  # type: ignore[union-attr]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Show and isinstance(watched, QWidget) and watched.isWindow():
            self.shown.append(type(watched).__name__)
        return False


def test_only_the_window_is_a_window(qtbot: QtBot, tmp_path: Path) -> None:
    windows = Windows()
    desk = still_desk(tmp_path)
    window = MainWindow(desk)
    qtbot.addWidget(window, before_close_func=lambda one: setattr(one, "_may_close", True))
    window.show()
    settle()
    assert windows.shown == ["MainWindow"]
    page = window.pages["train"]
    page.set_level("all")  # type: ignore[attr-defined]
    for tab in ("model", "folders", "basic", "advanced", "samples"):
        page.open_tab(tab)  # type: ignore[attr-defined]
        settle()
    for text in (WRONG, "[network]\ndmi = 3\nalpah = 1\n"):
        desk.document.new(text)
        settle()
    desk.document.add_item("data.subsets", {"image_dir": "x"})
    service = desk.service
    assert isinstance(service, StillService)
    service.answer(
        fault("x", "network.dim"), fault("y", severity="hint"), fault("z", "model.base", "warning", mend="w")
    )
    run = run_folders.make(tmp_path / "out", events=run_folders.DONE)
    for name in PAGES:
        window.show_page(name)
        settle()
    desk.wishes.run_requested.emit(str(run))
    desk.document.failed.emit("a", "b")
    window.notice.show_message("x", [("a", lambda: None), ("b", lambda: None), ("c", lambda: None)])
    settle()
    desk.wishes.field_requested.emit("data.subsets[0].num_repeats")
    desk.language.set("zh_CN")
    desk.theme.set("dark")
    window.resize(1100, 700)
    settle()
    assert windows.shown == ["MainWindow"]
    assert window.isActiveWindow()
