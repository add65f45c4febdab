"""Every page in every language and theme at one scale: what is clipped, and a picture of each.

    QT_SCALE_FACTOR=1.5 QT_QPA_PLATFORM=offscreen python -m tests.gui.looks FOLDER

Prints JSON: for each page, language and theme the texts whose widget is smaller than they need. The window has
1280x720 logical pixels. With --shots the pictures are written into the folder. A scale holds for a whole process.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from PySide6.QtCore import QDeadlineTimer, QEventLoop, Qt
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QCheckBox,
    QComboBox,
    QLabel,
    QPushButton,
    QStyle,
    QStyleOptionComboBox,
    QTabBar,
    QToolButton,
    QWidget,
)

from gui.background import wait_for_all
from gui.form import Form
from gui.main_window import PAGES, MainWindow
from gui.widgets.text import ElidedLabel

LANGUAGES, THEMES = ("en", "zh_CN"), ("light", "dark")
TABS = ("model", "folders", "basic", "advanced", "samples")


def clipped(page: QWidget) -> Iterator[str]:
    """What cannot be read whole: labels and buttons smaller than their text, tab bars that scroll."""
    for label in page.findChildren(QLabel):
        if (
            label.isVisibleTo(page)
            and label.text()
            and not isinstance(label, ElidedLabel)
            and (said := _cut_label(label))
        ):
            yield said
    for kind in (QPushButton, QToolButton, QCheckBox):
        for button in page.findChildren(kind):
            if button.isVisibleTo(page) and button.text() and (said := _cut(button, button.text())):
                yield said
    for box in page.findChildren(QComboBox):
        if box.isVisibleTo(page) and not box.isEditable() and box.currentText():
            style = QStyleOptionComboBox()
            box.initStyleOption(style)
            control = QStyle.ComplexControl.CC_ComboBox
            part = QStyle.SubControl.SC_ComboBoxEditField
            room = box.style().subControlRect(control, style, part, box).width()
            wanted = (
                box.fontMetrics().tightBoundingRect(box.currentText()).width()
            )  # the ink: a full-width bracket ends in air
            if wanted > room:
                yield f"QComboBox {box.currentText()[:40]!r}: {room} of {wanted} px"
    for bar in page.findChildren(QTabBar):
        if bar.isVisibleTo(page):
            wanted = sum(bar.tabSizeHint(i).width() for i in range(bar.count()))
            if wanted > bar.width() + 1:
                yield f"QTabBar: {bar.width()} of {wanted} px"


def _cut_label(label: QLabel) -> str:
    if label.wordWrap():
        wanted = label.heightForWidth(label.width())
        widest = max(
            (label.fontMetrics().horizontalAdvance(w) for w in label.text().split() if w.isascii() and len(w) < 20),
            default=0,
        )
        if label.height() + 1 < wanted or label.width() + 1 < widest:
            return f"QLabel {label.text()[:40]!r}: {label.width()}x{label.height()}, wants height {wanted}"
        return ""
    return _cut(label, label.text())


def _cut(widget: QLabel | QAbstractButton, text: str) -> str:
    wanted, there = widget.sizeHint(), widget.size()
    icon_only = Qt.ToolButtonStyle.ToolButtonIconOnly
    if isinstance(widget, QToolButton) and widget.toolButtonStyle() == icon_only and not widget.icon().isNull():
        return ""
    if there.width() + 1 < wanted.width() or there.height() + 1 < wanted.height():
        sizes = f"{there.width()}x{there.height()} of {wanted.width()}x{wanted.height()}"
        return f"{type(widget).__name__} {text[:40]!r}: {sizes}"
    return ""


def settle(milliseconds: int = 3000) -> None:
    """Run the event loop until nothing more is under way (background work, lazy forms, layout)."""
    deadline = QDeadlineTimer(milliseconds)
    quiet = 0
    while quiet < 5 and not deadline.hasExpired():
        quiet = quiet + 1 if wait_for_all(50) and not _being_built() else 0
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)


def _being_built() -> bool:
    """Forms make their rows a few at a time; on a busy machine that takes longer than all the rest."""
    forms = (form for window in QApplication.topLevelWidgets() for form in window.findChildren(Form))
    return any(form.isVisible() and not form.complete for form in forms)


def views(window: MainWindow) -> Iterator[tuple[str, QWidget]]:
    """Every page, and every tab of the Train page in both levels."""
    for name in PAGES:
        window.show_page(name)
        if name != "train":
            settle()
            yield name, window
            if name == "captions":
                yield from captions_tools(window)
            continue
        train = window.pages["train"]
        for level in ("basic", "all"):
            train.set_level(level)  # type: ignore[attr-defined]
            for tab in TABS:
                train.open_tab(tab)  # type: ignore[attr-defined]
                settle()
                yield f"train-{tab}-{level}", window


def captions_tools(window: MainWindow) -> Iterator[tuple[str, QWidget]]:
    """The captions page with each of its tools open, over a list of pictures."""
    page = window.pages["captions"]
    page.gallery.set_mode("list")  # type: ignore[attr-defined]
    for tool in page.tools.tools:  # type: ignore[attr-defined]
        page.tools.show_tool(tool)  # type: ignore[attr-defined]
        settle()
        yield f"captions-{tool}", window
    page.tools.leave()  # type: ignore[attr-defined]
    page.gallery.set_mode("grid")  # type: ignore[attr-defined]


def survey(window: MainWindow, shots: Path | None = None) -> dict[str, list[str]]:
    """Clipped texts by "page language theme"; pictures too, if a folder is given."""
    found = {}
    for language in LANGUAGES:
        window.desk.language.set(language)
        for theme in THEMES:
            window.desk.theme.set(theme)
            for name, shown in views(window):
                found[f"{name} {language} {theme}"] = list(clipped(shown))
                if shots is not None:
                    shown.grab().save(str(shots / f"{name}-{language}-{theme}.png"))
    return found


def chinese_fonts() -> list[str]:
    return list(QFontDatabase.families(QFontDatabase.WritingSystem.SimplifiedChinese))


def main(folder: Path, shots: bool) -> int:
    from gui.app import make_window

    application = QApplication(sys.argv[:1])
    window = make_window(folder, "")
    window.files.open_example(str(Path(__file__).parents[2] / "presets" / "demo.toml"))
    window.resize(1280, 720)
    window.show()
    window.desk.service.checked.connect(lambda _: checked.append(1))
    checked: list[int] = []
    deadline = QDeadlineTimer(20_000)
    while not checked and not deadline.hasExpired():
        application.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 50)
    found = survey(window, folder if shots else None)
    print(json.dumps({"fonts": len(chinese_fonts()), "checked": bool(checked), "clipped": found}, ensure_ascii=False))
    window.desk.service.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), "--shots" in sys.argv))
