"""python -m gui [PRESET]: what can be said without a screen is said here, then the window opens."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence

from kohya_like.qt_libraries import apt_line, missing_packages

IN_A_BROWSER = ("--listen", "--server_port", "--inbrowser", "--share")


def obstacle(environment: Mapping[str, str], missing: Sequence[str]) -> str:
    """Why no window can open here, in a sentence; empty if one can. Qt itself would abort."""
    if sys.platform != "linux" or environment.get("QT_QPA_PLATFORM") or environment.get("WAYLAND_DISPLAY"):
        return ""
    if not environment.get("DISPLAY"):
        return "there is no screen here; train in the terminal: ./run.sh train PRESET (./run.sh --help lists the verbs)"
    if missing:
        return f"the window needs system libraries that are not here: {apt_line(list(missing))}"
    return ""


def main(argv: Sequence[str]) -> int:
    """Open the window. 2 for wrong options, 1 where no window can open."""
    if asked := [word for word in argv if word.partition("=")[0] in IN_A_BROWSER]:
        print(
            f"{asked[0]}: the window in a browser is not there yet; over ssh use ./run.sh train PRESET", file=sys.stderr
        )
        return 2
    parser = argparse.ArgumentParser(prog="gui.sh", description="Open the window.")
    parser.add_argument("preset", nargs="?", default="", help="a preset (.toml) to open")
    arguments = parser.parse_args(argv)
    if reason := obstacle(os.environ, missing_packages()):
        print(f"error: {reason}", file=sys.stderr)
        return 1
    os.environ |= {"PYTHONUTF8": "1", "COLUMNS": "110"}  # for the children, whose words the log shows
    try:
        from gui.app import run
    except ImportError as error:  # a library that the loader wants and the table above does not know
        print(f"error: Qt does not load here: {error}\n{apt_line(missing_packages())}", file=sys.stderr)
        return 1
    return run(arguments.preset)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
