"""The desktop window: a client of the command line and of run folders. It never imports torch."""

import sys

if sys.version_info < (3, 12):
    # PySide6 6.12: a method without a result gives back a None, and `signal.emit()` a True, whose reference it does not
    # own, so that after some thousand calls Python 3.11 ends with "deallocating None". From 3.12 on, they are never
    # counted.
    import ctypes

    for _constant in (None, True, False):
        ctypes.c_ssize_t.from_address(id(_constant)).value += 1 << 40
