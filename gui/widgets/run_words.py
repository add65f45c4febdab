"""What a run's state, phase and durations are called."""

from __future__ import annotations

import math

from PySide6.QtCore import QObject

from gui.desk import Desk

ICONS = {  # of a status: icon and colour
    "new": ("recent", "muted"),
    "running": ("start", "accent"),
    "finished": ("ok", "success"),
    "failed": ("error", "error"),
    "interrupted": ("warning", "warning"),
    "stopped": ("stop", "muted"),
    "paused": ("pause", "hint"),
}
MINUTE, HOUR, DAY = 60, 3600, 86400


class RunWords(QObject):
    """Asked anew for each text, so it has no words of its own to translate."""

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk

    def status(self, status: str) -> str:
        words = {
            "new": self.tr("starting"),
            "running": self.tr("running"),
            "finished": self.tr("finished"),
            "failed": self.tr("failed"),
            "interrupted": self.tr("interrupted"),
            "stopped": self.tr("stopped"),
            "paused": self.tr("paused"),
        }
        return words.get(status, status)

    def sentence(self, text: str) -> str:
        """A sentence of the program in the window's language, with a capital."""
        said = self._desk.language.sentence(text)
        return said[:1].upper() + said[1:]

    def duration(self, seconds: float) -> str:
        """The two largest units: "3 h 12 min"."""
        if math.isnan(seconds) or math.isinf(seconds):
            return "-"
        whole = round(seconds)
        if whole < MINUTE:
            return self.tr("{s} s").format(s=whole)
        if whole < HOUR:
            return self.tr("{m} min {s} s").format(m=whole // MINUTE, s=whole % MINUTE)
        if whole < DAY:
            return self.tr("{h} h {m} min").format(h=whole // HOUR, m=whole % HOUR // MINUTE)
        return self.tr("{d} d {h} h").format(d=whole // DAY, h=whole % DAY // HOUR)

    def time_left(self, left: float, spread: float) -> str:
        """ "12 min 5 s ± 40 s"; the spread in one unit, as it is an estimate."""
        if math.isnan(left) or math.isnan(spread) or spread < 1:
            return self.duration(left)
        return f"{self.duration(left)} ± {self._one_unit(spread)}"

    def speed(self, steps_per_second: float) -> str:
        if math.isnan(steps_per_second) or steps_per_second <= 0:
            return "-"
        if steps_per_second >= 1:
            return self.tr("{n} it/s").format(n=f"{steps_per_second:.2f}")
        return self.tr("{n} s/it").format(n=f"{1 / steps_per_second:.2f}")

    def _one_unit(self, seconds: float) -> str:
        if seconds < 2 * MINUTE:
            return self.tr("{s} s").format(s=round(seconds))
        if seconds < 2 * HOUR:
            return self.tr("{m} min").format(m=round(seconds / MINUTE))
        return self.tr("{h} h").format(h=round(seconds / HOUR))
