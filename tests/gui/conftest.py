"""For every test of the window: cycles of objects are collected between tests, no language or widget is left over."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
import shiboken6
from PySide6.QtCore import QCoreApplication, QEvent, QTranslator
from PySide6.QtWidgets import QApplication

MOST_WIDGETS = 100  # that may be left before it is worth while to look for cycles


def pytest_collection_finish() -> None:
    """What is imported stays: no search for cycles has to walk through it."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def folder_of_caches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def nothing_of_the_person(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folder_of_caches: Path) -> None:
    """Journals, backups and caches of captions lie in folders of the test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder_of_caches))
    monkeypatch.setenv("KOHYA_LIKE_STATE_DIR", str(tmp_path / "state"))


@pytest.fixture(autouse=True)
def no_widget_left_over() -> Iterator[None]:
    """A new theme polishes every widget there is: those of earlier tests would make each test slower than the last."""
    yield
    if isinstance(QApplication.instance(), QApplication):
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        if len(QApplication.allWidgets()) > MOST_WIDGETS:
            gc.collect()
            QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture(autouse=True)
def no_collection_in_threads() -> Iterator[None]:
    """As `gui.garbage` does for the window: a widget of an earlier test must not be destroyed in a reader's thread."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(autouse=True)
def no_language_left_over(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A translator that a test installed would speak in the next one."""
    installed: list[QTranslator] = []
    install = QCoreApplication.installTranslator

    def noted(one: QTranslator) -> bool:
        installed.append(one)
        return install(one)

    monkeypatch.setattr(QCoreApplication, "installTranslator", noted)
    yield
    for one in installed:
        if shiboken6.isValid(one):  # its Language may be gone
            QCoreApplication.removeTranslator(one)
