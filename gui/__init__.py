"""The desktop window: a client of the command line and of run folders. It never imports torch."""

import sys

if sys.version_info < (3, 12):
    # PySide6 6.12: each `signal.emit()` gives back a True whose reference it does not own, so that after some hundred
    # signals Python 3.11 ends with "deallocating True or False". From 3.12 on, True is never counted.
    import ctypes

    ctypes.c_ssize_t.from_address(id(True)).value += 1 << 40
