"""The window's words: the .ts file holds all of them, each has its Chinese, and the .qm is compiled from it."""

from __future__ import annotations

import re
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import PySide6
import pytest
from PySide6.QtCore import QCoreApplication
from pytestqt.qtbot import QtBot

from gui.i18n.language import FOLDER, Language

ROOT = Path(__file__).parents[3]
TOOLS = Path(PySide6.__file__).parent
TS, QM = FOLDER / "kohya_like_zh_CN.ts", FOLDER / "kohya_like_zh_CN.qm"
CHINESE = re.compile(r"[\u4e00-\u9fff]")
SAME = {"English", "简体中文", "UNet"}  # names of languages are written in the language itself
READ = {"留空"}  # looked for in the helps of the catalogue, never shown from here

Message = tuple[str, str]


def messages(path: Path) -> dict[Message, ElementTree.Element]:
    """(context, source) -> message element."""
    found = {}
    for context in ElementTree.parse(path).getroot().iter("context"):
        for message in context.iter("message"):
            found[context.findtext("name", ""), message.findtext("source", "")] = message
    return found


def updated(folder: Path, sources: list[Path], start: Path | None = None) -> dict[Message, ElementTree.Element]:
    """What lupdate makes of sources, from an existing .ts or from nothing."""
    ts, listed = folder / "made.ts", folder / "files.lst"
    ts.write_bytes(start.read_bytes() if start else b'<!DOCTYPE TS><TS version="2.1" language="zh_CN"></TS>')
    listed.write_text("".join(f"{path}\n" for path in sources))
    command = [str(TOOLS / "lupdate"), f"@{listed}", "-locations", "none", "-silent", "-ts", str(ts)]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    return messages(ts)


def sources() -> list[Path]:
    return sorted(path for path in (ROOT / "gui").rglob("*.py") if path.name != "__init__.py")


def unfinished(found: dict[Message, ElementTree.Element]) -> list[Message]:
    """Words without a translation, and translations whose words are gone."""
    bad = []
    for key, message in found.items():
        translation = message.find("translation")
        if translation is None or translation.get("type") or not (translation.text or "").strip():
            bad.append(key)
    return bad


def test_no_word_of_the_window_is_untranslated_or_left_over(tmp_path: Path) -> None:
    found = updated(tmp_path, sources(), TS)
    assert len(found) > 100
    assert unfinished(found) == [], "run .ci/translations, write the Chinese into the .ts file, run it again"


def test_a_new_word_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.py"
    page.write_text(
        'from PySide6.QtCore import QObject\nclass Page(QObject):\n    def f(self):\n        self.tr("New")\n'
    )
    assert unfinished(updated(tmp_path, [*sources(), page], TS)) == [("Page", "New")]


def test_the_translations_are_chinese_and_keep_their_holes() -> None:
    wrong = []
    for (context, source), message in messages(TS).items():
        text = message.findtext("translation", "")
        holes = re.findall(r"\{\w*\}", source)
        has_words = re.search("[A-Za-z]", re.sub(r"\{\w*\}", "", source)) and source not in SAME
        if sorted(holes) != sorted(re.findall(r"\{\w*\}", text)) or (has_words and not CHINESE.search(text)):
            wrong.append((context, source, text))
    assert wrong == []


def test_the_compiled_file_is_that_of_the_text(tmp_path: Path) -> None:
    made = tmp_path / "made.qm"
    subprocess.run([str(TOOLS / "lrelease"), str(TS), "-qm", str(made), "-silent"], check=True)
    assert made.read_bytes() == QM.read_bytes(), "run .ci/translations"


def test_the_language_switches_live(qtbot: QtBot) -> None:
    language = Language("en")
    seen: list[str] = []
    language.changed.connect(lambda: seen.append(QCoreApplication.translate("MainWindow", "Train")))
    language.set("zh_CN")
    language.set("zh_CN")
    assert len(seen) == 1 and CHINESE.search(seen[0])
    assert CHINESE.search(QCoreApplication.translate("QPlatformTheme", "Cancel"))  # Qt's own buttons
    language.set("en")
    assert QCoreApplication.translate("MainWindow", "Train") == "Train"


@pytest.mark.parametrize("name", ["tlh", "", "zh_TW"])
def test_a_language_we_do_not_have_is_english(qtbot: QtBot, name: str) -> None:
    assert Language(name).name == "en"


def test_no_chinese_in_the_code_of_the_window() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:60]}"
        for path in sources()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if CHINESE.search(line) and not any(name in line for name in SAME | READ)
    ]
    assert found == []
