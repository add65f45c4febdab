"""`python -m kohya_like.config_docs` writes docs/keys.md from the options, so that it is never behind the code."""

from __future__ import annotations

import sys
from pathlib import Path

from kohya_like.config import TrainConfig
from kohya_like.formats.atomic import atomic_text
from kohya_like.schema.docs import keys_markdown

KEYS_FILE = Path(__file__).parent.parent / "docs" / "keys.md"


def keys_text() -> str:
    return keys_markdown(TrainConfig, "Options of a training")


def main(path: Path = KEYS_FILE) -> int:
    path.parent.mkdir(exist_ok=True)
    atomic_text(path, keys_text())
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
