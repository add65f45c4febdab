"""The thread that saves: it lets `Autosave` work when something is due, in portions, with pauses between."""

from __future__ import annotations

import threading
from collections.abc import Callable

from dataset_tools.autosave import RETRY_SECONDS, Autosave

FILES_AT_ONCE = 64  # then the thread pauses, so that disk and window stay usable
PAUSE_SECONDS = 0.01


class SavingThread:
    """Runs from `start` to `stop`. `on_saved` hears after each portion how many files are left."""

    def __init__(
        self,
        autosave: Autosave,
        clock: Callable[[], float],
        on_saved: Callable[[int], None],
        on_fault: Callable[[str], None],
    ) -> None:
        self._autosave, self._clock, self._on_saved, self._on_fault = autosave, clock, on_saved, on_fault
        self._ending, self._woken = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="captions", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """There is something new."""
        self._woken.set()

    def stop(self) -> None:
        """End after the portion it is at, and wait for that."""
        self._ending.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._ending.is_set():
            self._woken.clear()
            now = self._clock()
            left = self._autosave.seconds_left(now)
            if left is None or left > 0:
                self._woken.wait(left)
                continue
            try:
                self._autosave.work(now, FILES_AT_ONCE)
            except Exception as error:  # a fault of the program must not end saving
                self._on_fault(f"captions could not be saved ({error}); it is tried again")
                self._ending.wait(RETRY_SECONDS)
            self._on_saved(self._autosave.waiting)
            self._ending.wait(PAUSE_SECONDS)
