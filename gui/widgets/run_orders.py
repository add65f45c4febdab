"""What a run was asked to do, and what of it the trainer has taken on. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from kohya_like.events import Controlled

ENDING = ("stop", "pause", "stop_after_epoch")
RUNNING_ONLY = ("pause", "stop_after_epoch", "stop", "save", "sample")
State = Literal["asked", "taken"]


def allowed(status: str, can_resume: bool, trains: bool) -> frozenset[str]:
    """The buttons that make sense. Until the first step (`trains`) there is nothing to save or to draw."""
    if status == "running":
        return frozenset(RUNNING_ONLY if trains else ("pause", "stop"))
    return frozenset(("resume",) if can_resume else ())


@dataclass
class Orders:
    """Of one run. An order to end stays until the run has ended, the others until the trainer echoes them."""

    states: dict[str, State] = field(default_factory=dict)
    _seen: dict[str, int] = field(default_factory=dict)  # verb -> commands the trainer had taken before

    def ask(self, verb: str, controls: Sequence[Controlled]) -> None:
        self.states[verb] = "asked"
        self._seen[verb] = len(controls)

    def drop(self, verb: str) -> None:
        """It could not be sent."""
        self.states.pop(verb, None)

    def look(self, controls: Sequence[Controlled], running: bool) -> None:
        """See what the trainer has echoed since."""
        for verb in [verb for verb, state in self.states.items() if state == "asked"]:
            if any(control.verb == verb for control in controls[self._seen[verb] :]):
                self.states[verb] = "taken"
        for verb in list(self.states):
            if not running or (self.states[verb] == "taken" and verb not in ENDING):
                del self.states[verb]
