"""The window's language, switched while it is open.

The window's own words are Qt's (`self.tr`, kohya_like_zh_CN.ts); the fields' come from the schema's catalogues, and
sentences of the program are translated by `schema.texts.sentences`. Source texts are English.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QObject, QTranslator, Signal

from kohya_like.schema.texts import LANGUAGES, Texts, texts
from kohya_like.schema.texts.sentences import sentences

FOLDER = Path(__file__).parent
SYSTEM = "system"


class Language(QObject):
    """`name` is the language shown; `set("system")` follows the desktop. `changed` after each switch."""

    changed = Signal()

    def __init__(self, name: str = SYSTEM) -> None:
        super().__init__()
        self._translators: list[QTranslator] = []
        self.name = "en"
        self.set(name)

    @property
    def texts(self) -> Texts:
        """Labels and helps of the options."""
        return texts(self.name)

    def sentence(self, text: str) -> str:
        """A sentence of the program (a fault, a hint, an event) in this language; as it is where it has none."""
        return sentences(self.name).say(text)

    def set(self, name: str) -> None:
        """Show a language of LANGUAGES, or "system"."""
        chosen = system_language() if name == SYSTEM else name
        if chosen not in LANGUAGES:
            chosen = "en"
        if chosen == self.name:
            return
        self.name = chosen
        for translator in self._translators:
            QCoreApplication.removeTranslator(translator)
        self._translators = []
        if chosen != "en":
            qt = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
            self._load(f"qtbase_{chosen}", qt)
            self._load(f"kohya_like_{chosen}", str(FOLDER))
        QLocale.setDefault(QLocale(QLocale.Language.C))  # numbers are written as in the preset: 0.0001, never 0,0001
        self.changed.emit()

    def _load(self, name: str, folder: str) -> None:
        translator = QTranslator(self)
        if translator.load(name, folder):
            QCoreApplication.installTranslator(translator)
            self._translators.append(translator)


def system_language() -> str:
    """The first of the desktop's languages that we have."""
    for wanted in QLocale.system().uiLanguages():
        if wanted.lower().startswith("zh"):
            return "zh_CN"
        if wanted.lower().startswith("en"):
            return "en"
    return "en"
