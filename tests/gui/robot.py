"""A robot that uses the window without sense: clicks, types, drops, switches, undoes, opens and saves, by a seed.

    QT_QPA_PLATFORM=offscreen python -m tests.gui.robot FOLDER [SEED] [ACTIONS]

`Robot.problems` are the finds: exceptions, what Qt warns of, files touched in the UI thread, a text that is no TOML.
Dialogs answer by themselves; nothing is ever started, downloaded, or opened outside the window.
"""

from __future__ import annotations

import random
import sys
import tomllib
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from unittest import mock

from PySide6.QtCore import Qt, QtMsgType, qInstallMessageHandler
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QFileDialog,
    QLineEdit,
    QMessageBox,
    QPlainTextEdit,
    QPushButton,
    QTabBar,
    QToolButton,
    QWidget,
)

from gui.background import wait_for_all
from gui.fetch import Fetch
from gui.main_window import PAGES, MainWindow
from tests.gui.looks import settle
from tests.gui.watch import io_of_main_thread

KEYS = (
    Qt.Key.Key_Tab, Qt.Key.Key_Backtab, Qt.Key.Key_Return, Qt.Key.Key_Escape, Qt.Key.Key_Up, Qt.Key.Key_Down,
    Qt.Key.Key_PageUp, Qt.Key.Key_Delete, Qt.Key.Key_Backspace, Qt.Key.Key_Space, Qt.Key.Key_F5, Qt.Key.Key_Home,
)  # fmt: skip
CONTROL_KEYS = (
    Qt.Key.Key_Z, Qt.Key.Key_Y, Qt.Key.Key_A, Qt.Key.Key_X, Qt.Key.Key_V, Qt.Key.Key_B, Qt.Key.Key_F, Qt.Key.Key_S,
    Qt.Key.Key_1, Qt.Key.Key_2, Qt.Key.Key_3, Qt.Key.Key_4,
)  # fmt: skip
TEXTS = (
    "4", "1e-4", "-1", "abc", "", "\u6f22\u5b57", "a b", "\"'", "[1, 2", "<b>x</b>", "\U0001f47b", "../x", "~",
    "%s {0}", "512", "\\", "#", "x" * 300, "/tmp", "nan", "\u202e", "1,5", "0",
)  # fmt: skip
ROOT = str(Path(__file__).parents[2])  # the program's own files: icons, catalogues
QUIET = ("propagateSizeHints", "QFont::", "libpng", "qt.qpa", "This plugin does not support")


class Robot:
    """Does `actions` one after the other; the window is shown, and stays open whatever it is told."""

    def __init__(self, window: MainWindow, presets: list[Path], seed: int) -> None:
        self.window, self.presets = window, presets
        self.random = random.Random(seed)
        self.problems: list[str] = []
        self.done: list[str] = []
        self.saved: set[str] = set()
        self.base = window.desk.document.text
        window.desk.document.opened.connect(self._on_opened)
        window.desk.document.saved.connect(self.saved.add)
        self._acts: list[tuple[int, Callable[[], object]]] = [
            (30, self._click), (25, self._type), (18, self._press), (8, self._choose), (6, self._tab), (6, self._page),
            (8, self._undo), (2, self._open), (2, self._language), (2, self._theme), (2, self._resize), (2, self._menu),
            (3, self._item), (1, self._save), (4, self._field), (4, self._wait), (2, self._dialog),
        ]  # fmt: skip

    def run(self, actions: int) -> list[str]:
        """Returns the finds."""
        weights = [weight for weight, _ in self._acts]
        with self._stubs(), self._ears(), io_of_main_thread() as touched:
            for _ in range(actions):
                act = self.random.choices(self._acts, weights)[0][1]
                self.done.append(act.__name__)
                act()
                QApplication.processEvents()
                self._look(touched)
                if len(self.problems) > 20:
                    break
            settle()
            self._look(touched)
        return self.problems

    def undo_all(self) -> str:
        """The text after everything was taken back."""
        document = self.window.desk.document
        while document.can_undo:
            document.undo()
        return document.text

    def _look(self, touched: list[str]) -> None:
        if foreign := [what for what in touched if not what.split(" ", 1)[1].startswith(ROOT)]:
            self.problems.append(f"UI thread: {foreign} in {self.done[-3:]}")
        touched.clear()
        try:
            tomllib.loads(self.window.desk.document.text)
        except ValueError as fault:
            self.problems.append(f"no TOML: {fault} after {self.done[-3:]}")

    # what it does

    def _widgets(self, *kinds: type[QWidget]) -> list[QWidget]:
        roots: list[QWidget] = [self.window]
        modal = QApplication.activeModalWidget()
        if modal is not None:
            roots = [modal]
        return [
            one
            for root in roots
            for kind in kinds
            for one in root.findChildren(kind)
            if one.isVisible() and one.isEnabled() and one.width() > 0
        ]

    def _pick(self, *kinds: type[QWidget]) -> QWidget | None:
        found = self._widgets(*kinds)
        return self.random.choice(found) if found else None

    def _click(self) -> None:
        button = self._pick(QAbstractButton)
        if isinstance(button, QToolButton) and button.menu() is not None:
            return
        if isinstance(button, QPushButton | QToolButton | QAbstractButton):
            self.done[-1] += f" {button.accessibleName() or button.text()}"
            QTest.mouseClick(button, Qt.MouseButton.LeftButton)

    def _type(self) -> None:
        field = self._pick(QLineEdit, QAbstractSpinBox, QPlainTextEdit)
        if field is None:
            return
        self.done[-1] += f" {field.accessibleName()}"
        field.setFocus()
        if self.random.random() < 0.6:
            QTest.keyClick(field, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        text = self.random.choice(TEXTS)
        if text.isascii():
            QTest.keyClicks(field, text)
        else:
            QApplication.clipboard().setText(text)
            QTest.keyClick(field, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
        if self.random.random() < 0.3:
            QTest.keyClick(field, Qt.Key.Key_Return)

    def _press(self) -> None:
        target = QApplication.focusWidget() or self.window
        if self.random.random() < 0.5:
            QTest.keyClick(target, self.random.choice(CONTROL_KEYS), Qt.KeyboardModifier.ControlModifier)
        else:
            QTest.keyClick(target, self.random.choice(KEYS))

    def _choose(self) -> None:
        box = self._pick(QComboBox)
        if isinstance(box, QComboBox) and box.count():
            index = self.random.randrange(box.count())
            box.setCurrentIndex(index)
            box.activated.emit(index)
            box.textActivated.emit(box.currentText())

    def _tab(self) -> None:
        bar = self._pick(QTabBar)
        if isinstance(bar, QTabBar) and bar.count():
            bar.setCurrentIndex(self.random.randrange(bar.count()))

    def _page(self) -> None:
        self.window.show_page(self.random.choice(PAGES))

    def _undo(self) -> None:
        document = self.window.desk.document
        for _ in range(self.random.randrange(1, 6)):
            self.random.choice((document.undo, document.undo, document.redo))()

    def _open(self) -> None:
        self.window.files.open(str(self.random.choice(self.presets)))
        if self.random.random() < 0.7:
            wait_for_all()

    def _language(self) -> None:
        self.window.desk.language.set(self.random.choice(("en", "zh_CN")))

    def _theme(self) -> None:
        self.window.desk.theme.set(self.random.choice(("light", "dark")))

    def _resize(self) -> None:
        self.window.resize(self.random.randrange(1000, 1500), self.random.randrange(640, 900))

    def _menu(self) -> None:
        button = self._pick(QToolButton)
        menu = button.menu() if isinstance(button, QToolButton) else None
        if menu is not None:
            menu.aboutToShow.emit()
            actions = [action for action in menu.actions() if action.isEnabled() and not action.isSeparator()]
            if actions:
                self.random.choice(actions).trigger()

    def _item(self) -> None:
        view = self._pick(QAbstractItemView)
        if isinstance(view, QAbstractItemView) and view.model() is not None and view.model().rowCount():
            view.setCurrentIndex(view.model().index(self.random.randrange(view.model().rowCount()), 0))

    def _save(self) -> None:
        self.random.choice((self.window.files.save, self.window.files.save_as))()

    def _field(self) -> None:
        keys = ("network.dim", "optimizer.optimizer_args", "data.subsets[0].num_repeats", "sample.prompts",
                "model.base", "hardware.threads", "data.resolution", "nobody.knows", "objective.huber_c")  # fmt: skip
        self.window.desk.wishes.field_requested.emit(self.random.choice(keys))

    def _wait(self) -> None:
        self.random.choice((wait_for_all, lambda: QTest.qWait(self.random.randrange(1, 60))))()

    def _dialog(self) -> None:
        for one in QApplication.topLevelWidgets():
            if isinstance(one, QDialog) and one.isVisible():
                one.reject()

    # what it hears, and what does not reach the world

    def _on_opened(self) -> None:
        self.base = self.window.desk.document.text

    def _path(self) -> str:
        return str(self.random.choice(self.presets))

    @contextmanager
    def _stubs(self) -> Iterator[None]:
        buttons = QMessageBox.StandardButton
        folder = self.presets[0].parent
        own = ("", *(f"{folder}/own {number}.toml" for number in range(3)))
        service = self.window.desk.service
        answers: list[tuple[object, str, Callable[..., object]]] = [
            (QFileDialog, "getOpenFileName", lambda *_: (self.random.choice(("", self._path())), "")),
            (QFileDialog, "getSaveFileName", lambda *_: (self.random.choice(own), "")),
            (QFileDialog, "getExistingDirectory", lambda *_: self.random.choice(("", str(folder)))),
            (QFileDialog, "open", lambda dialog, *_: dialog.fileSelected.emit(self._path())),
            (QMessageBox, "exec", lambda _: self.random.choice((buttons.Save, buttons.Discard, buttons.Cancel))),
            (QDesktopServices, "openUrl", lambda *_: True),
            (Fetch, "start", lambda *_: None),
            (service, "start", lambda *_: self.random.choice((lambda: service.refused.emit([]), lambda: None))()),
            (service, "resume", lambda *_: service.refused.emit([])),
            (service, "look_up", lambda *_: service.look_up_failed.emit("no network", "")),
        ]  # fmt: skip
        patches = [mock.patch.object(owner, name, call) for owner, name, call in answers]
        for patch in patches:
            patch.start()
        try:
            yield
        finally:
            for patch in patches:
                patch.stop()

    @contextmanager
    def _ears(self) -> Iterator[None]:
        before = sys.excepthook

        def on_exception(kind: type[BaseException], fault: BaseException, trace: TracebackType | None) -> None:
            told = "".join(traceback.format_exception(kind, fault, trace))
            self.problems.append(f"{told}after {self.done[-3:]}")

        def on_message(kind: QtMsgType, _context: object, text: str) -> None:
            if kind != QtMsgType.QtDebugMsg and not any(quiet in text for quiet in QUIET):
                self.problems.append(f"Qt: {text} after {self.done[-3:]}")

        sys.excepthook = on_exception
        old = qInstallMessageHandler(on_message)
        try:
            yield
        finally:
            qInstallMessageHandler(old)
            sys.excepthook = before


WRONG = """# wrong from end to end
stray = 1
[model]
base = 3
family = [1, 2]
[network]
name = {a = 1}
dim = "x"
alpha = 1979-05-27T07:32:00Z
targets = 7
[optimizer]
name = 12
learning_rate = "\\u0000"
optimizer_args = [1]
[data]
train_data_dir = "\\u0000~\\u0000"
resolution = [1, 2, 3]
subsets = [{image_dir = 5}, {image_dir = "a", num_repeats = "b", x = {y = 1}}]
[train]
max_train_steps = nan
[sample]
prompts = "one"
[save]
output_dir = ["a"]
output_name = {}
[nobody]
knows = [[[[1]]]]
"""


def make_presets(folder: Path) -> list[Path]:
    """Valid, broken, wrong in every value, huge, with strange names."""
    folder.mkdir(parents=True)
    pictures = folder / "train" / "3_sks cat"
    pictures.mkdir(parents=True)
    (pictures / "a.txt").write_text("sks cat")
    texts = {
        "plain.toml": "# notes\n[network]\ndim = 8  # mine\n\n[data]\ntrain_data_dir = 'train'\n",
        "subsets.toml": "[[data.subsets]]\nimage_dir = 'train/3_sks cat'\n"
        "[[data.subsets]]\nimage_dir = 'b'\nnum_repeats = 2\n",
        "broken.toml": "[network\ndim = ",
        "wrong.toml": WRONG,
        "kohya.json": "{}",
        "many.toml": "[stray]\n" + "".join(f"key{number} = {number}\n" for number in range(3000)),
        "strange %s & 'n\u00e4me' \u6587\u4ef6 \U0001f47b.toml": "[train]\nmax_train_epochs = 2\n",
        f"{'long' * 50}.toml": "[sample]\nprompts = ['a', 'b']\n",
        "algorithm.toml": "[network]\nname = 'loha'\n[optimizer]\nname = 'prodigy'\noptimizer_args = {d_coef = 1.0}\n",
    }  # fmt: skip
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    return [*sorted(folder.glob("*.toml")), folder / "kohya.json", folder / "not there.toml", folder]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def main(folder: Path, seed: int, actions: int) -> int:
    from gui.app import make_window
    from gui.garbage import Garbage

    application = QApplication(sys.argv[:1])
    Garbage(application)
    presets = make_presets(folder / f"presets {seed}")
    window = make_window(folder / f"settings {seed}", "")
    window.show()
    robot = Robot(window, presets, seed)
    for problem in robot.run(actions):
        print(problem)
    window._may_close = True
    window.close()
    print(f"seed {seed}: {len(robot.done)} actions, {len(robot.problems)} problems")
    return bool(robot.problems)


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), *(int(word) for word in (*sys.argv[2:4], "1", "300")[:2])))
