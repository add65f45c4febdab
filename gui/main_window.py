"""The window: a rail of pages, the page, and a footer that says what goes on and starts the training."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QByteArray, QEvent, QSize, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QFont, QFontMetrics, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QMainWindow,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gui.background import wait_for_all
from gui.desk import Desk
from gui.file_actions import FileActions
from gui.footer import Footer
from gui.recovery import Recovery
from gui.tab_order import next_stop, show_whole
from gui.theme import GAP, SMALL
from gui.widgets.banner import Banner
from gui.widgets.text import shortened

PAGES = ("train", "dataset", "captions", "runs", "settings")
SMALLEST = QSize(1000, 640)
USUAL = QSize(1280, 720)
RAIL_FOLDED, RAIL_AROUND_WORDS, RAIL_HEIGHT = 48, 60, 42  # px: the icon with its margins


class MainWindow(QMainWindow):
    """Builds each page at its first visit; everything shared lies on the desk."""

    def __init__(self, desk: Desk, recovery: Recovery | None = None) -> None:
        super().__init__()
        self.desk, self._recovery = desk, recovery
        self.files = FileActions(desk, self)
        self.pages: dict[str, QWidget] = {}
        self.buttons: dict[str, QToolButton] = {}
        self.stack = QStackedWidget()
        self.notice = Banner(desk, "hint")
        self.footer = Footer(desk)
        self._fold = QToolButton()
        self._may_close = False
        self._lay_out()
        self._connect()
        self._shortcuts()
        self.retranslate()
        self._draw()
        self.resize(USUAL)
        self.setMinimumSize(SMALLEST)
        if desk.settings.geometry:
            self.restoreGeometry(QByteArray(desk.settings.geometry))
        self.show_page("train")
        self.pages["train"].setFocus()  # not the rail's first button, which would look chosen twice
        QTimer.singleShot(0, self._after_first_paint)

    def _lay_out(self) -> None:
        rail = QFrame()
        rail.setProperty("role", "rail")
        self._rail = QVBoxLayout(rail)
        self._rail.setContentsMargins(0, GAP, 0, GAP)
        self._rail.setSpacing(SMALL)
        group = QButtonGroup(self)
        for name in PAGES:
            button = QToolButton()
            button.setProperty("role", "rail")
            button.setCheckable(True)
            button.setIconSize(QSize(20, 20))
            button.clicked.connect(lambda _=False, name=name: self.show_page(name))
            group.addButton(button)
            self.buttons[name] = button
            self._rail.addWidget(button)
        self._rail.addStretch(1)
        self._fold.setProperty("role", "fold")
        self._fold.setCheckable(True)
        self._fold.toggled.connect(self._on_rail_folded)
        self._rail.addWidget(self._fold)
        right = QVBoxLayout()
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(0)
        right.addWidget(self.notice)
        right.addWidget(self.stack, 1)
        right.addWidget(self.footer)
        middle = QWidget()
        row = QHBoxLayout(middle)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(rail)
        row.addLayout(right, 1)
        self.setCentralWidget(middle)

    def _connect(self) -> None:
        desk, wishes = self.desk, self.desk.wishes
        wishes.page_requested.connect(self.show_page)
        wishes.run_requested.connect(self._show_run)
        wishes.field_requested.connect(self._show_field)
        wishes.start_requested.connect(self.footer.start)
        desk.service.started.connect(self._on_started)
        desk.service.checked.connect(self._on_checked)
        desk.document.state_changed.connect(self._show_title)
        desk.document.opened.connect(self._show_title)
        desk.language.changed.connect(self.retranslate)
        desk.theme.changed.connect(self._draw)
        desk.settings.failed.connect(wishes.said)
        if self._recovery is not None:
            self._recovery.failed.connect(wishes.said)

    def _shortcuts(self) -> None:
        keys: dict[str, Callable[[], None]] = {
            "F5": self.footer.start,
            "Ctrl+O": self.files.open_dialog,
            "Ctrl+S": lambda: self._on_page("save", self.files.save),
            "Ctrl+Shift+S": self.files.save_as,
            "Ctrl+N": self.files.new,
            "Ctrl+Z": lambda: self._on_page("undo", self.desk.document.undo),
            "Ctrl+Y": lambda: self._on_page("redo", self.desk.document.redo),
            "Ctrl+Shift+Z": lambda: self._on_page("redo", self.desk.document.redo),
            "Ctrl+F": self._search,
            "Ctrl+B": self._fold.toggle,
        }
        for number, name in enumerate(PAGES, 1):
            keys[f"Ctrl+{number}"] = partial(self.show_page, name)
        for key, call in keys.items():
            QShortcut(QKeySequence(key), self).activated.connect(call)

    def _after_first_paint(self) -> None:
        """What the first picture of the window need not wait for."""
        self._show_problem()
        self.files.look_for_examples()
        self.desk.runs.refresh()
        if self._recovery is not None:
            self._recovery.look(self._offer_rescued)

    # pages

    def show_page(self, name: str) -> None:
        if name not in self.pages:
            self.pages[name] = self._make(name)
            self.stack.addWidget(self.pages[name])
        self.stack.setCurrentWidget(self.pages[name])
        self.buttons[name].setChecked(True)

    def _make(self, name: str) -> QWidget:
        """A page's module is imported when the page is first shown."""
        if name == "train":
            from gui.pages.train import TrainPage

            return TrainPage(self.desk, self.files)
        if name == "dataset":
            from gui.pages.dataset import DatasetPage

            return DatasetPage(self.desk)
        if name == "captions":
            from gui.pages.captions import CaptionsPage

            return CaptionsPage(self.desk)
        if name == "runs":
            from gui.pages.runs import RunsPage

            return RunsPage(self.desk)
        from gui.pages.settings import SettingsPage

        return SettingsPage(self.desk)

    def _show_run(self, path: str) -> None:
        self.show_page("runs")
        self.pages["runs"].show_run(path)  # type: ignore[attr-defined]

    def _show_field(self, key: str) -> None:
        """An option of a single folder stands on the Dataset page, all others on the Train page."""
        name = "dataset" if key.startswith("data.subsets") else "train"
        self.show_page(name)
        self.pages[name].show_field(key)  # type: ignore[attr-defined]

    def _on_page(self, name: str, otherwise: Callable[[], None]) -> None:
        """Undo, redo and save are the captions' while they are edited, else the configuration's."""
        page = self.stack.currentWidget()
        getattr(page, name, otherwise)() if page is self.pages.get("captions") else otherwise()

    def _search(self) -> None:
        self.show_page("train")
        self.pages["train"].search.setFocus()  # type: ignore[attr-defined]

    def _on_checked(self, answer: dict[str, Any]) -> None:
        """The runs of the preset's output folder are listed, too."""
        if files := (answer.get("report") or {}).get("files"):
            self.desk.runs.add_root(files["folder"])

    def _on_started(self, run: str) -> None:
        """A run of another output folder is found again by the next window."""
        self.desk.runs.attend(run)
        root, settings = str(Path(run).parents[1]), self.desk.settings
        if root not in settings.run_roots:
            settings.run_roots = [root, *settings.run_roots]
        self._show_run(run)

    def _show_problem(self) -> None:
        if problem := self.desk.settings.problem:
            self.notice.show_message(problem, kind="warning", again=self._show_problem)

    def _offer_rescued(self, name: str, take: Callable[[], None], discard: Callable[[], None]) -> None:
        said = self.tr("Unsaved changes of {name} were rescued from the last session.").format(name=name)

        def again() -> None:
            self._offer_rescued(name, take, discard)

        def agreed() -> None:
            self.notice.hide()
            take()

        def open_them() -> None:
            again()  # the offer stays where the person does not give up what is edited now
            self.files.before_closing(agreed)

        actions = [(self.tr("Open them"), open_them), (self.tr("Discard them"), discard)]
        self.notice.show_message(said, actions, again=again)

    # words and colours

    def retranslate(self) -> None:
        names = {
            "train": self.tr("Train"),
            "dataset": self.tr("Dataset"),
            "captions": self.tr("Captions"),
            "runs": self.tr("Runs"),
            "settings": self.tr("Settings"),
        }
        for number, (name, said) in enumerate(names.items(), 1):
            button = self.buttons[name]
            button.setText(said)
            button.setAccessibleName(said)
            button.setToolTip(f"{said} (Ctrl+{number})")
        self._fold.setText(self.tr("Fold"))
        self._fold.setToolTip(self.tr("Show icons only (Ctrl+B)"))
        self._fold.setAccessibleName(self.tr("Show icons only"))
        self._on_rail_folded(self._fold.isChecked())
        self._show_title()

    def _show_title(self) -> None:
        document = self.desk.document
        name = shortened(document.path.name) if document.path else self.tr("New configuration")
        self.setWindowTitle(f"{'* ' if document.modified else ''}{name} - kohya-like")

    def _on_rail_folded(self, folded: bool) -> None:
        style = Qt.ToolButtonStyle.ToolButtonIconOnly if folded else Qt.ToolButtonStyle.ToolButtonTextBesideIcon
        buttons = [*self.buttons.values(), self._fold]
        for button in buttons:
            button.setToolButtonStyle(style)
            button.ensurePolished()
        bold = QFont(self.font())
        bold.setBold(True)  # the chosen page's name
        words = 0 if folded else max(QFontMetrics(bold).horizontalAdvance(button.text()) for button in buttons)
        width = words + (RAIL_FOLDED if folded else RAIL_AROUND_WORDS)
        for button in buttons:
            button.setFixedSize(width, RAIL_HEIGHT)
        self._draw()

    def _draw(self) -> None:
        for name, button in self.buttons.items():
            button.setIcon(self.desk.theme.icon(name))
        self._fold.setIcon(self.desk.theme.icon("chevron-right" if self._fold.isChecked() else "chevron-left", "muted"))

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Qt's word for Tab and Shift+Tab."""
        stop = next_stop(self.centralWidget(), self.focusWidget(), forward)
        if stop is not None:
            show_whole(stop)
            stop.setFocus(Qt.FocusReason.TabFocusReason if forward else Qt.FocusReason.BacktabFocusReason)
        return stop is not None

    def changeEvent(self, event: QEvent) -> None:
        """Who comes back from elsewhere may have moved, added or deleted pictures there."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow():
            self.footer.check()

    # the end

    def closeEvent(self, event: QCloseEvent) -> None:
        """Asks about unsaved changes. A training that runs goes on; it belongs to its supervisor."""
        if not self._may_close:
            event.ignore()
            self.files.before_closing(self._close_now)
            return
        if self._recovery is not None:
            self._recovery.discard_own()
        self._end()
        event.accept()

    def leave(self) -> None:
        """End without a question (a signal, the end of the session): unsaved work is kept for the next start."""
        if self._recovery is not None:
            wait_for_all()
            self._recovery.keep()
        self._end()

    def _end(self) -> None:
        if (captions := self.pages.get("captions")) is not None:
            captions.end()  # type: ignore[attr-defined]
        self.desk.settings.set("geometry", bytes(self.saveGeometry().toBase64().data()).decode())
        self.desk.settings.write()
        self.desk.service.close()
        self.desk.runs.close()
        wait_for_all()

    def _close_now(self) -> None:
        self._may_close = True
        QTimer.singleShot(0, self.close)
