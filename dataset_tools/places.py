"""Where this program keeps what it knows of datasets: never beside the pictures.

    cache folder/datasets/NAME-HASH.sqlite     the index: may be deleted at any time
    state folder/captions/                     journals and backups: a person's work

Both follow the rule of `kohya_like.data.fingerprint` for the cache folder (XDG on Linux).
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

from kohya_like.data.fingerprint import default_cache_dir

STATE_VARIABLE = "KOHYA_LIKE_STATE_DIR"


def index_file(folders: Sequence[str]) -> Path:
    """The SQLite file of a library of these folders."""
    return default_cache_dir() / "datasets" / f"{_name(folders)}.sqlite"


def state_folder(folders: Sequence[str]) -> Path:
    """Where the journals and the backups of captions lie: one place for all folders. A journal names its folders, so
    a session takes up what another one left, together with whatever other folders it was opened."""
    return state_home() / "captions"


def state_home() -> Path:
    """This user's folder for what must outlive the program, or what the variable says."""
    if given := os.environ.get(STATE_VARIABLE):
        return Path(given).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or os.path.join(os.path.expanduser("~"), "AppData", "Local")
    elif sys.platform == "darwin":
        base = os.path.join(os.path.expanduser("~"), "Library", "Application Support")
    else:
        base = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    return Path(base) / "kohya-like"


def _name(folders: Sequence[str]) -> str:
    """A file name that a person recognises and that no two lists of folders share."""
    real = sorted({os.path.realpath(os.path.expanduser(folder)) for folder in folders})
    digest = blake2b("\0".join(real).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    first = re.sub(r"[^\w-]+", "_", os.path.basename(real[0]) if real else "")[:40]
    return f"{first or 'dataset'}-{digest}"
