"""Which system libraries Qt's window needs on Linux, and which are missing here. Standard library only.

`setup.sh` runs this file before anything is installed (any Python 3), `doctor` and the window import it, so that
a person reads one apt line in place of the loader's "libEGL.so.1: cannot open shared object file".
The table is what `objdump -p` names for PySide6's QtGui, QtWidgets and the xcb platform plug-in.
"""

from __future__ import annotations

import ctypes
import sys

PACKAGES = {  # shared object -> Debian and Ubuntu package
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-util.so.1": "libxcb-util1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
}


def loads(shared_object: str) -> bool:
    try:
        ctypes.CDLL(shared_object)
    except OSError:
        return False
    return True


def missing_packages() -> list[str]:
    """Names of the packages whose library cannot be loaded; none on a system that is not Linux."""
    if sys.platform != "linux":
        return []
    return [package for library, package in PACKAGES.items() if not loads(library)]


def apt_line(packages: list[str]) -> str:
    return "sudo apt install " + " ".join(packages)


if __name__ == "__main__":
    sys.stdout.writelines(f"{package}\n" for package in missing_packages())
