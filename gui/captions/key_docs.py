"""`python -m gui.captions.key_docs` writes the table of keys in docs/datasets.md and its Chinese twin.

Between `<!-- made: keys -->` and `<!-- end -->` stands what this makes of `keys.DEFAULTS` and the window's words.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

from PySide6.QtCore import QCoreApplication

from gui.captions.keys import DEFAULTS, FAVOURITES, Keys
from gui.i18n.language import Language
from gui.settings import Settings
from kohya_like.formats.atomic import atomic_text

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {"en": DOCS / "datasets.md", "zh_CN": DOCS / "datasets.zh-CN.md"}
UNANSWERED = ("crop", "rating")  # keys that are kept free: nothing answers them yet
BLOCK = re.compile(r"(<!-- made: keys -->\n).*?(<!-- end -->)", re.DOTALL)


def keys_table(language: str) -> str:
    """The keys as they are at first, in Markdown. Needs an application; leaves its language as it was."""
    words = Language(language)
    with tempfile.TemporaryDirectory() as folder:
        keys = Keys(Settings(Path(folder) / "settings.json"))
        rows = [(DEFAULTS[name], keys.label(name)) for name in DEFAULTS if name not in UNANSWERED]
    heads = QCoreApplication.translate("KeyDocs", "Key"), QCoreApplication.translate("KeyDocs", "What it does")
    words.set("en")
    kept = rows[:-FAVOURITES]
    first = rows[-FAVOURITES][1]
    kept.append(((f"1 ... {FAVOURITES}",), first.replace("1", f"1 ... {FAVOURITES}")))
    lines = [f"| {' '.join(f'`{key}`' for key in given)} | {label} |" for given, label in kept]
    return "\n".join([f"| {' | '.join(heads)} |", "|---|---|", *lines])


def page(language: str) -> str:
    """The document with its table made anew."""
    text = PAGES[language].read_text(encoding="utf-8")
    return BLOCK.sub(lambda found: f"{found[1]}\n{keys_table(language)}\n\n{found[2]}", text)


def main() -> int:
    application = QCoreApplication.instance() or QCoreApplication(sys.argv[:1])
    for language, path in PAGES.items():
        atomic_text(path, page(language))
        print(path)
    del application
    return 0


if __name__ == "__main__":
    sys.exit(main())
